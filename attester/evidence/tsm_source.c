#include "attester/evidence/tsm_source.h"

#include "attester/evidence/boot_log.h"
#include "lib/base/log.h"
#include "lib/model/evidence_parts.h"

#define RETRY_PAUSE_MS 50

struct tsm_source {
        const struct tsm_kind *kind;
        int privilege_level;
        uint32_t qgs_port;
        char *base;
        struct boot_log ccel;
};

/* ---- evidence ---- */

/* The kernel has the new way, but its host makes no quotes for it (some kernels then give an empty one), and somebody has said where it makes them. */
static bool is_of_the_host(const struct tsm_source *s, const struct fault *f)
{
        return s->qgs_port != 0 && (strcmp(fault_token(f), "tee.host") == 0 || strcmp(fault_token(f), "tee.blob") == 0);
}

static struct fault *take(const struct tsm_source *s, const struct tsm_request *q, struct cancel *cancel,
                          struct tsm_report *ret)
{
        AUTO(fault) struct fault *f = tsm_take(q, cancel, ret);
        bool is_missing = f != NULL && strcmp(fault_token(f), "tee.missing") == 0;
        if (f == NULL || (!is_missing && !is_of_the_host(s, f)))
                return TAKE(f);
        AUTO(fault) struct fault *second = s->kind->fall_back(q, cancel, ret);
        if (second == NULL && !is_missing)
                log_warn("evidence_by_the_second_way", KV("kind", s->kind->kind), KV("why", f));
        /* where there is neither, the new way is what an operator will want to repair */
        if (second != NULL && strcmp(fault_token(second), "tee.missing") == 0)
                return TAKE(f);
        return is_missing ? TAKE(second) : fault_prefix(TAKE(second), "%s; then", fault_text(f));
}

static struct fault *add_log(struct tsm_source *s, struct evidence_parts *e)
{
        AUTO(buf) struct buf log = boot_log_read(&s->ccel);
        return evidence_parts_add(e, s->kind->log_part, buf_span(&log));
}

static struct fault *pack(struct tsm_source *s, const struct tsm_report *r, struct cmw *ret)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        AUTO(cmw) struct cmw out = cmw_evidence(s->kind->cmw_type);
        TRY(buf_append(&e.evidence, buf_span(&r->outblob)));
        if (s->kind->auxblob_part != NULL)
                TRY(evidence_parts_add(&e, s->kind->auxblob_part, buf_span(&r->auxblob)));
        if (s->kind->log_part != NULL)
                TRY(add_log(s, &e));
        TRY(evidence_parts_write(&e, &out.items[0].value));
        *ret = out;
        memset(&out, 0, sizeof out); /* what was given away is not freed */
        return NULL;
}

static struct fault *collect(void *self, const struct binding *binding, struct cancel *cancel, struct cmw *ret_evidence)
{
        struct tsm_source *s = self;
        AUTO(buf) struct buf transcript = BUF(BINDING_T_MAX);
        AUTO(tsm_report) struct tsm_report report = tsm_report_new();
        struct tsm_request q = {.base = s->base,
                                .provider = s->kind->provider,
                                .privilege_level = s->privilege_level,
                                .blob_min = s->kind->blob_min,
                                .retry_pause_ms = RETRY_PAUSE_MS,
                                .qgs_port = s->qgs_port,
                                .find_report_data = s->kind->find_report_data};
        TRY(binding_write(binding, &transcript));
        binding_report_data(buf_span(&transcript), q.report_data);
        TRY(take(s, &q, cancel, &report));
        return pack(s, &report, ret_evidence);
}

static void close_source(void *self)
{
        struct tsm_source *s = self;
        free(s->base);
        boot_log_clear(&s->ccel);
        free(s);
}

struct fault *tsm_no_fall_back_either(const struct evidence_options *o)
{
        (void) o;
        return fault(FAULT_PRECONDITION, "tee.missing", "there is no other way to a report");
}

struct fault *tsm_no_fall_back(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret)
{
        (void) q;
        (void) cancel;
        (void) ret;
        return tsm_no_fall_back_either(NULL);
}

struct fault *evidence_tsm_probe(const struct tsm_kind *k, const struct evidence_options *o)
{
        char found[TSM_PROVIDER_MAX + 1];
        AUTO(fault) struct fault *f = tsm_provider(o->tsm_base == NULL ? TSM_BASE : o->tsm_base, found);
        if (f != NULL && strcmp(fault_token(f), "tee.missing") == 0) {
                AUTO(fault) struct fault *second = k->probe_fall_back(o);
                return second != NULL && strcmp(fault_token(second), "tee.missing") == 0 ? TAKE(f) : TAKE(second);
        }
        if (f != NULL)
                return TAKE(f);
        return strcmp(found, k->provider) == 0
                       ? NULL
                       : fault(FAULT_PRECONDITION, "tee.missing", "reports on this machine come from %s, not from %s",
                               found, k->provider);
}

struct fault *evidence_tsm_open(const struct tsm_kind *k, const struct evidence_options *o, struct evidence_source *ret)
{
        int level = o->has_privilege_level ? o->privilege_level : TSM_NO_PRIVILEGE;
        if (o->has_privilege_level && !k->has_privilege_levels)
                return fault(FAULT_INVALID, "evidence.privilege_level", "%s has no privilege levels", k->kind);
        if (level < TSM_NO_PRIVILEGE || level > TSM_PRIVILEGE_MAX)
                return fault(FAULT_INVALID, "evidence.privilege_level", "privilege level %d is none of 0 to %d", level,
                             TSM_PRIVILEGE_MAX);

        struct tsm_source *s = NEW(struct tsm_source);
        s->kind = k;
        s->base = alloc_string(o->tsm_base == NULL ? TSM_BASE : o->tsm_base);
        s->ccel = boot_log_new(o->ccel_file == NULL ? CCEL_FILE : o->ccel_file, o->log_max);
        s->privilege_level = level;
        s->qgs_port = o->qgs_port;
        tsm_sweep(s->base);
        *ret = (struct evidence_source){.kind = k->kind,
                                        .collect = collect,
                                        .enrolment = evidence_no_enrolment,
                                        .activate = evidence_no_activation,
                                        .close = close_source,
                                        .self = s};
        return NULL;
}
