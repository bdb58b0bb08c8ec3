#include "attester/evidence/azure.h"

#include <stdio.h>

#include "attester/evidence/azure_host.h"
#include "attester/evidence/azure_vtpm.h"
#include "attester/evidence/boot_log.h"
#include "attester/evidence/tpm.h"
#include "attester/evidence/tpm_pcrs.h"
#include "attester/evidence/tpm_quote.h"
#include "lib/model/evidence_parts.h"

#define PCRS_TEXT_MAX ((size_t) 32 * 1024)
#define LOG_MAX       ((size_t) 112 * 1024) /* beside the report and what the host adds, it still fits into an item */

static const struct azure_kind snp = {.kind = EVIDENCE_AZ_SEV_SNP, .cmw_type = CMW_AZ_SEV_SNP, .report_type = HCL_SNP};
static const struct azure_kind tdx = {.kind = EVIDENCE_AZ_TDX, .cmw_type = CMW_AZ_TDX, .report_type = HCL_TDX};

struct azure_source {
        const struct azure_kind *kind;
        char *tcti;
        struct tpm_context context;
        TPML_PCR_SELECTION pcrs;
        struct boot_log log;
        struct tpm_evidence
                quote; /* the last; its registers' values serve again while their digest is the quoted one */
};

/* ---- evidence ---- */

/* {"sha256":{"0":hex,…},…} */
static struct fault *write_values(const struct tpm_evidence *q, struct buf *out)
{
        AUTO(json) struct json *banks = json_new_object();
        for (unsigned bank = 0; bank < TPM_BANKS_MAX; bank++) {
                if (tpm_evidence_pcrs(q, (enum hash_alg) bank) == 0)
                        continue;
                struct json *values = json_new_object();
                json_set(banks, hash_name((enum hash_alg) bank), values);
                for (unsigned i = 0; i < TPM_PCR_COUNT; i++) {
                        char name[8];
                        (void) snprintf(name, sizeof name, "%u", i); /* fits */
                        if (q->values[bank][i].len > 0)
                                json_set_hex(values, name, q->values[bank][i]);
                }
        }
        return json_write(banks, out);
}

static struct fault *pack(struct azure_source *s, struct span report, struct cmw *ret)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        AUTO(buf) struct buf values = BUF(PCRS_TEXT_MAX);
        AUTO(cmw) struct cmw out = cmw_evidence(s->kind->cmw_type);
        TRY(write_values(&s->quote, &values));
        TRY(buf_append(&e.evidence, report));
        TRY(evidence_parts_add(&e, "quote", buf_span(&s->quote.attest)));
        TRY(evidence_parts_add(&e, "sig", buf_span(&s->quote.signature)));
        TRY(evidence_parts_add(&e, "pcrs", buf_span(&values)));
        AUTO(buf) struct buf log = boot_log_read(&s->log);
        TRY(evidence_parts_add(&e, "eventlog", buf_span(&log)));
        TRY(evidence_parts_write(&e, &out.items[0].value));
        *ret = out;
        memset(&out, 0, sizeof out); /* what was given away is not freed */
        return NULL;
}

struct work { /* of one call */
        struct azure_source *source;
        uint8_t extra_data[SHA256_LEN];
        struct cmw *evidence;
};

static struct fault *do_collect(void *arg, struct tpm_context *t, struct cancel *cancel)
{
        struct work *w = arg;
        struct azure_source *s = w->source;
        AUTO(buf) struct buf bytes = BUF(HCL_REPORT_MAX);
        struct hcl_report report;
        ESYS_TR ak;
        TRY(azure_vtpm_report(t, cancel, s->kind->report_type, &bytes, &report));
        TRY(azure_vtpm_ak(t, cancel, &report, &ak));
        TRY(tpm_quote_take(t, cancel, ak, &s->pcrs, w->extra_data, &s->quote));
        return pack(s, buf_span(&bytes), w->evidence);
}

