/* Evidence of Azure's confidential VMs: a swtpm with what the paravisor leaves in it, a metadata service, and and what is asked of both: what the
 * parts are, what they are over, and what is refused. */
#include "attester/evidence/azure.h"

#include <fcntl.h>
#include <tss2/tss2_tpm2_types.h>
#include <unistd.h>

#include "attester/evidence/azure_host.h"
#include "lib/base/file.h"
#include "lib/crypt/tpm.h"
#include "lib/model/evidence_parts.h"
#include "lib/model/tpm_evidence.h"
#include "tests/fakes/azure_machine.h"
#include "tests/fakes/azure_tpm.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/imds.h"
#include "tests/fakes/swtpm.h"

#define PCRS        "sha256:0,7,23"
#define MODULUS_MAX 512

static struct swtpm tpm;
static struct imds service;
static struct buf modulus = BUF(MODULUS_MAX), snp_report = BUF(HCL_REPORT_MAX), tdx_report = BUF(HCL_REPORT_MAX);
static const char *const all_parts[] = {"quote", "sig", "pcrs", "eventlog", "vcek", "chain", "td-quote", NULL};

/* ---- machines ---- */

static struct evidence_options machine(const char *kind)
{
        return (struct evidence_options){
                .kind = kind, .tpm_tcti = tpm.tcti, .tpm_pcrs = PCRS, .tpm_eventlog = "", .imds_url = service.url};
}

static void become(enum hcl_report_type type)
{
        expect_ok(azure_tpm_report(tpm.tcti, buf_span(type == HCL_SNP ? &snp_report : &tdx_report)));
        imds_say(&service, IMDS_FINE, 0);
}

static struct binding a_binding(void)
{
        struct binding b = {.purpose = BINDING_ISSUE, .nonce = SPAN("nonce"), .audience = SPAN("https://issuer")};
        memset(b.exporter, 3, sizeof b.exporter);
        return b;
}

static struct fault *collect(const struct evidence_source *s, struct evidence_parts *ret)
{
        const struct binding b = a_binding();
        AUTO(cmw) struct cmw c = {0};
        TRY(s->collect(s->self, &b, NULL, &c));
        assert_int_equal(c.count, 1);
        assert_string_equal(c.items[0].type, strcmp(s->kind, EVIDENCE_AZ_TDX) == 0 ? CMW_AZ_TDX : CMW_AZ_SEV_SNP);
        assert_int_equal(c.items[0].indicator, CMW_IND_EVIDENCE);
        return evidence_parts_read(buf_span(&c.items[0].value), all_parts, ret);
}

static struct fault *collect_once(const struct evidence_options *o, struct evidence_parts *ret)
{
        struct evidence_source s;
        TRY(evidence_open(o, &s));
        assert_string_equal(s.kind, o->kind);
        assert_false(s.needs_enrolment || s.insecure_development);
        struct fault *f = collect(&s, ret);
        s.close(s.self);
        return f;
}

static struct fault *collect_nothing(const struct evidence_options *o)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        return collect_once(o, &e);
}

static bool has(const struct evidence_parts *e, const char *name)
{
        return evidence_parts_find(e, name).len > 0;
}

/* The quote is over the transcript, by the key in the report. */
static void verify(const struct evidence_parts *e)
{
        struct hcl_report report;
        AUTO(hcl_runtime) struct hcl_runtime runtime = {0};
        AUTO(tpm_public) struct tpm_public ak = {.scheme = TPM2_ALG_RSASSA, .scheme_hash = HASH_SHA256};
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        const struct binding b = a_binding();
        struct tpm_quote q;
        enum hash_alg alg;
        uint8_t extra_data[SHA256_LEN];
        expect_ok(hcl_read(buf_span(&e->evidence), &report));
        expect_ok(hcl_runtime_read(report.runtime_data, &runtime));
        expect_ok(key_from_spki(key_spki(runtime.ak), &ak.key));
        expect_ok(tpm_signature_verify(&ak, evidence_parts_find(e, "quote"), evidence_parts_find(e, "sig"), &alg));
        expect_ok(tpm_quote_read(evidence_parts_find(e, "quote"), &q));
        expect_ok(binding_write(&b, &t));
        binding_extra_data(buf_span(&t), extra_data);
        assert_true(span_eq(q.extra_data, SPAN_OF(extra_data)));
        assert_int_equal(q.bank_count, 1);
        assert_int_equal(q.banks[0].pcrs, 1u << 0 | 1u << 7 | 1u << 23);
}

