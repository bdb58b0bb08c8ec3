/* nsm: the Nitro Security Module of an enclave, /dev/nsm: one CBOR request in, one CBOR response out, by ioctl (Linux's uapi/linux/nsm.h; the
 * driver that AWS had before it has the same number and structure). The messages are those of AWS' nsm-api.
 *
 * The kernel waits up to two minutes for the module and can't be interrupted: `cancel` is looked at between tries. Faults: FAULT_PRECONDITION
 * "tee.missing" (no such device: no enclave), those of tsm.h for what the device says, FAULT_UNAVAILABLE "tee.blob" for a response that is
 * none, and what the module itself refuses, with its own word for it in the text: FAULT_INTERNAL "tee.refused" (the request),
 * FAULT_UNAVAILABLE "tee.busy" (an answer to something else), "tee.host" (InternalError), FAULT_INTERNAL "tee.fault" (a word that is new). */
#pragma once

#include "lib/base/cancel.h"
#include "lib/base/span.h"

#define NSM_DEVICE       "/dev/nsm"
#define NSM_REQUEST_MAX  0x1000
#define NSM_RESPONSE_MAX 0x3000
#define NSM_FIELD_MAX    512 /* of user_data and nonce */

struct nsm_attestation {
        struct span user_data, nonce, public_key; /* empty: null */
};
/* NULL: the device is there and opens. */
struct fault *nsm_probe(void) MUST_USE;
/* The document over these fields, as the module signed it. `ret_document` is the caller's, with a limit of NSM_RESPONSE_MAX. */
struct fault *nsm_attest(const struct nsm_attestation *a, struct cancel *cancel, struct buf *ret_document) MUST_USE;

/* The messages alone. */
struct fault *nsm_request_write(const struct nsm_attestation *a, struct buf *out) MUST_USE;
/* Points into `response`. */
struct fault *nsm_response_read(struct span response, struct span *ret_document) MUST_USE;
