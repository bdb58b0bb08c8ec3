#include "issuer/verifier/tdx/pck.h"

#include "issuer/verifier/tdx/platform.h"
#include "issuer/verifier/tdx/slice.h"
#include "tests/fakes/intel_case.h"
#include "tests/fakes/vector.h"

/* Of a recorded quote's leaf. */
static void read_recorded(const char *name, struct buf *ret)
{
        AUTO(buf) struct buf bytes = vector_read(name);
        AUTO(cert_list) struct cert_list list = {0};
        struct tdx_quote q;
        struct span extension;

        expect_ok(tdx_quote_read(buf_span(&bytes), &q));
        expect_ok(tdx_certs_read(q.pck_chain, &list));
        expect_ok(cert_extension(list.certs[0], PCK_EXTENSION_OID, &extension));
        expect_ok(buf_append(ret, extension));
}

static void a_recorded_extension_is_read(void **state UNUSED)
{
        static const uint8_t components[] = {7, 7, 2, 2, 3, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0};
        static const uint8_t fmspc[] = {0x00, 0x80, 0x6f, 0x05, 0x00, 0x00};
        AUTO(buf) struct buf der = BUF(4096);
        struct pck_extension p;

        read_recorded("ccel/cos113-tdx.quote.bin", &der);
        expect_ok(pck_extension_read(buf_span(&der), &p));
        assert_memory_equal(p.components, components, sizeof(components));
        assert_memory_equal(p.cpusvn, components, sizeof(components));
        assert_memory_equal(p.fmspc, fmspc, sizeof(fmspc));
        assert_int_equal(p.pcesvn, 11);
        assert_int_equal(p.sgx_type, 1);
        assert_true(p.has_instance && p.has_configuration && p.dynamic_platform && !p.cached_keys && p.smt_enabled);
        assert_int_equal(p.ppid[0], 0x8e);
        assert_int_equal(p.instance_id[15], 0x63);
}

static void its_length_is_exact(void **state UNUSED)
{
        AUTO(buf) struct buf der = BUF(4096);
        struct pck_extension p;

        read_recorded("ccel/cos113-tdx.quote.bin", &der);
        for (size_t len = 0; len < der.len; len++)
                expect_fault(pck_extension_read(span_slice(buf_span(&der), 0, len), &p), FAULT_INVALID, "tdx.pck");
        expect_ok(buf_append_byte(&der, 0));
        expect_fault(pck_extension_read(buf_span(&der), &p), FAULT_INVALID, "tdx.pck");
}

/* A value changed in place, told by the bytes before it. */
static void values_are_bounded(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span before; /* the end of an OID, tag and length */
                uint8_t value;
                bool is_taken;
        } rows[] = {
                {"component of 127", {(const uint8_t *) "\x02\x01\x02\x01", 4}, 0x7f, true},
                {"component below 0", {(const uint8_t *) "\x02\x01\x02\x01", 4}, 0x80, false},
                {"PCESVN below 0", {(const uint8_t *) "\x02\x11\x02\x01", 4}, 0xff, false},
                {"type below 0", {(const uint8_t *) "\x01\x05\x0a\x01", 4}, 0xff, false},
                {"type to come", {(const uint8_t *) "\x01\x05\x0a\x01", 4}, 0x07, true},
                {"flag that is neither", {(const uint8_t *) "\x07\x03\x01\x01", 4}, 0x01, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf der = BUF(4096);
                struct pck_extension p;
                read_recorded("ccel/cos113-tdx.quote.bin", &der);
                uint8_t *at = memmem(der.data, der.len, rows[i].before.data, rows[i].before.len);
                assert_non_null(at);
                at[rows[i].before.len] = rows[i].value;
                struct fault *f = pck_extension_read(buf_span(&der), &p);
                if ((f == NULL) != rows[i].is_taken)
                        fail_msg("%s", rows[i].name);
                fault_free(f);
        }
}

static void each_field_is_there_once(void **state UNUSED)
{
        for (unsigned n = 1; n <= 7; n++) {
                AUTO(intel_case) struct intel_case c;
                intel_case_init(&c, 4);
                c.p.pck.leave_out = n;
                intel_case_expect(&c, intel_case_appraise(&c), n <= 5 ? "tdx.pck" : NULL, "left out");
                c.p.pck.leave_out = 0;
                c.p.pck.twice = n;
                intel_case_expect(&c, intel_case_appraise(&c), "tdx.pck", "twice");
        }
}

static void large_numbers_are_read(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 4);
        c.p.pck.pcesvn = 0xffff;
        memset(c.p.pck.components, 0xff, sizeof(c.p.pck.components));
        expect_ok(intel_case_appraise(&c));
        assert_int_equal(facts_find(&c.r.facts, "tdx.pcesvn")->number, 0xffff);
        assert_int_equal(facts_find(&c.r.facts, "tdx.cpusvn.15")->number, 0xff);
}

static void a_member_is_sliced(void **state UNUSED)
{
        static const struct {
                const char *text, *slice; /* NULL: there is none */
        } rows[] = {
                {"{\"a\":{\"b\":1}}", "{\"b\":1}"},
                {" {\n\"a\" : [1, 2] }", "[1, 2]"},
                {"{\"b\":\"a\",\"a\":\"}\\\"\"}", "\"}\\\"\""},
                {"{\"b\":{\"a\":2},\"a\":3}", "3"},
                {"{\"b\":[\"]\",{}],\"a\":true}", "true"},
                {"{\"b\":1}", NULL},
                {"{}", NULL},
                {"[]", NULL},
                {"", NULL},
                {"{\"a\"", NULL},
                {"{\"a\":", NULL},
                {"{\"a\":{", NULL},
                {"{\"a\":\"", NULL},
                {"{\"a\":]", NULL},
                {"{\"", NULL},
                {"{\"b\":1,", NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct span slice;
                struct fault *f = json_member_slice(span_str(rows[i].text), "a", &slice);
                if (rows[i].slice == NULL) {
                        expect_fault_row(f, FAULT_INVALID, "NO_MEMBER", rows[i].text);
                        continue;
                }
                expect_ok(f);
                assert_true(span_eq_str(slice, rows[i].slice));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_recorded_extension_is_read), cmocka_unit_test(its_length_is_exact),
                cmocka_unit_test(values_are_bounded),           cmocka_unit_test(each_field_is_there_once),
                cmocka_unit_test(large_numbers_are_read),       cmocka_unit_test(a_member_is_sliced),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
