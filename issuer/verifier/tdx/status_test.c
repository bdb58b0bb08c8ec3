#include "issuer/verifier/tdx/status.h"

#include "tests/fakes/expect.h"

#define U  TCB_UP_TO_DATE
#define S  TCB_SW_HARDENING_NEEDED
#define C  TCB_CONFIGURATION_NEEDED
#define CS TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED
#define O  TCB_OUT_OF_DATE
#define OC TCB_OUT_OF_DATE_CONFIGURATION_NEEDED
#define R  TCB_REVOKED
#define L  TCB_RELAUNCH_ADVISED
#define LC TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED

/* Every pair that can be. */
static void all_pairs_merge(void **state UNUSED)
{
        static const struct {
                enum tcb_status platform, part, merged;
        } rows[] = {
                {U, U, U},  {U, O, O},   {U, R, R},   {S, U, S},   {S, O, O},   {S, R, R},  {C, U, C},
                {C, O, OC}, {C, R, R},   {CS, U, CS}, {CS, O, OC}, {CS, R, R},  {O, U, O},  {O, O, O},
                {O, R, R},  {OC, U, OC}, {OC, O, OC}, {OC, R, R},  {R, U, R},   {R, O, R},  {R, R, R},
                {L, U, L},  {L, O, L},   {L, R, R},   {LC, U, LC}, {LC, O, LC}, {LC, R, R},
        };
        assert_int_equal(COUNT_OF(rows), 9 * 3);
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (tcb_status_merge(rows[i].platform, rows[i].part) != rows[i].merged)
                        fail_msg("%s and %s", tcb_status_name(rows[i].platform), tcb_status_name(rows[i].part));
}

static void relaunch_is_advised_only_where_it_helps(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct relaunch in; /* sgx, merged, module, qe; svn2: module, microcode; newest: module, microcode */
                enum tcb_status wanted;
        } rows[] = {
                {"it helps", {U, O, O, U, 6, 3, 6, 3}, L},
                {"newer than the newest level", {U, O, O, U, 7, 4, 6, 3}, L},
                {"configuration by the platform", {C, OC, O, U, 6, 3, 6, 3}, LC},
                {"configuration by the SGX part alone", {C, O, O, U, 6, 3, 6, 3}, LC},
                {"both by the SGX part", {CS, O, O, U, 6, 3, 6, 3}, LC},
                {"hardening is no configuration", {S, O, O, U, 6, 3, 6, 3}, L},
                {"configuration by what was merged", {U, OC, O, U, 6, 3, 6, 3}, LC},
                {"module one short", {U, O, O, U, 5, 3, 6, 3}, O},
                {"microcode one short", {U, O, O, U, 6, 2, 6, 3}, O},
                {"QE out of date", {U, O, O, O, 6, 3, 6, 3}, O},
                {"QE revoked", {U, O, O, R, 6, 3, 6, 3}, O},
                {"SGX part out of date", {O, O, O, U, 6, 3, 6, 3}, O},
                {"SGX part out of date, configuration", {OC, OC, O, U, 6, 3, 6, 3}, OC},
                {"SGX part revoked", {R, O, O, U, 6, 3, 6, 3}, O},
                {"module up to date", {U, O, U, U, 6, 3, 6, 3}, O},
                {"module revoked", {U, R, R, U, 6, 3, 6, 3}, R},
                {"nothing is out of date", {U, U, O, U, 6, 3, 6, 3}, U},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (tcb_status_relaunch(&rows[i].in) != rows[i].wanted)
                        fail_msg("%s: %s", rows[i].name, tcb_status_name(tcb_status_relaunch(&rows[i].in)));
}

static void names_are_intels(void **state UNUSED)
{
        for (unsigned s = U; s <= R; s++)
                assert_int_equal(tcb_status_by_name(span_str(tcb_status_name((enum tcb_status) s))), s);
        static const char *const unknown[] = {"", "uptodate", "UpToDate ", "UpToDat", "TDRelaunchAdvised", "unknown"};
        for (size_t i = 0; i < COUNT_OF(unknown); i++)
                assert_int_equal(tcb_status_by_name(span_str(unknown[i])), TCB_STATUS_UNKNOWN);
}

static void advisories_are_a_sorted_set(void **state UNUSED)
{
        static const struct {
                const char *list, *more, *wanted;
                size_t count;
        } rows[] = {
                {NULL, NULL, "", 0},      {"", "", "", 0},          {"", "B,A", "A,B", 2},
                {"A,C", "B", "A,B,C", 3}, {"A,C", "C,A", "A,C", 2}, {"A", "AA,A-", "A,A-,AA", 3},
                {"B", NULL, "B", 1},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char *list = rows[i].list == NULL ? NULL : alloc_string(rows[i].list);
                advisories_merge(&list, rows[i].more);
                assert_string_equal(list, rows[i].wanted);
                assert_int_equal(advisories_count(list), rows[i].count);
                free(list);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_pairs_merge),
                cmocka_unit_test(relaunch_is_advised_only_where_it_helps),
                cmocka_unit_test(names_are_intels),
                cmocka_unit_test(advisories_are_a_sorted_set),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
