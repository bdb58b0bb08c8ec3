#include "issuer/verifier/verifier.h"

#include <stdio.h>

#include "lib/model/names.h"
#include "lib/model/tpm_evidence.h"
#include "tests/fakes/tpm_quote.h"

#include "tests/fakes/expect.h"

static const struct wall now = {1795456800000};
static const struct span transcript = SPAN("transcript of a request");

static struct fake_tpm tpm, other_tpm;

static int make_tpms(void **state UNUSED)
{
        fake_tpm_init(&tpm);
        fake_tpm_init(&other_tpm);
        return 0;
}

static int free_tpms(void **state UNUSED)
{
        fake_tpm_clear(&tpm);
        fake_tpm_clear(&other_tpm);
        return 0;
}

/* What enrolment would have left of `tpm`. */
static struct ak_record *enrolled(void)
{
        struct ak_record *r = NEW(struct ak_record);
        r->name = BUF(64);
        r->public_area = BUF(1024);
        expect_ok(buf_append(&r->name, buf_span(&tpm.ak_name)));
        expect_ok(buf_append(&r->public_area, buf_span(&tpm.ak_public)));
        key_spki_sha256(tpm.ek, r->ek_digest);
        r->ek_issuer = alloc_string("CN=maker");
        r->ek_not_after_unix_s = wall_unix_s(now) + 1000;
        return r;
}

static void item_of(const struct fake_quote *q, struct cmw_item *ret)
{
        *ret = (struct cmw_item){.type = CMW_TPM_QUOTE, .value = BUF(EVIDENCE_ITEM_MAX)};
        fake_quote_evidence(q, &tpm, &ret->value);
}

static struct fault *appraise(const struct cmw_item *item, const struct ak_record *ak, struct attestation_result *r)
{
        AUTO(evidence_parts) struct evidence_parts parts = evidence_parts_new();
        struct appraisal in;
        const struct appraiser *a = verifier_find(item->type);
        if (a == NULL)
                return verifier_appraise(&(struct appraisal){.kind = item->type}, r);
        TRY(verifier_unpack(a, item, &parts));
        verifier_begin(a, &parts, &in);
        in.transcript = transcript;
        in.ak = ak;
        in.now = now;
        return verifier_appraise(&in, r);
}

/* ---- what holds ---- */

static void expect_bytes(const struct facts *f, const char *name, struct span value)
{
        const struct fact *fact = facts_find(f, name);
        if (fact == NULL || fact->origin != ORIGIN_HW || !span_eq(fact->value, value))
                fail_msg("fact %s", name);
}

static void expect_number(const struct facts *f, const char *name, uint64_t value)
{
        const struct fact *fact = facts_find(f, name);
        if (fact == NULL || fact->origin != ORIGIN_HW || fact->number != value)
                fail_msg("fact %s", name);
}

