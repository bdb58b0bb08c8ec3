/* Levels met, through the whole appraisal: what the TD runs on against what Intel publishes (tests/fakes/intel_platform.c has the levels). */
#include "issuer/verifier/tdx/tdx.h"

#include "tests/fakes/intel_case.h"

#define BEGIN_LEVELS "\"tcbLevels\":[{\"tcb\":{\"sgx"

struct row {
        const char *name;
        uint8_t svn[3], svn2[3]; /* tee_tcb_svn, tee_tcb_svn2 */
        uint8_t qe_svn;
        unsigned pcesvn;       /* 0: as it is */
        uint8_t component_4;   /* 0: as it is */
        const char *from, *to; /* in TCB info; NULL: as it is */
        const char *status;
        const char *advisories;
        const char *date;
        const char *token; /* it is refused */
};

/* The newest level's status: the identities' levels of the same date come before it. */
#define NEWEST(status)                                                                                                 \
        "2024-11-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"sgx",                                          \
                "2024-11-13T00:00:00Z\",\"tcbStatus\":\"" status "\"},{\"tcb\":{\"sgx"
#define NOW_1                                                                                                          \
        {                                                                                                              \
                6, 1, 3                                                                                                \
        }
#define NOV_24 "2024-11-13T00:00:00Z"
#define MAR_24 "2024-03-13T00:00:00Z"
#define JAN_18 "2018-01-04T00:00:00Z"

