/* The forms that collateral is kept in, and what is said when some of it is missing. */
#include "issuer/verifier/tdx/tdx.h"

#include "lib/base/parse.h"
#include "tests/fakes/intel_case.h"

static void what_is_missing_is_named(void **state UNUSED)
{
        static const struct {
                const char *part, *told;
        } rows[] = {
                {"tcb_info.json", "tcb_info"},
                {"tcb_info.sig", "tcb_info"},
                {"qe_identity.json", "qe_identity"},
                {"qe_identity.sig", "qe_identity"},
                {"tcb_signing_chain.pem", "tcb_signing_chain.pem"},
                {"pck_crl.der", "pck_crl.der"},
                {"root_crl.der", "root_crl.der"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(intel_case) struct intel_case c;
                intel_case_init(&c, 4);
                c.left_out = rows[i].part;
                AUTO(fault) struct fault *f = intel_case_appraise(&c);
                assert_int_equal(fault_code(f), FAULT_UNAVAILABLE);
                assert_string_equal(fault_token(f), "tdx.collateral");
                assert_non_null(strstr(fault_text(f), rows[i].told));
                /* what can be decided without it has been decided */
                c.p.quote_key = INTEL_KEY_OTHER;
                intel_case_expect(&c, intel_case_appraise(&c), "tdx.signature", rows[i].part);
        }
}

static struct part *find_part(struct intel_case *c, const char *name)
{
        for (size_t i = 0; i < c->in.part_count; i++)
                if (strcmp(c->in.parts[i].name, name) == 0)
                        return &c->in.parts[i];
        fail_msg("no part %s", name);
        return NULL;
}

static void expect_form(struct intel_case *c, const char *part, struct span bytes, const char *token, const char *row)
{
        struct span before = find_part(c, part)->bytes;
        find_part(c, part)->bytes = bytes;
        attestation_result_clear(&c->r);
        intel_case_expect(c, verifier_appraise(&c->in, &c->r), token, row);
        find_part(c, part)->bytes = before;
}

static void lists_come_in_three_forms(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        AUTO(buf) struct buf hex = BUF(65536), pem = BUF(65536), base64 = BUF(65536);
        intel_case_init(&c, 4);
        expect_ok(intel_case_appraise(&c));
        expect_ok(hex_encode(buf_span(&c.set.pck_crl), &hex));
        expect_ok(base64_encode(buf_span(&c.set.pck_crl), &base64));
        expect_ok(buf_printf(&pem, "-----BEGIN X509 CRL-----\n%s\n-----END X509 CRL-----\n", buf_str(&base64)));
        expect_form(&c, "pck_crl.der", buf_span(&hex), NULL, "hex");
        expect_form(&c, "pck_crl.der", buf_span(&pem), NULL, "PEM");
        expect_ok(buf_append_str(&hex, "\n"));
        expect_form(&c, "pck_crl.der", buf_span(&hex), NULL, "hex and a newline");
        expect_form(&c, "pck_crl.der", span_slice(buf_span(&hex), 0, hex.len - 2), "tdx.pck_crl", "odd hex");
        expect_form(&c, "pck_crl.der", SPAN("\n"), "tdx.pck_crl", "a newline");
        expect_form(&c, "pck_crl.der", span_slice(buf_span(&c.set.pck_crl), 0, c.set.pck_crl.len - 1), "tdx.pck_crl",
                    "a byte short");
        expect_form(&c, "root_crl.der", buf_span(&c.set.pck_crl), "tdx.root_crl", "the other list");
}

static void signatures_come_raw_or_in_hex(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        AUTO(buf) struct buf hex = BUF(256);
        intel_case_init(&c, 4);
        expect_ok(intel_case_appraise(&c));
        struct span raw = buf_span(&c.set.tcb_info_sig);
        expect_ok(hex_encode(raw, &hex));
        expect_form(&c, "tcb_info.sig", buf_span(&hex), NULL, "hex");
        expect_ok(buf_append_str(&hex, "\n"));
        expect_form(&c, "tcb_info.sig", buf_span(&hex), NULL, "hex and a newline");
        expect_form(&c, "tcb_info.sig", span_slice(raw, 0, 63), "tdx.tcb_info_signature", "short");
        expect_form(&c, "tcb_info.sig", buf_span(&c.set.qe_identity_sig), "tdx.tcb_info_signature", "the other's");
}

/* The header of an answer is percent-encoded. */
static void chains_come_percent_encoded(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        AUTO(buf) struct buf encoded = BUF(65536);
        intel_case_init(&c, 4);
        expect_ok(intel_case_appraise(&c));
        for (size_t i = 0; i < c.set.tcb_chain.len; i++) {
                uint8_t b = c.set.tcb_chain.data[i];
                bool is_plain = (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || b == '-';
                expect_ok(is_plain ? buf_append_byte(&encoded, b) : buf_printf(&encoded, "%%%02X", b));
        }
        expect_form(&c, "tcb_signing_chain.pem", buf_span(&encoded), NULL, "percent-encoded");
        expect_form(&c, "tcb_signing_chain.pem", span_slice(buf_span(&encoded), 0, encoded.len - 1), "tdx.tcb_signer",
                    "cut");
        expect_form(&c, "tcb_signing_chain.pem", SPAN("%zz"), "tdx.tcb_signer", "no hex");
}

/* Intel signs the bytes that it sends: a blank more is another document. */
static void a_response_is_taken_as_it_stands(void **state UNUSED)
{
        static const struct {
                const char *name, *from, *to, *token;
        } rows[] = {
                {"blanks around", "{\"tcbInfo\":", " {\n \"tcbInfo\" : ", NULL},
                {"signature first, and more",
                 "{\"tcbInfo\":", "{\"x\":{\"tcbInfo\":[1,\"}\\\"]\"]},\"tcbInfo\":", NULL},
                {"blank inside", "\"version\":3", "\"version\": 3", "tdx.tcb_info_signature"},
                {"another value", "\"pcesvn\":13", "\"pcesvn\":12", "tdx.tcb_info_signature"},
                {"member twice", "{\"tcbInfo\":", "{\"tcbInfo\":{},\"tcbInfo\":", "tdx.tcb_info_signature"},
                {"member by an escape", "{\"tcbInfo\":", "{\"tcbInf\\u006f\":", "tdx.tcb_info_signature"},
                {"no signature", "\"signature\"", "\"signed\"", "tdx.tcb_info_signature"},
                {"signature too short", "\"signature\":\"", "\"signature\":\"\",\"x\":\"", "tdx.tcb_info_signature"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(intel_case) struct intel_case c;
                intel_case_init(&c, 4);
                c.as_responses = true;
                expect_ok(intel_case_appraise(&c));
                char *text = span_to_string(buf_span(&c.set.tcb_info_response));
                intel_edit(&text, rows[i].from, rows[i].to);
                expect_form(&c, "tcb_info.response.json", span_str(text), rows[i].token, rows[i].name);
                free(text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_missing_is_named),         cmocka_unit_test(lists_come_in_three_forms),
                cmocka_unit_test(signatures_come_raw_or_in_hex),    cmocka_unit_test(chains_come_percent_encoded),
                cmocka_unit_test(a_response_is_taken_as_it_stands),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
