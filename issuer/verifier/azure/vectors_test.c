/* Recorded evidence of Azure's confidential VMs: each gets the verdict that tests/vectors/README.md states. */
#include "issuer/verifier/azure/azure.h"

#include "lib/model/hcl.h"
#include "lib/model/names.h"
#include "tests/fakes/recorded.h"

#define SNP   "azure/snp-milan-v3-userdata/"
#define TDX   "azure/tdx-v4/"
#define S_ROW .kind = EVIDENCE_AZ_SEV_SNP, .evidence = SNP "hcl-report.bin"
#define S_VTPM                                                                                                         \
        {"quote", SNP "quote.attest"}, {"sig", SNP "quote.sig"},                                                       \
        {                                                                                                              \
                "pcrs", SNP "pcrs.json"                                                                                \
        }
#define S_ALL                                                                                                          \
        S_VTPM,                                                                                                        \
        {                                                                                                              \
                "vcek", SNP "vcek.der"                                                                                 \
        }
#define T_ROW .kind = EVIDENCE_AZ_TDX, .evidence = TDX "hcl-report.bin"
#define T_VTPM                                                                                                         \
        {"quote", TDX "quote.attest"}, {"sig", TDX "quote.sig"},                                                       \
        {                                                                                                              \
                "pcrs", TDX "pcrs.json"                                                                                \
        }
#define T_ALL                                                                                                          \
        T_VTPM,                                                                                                        \
        {                                                                                                              \
                "td-quote", TDX "td-quote.bin"                                                                         \
        }
/* the beginning of the user data */
#define S_NONCE   "982f5c6e45df0ed3f10b6f60b02f0c8390e281300f3805e2279c16168cd6ae9aa398f647caa2338748cd0fd9f5f819ef"
#define S_USER    S_NONCE "00000000000000000000000000000000"
#define CHALLENGE "6368616c6c656e6765"

static const struct recorded rows[] = {
        {.name = "snp-milan-v3", S_ROW, .parts = {S_ALL}, .nonce = S_NONCE},
        {.name = "user-data-as-nonce", S_ROW, .parts = {S_ALL}, .nonce = S_USER},
        {.name = "user-data", S_ROW, .parts = {S_ALL}, .report_data = S_USER},
        {.name = "no-nonce", S_ROW, .parts = {S_ALL}},
        {.name = "other-nonce", S_ROW, .parts = {S_ALL}, .nonce = "00", .refused = "tpm.extra_data"},
        {.name = "other-user-data",
         S_ROW,
         .parts = {S_ALL},
         .report_data = S_NONCE "00000000000000000000000000000001",
         .refused = "az.user_data"},
        {.name = "others-quote",
         S_ROW,
         .parts = {{"quote", TDX "quote.attest"},
                   {"sig", TDX "quote.sig"},
                   {"pcrs", TDX "pcrs.json"},
                   {"vcek", SNP "vcek.der"}},
         .refused = "tpm.signature"},
        {.name = "others-pcrs",
         S_ROW,
         .parts = {{"quote", SNP "quote.attest"},
                   {"sig", SNP "quote.sig"},
                   {"pcrs", TDX "pcrs.json"},
                   {"vcek", SNP "vcek.der"}},
         .refused = "tpm.pcr_digest"},
        {.name = "others-log",
         S_ROW,
         .parts = {S_ALL, {"eventlog", "eventlog/rhel8-gcp.bin"}},
         .refused = "eventlog.replay"},
        {.name = "others-vcek", S_ROW, .parts = {S_VTPM, {"vcek", "snp/milan-v3/vcek.pem"}}, .refused = "snp.chip_id"},
        {.name = "no-vcek", S_ROW, .parts = {S_VTPM}, .refused = "snp.certificate"},
        {.name = "no-vcek-other-nonce", S_ROW, .parts = {S_VTPM}, .nonce = "00", .refused = "tpm.extra_data"},
        {.name = "no-quote", S_ROW, .parts = {{"vcek", SNP "vcek.der"}}, .refused = "evidence.parts"},
        {.name = "of-a-td",
         .kind = EVIDENCE_AZ_SEV_SNP,
         .evidence = TDX "hcl-report.bin",
         .parts = {T_ALL},
         .refused = "az.report_type"},
        {.name = "rubbish",
         .kind = EVIDENCE_AZ_SEV_SNP,
         .evidence = "eventlog/bogus-truncated.bin",
         .parts = {S_ALL},
         .refused = "az.structure"},
        /* all of it holds but for the collateral, which nobody has recorded */
        {.name = "tdx-v4", T_ROW, .parts = {T_ALL}, .nonce = CHALLENGE, .refused = "tdx.collateral"},
        {.name = "tdx-v4-other-nonce", T_ROW, .parts = {T_ALL}, .nonce = "00", .refused = "tpm.extra_data"},
        {.name = "tdx-v4-others-collateral",
         T_ROW,
         .parts = {T_ALL,
                   {"tcb_info.json", "tdx/v4-uptodate/collateral/tcb_info.json"},
                   {"tcb_info.sig", "tdx/v4-uptodate/collateral/tcb_info.sig"}},
         .nonce = CHALLENGE,
         .refused = "tdx.collateral"},
        {.name = "tdx-v4-others-quote",
         T_ROW,
         .parts = {T_VTPM, {"td-quote", "tdx/v4-uptodate/quote.bin"}},
         .refused = "az.tdreport"},
        {.name = "tdx-v4-no-quote", T_ROW, .parts = {T_VTPM}, .refused = "evidence.parts"},
        {.name = "tdx-of-an-snp-machine",
         .kind = EVIDENCE_AZ_TDX,
         .evidence = SNP "hcl-report.bin",
         .parts = {S_ALL, {"td-quote", TDX "td-quote.bin"}},
         .refused = "az.report_type"},
};

