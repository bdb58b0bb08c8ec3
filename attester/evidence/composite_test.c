/* A CPU's report with a TPM's quote bound into it: an emulated guest with a TPM beside it. */
#include "attester/evidence/composite.h"

#include <stdio.h>

#include "lib/crypt/tpm.h"
#include "lib/model/evidence_parts.h"
#include "lib/model/tpm_evidence.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/swtpm.h"
#include "tests/fakes/tsm.h"

#define REPORT_DATA_AT 0x50

static struct swtpm tpm;
static struct tsm_emulator tsm;
static char state_dir[128], log_path[128];
static char *with_tpm[] = {(char *) EVIDENCE_TPM};

static struct evidence_options options(void)
{
        return (struct evidence_options){.kind = EVIDENCE_SEV_SNP,
                                         .tsm_base = tsm.base,
                                         .tpm_tcti = tpm.tcti,
                                         .tpm_pcrs = "sha256:0,7",
                                         .tpm_eventlog = log_path,
                                         .state_dir = state_dir,
                                         .secondary_count = 1,
                                         .secondary = with_tpm};
}

static struct binding a_binding(enum binding_purpose purpose)
{
        struct binding b = {.purpose = purpose, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        memset(b.exporter, 3, sizeof b.exporter);
        return b;
}

static void write_log(size_t len)
{
        FILE *f = fopen(log_path, "w");
        assert_non_null(f);
        for (size_t i = 0; i < len; i++)
                assert_int_equal(fputc('l', f), 'l');
        assert_int_equal(fclose(f), 0);
}

static void expect_quote(const struct cmw_item *item, enum binding_purpose purpose, size_t log_len)
{
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        const struct binding b = a_binding(purpose); /* without the field of secondary evidence */
        uint8_t extra_data[SHA256_LEN];
        struct tpm_quote q;
        assert_string_equal(item->type, CMW_TPM_QUOTE);
        assert_int_equal(item->indicator, CMW_IND_EVIDENCE);
        expect_ok(tpm_evidence_read(buf_span(&item->value), &e));
        expect_ok(tpm_quote_read(buf_span(&e.attest), &q));
        expect_ok(binding_write(&b, &t));
        binding_extra_data(buf_span(&t), extra_data);
        assert_true(span_eq(q.extra_data, SPAN_OF(extra_data)));
        assert_int_equal(e.eventlog.len, log_len);
}

static void expect_report(const struct cmw_item *item, const struct cmw_item *quote)
{
        static const char *const parts[] = {"auxblob", NULL};
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        struct binding b = a_binding(BINDING_ISSUE);
        uint8_t wanted[SHA512_LEN];
        b.secondary_count = 1;
        b.secondary[0].kind = SECONDARY_TPM;
        sha256(buf_span(&quote->value), b.secondary[0].digest);
        expect_ok(binding_write(&b, &t));
        binding_report_data(buf_span(&t), wanted);
        assert_string_equal(item->type, CMW_SEV_SNP);
        expect_ok(evidence_parts_read(buf_span(&item->value), parts, &e));
        assert_memory_equal(e.evidence.data + REPORT_DATA_AT, wanted, sizeof wanted);
}

static void open_or_skip(struct evidence_source *ret)
{
        const struct evidence_options o = options();
        if (tsm.pid == 0)
                skip(); /* this machine has no FUSE */
        expect_ok(evidence_open(&o, ret));
        assert_string_equal(ret->kind, EVIDENCE_SEV_SNP);
        assert_true(ret->needs_enrolment);
        assert_false(ret->insecure_development);
}

static void a_quote_is_bound_into_a_report(void **state)
{
        (void) state;
        const struct binding b = a_binding(BINDING_ISSUE);
        struct evidence_source s;
        open_or_skip(&s);
        write_log(5000);
        for (unsigned i = 0; i < 2; i++) { /* what the first left behind does not matter to the second */
                AUTO(cmw) struct cmw c = {0};
                AUTO(json) struct json *wire = NULL;
                AUTO(cmw) struct cmw back = {0};
                expect_ok(s.collect(s.self, &b, NULL, &c));
                assert_int_equal(c.count, 2);
                wire = cmw_to_json(&c);
                expect_ok(cmw_parse(wire, &back));
                assert_int_equal(back.count, 2);
                const struct cmw_item *quote = cmw_find(&back, CMW_TPM_QUOTE), *report = cmw_find(&back, CMW_SEV_SNP);
                assert_non_null(quote);
                assert_non_null(report);
                assert_string_equal(report->label, CMW_PRIMARY_LABEL);
                assert_string_equal(quote->label, EVIDENCE_TPM);
                expect_quote(quote, BINDING_ISSUE, 5000);
                expect_report(report, quote);
        }
        assert_int_equal(unlink(log_path), 0);
        s.close(s.self);
}

static void logs_that_do_not_fit_stay_away(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                size_t len, sent;
        } rows[] = {
                {"none", 0, 0},
                {"as long as there is room beside another item", 112 * 1024, 112 * 1024},
                {"a byte longer", 112 * 1024 + 1, 0},
        };
        const struct binding b = a_binding(BINDING_ISSUE);
        struct evidence_source s;
        open_or_skip(&s);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(cmw) struct cmw c = {0};
                write_log(rows[i].len);
                expect_ok(s.collect(s.self, &b, NULL, &c));
                expect_quote(cmw_find(&c, CMW_TPM_QUOTE), BINDING_ISSUE, rows[i].sent);
        }
        assert_int_equal(unlink(log_path), 0);
        s.close(s.self);
}

