#include "lib/crypt/binding.h"

#include "tests/fakes/pki.h"

#include "lib/base/parse.h"
#include "lib/wire/json.h"

static struct buf hex_member(const struct json *o, const char *key)
{
        struct buf out = BUF(4096);
        struct span text;

        expect_ok(json_need_text(o, key, 8192, &text));
        expect_ok(hex_decode(text, &out));
        return out;
}

static void hex_into(const struct json *o, const char *key, void *ret, size_t len)
{
        AUTO(buf) struct buf bytes = hex_member(o, key);

        assert_int_equal(bytes.len, len);
        memcpy(ret, bytes.data, len);
}

static struct json *vectors(void)
{
        AUTO(buf) struct buf text = vector_read("protocol/binding.json");
        struct json *j = NULL;

        expect_ok(json_parse(buf_span(&text), &j));
        return j;
}

static void check_binding(const struct json *v)
{
        AUTO(buf) struct buf nonce = hex_member(v, "nonce"), wanted = hex_member(v, "t"), t = BUF(BINDING_T_MAX);
        struct binding b = {.nonce = buf_span(&nonce)}, back;
        uint8_t report[SHA512_LEN], extra[SHA256_LEN], wanted_report[SHA512_LEN], wanted_extra[SHA256_LEN];
        const struct json *secondary;
        int64_t number;

        expect_ok(json_need_int(v, "purpose", 1, 4, &number));
        b.purpose = (enum binding_purpose) number;
        expect_ok(json_need_text(v, "audience", BINDING_AUDIENCE_MAX, &b.audience));
        hex_into(v, "request_digest", b.request_digest, sizeof b.request_digest);
        hex_into(v, "client_spki_digest", b.client_spki_digest, sizeof b.client_spki_digest);
        hex_into(v, "exporter", b.exporter, sizeof b.exporter);
        expect_ok(json_need_array(v, "secondary", BINDING_SECONDARY_MAX, &secondary));
        for (b.secondary_count = 0; b.secondary_count < json_count(secondary); b.secondary_count++) {
                struct binding_secondary *s = &b.secondary[b.secondary_count];
                expect_ok(json_need_int(json_at(secondary, b.secondary_count), "kind", 0, 255, &number));
                s->kind = (uint8_t) number;
                hex_into(json_at(secondary, b.secondary_count), "digest", s->digest, sizeof s->digest);
        }

        expect_ok(binding_write(&b, &t));
        assert_true(span_eq(buf_span(&t), buf_span(&wanted)));
        hex_into(v, "report_data", wanted_report, sizeof wanted_report);
        hex_into(v, "extra_data", wanted_extra, sizeof wanted_extra);
        binding_report_data(buf_span(&t), report);
        binding_extra_data(buf_span(&t), extra);
        assert_memory_equal(report, wanted_report, sizeof report);
        assert_memory_equal(extra, wanted_extra, sizeof extra);

        expect_ok(binding_read(buf_span(&t), &back));
        assert_true(span_eq(back.nonce, b.nonce) && span_eq(back.audience, b.audience));
        back.nonce = b.nonce;
        back.audience = b.audience;
        assert_memory_equal(&back, &b, offsetof(struct binding, secondary));
        for (size_t i = 0; i < b.secondary_count; i++)
                assert_memory_equal(&back.secondary[i], &b.secondary[i], sizeof b.secondary[i]);
}

static void published_transcripts(void **state UNUSED)
{
        AUTO(json) struct json *all = vectors();
        const struct json *list;

        expect_ok(json_need_array(all, "bindings", 100, &list));
        assert_true(json_count(list) >= 5);
        for (size_t i = 0; i < json_count(list); i++)
                check_binding(json_at(list, i));
}

static void published_proofs(void **state UNUSED)
{
        AUTO(json) struct json *all = vectors();
        const struct json *list;

        expect_ok(json_need_array(all, "proofs", 100, &list));
        assert_true(json_count(list) >= 2);
        for (size_t i = 0; i < json_count(list); i++) {
                const struct json *v = json_at(list, i);
                AUTO(buf)
                struct buf nonce = hex_member(v, "nonce"), spki = hex_member(v, "spki"), pop = hex_member(v, "pop");
                AUTO(key) struct key *k = NULL;
                struct span audience;

                expect_ok(json_need_text(v, "audience", BINDING_AUDIENCE_MAX, &audience));
                expect_ok(key_from_spki(buf_span(&spki), &k));
                expect_ok(pop_verify(k, buf_span(&nonce), audience, buf_span(&pop)));
        }
}

static struct binding sample(void)
{
        return (struct binding){.purpose = BINDING_ISSUE,
                                .nonce = SPAN("nonce"),
                                .audience = SPAN("https://issuer"),
                                .secondary_count = 2,
                                .secondary = {{1, {1}}, {2, {2}}}};
}