/* ---- what goes along ---- */

static void an_snp_machine(void **state UNUSED)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        const struct evidence_options o = machine(EVIDENCE_AZ_SEV_SNP);
        become(HCL_SNP);
        expect_ok(collect_once(&o, &e));
        assert_true(span_starts_with(buf_span(&e.evidence), buf_span(&snp_report)));
        verify(&e);
        assert_true(has(&e, "pcrs") && has(&e, "vcek") && has(&e, "chain"));
        assert_false(has(&e, "td-quote") || has(&e, "eventlog"));
}

static void a_td(void **state UNUSED)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        const struct evidence_options o = machine(EVIDENCE_AZ_TDX);
        become(HCL_TDX);
        expect_ok(collect_once(&o, &e));
        assert_true(span_starts_with(buf_span(&e.evidence), buf_span(&tdx_report)));
        verify(&e);
        assert_true(has(&e, "pcrs") && has(&e, "td-quote"));
        assert_false(has(&e, "vcek") || has(&e, "chain"));
}

static void its_boot_log(void **state UNUSED)
{
        char path[] = "/tmp/vouchsafe-log-XXXXXX";
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        struct evidence_options o = machine(EVIDENCE_AZ_SEV_SNP);
        AUTO_CLOSE int fd = mkstemp(path);
        assert_true(fd >= 0);
        expect_ok(fd_write_all(fd, SPAN("a log")));
        o.tpm_eventlog = path;
        become(HCL_SNP);
        expect_ok(collect_once(&o, &e));
        assert_true(span_eq(evidence_parts_find(&e, "eventlog"), SPAN("a log")));
        assert_int_equal(unlink(path), 0);
}

/* As in the reader, which has no network: and what the attester makes of what it gets. */
static void without_a_network(void **state UNUSED)
{
        AUTO(evidence_parts)
        struct evidence_parts bare = evidence_parts_new(), whole = evidence_parts_new();
        struct evidence_options o = machine(EVIDENCE_AZ_TDX);
        struct evidence_source s;
        become(HCL_TDX);
        o.imds_url = NULL;
        expect_ok(evidence_open(&o, &s));
        expect_ok(collect(&s, &bare));
        assert_false(has(&bare, "td-quote"));
        assert_int_equal(imds_asked(&service), 0);
        o.imds_url = service.url;
        expect_ok(evidence_az_tdx_complete(&o, &s));
        expect_ok(collect(&s, &whole));
        verify(&whole);
        assert_true(has(&whole, "td-quote"));
        s.close(s.self);
}

/* ---- the metadata service ---- */

static void a_chip_is_attested_without_it(void **state UNUSED)
{
        static const enum imds_mode modes[] = {IMDS_BUSY, IMDS_FAILING, IMDS_MISSING, IMDS_RUBBISH, IMDS_HUGE};
        struct evidence_options o = machine(EVIDENCE_AZ_SEV_SNP);
        become(HCL_SNP);
        for (size_t i = 0; i < COUNT_OF(modes); i++) {
                AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
                imds_say(&service, modes[i], 0);
                expect_ok(collect_once(&o, &e));
                verify(&e);
                assert_false(has(&e, "vcek") || has(&e, "chain"));
                assert_int_equal(imds_asked(&service), 1);
        }
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        o.imds_url = "";
        expect_ok(collect_once(&o, &e));
        assert_false(has(&e, "vcek"));
        assert_int_equal(imds_asked(&service), 0);
}

static void what_refuses_a_td(void **state UNUSED)
{
        static const struct {
                enum imds_mode mode;
                const char *token;
        } rows[] = {{IMDS_MISSING, "az.imds_refused"}, {IMDS_RUBBISH, "az.imds_answer"}, {IMDS_HUGE, "az.imds_answer"}};
        struct evidence_options o = machine(EVIDENCE_AZ_TDX);
        become(HCL_TDX);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                imds_say(&service, rows[i].mode, 0);
                expect_fault(collect_nothing(&o), FAULT_INTERNAL, rows[i].token);
        }
        o.imds_url = "";
        expect_fault(collect_nothing(&o), FAULT_INVALID, "evidence.imds_url");
        o.imds_url = "https://169.254.169.254";
        expect_fault(collect_nothing(&o), FAULT_INVALID, "evidence.imds_url");
        o.kind = EVIDENCE_AZ_SEV_SNP;
        expect_fault(collect_nothing(&o), FAULT_INVALID, "evidence.imds_url");
}

