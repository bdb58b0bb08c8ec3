/* Runtime data of a paravisor's report, and nearly such. Whole reports: issuer/verifier/azure/vectors_test.c. */
#include "lib/model/hcl.h"

#include "tests/fakes/expect.h"

static struct fault *read_report(struct span bytes)
{
        struct hcl_report h;
        return hcl_read(bytes, &h);
}

static void append_u32(struct buf *out, uint32_t v)
{
        for (unsigned i = 0; i < 4; i++)
                expect_ok(buf_append_byte(out, (uint8_t) (v >> (8 * i))));
}

static void lengths(void **state UNUSED)
{
        static const struct {
                const char *name;
                uint32_t size, len; /* as they are said; four bytes of runtime data and two of padding follow */
                bool is_good;
        } rows[] = {
                {"as it is", 24, 4, true},
                {"with the padding", 26, 6, true},
                {"a byte too many", 27, 7, false},
                {"none", 20, 0, false},
                {"a size that differs", 23, 4, false},
                {"a size without its head", 4, 4, false},
                {"a sum that wraps", 19, UINT32_MAX, false},
        };
        static const uint8_t zeros[12 + HCL_SLOT_LEN];
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf b = BUF(HCL_REPORT_MAX);
                const uint32_t head[] = {1, 0, 2, 0}, data[] = {rows[i].size, 1, HCL_SNP, HCL_HASH_SHA256, rows[i].len};
                expect_ok(buf_append(&b, SPAN("HCLA")));
                for (size_t n = 0; n < COUNT_OF(head); n++)
                        append_u32(&b, head[n]);
                expect_ok(buf_append(&b, SPAN_OF(zeros)));
                for (size_t n = 0; n < COUNT_OF(data); n++)
                        append_u32(&b, data[n]);
                expect_ok(buf_append(&b, SPAN("{}  \0\0")));
                if (rows[i].is_good)
                        expect_ok(read_report(buf_span(&b)));
                else
                        expect_fault_row(read_report(buf_span(&b)), FAULT_INVALID, "az.structure", rows[i].name);
                for (size_t len = 0; rows[i].is_good && len < 32 + HCL_SLOT_LEN + 20 + rows[i].len; len++)
                        expect_fault(read_report(span_slice(buf_span(&b), 0, len)), FAULT_INVALID, "az.structure");
        }
}

#define N                                                                                                              \
        "\"n\":\"mUK7fQAAxMMhSiP_"                                                                                     \
        "xj269XWom2ERwLxLMUwqtfY9qmfxXiFuh6QAExUl8Me7ofieF46xKlyUn8kZu7e4VkhvIgt1qTJwHya6ZAFFtrbrEmEEH9JdRSfQLbDqLjLA" \
        "EoEvDxkGZFH5lE4Z_mgX3BH3WLtI9GzHYM-GUp7qRzQ2Epih5XGCQ11lpawlYZt6oEMJZJ7HqaDmplW4kmF1h9_"                      \
        "Jap26MehEyLv741TLzB9oxHigovNtq7jqyaZqToZoICcFPnHcAzQNoHId7wvDZkHKlKFodGnRtFaCraRGuHqFnquGQbE-9zGw3N1wW_"      \
        "iDrZl24oRhTZaPWa4hnIG8snUpKQ\""
#define KEY "{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\"," N "}"

static void runtime_data(void **state UNUSED)
{
        static const struct {
                const char *name, *json;
                bool is_good;
        } table[] = {
                {"a key alone", "{\"keys\":[" KEY "]}", true},
                {"members that nobody knows",
                 "{\"keys\":[" KEY ",{\"kid\":\"other\"}],\"new\":1,\"vm-configuration\":{\"new\":[]}}", true},
                {"no key", "{\"keys\":[]}", false},
                {"no keys", "{}", false},
                {"another name", "{\"keys\":[{\"kid\":\"HCLEkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\"," N "}]}", false},
                {"the key twice", "{\"keys\":[" KEY "," KEY "]}", false},
                {"keys twice", "{\"keys\":[" KEY "],\"keys\":[" KEY "]}", false},
                {"exponent 3", "{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"Aw\"," N "}]}", false},
                {"another kind", "{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":\"EC\",\"e\":\"AQAB\"," N "}]}", false},
                {"a key that is a text", "{\"keys\":[\"HCLAkPub\"]}", false},
                {"short user data", "{\"keys\":[" KEY "],\"user-data\":\"00\"}", false},
                {"user data that are none", "{\"keys\":[" KEY "],\"user-data\":\"xx\"}", false},
                {"a flag that is a text", "{\"keys\":[" KEY "],\"vm-configuration\":{\"secure-boot\":\"true\"}}",
                 false},
                {"a byte behind it", "{\"keys\":[" KEY "]} x", false},
                {"a list", "[]", false},
        };
        for (size_t i = 0; i < COUNT_OF(table); i++) {
                AUTO(hcl_runtime) struct hcl_runtime r = {0};
                struct fault *f = hcl_runtime_read(span_str(table[i].json), &r);
                if (table[i].is_good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "az.runtime_data", table[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lengths),
                cmocka_unit_test(runtime_data),
        };
        return cmocka_run_group_tests_name("hcl", tests, NULL, NULL);
}
