/* Quotes under roots of our own, each with one field wrong behind signatures that are right. */
#include "issuer/verifier/tdx/tdx.h"

#include "tests/fakes/intel_case.h"

enum where { HEADER, BODY, QE_REPORT };

static void a_genuine_platform_holds(void **state UNUSED)
{
        for (unsigned version = 4; version <= 5; version++)
                for (int responses = 0; responses < 2; responses++) {
                        AUTO(intel_case) struct intel_case c;
                        intel_case_init(&c, version);
                        c.as_responses = responses == 1;
                        expect_ok(intel_case_appraise(&c));
                        assert_int_equal(c.r.status, EAR_AFFIRMING);
                        assert_int_equal(c.r.vector.hardware, TRUST_GENUINE_HARDWARE);
                        assert_int_equal(c.r.vector.runtime_opaque, TRUST_ENCRYPTED_MEMORY);
                        assert_int_equal(c.r.concern_count, 0);
                        assert_int_equal(c.r.not_checked_count, 1); /* freshness */
                        assert_int_equal(c.r.collateral_count, 6);
                        assert_int_equal(c.r.not_after_unix_s, INTEL_CASE_NOW_S + 29 * 86400);
                        assert_string_equal(intel_case_text(&c, "tdx.tcb-status"), "UpToDate");
                        assert_string_equal(intel_case_text(&c, "tdx.root"), "configured");
                        assert_string_equal(intel_case_text(&c, "tdx.ca"), "platform");
                        assert_int_equal(facts_find(&c.r.facts, "tdx.body-type")->number, version == 5 ? 3 : 2);
                }
}

/* Nobody's evidence in this test set has a PCK from it, but half of all platforms with one package do. */
static void the_processor_ca_is_as_good(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        struct needs needs;
        intel_case_init(&c, 4);
        intel_platform_use_processor_ca(&c.p);
        expect_ok(intel_case_appraise(&c));
        assert_string_equal(intel_case_text(&c, "tdx.ca"), "processor");
        assert_null(facts_find(&c.r.facts, "tdx.platform-instance-id"));
        assert_null(facts_find(&c.r.facts, "tdx.smt"));
        expect_ok(verifier_needs(&c.in, &needs));
        assert_string_equal(needs.items[2].path, "pcs:/sgx/certification/v4/pckcrl?ca=processor&encoding=der");
}

/* Version 5 may carry TDX 1.0's body as well. */
static void version_5_with_a_body_of_1_0_holds(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 5);
        c.p.body_type = 2;
        c.p.body_size = INTEL_BODY_10_LEN;
        c.p.body_len = INTEL_BODY_10_LEN;
        expect_ok(intel_case_appraise(&c));
        assert_null(facts_find(&c.r.facts, "tdx.mr-servicetd"));
}

/* ---- single bytes, signed as they stand ---- */