static void a_good_quote_becomes_facts(void **state UNUSED)
{
        AUTO(ak_record) struct ak_record *ak = enrolled();
        struct fake_quote q;
        fake_quote_init(&q, &tpm, transcript);
        q.bank_count = 2;
        q.banks[1].alg = 0x000c; /* SHA-384 */
        q.banks[1].pcrs = 1u << 23;
        q.supplied[HASH_SHA384] = 1u << 23;
        struct cmw_item item;
        item_of(&q, &item);
        AUTO(attestation_result) struct attestation_result r = {0};
        expect_ok(appraise(&item, ak, &r));

        uint8_t pcr7[32], pcr23[48], digest[SHA256_LEN];
        memset(pcr7, 0x10 + 7, sizeof(pcr7));
        memset(pcr23, 0x10 + 23, sizeof(pcr23));
        expect_bytes(&r.facts, "tpm.pcr.sha256.7", SPAN_OF(pcr7));
        expect_bytes(&r.facts, "tpm.pcr.sha384.23", SPAN_OF(pcr23));
        assert_null(facts_find(&r.facts, "tpm.pcr.sha256.8"));
        expect_bytes(&r.facts, "tpm.ak", buf_span(&tpm.ak_name));
        key_spki_sha256(tpm.ek, digest);
        expect_bytes(&r.facts, "tpm.ek", SPAN_OF(digest));
        expect_bytes(&r.facts, "tpm.ek-issuer", SPAN("CN=maker"));
        expect_number(&r.facts, "tpm.reset-count", 7);
        expect_number(&r.facts, "tpm.restart-count", 2);
        expect_number(&r.facts, "tpm.firmware-version", 0x2024012500120000);
        expect_number(&r.facts, "tpm.clock-safe", 1);
        assert_true(span_eq_str(facts_find(&r.facts, "verifier.status")->value, "affirming"));
        assert_true(span_eq_str(facts_find(&r.facts, "evidence.kind")->value, "tpm"));
        assert_int_equal(facts_find(&r.facts, "evidence.insecure-development")->number, 0);

        assert_true(r.has_clock && r.clock_safe);
        assert_int_equal(r.clock_ms, 5000000);
        assert_true(r.checks->ok);
        assert_null(check_first_failure(r.checks));
        fake_quote_clear(&q);
        buf_clear(&item.value);
}

static void the_name_is_that_of_the_evidence(void **state UNUSED)
{
        struct fake_quote q;
        fake_quote_init(&q, &tpm, transcript);
        struct cmw_item item;
        item_of(&q, &item);
        AUTO(buf) struct buf name = BUF(128);
        expect_ok(verifier_ak_name(&item, &name));
        assert_true(span_eq(buf_span(&name), buf_span(&tpm.ak_name)));

        buf_truncate(&item.value, item.value.len - 1);
        buf_truncate(&name, 0);
        expect_fault(verifier_ak_name(&item, &name), FAULT_INVALID, "evidence.format");
        snprintf(item.type, sizeof(item.type), "%s", CMW_SOFTWARE);
        expect_ok(verifier_ak_name(&item, &name));
        assert_int_equal(name.len, 0);
        fake_quote_clear(&q);
        buf_clear(&item.value);
}

/* ---- one field wrong behind a good signature ---- */

