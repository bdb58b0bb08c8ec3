/* signed_json: a document of Intel's and its signature, from either form that collateral is kept in. Private to this folder. */
#pragma once

#include "issuer/verifier/verifier.h"

#define SIGNED_JSON_SIGNATURE_LEN 64

struct signed_json_names {
        const char *document, *signature; /* parts: the signed bytes, and r‖s */
        const char *response;             /* part: {member: document, "signature": hex} */
        const char *member;
};
extern const struct signed_json_names signed_tcb_info, signed_qe_identity;

bool signed_json_is_there(const struct appraisal *in, const struct signed_json_names *n);
/* The part that is read: document, or response. */
struct span signed_json_used(const struct appraisal *in, const struct signed_json_names *n);
/* FAULT_INVALID; `ret_document` borrows from the parts. */
struct fault *signed_json_read(const struct appraisal *in, const struct signed_json_names *n, struct span *ret_document,
                               uint8_t ret_signature[SIGNED_JSON_SIGNATURE_LEN]) MUST_USE;
