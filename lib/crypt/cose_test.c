#include "lib/crypt/cose.h"

#include "lib/base/parse.h"
#include "lib/wire/cbor.h"

#include "tests/fakes/expect.h"

static void write_sign1(const struct key *k, enum hash_alg alg, const char *header, struct buf *out)
{
        AUTO(buf) struct buf protected_header = BUF(64), message = BUF(1024), signature = BUF(128);
        expect_ok(hex_decode(span_str(header), &protected_header));
        expect_ok(cbor_write_head(&message, CBOR_ARRAY, 4));
        expect_ok(cbor_write_text(&message, "Signature1"));
        expect_ok(cbor_write_bytes(&message, buf_span(&protected_header)));
        expect_ok(cbor_write_bytes(&message, SPAN_NONE));
        expect_ok(cbor_write_bytes(&message, SPAN("payload")));
        expect_ok(key_sign(k, alg, SIGNATURE_RAW, buf_span(&message), &signature));
        expect_ok(cbor_write_head(out, CBOR_ARRAY, 4));
        expect_ok(cbor_write_bytes(out, buf_span(&protected_header)));
        expect_ok(cbor_write_head(out, CBOR_MAP, 0));
        expect_ok(cbor_write_bytes(out, SPAN("payload")));
        expect_ok(cbor_write_bytes(out, buf_span(&signature)));
}

static void signatures_fit_key_and_algorithm(void **state UNUSED)
{
        static const struct {
                enum key_kind kind;
                enum hash_alg hash;
                const char *header, *token;
        } rows[] = {
                {KEY_P256, HASH_SHA256, "a10126", NULL},
                {KEY_P384, HASH_SHA384, "a1013822", NULL},
                {KEY_P384, HASH_SHA384, "bf1a000000013822ff", NULL},
                {KEY_P256, HASH_SHA256, "a1013822", "cose.algorithm"},
                {KEY_P384, HASH_SHA384, "a10126", "cose.algorithm"},
                {KEY_P256, HASH_SHA256, "a10101", "cose.algorithm"},
                {KEY_P384, HASH_SHA256, "a1013822", "cose.signature"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(key) struct key *k = NULL;
                AUTO(buf) struct buf bytes = BUF(1024);
                struct cose_sign1 c = {0};
                expect_ok(key_generate(rows[i].kind, &k));
                write_sign1(k, rows[i].hash, rows[i].header, &bytes);
                expect_ok(cose_sign1_read(buf_span(&bytes), &c));
                if (rows[i].token == NULL) {
                        expect_ok(cose_sign1_verify(&c, k));
                        AUTO(key) struct key *other = NULL;
                        expect_ok(key_generate(rows[i].kind, &other));
                        expect_fault(cose_sign1_verify(&c, other), FAULT_DENIED, "cose.signature");
                } else {
                        expect_fault_row(cose_sign1_verify(&c, k), FAULT_DENIED, rows[i].token, rows[i].header);
                }
        }
}

static void what_is_no_sign1_is_refused(void **state UNUSED)
{
        static const char *const rows[] = {
                "",
                "80",
                "83"
                "43a10126"
                "a0"
                "40",
                "85"
                "43a10126"
                "a0"
                "40"
                "40"
                "40",
                "9f"
                "43a10126"
                "a0"
                "40"
                "40"
                "ff",
                "84"
                "43a10126"
                "40"
                "40"
                "40", /* the unprotected header is no map */
                "84"
                "43a10126"
                "a0"
                "f6"
                "40", /* detached */
                "84"
                "40"
                "a0"
                "40"
                "40", /* no protected header */
                "84"
                "41a0"
                "a0"
                "40"
                "40", /* without an algorithm */
                "84"
                "45a101260126"
                "a0"
                "40"
                "40", /* more after the header's map */
                "84"
                "45a201260126"
                "a0"
                "40"
                "40", /* two algorithms */
                "84"
                "46a20126028104"
                "a0"
                "40"
                "40",
                "84"
                "45a201260280"
                "a0"
                "40"
                "40", /* critical */
                "84"
                "43a10126"
                "a0"
                "40"
                "40"
                "00",
                "d3"
                "84"
                "43a10126"
                "a0"
                "40"
                "40", /* COSE_Mac0's neighbour, not 18 */
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf bytes = BUF(1024);
                struct cose_sign1 c = {0};
                expect_ok(hex_decode(span_str(rows[i]), &bytes));
                expect_fault_row(cose_sign1_read(buf_span(&bytes), &c), FAULT_INVALID, "COSE", rows[i]);
        }
        AUTO(buf) struct buf tagged = BUF(64);
        struct cose_sign1 c = {0};
        expect_ok(hex_decode(SPAN("d28446a20126617800a04040"), &tagged)); /* with a text label too */
        expect_ok(cose_sign1_read(buf_span(&tagged), &c));
        assert_int_equal(c.algorithm, COSE_ES256);
}

static void write_key(uint64_t type, uint64_t curve, const struct key *k, bool twice, struct buf *out)
{
        AUTO(buf) struct buf x = BUF(48), y = BUF(48);
        expect_ok(key_ec_point(k, &x, &y));
        expect_ok(cbor_write_head(out, CBOR_MAP, twice ? 6 : 5));
        const struct {
                int label;
                uint64_t number;
        } numbers[] = {{1, type}, {3, 38}, {-1, curve}};
        for (size_t i = 0; i < COUNT_OF(numbers); i++) {
                bool negative = numbers[i].label < 0;
                expect_ok(cbor_write_head(out, negative ? CBOR_NINT : CBOR_UINT,
                                          (uint64_t) (negative ? -1 - numbers[i].label : numbers[i].label)));
                expect_ok(cbor_write_head(out, CBOR_UINT, numbers[i].number));
        }
        for (unsigned i = 0; i < (twice ? 3u : 2u); i++) {
                expect_ok(cbor_write_head(out, CBOR_NINT, i < 2 ? 1 + i : 1));
                expect_ok(cbor_write_bytes(out, buf_span(i == 1 ? &y : &x)));
        }
}

static void keys_are_points_on_their_curve(void **state UNUSED)
{
        static const struct {
                enum key_kind kind;
                uint64_t type, curve;
                bool twice, ok;
        } rows[] = {{KEY_P256, 2, 1, false, true},  {KEY_P384, 2, 2, false, true},  {KEY_P256, 2, 2, false, false},
                    {KEY_P384, 2, 1, false, false}, {KEY_P256, 1, 1, false, false}, {KEY_P256, 2, 3, false, false},
                    {KEY_P256, 2, 1, true, false}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(key) struct key *k = NULL, *back = NULL;
                AUTO(buf) struct buf bytes = BUF(256);
                expect_ok(key_generate(rows[i].kind, &k));
                write_key(rows[i].type, rows[i].curve, k, rows[i].twice, &bytes);
                struct fault *f = cose_key_read(buf_span(&bytes), &back);
                if (!rows[i].ok) {
                        expect_fault(f, FAULT_INVALID, "COSE_KEY");
                        continue;
                }
                expect_ok(f);
                assert_true(span_eq(key_spki(k), key_spki(back)));
        }
        AUTO(key) struct key *none = NULL;
        expect_fault(cose_key_read(SPAN("\xa0"), &none), FAULT_INVALID, "COSE_KEY");
        expect_fault(cose_key_read(SPAN("\x01"), &none), FAULT_INVALID, "COSE_KEY");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signatures_fit_key_and_algorithm),
                cmocka_unit_test(what_is_no_sign1_is_refused),
                cmocka_unit_test(keys_are_points_on_their_curve),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
