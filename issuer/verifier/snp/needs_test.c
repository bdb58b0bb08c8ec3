#include "issuer/verifier/snp/snp.h"

#include "tests/fakes/amd_world.h"
#include "tests/fakes/vector.h"

#define MILAN_HWID                                                                                                     \
        "c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0"                                             \
        "e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff00"

static const struct row {
        const char *name;
        enum snp_product product;
        uint32_t version;
        bool is_vlek, gives_leaf, gives_other, is_masked;
        const char *paths[NEEDS_MAX]; /* "part path" */
} rows[] = {
        {.name = "Milan",
         .product = SNP_MILAN,
         .version = 3,
         .paths = {"vcek kds:/vcek/v1/Milan/" MILAN_HWID "?blSPL=03&teeSPL=01&snpSPL=23&ucodeSPL=209",
                   "chain kds:/vcek/v1/Milan/cert_chain", "crl kds:/vcek/v1/Milan/crl"}},
        {.name = "Turin",
         .product = SNP_TURIN,
         .version = 5,
         .paths = {"vcek kds:/vcek/v1/Turin/c1c2c3c4c5c6c7c8?fmcSPL=01&blSPL=01&teeSPL=02&snpSPL=04&ucodeSPL=81",
                   "chain kds:/vcek/v1/Turin/cert_chain", "crl kds:/vcek/v1/Turin/crl"}},
        {.name = "the certificate is there",
         .product = SNP_GENOA,
         .version = 3,
         .gives_leaf = true,
         .paths = {"chain kds:/vcek/v1/Genoa/cert_chain", "crl kds:/vcek/v1/Genoa/crl"}},
        {.name = "a certificate of another TCB is there",
         .product = SNP_GENOA,
         .version = 3,
         .gives_other = true,
         .paths = {"vcek kds:/vcek/v1/Genoa/" MILAN_HWID "?blSPL=03&teeSPL=01&snpSPL=23&ucodeSPL=209",
                   "chain kds:/vcek/v1/Genoa/cert_chain", "crl kds:/vcek/v1/Genoa/crl"}},
        {.name = "VLEK",
         .product = SNP_MILAN,
         .version = 3,
         .is_vlek = true,
         .paths = {"chain kds:/vlek/v1/Milan/cert_chain", "crl kds:/vlek/v1/Milan/crl"}},
        {.name = "version 2, which product is unknown",
         .product = SNP_GENOA,
         .version = 2,
         .paths = {"vcek kds:/vcek/v1/Milan/" MILAN_HWID "?blSPL=03&teeSPL=01&snpSPL=23&ucodeSPL=209",
                   "chain kds:/vcek/v1/Milan/cert_chain", "crl kds:/vcek/v1/Milan/crl",
                   "vcek kds:/vcek/v1/Genoa/" MILAN_HWID "?blSPL=03&teeSPL=01&snpSPL=23&ucodeSPL=209",
                   "chain kds:/vcek/v1/Genoa/cert_chain", "crl kds:/vcek/v1/Genoa/crl"}},
        {.name = "version 2 with its certificate",
         .product = SNP_GENOA,
         .version = 2,
         .gives_leaf = true,
         .paths = {"chain kds:/vcek/v1/Genoa/cert_chain", "crl kds:/vcek/v1/Genoa/crl"}},
        {.name = "chip id masked",
         .product = SNP_MILAN,
         .version = 3,
         .is_masked = true,
         .paths = {"chain kds:/vcek/v1/Milan/cert_chain", "crl kds:/vcek/v1/Milan/crl"}},
};

static void paths_are_as_amd_has_them(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const struct row *row = &rows[i];
                AUTO(amd_world) struct amd_world w;
                struct appraisal in;
                struct needs needs;
                amd_world_init(&w, row->product, row->is_vlek, row->version);
                w.gives_no_leaf = !row->gives_leaf && !row->gives_other;
                w.leaf.tcb.parts[7] -= row->gives_other;
                if (row->is_masked)
                        memset(w.report + AMD_CHIP_ID, 0, SNP_CHIP_ID_LEN);
                amd_world_write(&w);
                amd_world_parts(&w, &in);
                expect_ok(verifier_needs(&in, &needs));
                for (size_t j = 0; j < needs.count || row->paths[j] != NULL; j++) {
                        AUTO_STRING char *got =
                                j < needs.count ? alloc_printf("%s %s", needs.items[j].part, needs.items[j].path)
                                                : alloc_string("nothing");
                        if (row->paths[j] == NULL || strcmp(got, row->paths[j]) != 0)
                                fail_msg("%s: wanted %s, got %s", row->name, row->paths[j], got);
                }
        }
}

static void nothing_of_nothing(void **state UNUSED)
{
        struct appraisal in = {.kind = EVIDENCE_SEV_SNP, .evidence = SPAN("short")};
        struct needs needs;

        expect_ok(verifier_needs(&in, &needs));
        assert_int_equal(needs.count, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths_are_as_amd_has_them),
                cmocka_unit_test(nothing_of_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
