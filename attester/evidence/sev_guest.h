/* sev_guest: an SNP report by ioctl of /dev/sev-guest, for kernels older than configfs-tsm (Documentation/virt/coco/sev-guest.rst).
 *
 * GET_EXT_REPORT, whose table of certificates is the host's: how long it is, is learnt from a first call without room. The host may be busy:
 * another try, as with configfs-tsm. Everything handed to the kernel is zeroed; an answer is one when its status is 0 and its size a report's. */
#pragma once

#include "attester/evidence/source.h"
#include "attester/evidence/tsm.h"

#define SEV_GUEST_DEVICE "/dev/sev-guest"

/* NULL: the device is there and opens. FAULT_PRECONDITION "tee.missing", or as tsm.h. */
struct fault *sev_guest_probe(const struct evidence_options *o) MUST_USE;
/* Fills `ret`, from tsm_report_new; the report is over q->report_data. Faults of tsm.h. */
struct fault *sev_guest_take(const struct tsm_request *q, struct cancel *cancel, struct tsm_report *ret) MUST_USE;
