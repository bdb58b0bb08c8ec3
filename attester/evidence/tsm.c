#include "attester/evidence/tsm.h"

#include <stdio.h>

#include "attester/evidence/retry.h"
#include "attester/evidence/tsm_instance.h"

struct tsm_report tsm_report_new(void)
{
        return (struct tsm_report){BUF(TSM_BLOB_MAX), BUF(TSM_BLOB_MAX)};
}

void tsm_report_clear(struct tsm_report *r)
{
        buf_clear(&r->outblob);
        buf_clear(&r->auxblob);
}

/* ---- one try ---- */

/* A folder that has none is no configfs-tsm, but something that is mounted over it: a way to turn it off. */
static struct fault *read_provider(const struct tsm_instance *i, struct buf *out)
{
        struct fault *f = tsm_instance_line(i, "provider", out);
        bool is_missing = f != NULL && strcmp(fault_token(f), "tee.attribute") == 0;
        return is_missing ? fault_rename(f, FAULT_PRECONDITION, "tee.missing") : f;
}

static struct fault *check_provider(const struct tsm_instance *i, const char *wanted)
{
        AUTO(buf) struct buf found = BUF(TSM_PROVIDER_MAX);
        TRY(read_provider(i, &found));
        if (!span_eq_str(buf_span(&found), wanted))
                return fault(FAULT_PRECONDITION, "tee.missing", "reports on this machine come from %s, not from %s",
                             buf_str(&found), wanted);
        return NULL;
}

static struct fault *write_privilege_level(const struct tsm_instance *i, int level)
{
        char text[16];
        int len = snprintf(text, sizeof text, "%d", level); /* decimal text, as the kernel wants it */
        AUTO(fault) struct fault *f = tsm_instance_write(i, "privlevel", span_make(text, (size_t) len));
        if (f == NULL)
                return NULL;
        if (strcmp(fault_token(f), "tee.refused") == 0 || strcmp(fault_token(f), "tee.attribute") == 0)
                return fault(FAULT_INVALID, "evidence.privilege_level", "this guest may not ask for level %d: %s",
                             level, fault_text(f));
        return TAKE(f);
}

static struct fault *read_auxblob(const struct tsm_instance *i, struct buf *out)
{
        AUTO(fault) struct fault *f = tsm_instance_read(i, "auxblob", out);
        return f != NULL && strcmp(fault_token(f), "tee.attribute") == 0 ? NULL
                                                                         : TAKE(f); /* not all providers have it */
}

static struct fault *check_report(const struct tsm_request *q, struct span report)
{
        /* Older kernels call it success when the host has failed. */
        if (report.len < q->blob_min || span_is_zero(report))
                return fault(FAULT_UNAVAILABLE, "tee.blob", "a report of %zu bytes, empty or all zeros", report.len);
        return tsm_check_report_data(q, report);
}

/* A write that got lost when its file was closed, and somebody else's, show here and nowhere else. */
static struct fault *check_generation(const struct tsm_instance *i, uint64_t before, uint64_t writes)
{
        uint64_t now;
        TRY(tsm_instance_generation(i, &now));
        if (now - before == writes)
                return NULL;
        return fault(FAULT_UNAVAILABLE, "tee.busy", "the instance was written %llu times, %llu of them by us",
                     (unsigned long long) (now - before), (unsigned long long) writes);
}

struct taking {
        const struct tsm_request *q;
        struct tsm_report *ret;
};

static struct fault *try_once(void *arg, struct cancel *cancel)
{
        const struct taking *t = arg;
        const struct tsm_request *q = t->q;
        AUTO(tsm_instance) struct tsm_instance i = TSM_INSTANCE;
        uint64_t before, writes = 1;
        buf_truncate(&t->ret->outblob, 0);
        buf_truncate(&t->ret->auxblob, 0);
        TRY(tsm_instance_make(q->base, &i));
        TRY(check_provider(&i, q->provider));

        TRY(tsm_instance_generation(&i, &before));
        if (q->privilege_level != TSM_NO_PRIVILEGE) {
                TRY(write_privilege_level(&i, q->privilege_level));
                writes++;
        }
        TRY(tsm_instance_write(&i, "inblob", SPAN_OF(q->report_data)));
        TRY(check_generation(&i, before, writes));
        TRY(cancel_check(cancel));
        TRY(tsm_instance_read(&i, "outblob", &t->ret->outblob));
        TRY(cancel_check(cancel));
        TRY(read_auxblob(&i, &t->ret->auxblob));
        TRY(check_generation(&i, before, writes));
        return check_report(q, buf_span(&t->ret->outblob));
}

struct fault *tsm_take(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret)
{
        struct taking t = {q, ret};
        /* also: somebody else wrote into our instance */
        return evidence_retry(try_once, &t, "tee.report_data", q->retry_pause_ms, cancel);
}

struct fault *tsm_check_report_data(const struct tsm_request *q, struct span report)
{
        struct span found = SPAN_NONE;
        TRY(fault_rename(fault_prefix(q->find_report_data(report, &found), "what came is no report"), FAULT_UNAVAILABLE,
                         "tee.blob"));
        if (!span_eq(found, SPAN_OF(q->report_data)))
                return fault(FAULT_INTERNAL, "tee.report_data", "the report is over something else than was asked");
        return NULL;
}

struct fault *tsm_provider(const char *base, char ret[TSM_PROVIDER_MAX + 1])
{
        AUTO(tsm_instance) struct tsm_instance i = TSM_INSTANCE;
        AUTO(buf) struct buf found = BUF(TSM_PROVIDER_MAX);
        TRY(tsm_instance_make(base, &i));
        TRY(read_provider(&i, &found));
        (void) snprintf(ret, TSM_PROVIDER_MAX + 1, "%s", buf_str(&found)); /* fits */
        return NULL;
}
