/* Recorded reports: each gets the verdict that tests/vectors/README.md states, and says why in the same words as ever. */
#include "issuer/verifier/snp/snp.h"

#include "issuer/verifier/snp/chain.h"
#include "issuer/verifier/snp/report.h"
#include "issuer/verifier/snp/revocation.h"
#include "tests/fakes/vector.h"
#include "tests/fakes/verdict.h"

#define ROW_PARTS_MAX 3

struct row {
        const char *name;   /* of the golden document */
        const char *report; /* below tests/vectors */
        size_t report_at;   /* where in the file, which goes on behind it; 0: the file is the report */
        struct {
                const char *name, *file;
        } parts[ROW_PARTS_MAX];
        const char *at, *report_data; /* NULL: none asked for; else hex of 64 bytes' first */
        const char *refused;          /* NULL: it holds */
        const char *concern;          /* NULL: none */
};

#define ROOTS(p) "snp/roots/" p "_ask_ark_asvk.pem"

static const struct row rows[] = {
        {.name = "milan-v2",
         .report = "snp/milan-v2/report.bin",
         .parts = {{"vcek", "snp/milan-v2/vcek.der"}},
         .at = "2026-03-01T00:00:00Z"},
        {.name = "milan-v2-chain",
         .report = "snp/milan-v2/report.bin",
         .parts = {{"vcek", "snp/milan-v2/vcek.der"}, {"chain", ROOTS("milan")}},
         .at = "2026-03-01T00:00:00Z"},
        {.name = "milan-v2-chain-of-genoa",
         .report = "snp/milan-v2/report.bin",
         .parts = {{"vcek", "snp/milan-v2/vcek.der"}, {"chain", ROOTS("genoa")}},
         .at = "2026-03-01T00:00:00Z",
         .refused = "snp.chain"},
        {.name = "milan-v2-not-yet",
         .report = "snp/milan-v2/report.bin",
         .parts = {{"vcek", "snp/milan-v2/vcek.der"}},
         .at = "2023-04-02T00:00:00Z",
         .refused = "snp.not_yet_valid"},
        {.name = "milan-v2-expired",
         .report = "snp/milan-v2/report.bin",
         .parts = {{"vcek", "snp/milan-v2/vcek.der"}},
         .at = "2030-04-05T00:00:00Z",
         .refused = "snp.expired"},
        {.name = "milan-v2-other-vcek",
         .report = "snp/milan-v2/report.bin",
         .parts = {{"vcek", "snp/milan-v2-debug/vcek.der"}},
         .at = "2026-03-01T00:00:00Z",
         .refused = "snp.certificate_tcb"},
        {.name = "milan-v2-no-certificate",
         .report = "snp/milan-v2/report.bin",
         .at = "2026-03-01T00:00:00Z",
         .refused = "snp.certificate"},
        {.name = "milan-v2-debug",
         .report = "snp/milan-v2-debug/report.bin",
         .parts = {{"vcek", "snp/milan-v2-debug/vcek.der"}},
         .at = "2026-03-01T00:00:00Z",
         .concern = "snp.debug"},
        {.name = "milan-v3",
         .report = "snp/milan-v3/report.bin",
         .parts = {{"vcek", "snp/milan-v3/vcek.pem"}},
         .at = "2026-03-01T00:00:00Z"},
        {.name = "milan-v3-not-fresh",
         .report = "snp/milan-v3/report.bin",
         .parts = {{"vcek", "snp/milan-v3/vcek.pem"}},
         .at = "2026-03-01T00:00:00Z",
         .report_data = "01",
         .refused = "snp.report_data"},
        {.name = "milan-v3-vlek",
         .report = "snp/milan-v3-vlek/report.bin",
         .parts = {{"vlek", "snp/milan-v3-vlek/vlek.der"}},
         .at = "2025-06-01T00:00:00Z"},
        {.name = "milan-v3-vlek-chain",
         .report = "snp/milan-v3-vlek/report.bin",
         .parts = {{"chain", ROOTS("milan")}, {"vlek", "snp/milan-v3-vlek/vlek.der"}},
         .at = "2025-06-01T00:00:00Z"},
        {.name = "milan-v3-vlek-expired",
         .report = "snp/milan-v3-vlek/report.bin",
         .parts = {{"vlek", "snp/milan-v3-vlek/vlek.der"}},
         .at = "2026-03-01T00:00:00Z",
         .refused = "snp.expired"},
        {.name = "milan-v3-vlek-vcek",
         .report = "snp/milan-v3-vlek/report.bin",
         .parts = {{"vcek", "snp/milan-v3/vcek.pem"}},
         .at = "2025-06-01T00:00:00Z",
         .refused = "snp.certificate_kind"},
        {.name = "genoa-v3-auxblob",
         .report = "snp/genoa-v3-auxblob/report.bin",
         .parts = {{"auxblob", "snp/genoa-v3-auxblob/auxblob.bin"}},
         .at = "2026-03-01T00:00:00Z"},
        {.name = "siena-bergamo-v3-coco",
         .report = "snp/siena-bergamo-v3-coco/report.bin",
         .parts = {{"vcek", "snp/siena-bergamo-v3-coco/vcek.der"}},
         .at = "2026-03-01T00:00:00Z"},
        {.name = "turin-v5",
         .report = "snp/turin-v5/report.bin",
         .parts = {{"vcek", "snp/turin-v5/vcek.pem"}},
         .at = "2026-03-01T00:00:00Z"},
        {.name = "turin-v5-two-certificates",
         .report = "snp/turin-v5/report.bin",
         .parts = {{"vcek", "snp/turin-v5/vcek-other-chip.der"}, {"vcek", "snp/turin-v5/vcek.pem"}},
         .at = "2026-03-01T00:00:00Z"},
        {.name = "turin-v5-other-chip",
         .report = "snp/turin-v5/report.bin",
         .parts = {{"vcek", "snp/turin-v5/vcek-other-chip.der"}},
         .at = "2026-03-01T00:00:00Z",
         .refused = "snp.certificate_tcb"},
        {.name = "milan-v3-azure", /* within the paravisor's report */
         .report = "azure/snp-milan-v3-userdata/hcl-report.bin",
         .report_at = 32,
         .parts = {{"vcek", "azure/snp-milan-v3-userdata/vcek.der"}},
         .at = "2025-06-01T00:00:00Z"},
        {.name = "milan-v2-bad-signature-of-vcek",
         .report = "snp/milan-v2/report.bin",
         .parts = {{"vcek", "snp/bad/vcek-hwid-octetstring-badsig.der"}},
         .at = "2026-03-01T00:00:00Z",
         .refused = "snp.chain_signature"},
};