struct byte_row {
        const char *name;
        enum where where;
        size_t at;
        struct span bytes;
        const char *token;   /* NULL: it holds */
        const char *concern; /* NULL: none */
};
static const struct byte_row bytes[] = {
        {"nothing wrong", BODY, INTEL_BODY_MRTD, {(const uint8_t *) "\x01", 1}, NULL, NULL},
        {"version 3", HEADER, 0, {(const uint8_t *) "\x03", 1}, "tdx.version", NULL},
        {"version 6", HEADER, 0, {(const uint8_t *) "\x06", 1}, "tdx.version", NULL},
        {"version 0x105", HEADER, 1, {(const uint8_t *) "\x01", 1}, "tdx.version", NULL},
        {"ECDSA P-384", HEADER, 2, {(const uint8_t *) "\x03", 1}, "tdx.att_key_type", NULL},
        {"EPID", HEADER, 2, {(const uint8_t *) "\x00", 1}, "tdx.att_key_type", NULL},
        {"an enclave", HEADER, 4, {(const uint8_t *) "\x00", 1}, "tdx.tee_type", NULL},
        {"another TEE", HEADER, 7, {(const uint8_t *) "\x01", 1}, "tdx.tee_type", NULL},
        {"reserved bytes", HEADER, 8, {(const uint8_t *) "\x07\x00\x0d\x00", 4}, NULL, NULL},
        {"another vendor", HEADER, 12, {(const uint8_t *) "\x94", 1}, "tdx.qe_vendor", NULL},
        {"another vendor's end", HEADER, 27, {(const uint8_t *) "\x08", 1}, "tdx.qe_vendor", NULL},
        {"module of another signer",
         BODY,
         INTEL_BODY_MRSIGNER_SEAM,
         {(const uint8_t *) "\x01", 1},
         "tdx.mrsigner_seam",
         NULL},
        {"module of another signer, last byte",
         BODY,
         INTEL_BODY_MRSIGNER_SEAM + 47,
         {(const uint8_t *) "\x80", 1},
         "tdx.mrsigner_seam",
         NULL},
        {"debug module",
         BODY,
         INTEL_BODY_SEAM_ATTRIBUTES + 7,
         {(const uint8_t *) "\x80", 1},
         "tdx.seam_attributes",
         NULL},
        {"debug", BODY, INTEL_BODY_ATTRIBUTES, {(const uint8_t *) "\x01", 1}, NULL, "tdx.debug"},
        {"reserved TUD bit 1", BODY, INTEL_BODY_ATTRIBUTES, {(const uint8_t *) "\x02", 1}, "tdx.attributes", NULL},
        {"reserved TUD bit 7", BODY, INTEL_BODY_ATTRIBUTES, {(const uint8_t *) "\x80", 1}, "tdx.attributes", NULL},
        {"no SEPT_VE_DISABLE", BODY, INTEL_BODY_ATTRIBUTES + 3, {(const uint8_t *) "\x00", 1}, NULL, NULL},
        {"migratable", BODY, INTEL_BODY_ATTRIBUTES + 3, {(const uint8_t *) "\x30", 1}, NULL, "tdx.migratable"},
        {"PKS and Key Locker", BODY, INTEL_BODY_ATTRIBUTES + 3, {(const uint8_t *) "\xd0", 1}, NULL, NULL},
        {"PERFMON", BODY, INTEL_BODY_ATTRIBUTES + 7, {(const uint8_t *) "\x80", 1}, NULL, NULL},
        {"no x87", BODY, INTEL_BODY_XFAM, {(const uint8_t *) "\xe6", 1}, "tdx.xfam", NULL},
        {"no SSE", BODY, INTEL_BODY_XFAM, {(const uint8_t *) "\xe5", 1}, "tdx.xfam", NULL},
        {"MPX", BODY, INTEL_BODY_XFAM, {(const uint8_t *) "\xff", 1}, "tdx.xfam", NULL},
        {"xfam bit 63", BODY, INTEL_BODY_XFAM + 7, {(const uint8_t *) "\x80", 1}, "tdx.xfam", NULL},
        {"xfam, all that may be", BODY, INTEL_BODY_XFAM, {(const uint8_t *) "\xe7\xdb\x06", 3}, NULL, NULL},
        {"service TD", BODY, INTEL_BODY_MR_SERVICETD, {(const uint8_t *) "\x01", 1}, NULL, "tdx.servicetd"},
        {"service TD, last byte",
         BODY,
         INTEL_BODY_MR_SERVICETD + 47,
         {(const uint8_t *) "\x01", 1},
         NULL,
         "tdx.servicetd"},
        {"module of no identity", BODY, INTEL_BODY_TEE_TCB_SVN + 1, {(const uint8_t *) "\x02", 1}, "tdx.module", NULL},
        {"module older than any level",
         BODY,
         INTEL_BODY_TEE_TCB_SVN,
         {(const uint8_t *) "\x01", 1},
         "tdx.module_level",
         NULL},
        {"microcode older than any level",
         BODY,
         INTEL_BODY_TEE_TCB_SVN + 2,
         {(const uint8_t *) "\x00", 1},
         "tdx.tcb_level",
         NULL},
        {"debug QE", QE_REPORT, 48, {(const uint8_t *) "\x17", 1}, "tdx.qe_debug", NULL},
        {"QE without provisioning key", QE_REPORT, 48, {(const uint8_t *) "\x05", 1}, "tdx.qe_attributes", NULL},
        {"QE in 32-bit mode: masked", QE_REPORT, 48, {(const uint8_t *) "\x11", 1}, NULL, NULL},
        {"QE with KSS", QE_REPORT, 48, {(const uint8_t *) "\x95", 1}, "tdx.qe_attributes", NULL},
        {"QE's xfrm: masked", QE_REPORT, 56, {(const uint8_t *) "\x03", 1}, NULL, NULL},
        {"QE's miscselect", QE_REPORT, 16, {(const uint8_t *) "\x01", 1}, "tdx.qe_miscselect", NULL},
        {"QE's miscselect, last byte", QE_REPORT, 19, {(const uint8_t *) "\x80", 1}, "tdx.qe_miscselect", NULL},
        {"QE of another signer", QE_REPORT, 128, {(const uint8_t *) "\xdd", 1}, "tdx.qe_mrsigner", NULL},
        {"QE of another product", QE_REPORT, 256, {(const uint8_t *) "\x01", 1}, "tdx.qe_prod_id", NULL},
        {"QE of product 0x102", QE_REPORT, 257, {(const uint8_t *) "\x01", 1}, "tdx.qe_prod_id", NULL},
        {"QE older than any level", QE_REPORT, 258, {(const uint8_t *) "\x01", 1}, "tdx.qe_level", NULL},
};