/* An enrolment is about the TPM's key: its quote comes alone, and without the log. */
static void the_quote_alone_is_enrolled(void **state)
{
        (void) state;
        const struct binding b = a_binding(BINDING_ENROL);
        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(tpm_public) struct tpm_public ek = {0};
        AUTO(buf) struct buf name = BUF(80), id_object = BUF(1024), encrypted = BUF(1024);
        AUTO(secret) struct secret *secret = NULL;
        AUTO(cmw) struct cmw c = {0};
        struct evidence_source s;
        open_or_skip(&s);
        write_log(100);
        expect_ok(s.enrolment(s.self, NULL, &m));
        assert_int_equal(m.certificate_count, 1);
        expect_ok(tpm_public_read(buf_span(&m.ek_public), &ek));
        expect_ok(tpm_name(buf_span(&m.ak_public), &name));
        expect_ok(tpm_make_credential(ek.key, buf_span(&name), SPAN("a secret"), &id_object, &encrypted));
        expect_ok(s.activate(s.self, buf_span(&id_object), buf_span(&encrypted), NULL, &secret));
        assert_true(secret_eq(secret, SPAN("a secret")));

        expect_ok(s.collect(s.self, &b, NULL, &c));
        assert_int_equal(c.count, 1);
        assert_string_equal(c.items[0].label, "");
        expect_quote(&c.items[0], BINDING_ENROL, 0);
        assert_int_equal(unlink(log_path), 0);
        s.close(s.self);
}

static void a_fault_says_whose_it_is(void **state)
{
        (void) state;
        const struct binding b = a_binding(BINDING_ISSUE);
        AUTO(cmw) struct cmw c = {0};
        struct evidence_source s;
        open_or_skip(&s);
        tsm_emulator_say(&tsm, "read-error=EIO\n");
        struct fault *f = s.collect(s.self, &b, NULL, &c);
        assert_non_null(strstr(fault_text(f), "sev-snp evidence"));
        expect_fault(f, FAULT_UNAVAILABLE, "tee.host");
        tsm_emulator_say(&tsm, "");
        swtpm_stop(&tpm);
        f = s.collect(s.self, &b, NULL, &c);
        assert_non_null(strstr(fault_text(f), "tpm evidence"));
        expect_fault(f, FAULT_UNAVAILABLE, "tee.gone");
        expect_ok(swtpm_start(&tpm));
        assert_int_equal(c.count, 0);
        expect_ok(s.collect(s.self, &b, NULL, &c));
        s.close(s.self);
}