static void set_extra(struct fake_quote *q, struct span s)
{
        buf_truncate(&q->extra_data, 0);
        expect_ok(buf_append(&q->extra_data, s));
}
static void magic(struct fake_quote *q)
{
        q->magic ^= 1;
}
static void certify(struct fake_quote *q)
{
        q->type = TPM_ST_ATTEST_CERTIFY;
}
static void longer(struct fake_quote *q)
{
        q->is_longer = true;
}
static void unsure_safe(struct fake_quote *q)
{
        q->safe = 2;
}
static void other_extra(struct fake_quote *q)
{
        q->extra_data.data[31] ^= 1;
}
static void short_extra(struct fake_quote *q)
{
        buf_truncate(&q->extra_data, 31);
}
static void long_extra(struct fake_quote *q)
{
        expect_ok(buf_append_byte(&q->extra_data, 0));
}
static void no_extra(struct fake_quote *q)
{
        set_extra(q, SPAN_NONE);
}
static void raw_extra(struct fake_quote *q)
{
        set_extra(q, transcript);
}
static void broken_signature(struct fake_quote *q)
{
        q->signature_is_wrong = true;
}
static void other_signer(struct fake_quote *q)
{
        q->signer = other_tpm.ak;
}
static void sha1_signature(struct fake_quote *q)
{
        q->scheme_hash = 0x0004;
}
static void other_hash(struct fake_quote *q)
{
        q->scheme_hash = 0x000c;
}
static void other_scheme(struct fake_quote *q)
{
        q->scheme = 0x0014;
}
static void unknown_scheme(struct fake_quote *q)
{
        q->scheme = 0x001a;
}
static void other_hierarchy(struct fake_quote *q)
{
        q->qualified_signer[33] ^= 1;
}
static void other_qualified_alg(struct fake_quote *q)
{
        q->qualified_signer[1] = 0x0c;
}
static void sha1_bank(struct fake_quote *q)
{
        q->banks[0].alg = 0x0004;
        q->supplied[HASH_SHA256] = 0;
        q->supplied[HASH_SHA1] = 0xff;
}
static void sha1_bank_too(struct fake_quote *q)
{
        q->bank_count = 2;
        q->banks[1].alg = 0x0004;
        q->banks[1].pcrs = 1;
        q->supplied[HASH_SHA1] = 1;
}
static void one_quoted_too_many(struct fake_quote *q)
{
        q->banks[0].pcrs |= 1u << 8;
}
static void one_supplied_too_many(struct fake_quote *q)
{
        q->supplied[HASH_SHA256] |= 1u << 8;
}
static void other_register(struct fake_quote *q)
{
        q->banks[0].pcrs = 0x17f;
}
static void other_bank_supplied(struct fake_quote *q)
{
        q->supplied[HASH_SHA256] = 0;
        q->supplied[HASH_SHA384] = 0xff;
}
static void other_bank_quoted(struct fake_quote *q)
{
        q->banks[0].alg = 0x000d;
}
static void second_bank_unquoted(struct fake_quote *q)
{
        q->supplied[HASH_SHA384] = 0xff;
}
static void nothing_quoted(struct fake_quote *q)
{
        q->banks[0].pcrs = 0;
        q->supplied[HASH_SHA256] = 0;
}
static void no_banks(struct fake_quote *q)
{
        q->bank_count = 0;
        q->supplied[HASH_SHA256] = 0;
}
static void other_values(struct fake_quote *q)
{
        q->first_supplied_value++;
}
static void wrong_digest(struct fake_quote *q)
{
        q->digest_is_wrong = true;
}
static void bank_twice(struct fake_quote *q)
{
        q->bank_count = 2;
        q->banks[1] = q->banks[0];
}

static void refuses_each_wrong_field(void **state UNUSED)
{
        static const struct {
                const char *name;
                void (*mutate)(struct fake_quote *q);
                const char *token;
        } rows[] = {
                {"magic", magic, "tpm.magic"},
                {"type certify", certify, "tpm.type"},
                {"a byte after the end", longer, "tpm.structure"},
                {"safe is 2", unsure_safe, "tpm.structure"},
                {"a bank twice", bank_twice, "tpm.structure"},
                {"another request", other_extra, "tpm.extra_data"},
                {"extra data a byte short", short_extra, "tpm.extra_data"},
                {"extra data a byte long", long_extra, "tpm.extra_data"},
                {"no extra data", no_extra, "tpm.extra_data"},
                {"the transcript itself", raw_extra, "tpm.extra_data"},
                {"a bit of the signature", broken_signature, "tpm.signature"},
                {"another key's signature", other_signer, "tpm.signature"},
                {"signature over SHA-1", sha1_signature, "tpm.hash"},
                {"another hash than the key's", other_hash, "tpm.scheme"},
                {"another scheme than the key's", other_scheme, "tpm.scheme"},
                {"a scheme that is none", unknown_scheme, "tpm.signature"},
                {"a key of another hierarchy", other_hierarchy, "tpm.qualified_signer"},
                {"a qualified name of another hash", other_qualified_alg, "tpm.qualified_signer"},
                {"the SHA-1 bank", sha1_bank, "tpm.hash"},
                {"the SHA-1 bank beside a good one", sha1_bank_too, "tpm.hash"},
                {"one register more than supplied", one_quoted_too_many, "tpm.selection"},
                {"one value more than quoted", one_supplied_too_many, "tpm.selection"},
                {"another register", other_register, "tpm.selection"},
                {"values of another bank", other_bank_supplied, "tpm.selection"},
                {"another bank quoted", other_bank_quoted, "tpm.selection"},
                {"values of a bank that isn't quoted", second_bank_unquoted, "tpm.selection"},
                {"no register", nothing_quoted, "tpm.selection"},
                {"no bank", no_banks, "tpm.selection"},
                {"values that were not quoted", other_values, "tpm.pcr_digest"},
                {"a digest that is wrong", wrong_digest, "tpm.pcr_digest"},
        };
        AUTO(ak_record) struct ak_record *ak = enrolled();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct fake_quote q;
                fake_quote_init(&q, &tpm, transcript);
                rows[i].mutate(&q);
                struct cmw_item item;
                item_of(&q, &item);
                AUTO(attestation_result) struct attestation_result r = {0};
                AUTO(fault) struct fault *f = appraise(&item, ak, &r);
                if (f == NULL || strcmp(fault_token(f), rows[i].token) != 0)
                        fail_msg("%s: %s: %s", rows[i].name, fault_token(f), fault_text(f));
                const struct check *failed = check_first_failure(r.checks);
                assert_non_null(failed);
                assert_string_equal(failed->name, rows[i].token);
                assert_false(r.checks->ok);
                assert_int_equal(r.status, EAR_CONTRAINDICATED);
                assert_int_equal(r.facts.count, 0);
                assert_false(r.has_clock);
                fake_quote_clear(&q);
                buf_clear(&item.value);
        }
}

