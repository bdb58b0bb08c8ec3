/* intake: the first steps of every POST: envelope, audience, nonce, connection; and what evidence must commit to.
 *
 * What is hashed is exactly what is parsed: the decoded R. The binding is rebuilt from what this server saw itself, nothing of it
 * comes from the request but the nonce, which was checked before. */
#pragma once

#include "issuer/api/api.h"
#include "lib/crypt/binding.h"
#include "lib/wire/cmw.h"

struct intake {
        struct buf r; /* may hold tokens: wiped */
        uint8_t r_digest[SHA256_LEN];
        struct cmw evidence;
        char *result; /* of a verifier, instead of evidence; NULL: none */
};
struct fault *intake_read(struct span body, struct intake *ret) MUST_USE;
/* Where a result may come instead of evidence. */
struct fault *intake_read_either(struct span body, struct intake *ret) MUST_USE;
void intake_clear(struct intake *in);
DEFINE_AUTO_VALUE(intake)

/* FAULT_DENIED "audience". */
struct fault *intake_check_audience(const struct api *a, const char *audience) MUST_USE;
/* "nonce.*"; FAULT_UNAUTHENTICATED "binding.client_key" without a client certificate, "binding.exporter" without an exporter. */
struct fault *intake_check_fresh(const struct api *a, const struct httpd_request *q, struct span nonce,
                                 int64_t *ret_expires_unix_s) MUST_USE;
/* Borrows `nonce` and the api's audience; without secondary evidence. */
struct binding intake_binding(const struct api *a, const struct httpd_request *q, enum binding_purpose purpose,
                              struct span nonce, const struct intake *in);