static void what_does_not_fit_together_is_refused(void **state)
{
        (void) state;
        static const struct {
                const char *name, *primary, *others[3]; /* others NULL-terminated */
                const char *token;                      /* NULL: fine */
        } rows[] = {
                {"a TPM beside SEV-SNP", EVIDENCE_SEV_SNP, {EVIDENCE_TPM}, NULL},
                {"beside TDX", EVIDENCE_TDX, {EVIDENCE_TPM}, NULL},
                {"beside CCA", EVIDENCE_CCA, {EVIDENCE_TPM}, NULL},
                {"nothing", EVIDENCE_TPM, {NULL}, NULL},
                {"beside itself", EVIDENCE_TPM, {EVIDENCE_TPM}, "evidence.secondary"},
                {"beside what has one", EVIDENCE_AZ_SEV_SNP, {EVIDENCE_TPM}, "evidence.secondary"},
                {"beside a Nitro enclave", EVIDENCE_NITRO, {EVIDENCE_TPM}, "evidence.secondary"},
                {"beside development", EVIDENCE_SOFTWARE, {EVIDENCE_TPM}, "evidence.secondary"},
                {"a CPU beside a CPU", EVIDENCE_SEV_SNP, {EVIDENCE_TDX}, "evidence.secondary"},
                {"development beside a CPU", EVIDENCE_SEV_SNP, {EVIDENCE_SOFTWARE}, "evidence.secondary"},
                {"a kind that is none", EVIDENCE_SEV_SNP, {"TPM"}, "evidence.secondary"},
                {"twice", EVIDENCE_SEV_SNP, {EVIDENCE_TPM, EVIDENCE_TPM}, "evidence.secondary"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char *others[3] = {NULL};
                struct evidence_options o = {.secondary = others};
                for (; rows[i].others[o.secondary_count] != NULL; o.secondary_count++)
                        others[o.secondary_count] = (char *) rows[i].others[o.secondary_count]; /* only read */
                struct fault *f = evidence_secondary_check(&o, rows[i].primary);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, rows[i].token, rows[i].name);
        }
}

static void parts_are_opened_with_their_own_refusals(void **state)
{
        (void) state;
        struct evidence_source s;
        struct evidence_options o = options();
        o.kind = EVIDENCE_TPM;
        expect_fault(evidence_open(&o, &s), FAULT_INVALID, "evidence.secondary");
        o.kind = EVIDENCE_SOFTWARE;
        expect_fault(evidence_open(&o, &s), FAULT_DENIED, "evidence.insecure_development");
        o.insecure_development = true;
        expect_fault(evidence_open(&o, &s), FAULT_INVALID, "evidence.secondary");
        o = options();
        o.kind = "snp";
        expect_fault(evidence_open(&o, &s), FAULT_INVALID, "evidence.kind");
        o.kind = NULL;
        expect_fault(evidence_open(&o, &s), FAULT_INVALID, "evidence.kind");
        o = options();
        o.tpm_pcrs = "sha1:0";
        expect_fault(evidence_open(&o, &s), FAULT_INVALID, "evidence.pcrs");
        o = options();
        o.has_privilege_level = true;
        o.privilege_level = 4;
        expect_fault(evidence_open(&o, &s), FAULT_INVALID, "evidence.privilege_level");
}

static int make_machine(void **state)
{
        (void) state;
        expect_ok(swtpm_make(&tpm, SWTPM_EK_CERTIFICATE));
        expect_ok(swtpm_start(&tpm));
        (void) tsm_emulator_start(&tsm, "sev_guest"); /* without it, some tests are skipped */
        (void) snprintf(state_dir, sizeof state_dir, "%s/attester", tpm.folder); /* fits, as below */
        (void) snprintf(log_path, sizeof log_path, "%s/boot-log", tpm.folder);
        return 0;
}

static int clear_machine(void **state)
{
        (void) state;
        tsm_emulator_clear(&tsm);
        swtpm_clear(&tpm);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_quote_is_bound_into_a_report),
                cmocka_unit_test(logs_that_do_not_fit_stay_away),
                cmocka_unit_test(the_quote_alone_is_enrolled),
                cmocka_unit_test(a_fault_says_whose_it_is),
                cmocka_unit_test(what_does_not_fit_together_is_refused),
                cmocka_unit_test(parts_are_opened_with_their_own_refusals),
        };
        return cmocka_run_group_tests(tests, make_machine, clear_machine);
}