/* ---- what is remembered ---- */

static const struct azure_kind snp_kind = {EVIDENCE_AZ_SEV_SNP, CMW_AZ_SEV_SNP, HCL_SNP},
                               tdx_kind = {EVIDENCE_AZ_TDX, CMW_AZ_TDX, HCL_TDX};

static struct evidence_source open_remembering(const struct azure_kind *kind, const struct clock *clock)
{
        struct evidence_options o = machine(kind->kind);
        struct evidence_source s;
        o.imds_url = NULL;
        expect_ok(evidence_open(&o, &s));
        const struct azure_host_options h = {
                .kind = kind, .imds = {.url = service.url, .pause_ms = 1, .answer_ms = 5000}, .clock = clock};
        expect_ok(azure_host_wrap(&h, &s));
        return s;
}

/* Collects, and says how often the service was asked. */
static unsigned asked_by(const struct evidence_source *s, bool has_certificates)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        expect_ok(collect(s, &e));
        assert_int_equal(has(&e, "vcek"), has_certificates);
        return imds_asked(&service);
}

static void certificates_are_kept_for_a_day(void **state UNUSED)
{
        struct fake_clock time;
        fake_clock_init(&time, 0, 1000);
        become(HCL_SNP);
        struct evidence_source s = open_remembering(&snp_kind, &time.clock);
        imds_say(&service, IMDS_FAILING, 1);
        assert_int_equal(asked_by(&s, false), 1);
        fake_clock_advance_ms(&time, AZURE_CERTIFICATES_AGAIN_MS - 1);
        assert_int_equal(asked_by(&s, false), 0);
        fake_clock_advance_ms(&time, 1);
        assert_int_equal(asked_by(&s, true), 1);
        fake_clock_advance_ms(&time, AZURE_CERTIFICATES_AGE_MS - 1);
        assert_int_equal(asked_by(&s, true), 0);
        fake_clock_advance_ms(&time, 1);
        assert_int_equal(asked_by(&s, true), 1);
        s.close(s.self);
}

static void a_quote_is_kept_for_an_hour(void **state UNUSED)
{
        struct fake_clock time;
        fake_clock_init(&time, 0, 1000);
        become(HCL_TDX);
        struct evidence_source s = open_remembering(&tdx_kind, &time.clock);
        AUTO(evidence_parts) struct evidence_parts none = evidence_parts_new();
        imds_say(&service, IMDS_BUSY, AZURE_IMDS_TRIES);
        expect_fault(collect(&s, &none), FAULT_UNAVAILABLE, "az.imds");
        assert_int_equal(imds_asked(&service), AZURE_IMDS_TRIES);
        assert_int_equal(asked_by(&s, false), 1);
        fake_clock_advance_ms(&time, AZURE_TD_QUOTE_AGE_MS - 1);
        assert_int_equal(asked_by(&s, false), 0);
        fake_clock_advance_ms(&time, 1);
        assert_int_equal(asked_by(&s, false), 1);
        /* another report: the machine was started anew */
        tdx_report.data[32 + 128 + 63] ^= 1;
        become(HCL_TDX);
        assert_int_equal(asked_by(&s, false), 1);
        tdx_report.data[32 + 128 + 63] ^= 1;
        s.close(s.self);
}

/* ---- the virtual TPM ---- */

static void a_key_that_is_not_the_reports(void **state UNUSED)
{
        const struct evidence_options o = machine(EVIDENCE_AZ_SEV_SNP);
        become(HCL_SNP);
        expect_ok(azure_tpm_key(tpm.tcti, 2, NULL));
        expect_fault(collect_nothing(&o), FAULT_INTERNAL, "az.ak");
        expect_ok(azure_tpm_key(tpm.tcti, 0, NULL));
        expect_fault(collect_nothing(&o), FAULT_INTERNAL, "az.ak");
        expect_ok(azure_tpm_key(tpm.tcti, 1, NULL));
        expect_ok(collect_nothing(&o));
}