static void add_part(struct appraisal *in, const char *name, const char *file, struct buf *bytes)
{
        *bytes = vector_read(file);
        expect_ok(appraisal_add_part(in, name, buf_span(bytes)));
}

static void run(const struct row *row)
{
        AUTO(buf) struct buf report = vector_read(row->report);
        struct buf parts[ROW_PARTS_MAX] = {{0}};
        struct appraisal in = {.kind = EVIDENCE_SEV_SNP, .evidence = buf_span(&report)};
        uint8_t report_data[64] = {1};
        AUTO(attestation_result) struct attestation_result result = {0};
        AUTO_STRING char *golden = alloc_printf("sev-snp/%s", row->name);

        expect_ok(wall_parse(span_str(row->at), &in.now));
        if (row->report_at > 0)
                in.evidence = span_slice(buf_span(&report), row->report_at, SNP_REPORT_LEN);
        if (row->report_data != NULL)
                in.report_data = SPAN_OF(report_data);
        for (size_t i = 0; i < ROW_PARTS_MAX && row->parts[i].name != NULL; i++)
                add_part(&in, row->parts[i].name, row->parts[i].file, &parts[i]);

        AUTO(fault) struct fault *f = verifier_appraise(&in, &result);
        if (f == NULL ? row->refused != NULL : row->refused == NULL || strcmp(fault_token(f), row->refused) != 0)
                fail_msg("%s: %s: %s", row->name, f == NULL ? "it held" : fault_token(f),
                         f == NULL ? "" : fault_text(f));
        assert_int_equal(result.concern_count, row->concern != NULL);
        if (row->concern != NULL)
                assert_string_equal(result.concerns[0], row->concern);
        expect_verdict(golden, &result, f);
        for (size_t i = 0; i < ROW_PARTS_MAX; i++)
                buf_clear(&parts[i]);
}

static void each_vector_gets_its_verdict(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                run(&rows[i]);
}

/* What is remembered saves work and changes nothing. */
static void warm_says_the_same_as_cold(void **state UNUSED)
{
        for (int warm = 0; warm < 2; warm++) {
                for (size_t i = COUNT_OF(rows); i-- > 0;) {
                        run(&rows[i]);
                        run(&rows[i]);
                }
        }
        snp_chain_forget();
        snp_revocation_forget();
}

/* What decides whom to trust is no peer's to send. */
static void a_peer_sends_hints_alone(void **state UNUSED)
{
        static const struct {
                const char *name;
                bool ok;
        } parts[] = {{"vcek", true},    {"vlek", true},     {"chain", true},
                     {"auxblob", true}, {"anchors", false}, {"crl", false}};
        const struct appraiser *a = verifier_find(CMW_SEV_SNP);

        assert_non_null(a);
        assert_ptr_equal(a, verifier_find_kind(EVIDENCE_SEV_SNP));
        for (size_t i = 0; i < COUNT_OF(parts); i++) {
                AUTO(evidence_parts) struct evidence_parts sent = evidence_parts_new(), got = evidence_parts_new();
                struct cmw_item item = {.value = BUF(4096)};
                expect_ok(buf_append_str(&sent.evidence, "a report"));
                expect_ok(evidence_parts_add(&sent, parts[i].name, SPAN("x")));
                expect_ok(evidence_parts_write(&sent, &item.value));
                struct fault *f = verifier_unpack(a, &item, &got);
                if (parts[i].ok)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "evidence.format", parts[i].name);
                buf_clear(&item.value);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_vector_gets_its_verdict),
                cmocka_unit_test(warm_says_the_same_as_cold),
                cmocka_unit_test(a_peer_sends_hints_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
