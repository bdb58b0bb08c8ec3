/* The kinds on configfs-tsm: what travels, what it commits to, and which options they take. */
#include "attester/evidence/tsm_source.h"

#include <fcntl.h>
#include <stdio.h>

#include "attester/probe.h"
#include "lib/model/evidence_parts.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/swtpm.h"
#include "tests/fakes/tsm.h"

static const char *const part_names[] = {"auxblob", "ccel", NULL};

static struct binding a_binding(void)
{
        struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        memset(b.exporter, 3, sizeof b.exporter);
        return b;
}

static void wanted_report_data(uint8_t ret[SHA512_LEN])
{
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        const struct binding b = a_binding();
        expect_ok(binding_write(&b, &t));
        binding_report_data(buf_span(&t), ret);
}

static void collect(const struct evidence_source *s, const char *type, struct evidence_parts *ret)
{
        AUTO(cmw) struct cmw c = {0};
        const struct binding b = a_binding();
        expect_ok(s->collect(s->self, &b, NULL, &c));
        assert_int_equal(c.count, 1);
        assert_string_equal(c.items[0].type, type);
        assert_int_equal(c.items[0].indicator, CMW_IND_EVIDENCE);
        expect_ok(evidence_parts_read(buf_span(&c.items[0].value), part_names, ret));
}

static void snp_binds_the_transcript(void **state)
{
        (void) state;
        AUTO(tsm_emulator) struct tsm_emulator tsm = {0};
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new(), at_2 = evidence_parts_new();
        struct evidence_source s;
        struct evidence_options o = {.kind = EVIDENCE_SEV_SNP};
        uint8_t wanted[SHA512_LEN];
        if (!tsm_emulator_start(&tsm, "sev_guest"))
                skip();
        o.tsm_base = tsm.base;
        wanted_report_data(wanted);
        expect_ok(evidence_open(&o, &s));
        assert_string_equal(s.kind, EVIDENCE_SEV_SNP);
        assert_false(s.needs_enrolment);
        collect(&s, CMW_SEV_SNP, &e);
        assert_int_equal(e.evidence.len, 1184);
        assert_memory_equal(e.evidence.data + 0x50, wanted, sizeof wanted);
        assert_int_equal(e.evidence.data[0x30], 0); /* VMPL: the kernel's choice */
        assert_int_equal(e.count, 1);
        assert_true(evidence_parts_find(&e, "auxblob").len > 1000);
        s.close(s.self);

        o.has_privilege_level = true;
        o.privilege_level = 2;
        expect_ok(evidence_open(&o, &s));
        collect(&s, CMW_SEV_SNP, &at_2);
        assert_int_equal(at_2.evidence.data[0x30], 2);
        s.close(s.self);
}

static void snp_without_a_table(void **state)
{
        (void) state;
        AUTO(tsm_emulator) struct tsm_emulator tsm = {0};
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        struct evidence_source s;
        if (!tsm_emulator_start(&tsm, "sev_guest"))
                skip();
        tsm_emulator_say(&tsm, "aux=empty\n");
        expect_ok(evidence_open(&(struct evidence_options){.kind = EVIDENCE_SEV_SNP, .tsm_base = tsm.base}, &s));
        collect(&s, CMW_SEV_SNP, &e);
        assert_int_equal(e.count, 0);
        s.close(s.self);
}

static void tdx_brings_its_log(void **state)
{
        (void) state;
        static const struct {
                const char *name, *control;
                size_t data_at;
                size_t log_len; /* of the file; 0: there is none */
                size_t sent_len;
        } rows[] = {
                {"version 4, with a log", "", 48 + 520, 4096, 4096},
                {"version 5, with a log", "quote-version=5\n", 54 + 520, 4096, 4096},
                {"without a log", "", 48 + 520, 0, 0},
                {"filler behind it does not make it too long", "", 48 + 520, (size_t) 161 * 1024, 3 + 4096},
                {"a log that is too long is left out", "", 48 + 520, (size_t) 1025 * 1024, 0},
        };
        AUTO(tsm_emulator) struct tsm_emulator tsm = {0};
        char log_path[128];
        uint8_t wanted[SHA512_LEN];
        if (!tsm_emulator_start(&tsm, "tdx_guest"))
                skip();
        wanted_report_data(wanted);
        (void) snprintf(log_path, sizeof log_path, "%s/ccel", tsm.folder);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
                struct evidence_source s;
                (void) unlink(log_path); /* of the row before */
                if (rows[i].log_len > 0) {
                        AUTO_CLOSE int fd = open(log_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
                        assert_int_equal(write(fd, "log", 3), 3);
                        assert_int_equal(ftruncate(fd, (off_t) rows[i].log_len), 0);
                }
                tsm_emulator_say(&tsm, rows[i].control);
                expect_ok(evidence_open(
                        &(struct evidence_options){.kind = EVIDENCE_TDX, .tsm_base = tsm.base, .ccel_file = log_path},
                        &s));
                collect(&s, CMW_TDX, &e);
                assert_memory_equal(e.evidence.data + rows[i].data_at, wanted, sizeof wanted);
                if (evidence_parts_find(&e, "ccel").len != rows[i].sent_len)
                        fail_msg("%s", rows[i].name);
                s.close(s.self);
        }
        (void) unlink(log_path);
}

