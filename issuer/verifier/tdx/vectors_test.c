/* Recorded quotes: each gets the verdict that tests/vectors/README.md states, and says why in the same words as ever. */
#include "issuer/verifier/tdx/tdx.h"

#include <dirent.h>

#include "tests/fakes/vector.h"
#include "tests/fakes/verdict.h"

#define FILES_MAX 10

struct row {
        const char *name;       /* of the golden document; NULL: the verdict alone */
        const char *quote;      /* below tests/vectors */
        const char *collateral; /* a folder; NULL: none */
        const char *at;
        const char *report_data; /* a file; NULL: none asked for */
        const char *refused;     /* NULL: it holds */
        const char *concern;     /* NULL: none */
};

#define V4       "tdx/v4-uptodate/quote.bin", "tdx/v4-uptodate/collateral"
#define V5       "tdx/v5-uptodate/quote.bin", "tdx/v5-uptodate/collateral"
#define V4_DEBUG "tdx/v4-debug/quote.bin", "tdx/v4-debug/collateral"

static const struct row rows[] = {
        {"v4-uptodate", V4, "2025-07-01T00:00:00Z", NULL, NULL, NULL},
        {NULL, V4, "2025-06-19T10:32:26Z", NULL, "tdx.qe_identity_not_yet_valid", NULL},
        {NULL, V4, "2025-06-19T10:32:27Z", NULL, NULL, NULL},
        {NULL, V4, "2025-07-19T10:00:35Z", NULL, NULL, NULL},
        {"v4-uptodate-expired", V4, "2025-07-19T10:00:36Z", NULL, "tdx.pck_crl_expired", NULL},
        {"v4-uptodate-not-fresh", V4, "2025-07-01T00:00:00Z", "ccel/cos113-tdx.nonce.bin", "tdx.report_data", NULL},
        {"v5-uptodate", V5, "2026-03-01T00:00:00Z", NULL, NULL, NULL},
        {NULL, V5, "2026-02-18T10:58:50Z", NULL, "tdx.tcb_info_not_yet_valid", NULL},
        {NULL, V5, "2026-02-18T10:58:51Z", NULL, NULL, NULL},
        {NULL, V5, "2026-03-20T10:41:15Z", NULL, NULL, NULL},
        {NULL, V5, "2026-03-20T10:41:16Z", NULL, "tdx.pck_crl_expired", NULL},
        {"v4-debug", V4_DEBUG, "2023-07-01T00:00:00Z", NULL, NULL, "tdx.debug"},
        {NULL, V4_DEBUG, "2023-06-18T08:42:57Z", NULL, "tdx.tcb_info_not_yet_valid", "tdx.debug"},
        {NULL, V4_DEBUG, "2023-06-18T08:42:58Z", NULL, NULL, "tdx.debug"},
        {NULL, V4_DEBUG, "2023-07-08T07:24:59Z", NULL, NULL, "tdx.debug"},
        {NULL, V4_DEBUG, "2023-07-08T07:25:00Z", NULL, "tdx.qe_identity_expired", "tdx.debug"},
        {"v4-gnr-nocollateral", "tdx/v4-gnr-nocollateral/quote.bin", NULL, "2025-07-01T00:00:00Z", NULL,
         "tdx.collateral", NULL},
        {"v4-gnr-other-collateral", "tdx/v4-gnr-nocollateral/quote.bin", "tdx/v4-uptodate/collateral",
         "2025-07-01T00:00:00Z", NULL, "tdx.fmspc", NULL},
        {"v4-uptodate-other-collateral", "tdx/v4-uptodate/quote.bin", "tdx/v5-uptodate/collateral",
         "2026-03-01T00:00:00Z", NULL, "tdx.fmspc", NULL},
        {"v5-uptodate-other-collateral", "tdx/v5-uptodate/quote.bin", "tdx/v4-uptodate/collateral",
         "2026-03-01T00:00:00Z", NULL, "tdx.pck_crl_expired", NULL},
        {NULL, "tdx/v4-debug/quote.bin", "tdx/v4-uptodate/collateral", "2025-07-01T00:00:00Z", NULL, "tdx.fmspc",
         "tdx.debug"},
        {"azure", "azure/tdx-v4/td-quote.bin", NULL, "2024-06-01T00:00:00Z", NULL, "tdx.collateral", NULL},
        {NULL, "azure/tdx-v4/td-quote.bin", NULL, "2023-09-13T21:00:50Z", NULL, "tdx.pck_not_yet_valid", NULL},
        {NULL, "azure/tdx-v4/td-quote.bin", NULL, "2030-09-13T21:00:52Z", NULL, "tdx.pck_expired", NULL},
        {"cos113", "ccel/cos113-tdx.quote.bin", NULL, "2025-01-01T00:00:00Z", "ccel/cos113-tdx.nonce.bin",
         "tdx.collateral", NULL},
        {"sgx-v3", "tdx/sgx-v3/quote.bin", NULL, "2025-01-01T00:00:00Z", NULL, "tdx.version", NULL},
};

