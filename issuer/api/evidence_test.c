/* Which of a request's items is what; what comes of them is in credentials_test.c and the flows. */
#include "issuer/api/evidence.h"

#include <stdio.h>

#include "lib/model/names.h"

#include "tests/fakes/expect.h"

static void items_have_their_places(void **state UNUSED)
{
        static const struct {
                const char *name, *labels[3], *types[3], *token; /* token NULL: taken */
                int primary, tpm;                                /* -1: none */
        } rows[] = {
                {"none", {NULL}, {NULL}, "evidence.missing", -1, -1},
                {"a quote", {""}, {CMW_TPM_QUOTE}, NULL, 0, 0},
                {"a report", {""}, {CMW_SEV_SNP}, NULL, 0, -1},
                {"unknown", {""}, {"application/x"}, "evidence.kind", -1, -1},
                {"report and quote", {"primary", "tpm"}, {CMW_SEV_SNP, CMW_TPM_QUOTE}, NULL, 0, 1},
                {"quote and report", {"tpm", "primary"}, {CMW_TPM_QUOTE, CMW_TDX}, NULL, 1, 0},
                {"token and quote", {"primary", "tpm"}, {CMW_CCA, CMW_TPM_QUOTE}, NULL, 0, 1},
                {"no primary", {"cpu", "tpm"}, {CMW_SEV_SNP, CMW_TPM_QUOTE}, "evidence.count", -1, -1},
                {"two quotes", {"primary", "tpm"}, {CMW_TPM_QUOTE, CMW_TPM_QUOTE}, "evidence.count", -1, -1},
                {"two reports", {"primary", "b"}, {CMW_SEV_SNP, CMW_TDX}, "evidence.count", -1, -1},
                /* it has a quote of its own: the same facts would be there twice */
                {"azure and quote", {"primary", "tpm"}, {CMW_AZ_SEV_SNP, CMW_TPM_QUOTE}, "evidence.count", -1, -1},
                {"azure td and quote", {"primary", "tpm"}, {CMW_AZ_TDX, CMW_TPM_QUOTE}, "evidence.count", -1, -1},
                {"nitro and quote", {"primary", "tpm"}, {CMW_NITRO, CMW_TPM_QUOTE}, "evidence.count", -1, -1},
                {"software and quote", {"primary", "tpm"}, {CMW_SOFTWARE, CMW_TPM_QUOTE}, "evidence.count", -1, -1},
                {"three",
                 {"primary", "tpm", "tpm2"},
                 {CMW_SEV_SNP, CMW_TPM_QUOTE, CMW_TPM_QUOTE},
                 "evidence.count",
                 -1,
                 -1},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct cmw c = {0};
                for (; c.count < 3 && rows[i].types[c.count] != NULL; c.count++) {
                        struct cmw_item *item = &c.items[c.count];
                        (void) snprintf(item->label, sizeof(item->label), "%s", rows[i].labels[c.count]); /* fits */
                        (void) snprintf(item->type, sizeof(item->type), "%s", rows[i].types[c.count]);    /* fits */
                }
                struct evidence_set set;
                struct fault *f = evidence_choose(&c, &set);
                if (rows[i].token != NULL) {
                        bool is_kind = strcmp(rows[i].token, "evidence.kind") == 0;
                        expect_fault_row(f, is_kind ? FAULT_DENIED : FAULT_INVALID, rows[i].token, rows[i].name);
                        continue;
                }
                expect_ok(f);
                assert_ptr_equal(set.primary, &c.items[rows[i].primary]);
                assert_ptr_equal(set.tpm, rows[i].tpm < 0 ? NULL : &c.items[rows[i].tpm]);
                assert_string_equal(set.appraiser->media_type, set.primary->type);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(items_have_their_places),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