static void cca_answers_the_challenge(void **state)
{
        (void) state;
        AUTO(tsm_emulator) struct tsm_emulator tsm = {0};
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        struct evidence_source s;
        uint8_t wanted[SHA512_LEN];
        const struct binding b = a_binding();
        AUTO(cmw) struct cmw none = {0};
        if (!tsm_emulator_start(&tsm, "arm_cca_guest"))
                skip();
        wanted_report_data(wanted);
        expect_ok(evidence_open(&(struct evidence_options){.kind = EVIDENCE_CCA, .tsm_base = tsm.base}, &s));
        collect(&s, CMW_CCA, &e);
        assert_non_null(memmem(e.evidence.data, e.evidence.len, wanted, sizeof wanted));
        tsm_emulator_say(&tsm, "other-report=1\n");
        expect_fault(s.collect(s.self, &b, NULL, &none), FAULT_INTERNAL, "tee.report_data");
        tsm_emulator_say(&tsm, "blob=version0\n");
        expect_fault(s.collect(s.self, &b, NULL, &none), FAULT_UNAVAILABLE, "tee.blob");
        s.close(s.self);
}

static void kinds_refuse_what_is_no_report_of_theirs(void **state)
{
        (void) state;
        static const struct {
                const char *kind, *provider, *control;
                enum fault_code code;
                const char *token;
        } rows[] = {
                {EVIDENCE_SEV_SNP, "sev_guest", "blob=long\n", FAULT_UNAVAILABLE, "tee.blob"},
                {EVIDENCE_SEV_SNP, "sev_guest", "blob=version0\n", FAULT_UNAVAILABLE, "tee.blob"},
                {EVIDENCE_SEV_SNP, "sev_guest", "read-error=ENOTTY\n", FAULT_PRECONDITION, "tee.lost"},
                {EVIDENCE_SEV_SNP, "tdx_guest", "", FAULT_PRECONDITION, "tee.missing"},
                {EVIDENCE_TDX, "tdx_guest", "blob=version0\n", FAULT_UNAVAILABLE, "tee.blob"},
                {EVIDENCE_TDX, "tdx_guest", "blob=short\n", FAULT_UNAVAILABLE, "tee.blob"},
                {EVIDENCE_TDX, "tdx_guest", "blob=empty\n", FAULT_UNAVAILABLE, "tee.blob"},
                {EVIDENCE_TDX, "tdx_guest", "read-error=ETIMEDOUT\n", FAULT_UNAVAILABLE, "tee.timeout"},
                {EVIDENCE_TDX, "sev_guest", "", FAULT_PRECONDITION, "tee.missing"},
                {EVIDENCE_CCA, "arm_cca_guest", "blob=short\n", FAULT_UNAVAILABLE, "tee.blob"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(tsm_emulator) struct tsm_emulator tsm = {0};
                AUTO(cmw) struct cmw none = {0};
                const struct binding b = a_binding();
                struct evidence_source s;
                if (!tsm_emulator_start(&tsm, rows[i].provider))
                        skip();
                tsm_emulator_say(&tsm, rows[i].control);
                expect_ok(evidence_open(&(struct evidence_options){.kind = rows[i].kind, .tsm_base = tsm.base}, &s));
                expect_fault_row(s.collect(s.self, &b, NULL, &none), rows[i].code, rows[i].token, rows[i].control);
                s.close(s.self);
        }
}

/* ---- auto: the order, and what is never chosen */

static void auto_takes_the_first_there_is(void **state)
{
        (void) state;
        static const struct {
                const char *provider, *control;
                bool has_tpm;
                const char *kind; /* NULL: nothing */
        } rows[] = {
                {"sev_guest", "", true, EVIDENCE_SEV_SNP},         {"tdx_guest", "", true, EVIDENCE_TDX},
                {"arm_cca_guest", "", false, EVIDENCE_CCA},        {"sev_guest", "no-provider=1\n", true, EVIDENCE_TPM},
                {"sev_guest", "mkdir-error=EPERM\n", false, NULL}, {"sev_guest", "no-provider=1\n", false, NULL},
        };
        AUTO(swtpm) struct swtpm tpm = {0};
        expect_ok(swtpm_make(&tpm, SWTPM_PLAIN));
        expect_ok(swtpm_start(&tpm));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(tsm_emulator) struct tsm_emulator tsm = {0};
                AUTO(evidence_findings) struct evidence_findings found = {0};
                struct evidence_source s;
                if (!tsm_emulator_start(&tsm, rows[i].provider))
                        skip();
                tsm_emulator_say(&tsm, rows[i].control);
                const struct evidence_options o = {.kind = EVIDENCE_AUTO,
                                                   .tsm_base = tsm.base,
                                                   .tpm_tcti = rows[i].has_tpm ? tpm.tcti : "",
                                                   .state_dir = tpm.folder,
                                                   .insecure_development = true};
                evidence_probe(&o, &found);
                assert_string_equal(found.items[found.count - 1].kind, EVIDENCE_SOFTWARE);
                assert_non_null(found.items[found.count - 1].why_not);
                if (rows[i].kind == NULL) {
                        assert_null(found.choice);
                        expect_fault(evidence_open(&o, &s), FAULT_PRECONDITION, "tee.missing");
                        continue;
                }
                assert_string_equal(found.choice, rows[i].kind);
                expect_ok(evidence_open(&o, &s));
                assert_string_equal(s.kind, rows[i].kind);
                assert_false(s.insecure_development);
                s.close(s.self);
                assert_int_equal(tsm_emulator_count(&tsm), 0);
        }
}