static void refuses_to_write(void **state UNUSED)
{
        static const uint8_t zeros[BINDING_AUDIENCE_MAX + 1];
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        struct binding rows[8];
        static const char *const names[] = {"empty nonce", "long nonce",      "empty audience", "long audience",
                                            "same kind",   "descending kind", "purpose 0",      "purpose 5"};

        for (size_t i = 0; i < COUNT_OF(rows); i++)
                rows[i] = sample();
        rows[0].nonce = SPAN_NONE;
        rows[1].nonce = span_make(zeros, BINDING_NONCE_MAX + 1);
        rows[2].audience = SPAN_NONE;
        rows[3].audience = span_make(zeros, BINDING_AUDIENCE_MAX + 1);
        rows[4].secondary[1].kind = 1;
        rows[5].secondary[1].kind = 0;
        rows[6].purpose = 0;
        rows[7].purpose = 5;
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_fault_row(binding_write(&rows[i], &t), FAULT_INVALID, "BINDING_FIELD", names[i]);
        assert_int_equal(t.len, 0);
}

/* Every byte of the frame matters, every length, and every cut. */
static void refuses_to_read(void **state UNUSED)
{
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        struct binding b = sample(), back;

        expect_ok(binding_write(&b, &t));
        size_t before_secondary = t.len - 6 - (size_t) 2 * (1 + SHA256_LEN);
        for (size_t len = 0; len < t.len; len++) {
                AUTO(fault) struct fault *f = binding_read(span_make(t.data, len), &back);
                if ((f == NULL) != (len == before_secondary)) /* there it is a whole one without secondaries */
                        fail_msg("cut at %zu", len);
        }
        static const struct {
                const char *name;
                size_t at;
                uint8_t value;
        } rows[] = {
                {"tag", 0, 'V'},
                {"tag's NUL", 17, 1},
                {"purpose 0", 18, 0},
                {"purpose 5", 18, 5},
                {"first id 2", 20, 2},
                {"nonce's length 0", 24, 0},
                {"nonce one short", 24, 4},
                {"nonce one long", 24, 6},
                {"huge length", 21, 0xff},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                uint8_t kept = t.data[rows[i].at];
                t.data[rows[i].at] = rows[i].value;
                AUTO(fault) struct fault *f = binding_read(buf_span(&t), &back);
                if (f == NULL)
                        fail_msg("%s", rows[i].name);
                t.data[rows[i].at] = kept;
        }
        t.data[before_secondary + 6] = 2; /* kinds 2, 2 */
        expect_fault(binding_read(buf_span(&t), &back), FAULT_INVALID, "BINDING_FIELD");
        t.data[before_secondary + 6] = 1;
        t.data[before_secondary + 1] = 7; /* field 7 */
        expect_fault(binding_read(buf_span(&t), &back), FAULT_INVALID, "BINDING_FIELD");
        t.data[before_secondary + 1] = 6;
        t.data[before_secondary + 5]--; /* 65 bytes of secondaries */
        expect_fault(binding_read(buf_span(&t), &back), FAULT_INVALID, "BINDING_FIELD");
        t.data[before_secondary + 5]++;
        expect_ok(binding_read(buf_span(&t), &back));
        expect_ok(buf_append_byte(&t, 0));
        expect_fault(binding_read(buf_span(&t), &back), FAULT_INVALID, "TRAILING_BYTES");
}

static void proofs(void **state UNUSED)
{
        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++) {
                AUTO(key) struct key *k = test_key(kind), *other = test_key(KEY_P256);
                AUTO(buf) struct buf pop = BUF(SIGNATURE_MAX);
                struct span nonce = SPAN("nonce"), audience = SPAN("https://issuer");

                expect_ok(pop_sign(k, nonce, audience, &pop));
                expect_ok(pop_verify(k, nonce, audience, buf_span(&pop)));
                expect_fault(pop_verify(other, nonce, audience, buf_span(&pop)), FAULT_DENIED, "pop");
                expect_fault(pop_verify(k, SPAN("noncf"), audience, buf_span(&pop)), FAULT_DENIED, "pop");
                expect_fault(pop_verify(k, nonce, SPAN("https://issues"), buf_span(&pop)), FAULT_DENIED, "pop");
                /* the same bytes, cut elsewhere */
                expect_fault(pop_verify(k, SPAN("nonceh"), SPAN("ttps://issuer"), buf_span(&pop)), FAULT_DENIED, "pop");
                expect_fault(pop_verify(k, nonce, audience, span_make(pop.data, pop.len - 1)), FAULT_DENIED, "pop");
                expect_fault(pop_verify(k, nonce, audience, SPAN_NONE), FAULT_DENIED, "pop");
                pop.data[pop.len - 1] ^= 1;
                expect_fault(pop_verify(k, nonce, audience, buf_span(&pop)), FAULT_DENIED, "pop");
                expect_fault(pop_sign(k, SPAN_NONE, audience, &pop), FAULT_INVALID, "BINDING_FIELD");
                expect_fault(pop_sign(k, nonce, SPAN_NONE, &pop), FAULT_INVALID, "BINDING_FIELD");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(published_transcripts),
                cmocka_unit_test(published_proofs),
                cmocka_unit_test(refuses_to_write),
                cmocka_unit_test(refuses_to_read),
                cmocka_unit_test(proofs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