static void apply(const struct byte_row *row, struct intel_platform *p)
{
        uint8_t *base = row->where == HEADER ? p->header : row->where == BODY ? p->body : p->qe_report;
        memcpy(base + row->at, row->bytes.data, row->bytes.len);
}

static void each_field_is_looked_at(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(bytes); i++)
                for (unsigned version = 4; version <= 5; version++) {
                        bool is_15 = bytes[i].where == BODY && bytes[i].at >= INTEL_BODY_10_LEN;
                        if (is_15 && version == 4)
                                continue;
                        AUTO(intel_case) struct intel_case c;
                        intel_case_init(&c, version);
                        apply(&bytes[i], &c.p);
                        intel_case_expect(&c, intel_case_appraise(&c), bytes[i].token, bytes[i].name);
                        if (bytes[i].concern != NULL &&
                            (c.r.concern_count != 1 || strcmp(c.r.concerns[0], bytes[i].concern) != 0))
                                fail_msg("%s: no concern %s", bytes[i].name, bytes[i].concern);
                        if (bytes[i].concern == NULL && c.r.concern_count != 0)
                                fail_msg("%s: concern %s", bytes[i].name, c.r.concerns[0]);
                        if (bytes[i].concern != NULL)
                                assert_int_equal(c.r.status, EAR_CONTRAINDICATED);
                }
}

static void what_it_is_bound_to_is_compared(void **state UNUSED)
{
        uint8_t wanted[64];
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 4);
        memset(wanted, 0x77, sizeof(wanted));
        c.report_data = SPAN_OF(wanted);
        expect_ok(intel_case_appraise(&c));
        assert_int_equal(c.r.not_checked_count, 0);
        for (size_t i = 0; i < sizeof(wanted); i++) {
                wanted[i] ^= 1;
                attestation_result_clear(&c.r);
                intel_case_expect(&c, verifier_appraise(&c.in, &c.r), "tdx.report_data", "one bit");
                wanted[i] ^= 1;
        }
        c.in.report_data.len--;
        attestation_result_clear(&c.r);
        intel_case_expect(&c, verifier_appraise(&c.in, &c.r), "tdx.report_data", "shorter");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_genuine_platform_holds),           cmocka_unit_test(the_processor_ca_is_as_good),
                cmocka_unit_test(version_5_with_a_body_of_1_0_holds), cmocka_unit_test(each_field_is_looked_at),
                cmocka_unit_test(what_it_is_bound_to_is_compared),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