static void probe_writes_json(void **state)
{
        (void) state;
        AUTO(buf) struct buf text = BUF(65536);
        AUTO(json) struct json *j = NULL;
        const struct json *kinds = NULL;
        expect_ok(probe_write(&(struct evidence_options){.tsm_base = "/nonexistent"}, &text));
        expect_ok(json_parse(buf_span(&text), &j));
        assert_null(json_get(j, "auto"));
        expect_ok(json_need_array(j, "kinds", EVIDENCE_KINDS_MAX, &kinds));
        assert_true(json_count(kinds) >= 5);
        for (size_t i = 0; i < json_count(kinds); i++) {
                assert_false(json_bool(json_get(json_at(kinds, i), "available")));
                assert_non_null(json_get(json_at(kinds, i), "reason"));
        }
}

static void options_and_enrolment(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                struct evidence_options options;
        } rows[] = {
                {"level 4", {.kind = EVIDENCE_SEV_SNP, .has_privilege_level = true, .privilege_level = 4}},
                {"level -2", {.kind = EVIDENCE_SEV_SNP, .has_privilege_level = true, .privilege_level = -2}},
                {"a level for TDX", {.kind = EVIDENCE_TDX, .has_privilege_level = true}},
                {"a level for CCA", {.kind = EVIDENCE_CCA, .has_privilege_level = true}},
        };
        struct evidence_source s;
        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(secret) struct secret *secret = NULL;
        const struct binding b = a_binding();
        AUTO(cmw) struct cmw none = {0};
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_fault_row(evidence_open(&rows[i].options, &s), FAULT_INVALID, "evidence.privilege_level",
                                 rows[i].name);
        expect_ok(evidence_open(&(struct evidence_options){.kind = EVIDENCE_SEV_SNP, .tsm_base = "/nonexistent"}, &s));
        expect_fault(s.collect(s.self, &b, NULL, &none), FAULT_PRECONDITION, "tee.missing");
        expect_fault(s.enrolment(s.self, NULL, &m), FAULT_UNIMPLEMENTED, "evidence.no_enrolment");
        expect_fault(s.activate(s.self, SPAN_NONE, SPAN_NONE, NULL, &secret), FAULT_UNIMPLEMENTED,
                     "evidence.no_enrolment");
        s.close(s.self);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(snp_binds_the_transcript),
                cmocka_unit_test(snp_without_a_table),
                cmocka_unit_test(tdx_brings_its_log),
                cmocka_unit_test(cca_answers_the_challenge),
                cmocka_unit_test(kinds_refuse_what_is_no_report_of_theirs),
                cmocka_unit_test(auto_takes_the_first_there_is),
                cmocka_unit_test(probe_writes_json),
                cmocka_unit_test(options_and_enrolment),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