/* ---- which key ---- */

static void refuses_keys_that_do_not_fit(void **state UNUSED)
{
        struct fake_quote q;
        fake_quote_init(&q, &tpm, transcript);
        struct cmw_item item;
        item_of(&q, &item);

        AUTO(attestation_result) struct attestation_result unknown = {0};
        expect_fault(appraise(&item, NULL, &unknown), FAULT_DENIED, "tpm.ak_unknown");

        AUTO(ak_record) struct ak_record *swapped = enrolled();
        buf_truncate(&swapped->public_area, 0);
        expect_ok(buf_append(&swapped->public_area, buf_span(&other_tpm.ak_public)));
        AUTO(attestation_result) struct attestation_result other = {0};
        expect_fault(appraise(&item, swapped, &other), FAULT_DENIED, "tpm.ak");

        AUTO(ak_record) struct ak_record *old = enrolled();
        old->ek_not_after_unix_s = wall_unix_s(now);
        AUTO(attestation_result) struct attestation_result last_second = {0};
        expect_ok(appraise(&item, old, &last_second));
        old->ek_not_after_unix_s--;
        AUTO(attestation_result) struct attestation_result expired = {0};
        expect_fault(appraise(&item, old, &expired), FAULT_DENIED, "ek.expired");
        fake_quote_clear(&q);
        buf_clear(&item.value);
}

/* A record whose key is not what a signer of quotes must be: enrolment would refuse it; a quote does, too. */
static void refuses_a_record_of_a_loose_key(void **state UNUSED)
{
        struct fake_tpm loose;
        fake_tpm_init(&loose);
        struct fake_public p = fake_ak(loose.ak);
        p.attributes &= ~TPMA_RESTRICTED;
        buf_truncate(&loose.ak_public, 0);
        fake_public_write(&p, &loose.ak_public);

        struct fake_quote q;
        fake_quote_init(&q, &loose, transcript);
        struct cmw_item item = {.type = CMW_TPM_QUOTE, .value = BUF(EVIDENCE_ITEM_MAX)};
        fake_quote_evidence(&q, &loose, &item.value);
        AUTO(ak_record) struct ak_record *ak = enrolled();
        buf_truncate(&ak->public_area, 0);
        expect_ok(buf_append(&ak->public_area, buf_span(&loose.ak_public)));
        AUTO(attestation_result) struct attestation_result r = {0};
        expect_fault(appraise(&item, ak, &r), FAULT_DENIED, "ak.attributes");
        fake_quote_clear(&q);
        buf_clear(&item.value);
        fake_tpm_clear(&loose);
}