static void a_report_that_is_none(void **state UNUSED)
{
        const size_t json = 32 + HCL_SLOT_LEN + 20;
        const struct {
                const char *name;
                size_t at, len; /* a byte that differs; 0: none. 0: whole */
                const char *token;
        } rows[] = {
                {"another signature", 1, 0, "az.structure"},
                {"another length", 32 + HCL_SLOT_LEN, 0, "az.structure"},
                {"cut off", 0, json + 100, "az.structure"},
                {"no JSON", json, 0, "az.runtime_data"},
        };
        const struct evidence_options o = machine(EVIDENCE_AZ_SEV_SNP);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct span bytes = buf_span(&snp_report);
                snp_report.data[rows[i].at] ^= rows[i].at == 0 ? 0 : 0x01;
                expect_ok(azure_tpm_report(tpm.tcti, span_slice(bytes, 0, rows[i].len == 0 ? bytes.len : rows[i].len)));
                snp_report.data[rows[i].at] ^= rows[i].at == 0 ? 0 : 0x01;
                expect_fault_row(collect_nothing(&o), FAULT_INTERNAL, rows[i].token, rows[i].name);
        }
}

/* ---- which machine this is ---- */

static const struct evidence_finding *found(const struct evidence_findings *f, const char *kind)
{
        for (size_t i = 0; i < f->count; i++)
                if (strcmp(f->items[i].kind, kind) == 0)
                        return &f->items[i];
        fail_msg("nothing is said of %s", kind);
        return NULL;
}

static void expect_choice(struct evidence_options o, const char *wanted)
{
        AUTO(evidence_findings) struct evidence_findings f = {0};
        static const char *const azure[] = {EVIDENCE_AZ_SEV_SNP, EVIDENCE_AZ_TDX};
        o.tsm_base = "/nonexistent";
        evidence_probe(&o, &f);
        assert_string_equal(f.choice, wanted);
        for (size_t i = 0; i < COUNT_OF(azure); i++) {
                const struct fault *why = found(&f, azure[i])->why_not;
                if (strcmp(azure[i], wanted) == 0)
                        assert_null(why);
                else
                        assert_string_equal(fault_token(why), "tee.missing");
        }
}

static void which_machine_it_is(void **state UNUSED)
{
        const struct evidence_options snp = machine(EVIDENCE_AZ_SEV_SNP), tdx = machine(EVIDENCE_AZ_TDX);
        imds_say(&service, IMDS_FAILING, 0);
        become(HCL_SNP);
        expect_choice(snp, EVIDENCE_AZ_SEV_SNP);
        expect_fault(collect_nothing(&tdx), FAULT_PRECONDITION, "tee.missing");
        become(HCL_TDX);
        expect_choice(snp, EVIDENCE_AZ_TDX);
        expect_fault(collect_nothing(&snp), FAULT_PRECONDITION, "tee.missing");
        expect_ok(azure_tpm_report(tpm.tcti, SPAN_NONE));
        expect_choice(snp, EVIDENCE_TPM);
        expect_fault(collect_nothing(&snp), FAULT_PRECONDITION, "tee.missing");
        assert_int_equal(imds_asked(&service), 0);
}

/* ---- */

static int start(void **state UNUSED)
{
        expect_ok(swtpm_make(&tpm, SWTPM_PLAIN));
        expect_ok(swtpm_start(&tpm));
        expect_ok(azure_tpm_key(tpm.tcti, 1, &modulus));
        const struct azure_machine snp = {HCL_SNP, false, clock_wall(&clock_system)},
                                   tdx = {HCL_TDX, false, clock_wall(&clock_system)};
        azure_machine_report(&snp, buf_span(&modulus), &snp_report);
        azure_machine_report(&tdx, buf_span(&modulus), &tdx_report);
        imds_start(&service);
        return 0;
}

static int stop(void **state UNUSED)
{
        imds_stop(&service);
        swtpm_clear(&tpm);
        buf_clear(&modulus);
        buf_clear(&snp_report);
        buf_clear(&tdx_report);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_snp_machine),
                cmocka_unit_test(a_td),
                cmocka_unit_test(its_boot_log),
                cmocka_unit_test(without_a_network),
                cmocka_unit_test(a_chip_is_attested_without_it),
                cmocka_unit_test(what_refuses_a_td),
                cmocka_unit_test(certificates_are_kept_for_a_day),
                cmocka_unit_test(a_quote_is_kept_for_an_hour),
                cmocka_unit_test(a_key_that_is_not_the_reports),
                cmocka_unit_test(a_report_that_is_none),
                cmocka_unit_test(which_machine_it_is),
        };
        return cmocka_run_group_tests(tests, start, stop);
}
