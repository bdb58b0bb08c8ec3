/* tdx_guest: a TDX quote where the kernel makes none (no configfs-tsm, before Linux 6.7): a TDREPORT by ioctl of /dev/tdx_guest
 * (Documentation/virt/coco/tdx-guest.rst), which the host's quote generation service turns into a quote (qgs.h).
 *
 * A TDREPORT alone is only MACed, so it is no evidence for anybody else. Drivers from outside Linux have a quote's ioctl as well: it is not
 * used, Linux never had it. */
#pragma once

#include "attester/evidence/source.h"
#include "attester/evidence/tsm.h"

#define TDX_GUEST_DEVICE "/dev/tdx_guest"

/* NULL: the device opens, and somebody answers at o->qgs_port, which is resolved. FAULT_PRECONDITION "tee.missing" (no device), "tee.no_qgs" (0: nobody
 * has said where the service is); as tsm.h and qgs_host.h. */
struct fault *tdx_guest_probe(const struct evidence_options *o) MUST_USE;
/* Fills `ret`, from tsm_report_new; the quote is over q->report_data. Faults of tsm.h, qgs.h and qgs_host.h; "tee.driver" (FAULT_PRECONDITION): a
 * driver that makes no report in this way. */
struct fault *tdx_guest_take(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret) MUST_USE;