static const struct row rows[] = {
        {"up to date", {6, 1, 3}, NOW_1, 7, 0, 0, NULL, NULL, "UpToDate", "", NOV_24, NULL},
        {"above every level", {255, 1, 255}, NOW_1, 255, 99, 255, NULL, NULL, "UpToDate", "", NOV_24, NULL},
        {"SW hardening", {6, 1, 3}, NOW_1, 7, 0, 0, NEWEST("SWHardeningNeeded"), "SWHardeningNeeded", "", NOV_24, NULL},
        {"configuration",
         {6, 1, 3},
         NOW_1,
         7,
         0,
         0,
         NEWEST("ConfigurationNeeded"),
         "ConfigurationNeeded",
         "",
         NOV_24,
         NULL},
        {"platform out of date: one component",
         {6, 1, 3},
         NOW_1,
         7,
         0,
         3,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-00106,INTEL-SA-01036",
         MAR_24,
         NULL},
        {"platform out of date: PCESVN",
         {6, 1, 3},
         NOW_1,
         7,
         12,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-00106,INTEL-SA-01036",
         MAR_24,
         NULL},
        {"platform out of date: microcode",
         {6, 1, 2},
         NOW_1,
         7,
         0,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-00106,INTEL-SA-01036",
         MAR_24,
         NULL},
        {"platform revoked", {6, 1, 1}, NOW_1, 7, 0, 0, NULL, NULL, "Revoked", "INTEL-SA-00106", JAN_18, NULL},
        {"no level: microcode", {6, 1, 0}, NOW_1, 7, 0, 0, NULL, NULL, NULL, NULL, NULL, "tdx.tcb_level"},
        {"module out of date alone, and still running",
         {5, 1, 3},
         {5, 1, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-01099",
         MAR_24,
         NULL},
        {"module out of date, configuration",
         {5, 1, 3},
         {5, 1, 3},
         7,
         0,
         0,
         NEWEST("ConfigurationAndSWHardeningNeeded"),
         "OutOfDateConfigurationNeeded",
         "INTEL-SA-01099",
         MAR_24,
         NULL},
        {"module revoked", {3, 1, 3}, NOW_1, 7, 0, 0, NULL, NULL, "Revoked", "", "2023-08-09T00:00:00Z", NULL},
        {"module up to date, platform out of date",
         {6, 1, 2},
         {6, 1, 2},
         7,
         0,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-00106,INTEL-SA-01036",
         MAR_24,
         NULL},
        {"module up to date, platform without a level",
         {6, 1, 3},
         NOW_1,
         7,
         0,
         1,
         NULL,
         NULL,
         NULL,
         NULL,
         NULL,
         "tdx.tcb_level"},
        {"module older than any level", {1, 1, 3}, NOW_1, 7, 0, 0, NULL, NULL, NULL, NULL, NULL, "tdx.module_level"},
        {"module of another version", {3, 3, 3}, {3, 3, 3}, 7, 0, 0, NULL, NULL, "UpToDate", "", NOV_24, NULL},
        {"module of another version, too old",
         {2, 3, 3},
         {2, 3, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         NULL,
         NULL,
         NULL,
         "tdx.module_level"},
        {"first module: its SVN is the platform's",
         {5, 0, 3},
         {5, 0, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "UpToDate",
         "",
         NOV_24,
         NULL},
        {"first module, out of date",
         {4, 0, 3},
         {5, 0, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-00106,INTEL-SA-01036",
         MAR_24,
         NULL},
        {"first module, revoked", {3, 0, 3}, {5, 0, 3}, 7, 0, 0, NULL, NULL, "Revoked", "INTEL-SA-00106", JAN_18, NULL},
        {"first module, no level", {2, 0, 3}, {5, 0, 3}, 7, 0, 0, NULL, NULL, NULL, NULL, NULL, "tdx.tcb_level"},
        {"with a version the first two SVNs don't count",
         {6, 1, 3},
         NOW_1,
         7,
         0,
         0,
         "{\"svn\":5},{\"svn\":0},{\"svn\":3}",
         "{\"svn\":9},{\"svn\":9},{\"svn\":3}",
         "UpToDate",
         "",
         NOV_24,
         NULL},
        {"relaunch", {5, 1, 3}, {6, 1, 3}, 7, 0, 0, NULL, NULL, "TDRelaunchAdvised", "INTEL-SA-01099", MAR_24, NULL},
        {"relaunch, configuration",
         {5, 1, 3},
         {6, 1, 3},
         7,
         0,
         0,
         NEWEST("ConfigurationNeeded"),
         "TDRelaunchAdvisedConfigurationNeeded",
         "INTEL-SA-01099",
         MAR_24,
         NULL},
        {"relaunch under another version",
         {5, 1, 3},
         {3, 3, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "TDRelaunchAdvised",
         "INTEL-SA-01099",
         MAR_24,
         NULL},
        {"relaunch under the first module",
         {5, 1, 3},
         {5, 0, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "TDRelaunchAdvised",
         "INTEL-SA-01099",
         MAR_24,
         NULL},
        {"no relaunch: the first module is not the newest",
         {5, 1, 3},
         {4, 0, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-01099",
         MAR_24,
         NULL},
        {"no relaunch: microcode",
         {5, 1, 3},
         {6, 1, 2},
         7,
         0,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-01099",
         MAR_24,
         NULL},
        {"relaunch: microcode too",
         {5, 1, 2},
         {6, 1, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "TDRelaunchAdvised",
         "INTEL-SA-00106,INTEL-SA-01036,INTEL-SA-01099",
         MAR_24,
         NULL},
        {"no relaunch: SGX part out of date",
         {5, 1, 3},
         {6, 1, 3},
         7,
         12,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-00106,INTEL-SA-01036,INTEL-SA-01099",
         MAR_24,
         NULL},
        {"no relaunch: QE out of date",
         {5, 1, 3},
         {6, 1, 3},
         3,
         0,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-00203,INTEL-SA-01099",
         MAR_24,
         NULL},
        {"what runs now has no identity", {5, 1, 3}, {6, 2, 3}, 7, 0, 0, NULL, NULL, NULL, NULL, NULL, "tdx.module"},
        {"what runs now is older than any level",
         {6, 1, 3},
         {1, 1, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         NULL,
         NULL,
         NULL,
         "tdx.module_level"},
        {"what runs now has microcode without a level",
         {6, 1, 3},
         {6, 1, 0},
         7,
         0,
         0,
         NULL,
         NULL,
         NULL,
         NULL,
         NULL,
         "tdx.tcb_level"},
        {"what runs now is worse",
         {6, 1, 3},
         {5, 1, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "OutOfDate",
         "INTEL-SA-01099",
         MAR_24,
         NULL},
        {"what runs now is revoked",
         {5, 1, 3},
         {3, 1, 3},
         7,
         0,
         0,
         NULL,
         NULL,
         "Revoked",
         "INTEL-SA-01099",
         "2023-08-09T00:00:00Z",
         NULL},
        {"QE out of date", {6, 1, 3}, NOW_1, 3, 0, 0, NULL, NULL, "OutOfDate", "INTEL-SA-00203", MAR_24, NULL},
        {"QE out of date, configuration",
         {6, 1, 3},
         NOW_1,
         3,
         0,
         0,
         NEWEST("ConfigurationNeeded"),
         "OutOfDateConfigurationNeeded",
         "INTEL-SA-00203",
         MAR_24,
         NULL},
        {"QE revoked", {6, 1, 3}, NOW_1, 2, 0, 0, NULL, NULL, "Revoked", "", "2023-03-13T00:00:00Z", NULL},
        {"QE older than any level", {6, 1, 3}, NOW_1, 1, 0, 0, NULL, NULL, NULL, NULL, NULL, "tdx.qe_level"},
        {"levels in another order",
         {6, 1, 3},
         NOW_1,
         7,
         0,
         0,
         BEGIN_LEVELS, /* an old level in front of all */
         "\"tcbLevels\":[{\"tcb\":{\"sgxtcbcomponents\":[{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},"
         "{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},"
         "{\"svn\":0},{\"svn\":0}],\"pcesvn\":0,\"tdxtcbcomponents\":[{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},"
         "{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},{\"svn\":0},"
         "{\"svn\":0},{\"svn\":0},{\"svn\":0}]},\"tcbDate\":\"2017-01-01T00:00:00Z\",\"tcbStatus\":\"OutOfDate\"},"
         "{\"tcb\":{\"sgx",
         "UpToDate",
         "",
         NOV_24,
         NULL},
};

static void run(const struct row *row)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 5);
        memcpy(c.p.body + INTEL_BODY_TEE_TCB_SVN, row->svn, sizeof(row->svn));
        memcpy(c.p.body + INTEL_BODY_TEE_TCB_SVN2, row->svn2, sizeof(row->svn2));
        c.p.qe_report[258] = row->qe_svn;
        if (row->pcesvn != 0)
                c.p.pck.pcesvn = (uint16_t) row->pcesvn;
        if (row->component_4 != 0)
                c.p.pck.components[4] = row->component_4;
        if (row->from != NULL)
                intel_edit(&c.p.tcb_info, row->from, row->to);
        intel_case_expect(&c, intel_case_appraise(&c), row->token, row->name);
        if (row->token != NULL)
                return;
        if (strcmp(intel_case_text(&c, "tdx.tcb-status"), row->status) != 0)
                fail_msg("%s: status %s", row->name, intel_case_text(&c, "tdx.tcb-status"));
        if (strcmp(intel_case_text(&c, "tdx.advisories"), row->advisories) != 0)
                fail_msg("%s: advisories %s", row->name, intel_case_text(&c, "tdx.advisories"));
        if (strcmp(intel_case_text(&c, "tdx.tcb-date"), row->date) != 0)
                fail_msg("%s: date %s", row->name, intel_case_text(&c, "tdx.tcb-date"));

        bool is_fine = strcmp(row->status, "UpToDate") == 0, is_revoked = strcmp(row->status, "Revoked") == 0;
        assert_int_equal(c.r.concern_count, !is_fine);
        if (!is_fine)
                assert_string_equal(c.r.concerns[0], "tdx.tcb_status");
        assert_int_equal(c.r.status, is_fine ? EAR_AFFIRMING : is_revoked ? EAR_CONTRAINDICATED : EAR_WARNING);
}

static void each_level_is_found(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                run(&rows[i]);
}

/* Each of the 16 components counts, on either side. */
static void each_component_counts(void **state UNUSED)
{
        for (size_t i = 0; i < 16; i++) {
                AUTO(intel_case) struct intel_case c;
                intel_case_init(&c, 4);
                if (c.p.pck.components[i] == 0)
                        continue;
                c.p.pck.components[i]--;
                struct fault *f = intel_case_appraise(&c);
                if (f == NULL && strcmp(intel_case_text(&c, "tdx.tcb-status"), "UpToDate") == 0)
                        fail_msg("component %zu is not compared", i);
                fault_free(f);
        }
}

static void numbers_and_ages_are_facts(void **state UNUSED)
{
        AUTO(intel_case) struct intel_case c;
        intel_case_init(&c, 5);
        intel_edit(&c.p.qe_identity, "\"tcbEvaluationDataNumber\":18", "\"tcbEvaluationDataNumber\":17");
        expect_ok(intel_case_appraise(&c));
        assert_int_equal(facts_find(&c.r.facts, "tdx.evaluation-number")->number, 17);
        assert_int_equal(facts_find(&c.r.facts, "tdx.tcb-info.evaluation-number")->number, 18);
        assert_int_equal(facts_find(&c.r.facts, "tdx.qe-identity.evaluation-number")->number, 17);
        assert_int_equal(facts_find(&c.r.facts, "tdx.tcb-age-days")->number, 740); /* 2024-11-13 to 2026-11-23 */
        assert_int_equal(facts_find(&c.r.facts, "tdx.cpusvn.7")->number, 5);
        assert_int_equal(facts_find(&c.r.facts, "tdx.tee-tcb-svn.0")->number, 6);
        assert_int_equal(facts_find(&c.r.facts, "tdx.rtmr.3")->value.data[0], 0xa3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_level_is_found),
                cmocka_unit_test(each_component_counts),
                cmocka_unit_test(numbers_and_ages_are_facts),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