static struct fault *collect(void *self, const struct binding *binding, struct cancel *cancel, struct cmw *ret_evidence)
{
        struct azure_source *s = self;
        AUTO(buf) struct buf transcript = BUF(BINDING_T_MAX);
        struct work w = {.source = s, .evidence = ret_evidence};
        TRY(binding_write(binding, &transcript));
        binding_extra_data(buf_span(&transcript), w.extra_data);
        return tpm_context_with(&s->context, cancel, do_collect, &w);
}

static void close_source(void *self)
{
        struct azure_source *s = self;
        tpm_context_close(&s->context);
        tpm_evidence_clear(&s->quote);
        boot_log_clear(&s->log);
        free(s->tcti);
        free(s);
}

/* ---- opening ---- */

static struct fault *complete(const struct azure_kind *k, const struct evidence_options *o, struct evidence_source *s)
{
        const struct azure_host_options options = {
                .kind = k,
                .imds = {.url = o->imds_url, .pause_ms = AZURE_IMDS_PAUSE_MS, .answer_ms = AZURE_IMDS_ANSWER_MS},
                .clock = &clock_system};
        return o->imds_url == NULL ? NULL : azure_host_wrap(&options, s);
}

static struct fault *open_kind(const struct azure_kind *k, const struct evidence_options *o,
                               struct evidence_source *ret)
{
        TPML_PCR_SELECTION pcrs;
        TRY(tpm_pcrs_parse(span_str(o->tpm_pcrs == NULL ? TPM_PCRS_DEFAULT : o->tpm_pcrs), &pcrs));
        TRY(tpm_context_check(o->tpm_tcti));
        struct azure_source *s = NEW(struct azure_source);
        s->kind = k;
        s->tcti = alloc_string(o->tpm_tcti);
        s->context = tpm_context_new(s->tcti);
        s->pcrs = pcrs;
        AUTO_STRING char *log_path = evidence_tpm_log_path(o);
        s->log = boot_log_new(log_path, o->log_max == 0 ? LOG_MAX : o->log_max);
        s->quote = tpm_evidence_new();
        struct evidence_source source = {.kind = k->kind,
                                         .collect = collect,
                                         .enrolment = evidence_no_enrolment,
                                         .activate = evidence_no_activation,
                                         .close = close_source,
                                         .self = s};
        TRY(complete(k, o, &source));
        *ret = source;
        return NULL;
}

static struct fault *do_probe(void *arg, struct tpm_context *t, struct cancel *cancel)
{
        const struct azure_kind *k = arg;
        AUTO(buf) struct buf bytes = BUF(HCL_REPORT_MAX);
        struct hcl_report ignored;
        return azure_vtpm_report(t, cancel, k->report_type, &bytes, &ignored);
}

static struct fault *probe_kind(struct azure_kind k, const struct evidence_options *o)
{
        TRY(fault_rename(tpm_context_check(o->tpm_tcti), FAULT_PRECONDITION, "tee.missing"));
        struct tpm_context t = tpm_context_new(o->tpm_tcti);
        return tpm_context_with(&t, NULL, do_probe, &k);
}

struct fault *evidence_az_sev_snp_open(const struct evidence_options *o, struct evidence_source *ret)
{
        return open_kind(&snp, o, ret);
}

struct fault *evidence_az_tdx_open(const struct evidence_options *o, struct evidence_source *ret)
{
        return open_kind(&tdx, o, ret);
}

struct fault *evidence_az_sev_snp_probe(const struct evidence_options *o)
{
        return probe_kind(snp, o);
}

struct fault *evidence_az_tdx_probe(const struct evidence_options *o)
{
        return probe_kind(tdx, o);
}

struct fault *evidence_az_sev_snp_complete(const struct evidence_options *o, struct evidence_source *source)
{
        return complete(&snp, o, source);
}

struct fault *evidence_az_tdx_complete(const struct evidence_options *o, struct evidence_source *source)
{
        return complete(&tdx, o, source);
}
