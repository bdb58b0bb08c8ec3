#include "attester/evidence/tdx_guest.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "attester/evidence/qgs.h"
#include "attester/evidence/qgs_host.h"
#include "attester/evidence/retry.h"
#include "attester/evidence/tsm_instance.h"
#include "attester/evidence/uapi.h"
#include "lib/base/reader.h"

#define REPORT_DATA_AT   128 /* in its REPORTMACSTRUCT */
#define TYPE_TDX         0x81
#define PROBE_CONNECT_MS 2000

static struct fault *need_port(uint32_t port)
{
        return port != 0
                       ? NULL
                       : fault(FAULT_PRECONDITION, "tee.no_qgs",
                               "the kernel makes reports but no quotes (it has no configfs-tsm), and the host's quote "
                               "generation service is not known: evidence.qgs-port, or port in " QGS_CONF);
}

struct fault *tdx_guest_probe(const struct evidence_options *o)
{
        AUTO_CLOSE int device = -1, service = -1;
        TRY(tsm_device_open(TDX_GUEST_DEVICE, &device));
        TRY(need_port(o->qgs_port));
        return qgs_connect(o->qgs_port, PROBE_CONNECT_MS, NULL, &service);
}

/* ---- one try ---- */

static struct fault *get_report(const struct tsm_request *q, struct tdx_report_req *ret)
{
        AUTO_CLOSE int device = -1;
        TRY(tsm_device_open(TDX_GUEST_DEVICE, &device));
        memcpy(ret->reportdata, q->report_data, sizeof ret->reportdata);
        if (ioctl(device, TDX_CMD_GET_REPORT0, ret) < 0)
                return errno == ENOTTY ? fault(FAULT_PRECONDITION, "tee.driver",
                                               TDX_GUEST_DEVICE " is of a driver that makes no report in this way")
                                       : tsm_fault(errno, TDX_GUEST_DEVICE);
        if (ret->tdreport[0] != TYPE_TDX)
                return fault(FAULT_UNAVAILABLE, "tee.blob", "a report of type %#x, not a TDREPORT", ret->tdreport[0]);
        if (memcmp(ret->tdreport + REPORT_DATA_AT, q->report_data, sizeof q->report_data) != 0)
                return fault(FAULT_INTERNAL, "tee.report_data", "the report is over something else than was asked");
        return NULL;
}

static struct fault *check_quote(const struct tsm_request *q, struct span quote)
{
        if (quote.len < q->blob_min)
                return fault(FAULT_UNAVAILABLE, "tee.blob", "a quote of %zu bytes", quote.len);
        return tsm_check_report_data(q, quote);
}

struct call {
        const struct tsm_request *q;
        struct buf *quote;
};

static struct fault *try_once(void *arg, struct cancel *cancel)
{
        const struct call *c = arg;
        struct tdx_report_req report = {0};
        AUTO_CLOSE int service = -1;
        buf_truncate(c->quote, 0);
        TRY(get_report(c->q, &report));
        TRY(cancel_check(cancel));
        TRY(qgs_connect(c->q->qgs_port, QGS_PATIENCE_MS, cancel, &service));
        TRY(qgs_quote(service, SPAN_OF(report.tdreport), QGS_PATIENCE_MS, cancel, c->quote));
        return check_quote(c->q, buf_span(c->quote));
}

struct fault *tdx_guest_take(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret)
{
        AUTO_CLOSE int device = -1;
        struct call c = {q, &ret->outblob};
        TRY(tsm_device_open(TDX_GUEST_DEVICE,
                            &device)); /* a machine without it is told so before it is told of services */
        TRY(need_port(q->qgs_port));
        return evidence_retry(try_once, &c, NULL, q->retry_pause_ms, cancel);
}