static void recorded_machines(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_recorded(&rows[i]);
}

/* Of the report (a sample of the larger fields), everything counts but what nobody signed: header, reserved fields of the request data, padding. */
static void every_byte_of_a_report(void **state UNUSED)
{
        static const struct recorded row = {.name = "bits", S_ROW, .parts = {S_ALL}, .nonce = S_NONCE};
        struct recorded_files f;
        recorded_read(&row, &f);
        const size_t slot = 32, request = slot + HCL_SLOT_LEN, json = request + 20;
        struct hcl_report h;
        expect_ok(hcl_read(buf_span(&f.evidence), &h));
        size_t end = json + h.runtime_data.len;
        for (size_t i = 0; i < f.evidence.len; i += i < slot || (i >= request && i < json) ? 1 : 5) {
                f.evidence.data[i] ^= 0x01;
                bool held = strcmp(recorded_token(&f), "OK") == 0;
                f.evidence.data[i] ^= 0x01;
                bool is_header = i >= 4 && i < slot, is_version = i >= request + 4 && i < request + 8;
                if (held != (is_header || is_version || i >= end))
                        fail_msg("byte %zu %s", i, held ? "does not count" : "counts");
        }
        recorded_clear(&f);
}

/* The TDREPORT has no signature of its own: each field that the quote has must be the quote's. */
static void every_field_of_a_tdreport(void **state UNUSED)
{
        static const struct recorded row = {.name = "tdreport", T_ROW, .parts = {T_ALL}, .nonce = CHALLENGE};
        static const size_t fields[] = {0,   128, 191, 264, 280, 328, 376, 512, 520, 528,
                                        575, 576, 624, 672, 720, 768, 816, 864, 911};
        struct recorded_files f;
        recorded_read(&row, &f);
        for (size_t i = 0; i < COUNT_OF(fields); i++) {
                f.evidence.data[32 + fields[i]] ^= 0x01;
                assert_string_equal(recorded_token(&f), "az.tdreport");
                f.evidence.data[32 + fields[i]] ^= 0x01;
        }
        f.evidence.data[32 + 1184 + 12] = 2; /* hash type */
        assert_string_equal(recorded_token(&f), "az.hash_type");
        f.evidence.data[32 + 1184 + 12] = 1;
        f.evidence.data[32 + 1184 + 20 + 3] ^= 0x20; /* "kEys" */
        assert_string_equal(recorded_token(&f), "az.runtime_data");
        recorded_clear(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(recorded_machines),
                cmocka_unit_test(every_byte_of_a_report),
                cmocka_unit_test(every_field_of_a_tdreport),
        };
        return cmocka_run_group_tests_name("azure vectors", tests, NULL, NULL);
}