struct files {
        size_t count;
        char *names[FILES_MAX];
        struct buf bytes[FILES_MAX];
};

static void read_folder(const char *folder, struct files *files, struct appraisal *in)
{
        AUTO_STRING char *path = alloc_printf("tests/vectors/%s", folder);
        DIR *dir = opendir(path);

        assert_non_null(dir);
        for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
                if (e->d_name[0] == '.')
                        continue;
                assert_true(files->count < FILES_MAX);
                AUTO_STRING char *file = alloc_printf("%s/%s", folder, e->d_name);
                files->names[files->count] = alloc_string(e->d_name);
                files->bytes[files->count] = vector_read(file);
                expect_ok(appraisal_add_part(in, files->names[files->count], buf_span(&files->bytes[files->count])));
                files->count++;
        }
        assert_int_equal(closedir(dir), 0);
}

static void files_clear(struct files *f)
{
        for (size_t i = 0; i < f->count; i++) {
                free(f->names[i]);
                buf_clear(&f->bytes[i]);
        }
}
DEFINE_AUTO_VALUE(files)

static void run(const struct row *row)
{
        AUTO(buf) struct buf quote = vector_read(row->quote);
        AUTO(buf) struct buf report_data = row->report_data != NULL ? vector_read(row->report_data) : BUF(64);
        AUTO(files) struct files files = {0};
        struct appraisal in = {
                .kind = EVIDENCE_TDX, .evidence = buf_span(&quote), .report_data = buf_span(&report_data)};
        AUTO(attestation_result) struct attestation_result result = {0};

        expect_ok(wall_parse(span_str(row->at), &in.now));
        if (row->collateral != NULL)
                read_folder(row->collateral, &files, &in);
        AUTO(fault) struct fault *f = verifier_appraise(&in, &result);
        if (f == NULL ? row->refused != NULL : row->refused == NULL || strcmp(fault_token(f), row->refused) != 0)
                fail_msg("%s at %s: %s: %s", row->quote, row->at, f == NULL ? "it held" : fault_token(f),
                         f == NULL ? "" : fault_text(f));
        if (row->concern != NULL)
                assert_string_equal(result.concerns[0], row->concern);
        assert_int_equal(result.concern_count, row->concern != NULL);
        if (row->name == NULL)
                return;
        AUTO_STRING char *golden = alloc_printf("tdx/%s", row->name);
        expect_verdict(golden, &result, f);
}

static void each_vector_gets_its_verdict(void **state UNUSED)
{
        tdx_forget();
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                run(&rows[i]);
}

/* What is remembered saves work and changes nothing. */
static void warm_says_the_same_as_cold(void **state UNUSED)
{
        for (int round = 0; round < 2; round++)
                for (size_t i = COUNT_OF(rows); i-- > 0;)
                        run(&rows[i]);
        tdx_forget();
}

static void what_is_needed_is_named(void **state UNUSED)
{
        AUTO(buf) struct buf quote = vector_read("tdx/v4-gnr-nocollateral/quote.bin");
        const struct appraisal in = {.kind = EVIDENCE_TDX, .evidence = buf_span(&quote)};
        struct needs needs;

        expect_ok(verifier_needs(&in, &needs));
        assert_int_equal(needs.count, 4);
        assert_string_equal(needs.items[0].path, "pcs:/tdx/certification/v4/tcb?fmspc=00a06d080000");
        assert_string_equal(needs.items[0].part, "tcb_info.response.json");
        assert_string_equal(needs.items[0].chain_part, "tcb_signing_chain.pem");
        assert_string_equal(needs.items[1].path, "pcs:/tdx/certification/v4/qe/identity");
        assert_string_equal(needs.items[2].path, "pcs:/sgx/certification/v4/pckcrl?ca=platform&encoding=der");
        assert_string_equal(needs.items[2].chain_part, "pck_crl_issuer_chain.pem");
        assert_string_equal(needs.items[3].path, "pcs-root:/IntelSGXRootCA.der");
        assert_null(needs.items[3].chain_part);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_vector_gets_its_verdict),
                cmocka_unit_test(warm_says_the_same_as_cold),
                cmocka_unit_test(what_is_needed_is_named),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
