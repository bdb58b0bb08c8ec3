/* azure_answers: what Azure's metadata service says, and is asked, as bytes. Pure. Members that we don't know are left alone: the service is Azure's,
 * which adds to it.
 *
 *     {"vcekCert": PEM, "certificateChain": PEM, "tcbm": hex, "cacheControl": text}
 *     {"report": base64url TDREPORT} → {"quote": base64url}
 *
 * base64url with or without padding. FAULT_INTERNAL "az.imds_answer". */
#pragma once

#include "lib/base/span.h"

#define AZURE_CERTIFICATE_MAX ((size_t) 8 * 1024)
#define AZURE_CHAIN_MAX       ((size_t) 32 * 1024)
#define AZURE_TD_QUOTE_MAX    ((size_t) 32 * 1024) /* as configfs-tsm has it */
#define AZURE_ANSWER_MAX      ((size_t) 64 * 1024)

struct fault *azure_certificates_read(struct span json, struct buf *ret_vcek, struct buf *ret_chain) MUST_USE;
struct fault *azure_td_request_write(struct span tdreport, struct buf *out) MUST_USE;
struct fault *azure_td_quote_read(struct span json, struct buf *ret_quote) MUST_USE;
