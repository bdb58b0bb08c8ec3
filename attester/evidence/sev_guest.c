#include "attester/evidence/sev_guest.h"

#include <errno.h>
#include <linux/sev-guest.h>
#include <sys/ioctl.h>

#include "attester/evidence/retry.h"
#include "attester/evidence/tsm_instance.h"
#include "lib/base/reader.h"

#define MESSAGE_VERSION 1
#define REPORT_LEN      1184
#define RESERVED_LEN    24 /* of MSG_REPORT_RSP, between size and report */
#define TABLE_STEP      4096
#define TABLE_MAX       16384 /* SEV_FW_BLOB_MAX_SIZE */

_Static_assert(sizeof(struct snp_guest_request_ioctl) == 32 && sizeof(struct snp_report_req) == 96 &&
                       sizeof(struct snp_ext_report_req) == 112 && sizeof(struct snp_report_resp) == 4000,
               "the kernel's structures are what they were");

struct fault *sev_guest_probe(const struct evidence_options *o)
{
        (void) o;
        AUTO_CLOSE int fd = -1;
        return tsm_device_open(SEV_GUEST_DEVICE, &fd);
}

/* ---- one request ---- */

struct call {
        struct snp_ext_report_req request;
        struct snp_report_resp response;
        struct snp_guest_request_ioctl arguments;
};

static void prepare(const struct tsm_request *q, struct span table, struct call *c)
{
        *c = (struct call){0};
        memcpy(c->request.data.user_data, q->report_data, sizeof c->request.data.user_data);
        if (q->privilege_level != TSM_NO_PRIVILEGE)
                c->request.data.vmpl = (uint32_t) q->privilege_level;
        c->request.certs_address = (uint64_t) (uintptr_t) table.data;
        c->request.certs_len = (uint32_t) table.len;
        c->arguments = (struct snp_guest_request_ioctl){.msg_version = MESSAGE_VERSION,
                                                        .req_data = (uint64_t) (uintptr_t) &c->request,
                                                        .resp_data = (uint64_t) (uintptr_t) &c->response};
}

/* *ret_wanted: 0, or how much room the table needs. */
static struct fault *request(int device, struct call *c, uint32_t *ret_wanted)
{
        *ret_wanted = 0;
        if (ioctl(device, SNP_GET_EXT_REPORT, &c->arguments) == 0)
                return NULL;
        int error = errno;
        if (c->arguments.vmm_error == SNP_GUEST_VMM_ERR_BUSY)
                return fault(FAULT_UNAVAILABLE, "tee.busy", "the host is busy");
        if (c->arguments.vmm_error != SNP_GUEST_VMM_ERR_INVALID_LEN)
                return tsm_fault(error, SEV_GUEST_DEVICE);
        uint32_t wanted = c->request.certs_len;
        if (wanted == 0 || wanted % TABLE_STEP != 0 || wanted > TABLE_MAX)
                return fault(FAULT_UNAVAILABLE, "tee.blob", "the host wants room for a table of %u bytes", wanted);
        *ret_wanted = wanted;
        return NULL;
}

static struct fault *read_answer(const struct tsm_request *q, const struct call *c, struct span *ret)
{
        struct reader r = READER(SPAN_OF(c->response.data));
        uint32_t status, size;
        struct span report;
        TRY(reader_u32le(&r, &status));
        TRY(reader_u32le(&r, &size));
        TRY(reader_skip(&r, RESERVED_LEN));
        if (status != 0)
                return fault(FAULT_INTERNAL, "tee.refused", "the firmware refused: status %#x", status);
        if (size != REPORT_LEN)
                return fault(FAULT_UNAVAILABLE, "tee.blob", "a report of %u bytes", size);
        TRY(reader_span(&r, size, &report));
        TRY(tsm_check_report_data(q, report));
        *ret = report;
        return NULL;
}

struct taking {
        const struct tsm_request *q;
        struct tsm_report *ret;
};

static struct fault *try_once(void *arg, struct cancel *cancel)
{
        const struct taking *t = arg;
        AUTO_CLOSE int device = -1;
        AUTO(buf) struct buf table = BUF(TABLE_MAX);
        struct call c;
        struct span report;
        uint32_t wanted;
        buf_truncate(&t->ret->outblob, 0);
        buf_truncate(&t->ret->auxblob, 0);
        TRY(tsm_device_open(SEV_GUEST_DEVICE, &device));
        prepare(t->q, SPAN_NONE, &c);
        TRY(request(device, &c, &wanted));
        if (wanted > 0) {
                uint8_t *room;
                TRY(cancel_check(cancel));
                TRY(buf_grow(&table, wanted, &room));
                memset(room, 0, wanted);
                prepare(t->q, buf_span(&table), &c);
                TRY(request(device, &c, &wanted));
                if (wanted > 0)
                        return fault(FAULT_UNAVAILABLE, "tee.busy", "the host's table grew meanwhile");
        }
        TRY(read_answer(t->q, &c, &report));
        TRY(buf_append(&t->ret->outblob, report));
        return buf_append(&t->ret->auxblob, buf_span(&table));
}

struct fault *sev_guest_take(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret)
{
        struct taking t = {q, ret};
        return evidence_retry(try_once, &t, NULL, q->retry_pause_ms, cancel);
}