/* ---- clock ---- */

static void the_clock_only_goes_forward(void **state UNUSED)
{
        static const struct {
                const char *name;
                uint32_t reset, restart; /* of the last accepted quote; the new one has 7, 2, 5000000, safe as given */
                uint64_t clock;
                bool was_safe, is_safe;
                const char *token;
        } rows[] = {
                {"same instant", 7, 2, 5000000, true, true, NULL},
                {"a millisecond later", 7, 2, 4999999, true, true, NULL},
                {"a millisecond back", 7, 2, 5000001, true, true, "tpm.clock"},
                {"back, and not safe", 7, 2, 5000001, false, false, "tpm.clock"},
                {"an older restart", 7, 3, 1, true, true, "tpm.reset_count"},
                {"an older reset", 8, 0, 1, true, true, "tpm.reset_count"},
                {"an older reset with a later restart", 8, 1, 1, true, true, "tpm.reset_count"},
                {"restarted since", 7, 1, 9000000, true, true, NULL},
                {"rebooted since", 6, 9, 9000000, true, true, NULL},
                {"rebooted since after a loss of power", 6, 9, 9000000, true, false, NULL},
                {"not safe yet since that reboot", 7, 2, 4999999, false, false, NULL},
                {"became safe", 7, 2, 4999999, false, true, NULL},
                {"no longer safe", 7, 2, 4999999, true, false, "tpm.safe"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(ak_record) struct ak_record *ak = enrolled();
                ak->has_clock = true;
                ak->reset_count = rows[i].reset;
                ak->restart_count = rows[i].restart;
                ak->clock_ms = rows[i].clock;
                ak->clock_safe = rows[i].was_safe;
                struct fake_quote q;
                fake_quote_init(&q, &tpm, transcript);
                q.safe = rows[i].is_safe;
                struct cmw_item item;
                item_of(&q, &item);
                AUTO(attestation_result) struct attestation_result r = {0};
                AUTO(fault) struct fault *f = appraise(&item, ak, &r);
                if (strcmp(fault_token(f), rows[i].token == NULL ? "OK" : rows[i].token) != 0)
                        fail_msg("%s: %s: %s", rows[i].name, fault_token(f), f == NULL ? "" : fault_text(f));
                if (f == NULL)
                        assert_int_equal(r.clock_safe, rows[i].is_safe);
                fake_quote_clear(&q);
                buf_clear(&item.value);
        }
}

/* ---- the envelope ---- */

static void refuses_what_is_no_evidence(void **state UNUSED)
{
        AUTO(ak_record) struct ak_record *ak = enrolled();
        static const char *const texts[] = {"", "{}", "[]", "{\"attest\":\"\"}", "\xff"};
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                struct cmw_item item = {.type = CMW_TPM_QUOTE, .value = BUF(64)};
                expect_ok(buf_append_str(&item.value, texts[i]));
                AUTO(attestation_result) struct attestation_result r = {0};
                expect_fault_row(appraise(&item, ak, &r), FAULT_INVALID, "evidence.format", texts[i]);
                buf_clear(&item.value);
        }
        struct cmw_item item = {.type = "application/vnd.example.unknown", .value = BUF(64)};
        AUTO(attestation_result) struct attestation_result r = {0};
        expect_fault(appraise(&item, ak, &r), FAULT_DENIED, "evidence.kind");
        assert_string_equal(r.kind, "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_good_quote_becomes_facts),      cmocka_unit_test(the_name_is_that_of_the_evidence),
                cmocka_unit_test(refuses_each_wrong_field),        cmocka_unit_test(refuses_keys_that_do_not_fit),
                cmocka_unit_test(refuses_a_record_of_a_loose_key), cmocka_unit_test(the_clock_only_goes_forward),
                cmocka_unit_test(refuses_what_is_no_evidence),
        };
        return cmocka_run_group_tests(tests, make_tpms, free_tpms);
}
