#include "attester/evidence/azure_host.h"

#include "attester/evidence/azure_answers.h"
#include "lib/base/log.h"
#include "lib/crypt/hash.h"
#include "lib/model/evidence_parts.h"

/* What the other source gives; a boot log may come along. */
static const char *const inner_parts[] = {"quote", "sig", "pcrs", "eventlog", NULL};

struct azure_host {
        const struct azure_kind *kind;
        struct evidence_source inner;
        struct azure_imds *imds; /* NULL: nobody is asked */
        const struct clock *clock;

        /* the last answer: parts that belong to the report of this digest, until then */
        uint8_t report[SHA256_LEN];
        struct boot until; /* 0: never asked */
        struct buf vcek, chain, td_quote;
};

/* ---- asking ---- */

static bool is_fresh(const struct azure_host *h, const uint8_t report[SHA256_LEN])
{
        return clock_boot(h->clock).ms < h->until.ms && memcmp(h->report, report, SHA256_LEN) == 0;
}

static void forget(struct azure_host *h)
{
        h->until = (struct boot){0};
        buf_truncate(&h->vcek, 0);
        buf_truncate(&h->chain, 0);
        buf_truncate(&h->td_quote, 0);
}

static void remember(struct azure_host *h, const uint8_t report[SHA256_LEN], int64_t age_ms)
{
        memcpy(h->report, report, SHA256_LEN);
        h->until = (struct boot){clock_boot(h->clock).ms + age_ms};
}

static struct fault *ask_certificates(struct azure_host *h, const uint8_t report[SHA256_LEN], struct cancel *cancel)
{
        AUTO(fault)
        struct fault *f = azure_imds_certificates(h->imds, AZURE_CERTIFICATES_WAIT_MS, cancel, &h->vcek, &h->chain);
        TRY(cancel_check(cancel));
        if (f != NULL) {
                log_warn("azure_certificates_left_out", KV("why", f));
                forget(h);
        }
        remember(h, report, f == NULL ? AZURE_CERTIFICATES_AGE_MS : AZURE_CERTIFICATES_AGAIN_MS);
        return NULL;
}

static struct fault *ask_quote(struct azure_host *h, struct span report, const uint8_t digest[SHA256_LEN],
                               struct cancel *cancel)
{
        struct hcl_report hcl;
        TRY(fault_recode(hcl_read(report, &hcl), FAULT_INTERNAL));
        struct span tdreport = span_slice(hcl.slot, 0, HCL_TDREPORT_LEN);
        TRY_AS(azure_imds_td_quote(h->imds, tdreport, cancel, &h->td_quote), "quote of the TD");
        remember(h, digest, AZURE_TD_QUOTE_AGE_MS);
        return NULL;
}

static struct fault *ask(struct azure_host *h, struct span report, struct cancel *cancel)
{
        uint8_t digest[SHA256_LEN];
        sha256(report, digest);
        if (h->imds == NULL || is_fresh(h, digest))
                return NULL;
        forget(h);
        return h->kind->report_type == HCL_TDX ? ask_quote(h, report, digest, cancel)
                                               : ask_certificates(h, digest, cancel);
}

/* ---- the vtable ---- */

static struct fault *add_parts(struct azure_host *h, struct cmw *evidence, struct cancel *cancel)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        struct buf *value = &evidence->items[0].value;
        TRY(evidence_parts_read(buf_span(value), inner_parts, &e));
        TRY(ask(h, buf_span(&e.evidence), cancel));
        TRY(evidence_parts_add(&e, "vcek", buf_span(&h->vcek)));
        TRY(evidence_parts_add(&e, "chain", buf_span(&h->chain)));
        TRY(evidence_parts_add(&e, "td-quote", buf_span(&h->td_quote)));
        buf_truncate(value, 0);
        return evidence_parts_write(&e, value);
}

static struct fault *collect(void *self, const struct binding *binding, struct cancel *cancel, struct cmw *ret_evidence)
{
        struct azure_host *h = self;
        AUTO(cmw) struct cmw evidence = {0};
        TRY(h->inner.collect(h->inner.self, binding, cancel, &evidence));
        if (evidence.count != 1 || strcmp(evidence.items[0].type, h->kind->cmw_type) != 0)
                return fault(FAULT_INTERNAL, "tee.fault", "what came is no evidence of kind %s", h->kind->kind);
        TRY(add_parts(h, &evidence, cancel));
        *ret_evidence = evidence;
        memset(&evidence, 0, sizeof evidence); /* what was given away is not freed */
        return NULL;
}

static void close_host(void *self)
{
        struct azure_host *h = self;
        h->inner.close(h->inner.self);
        azure_imds_free(h->imds);
        buf_clear(&h->vcek);
        buf_clear(&h->chain);
        buf_clear(&h->td_quote);
        free(h);
}

static struct fault *open_service(const struct azure_host_options *o, struct azure_imds **ret)
{
        if (o->imds.url[0] != '\0')
                return azure_imds_new(&o->imds, ret);
        if (o->kind->report_type == HCL_TDX)
                return fault(FAULT_INVALID, "evidence.imds_url",
                             "evidence.imds-url is empty: only Azure's metadata service makes a quote of a TD there");
        *ret = NULL;
        return NULL;
}

struct fault *azure_host_wrap(const struct azure_host_options *o, struct evidence_source *source)
{
        AUTO(azure_imds) struct azure_imds *imds = NULL;
        struct fault *f = open_service(o, &imds);
        if (f != NULL) {
                source->close(source->self);
                return f;
        }
        struct azure_host *h = NEW(struct azure_host);
        *h = (struct azure_host){.kind = o->kind,
                                 .inner = *source,
                                 .imds = TAKE(imds),
                                 .clock = o->clock,
                                 .vcek = BUF(AZURE_CERTIFICATE_MAX),
                                 .chain = BUF(AZURE_CHAIN_MAX),
                                 .td_quote = BUF(AZURE_TD_QUOTE_MAX)};
        *source = (struct evidence_source){.kind = o->kind->kind,
                                           .collect = collect,
                                           .enrolment = evidence_no_enrolment,
                                           .activate = evidence_no_activation,
                                           .close = close_host,
                                           .self = h};
        return NULL;
}
