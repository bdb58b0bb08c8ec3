/* document: what a Nitro Enclave's attestation document says (AWS Nitro Enclaves user guide, "Verifying the root of trust"): the payload of
 * a COSE_Sign1, a CBOR map, definite or not. Read only: nitro.c says whether to believe it. Spans point into the payload. */
#pragma once

#include "lib/base/span.h"

#define NITRO_PCRS_MAX  32
#define NITRO_PCR_LEN   48 /* SHA-384 */
#define NITRO_CERTS_MAX 8
#define NITRO_FIELD_MAX 1024 /* public_key; user_data and nonce have 512 */

struct nitro_document {
        struct span module_id, digest;
        uint64_t timestamp_ms;
        struct span pcrs[NITRO_PCRS_MAX]; /* empty: not there */
        struct span certificate;          /* DER */
        size_t ca_count;
        struct span ca[NITRO_CERTS_MAX];          /* DER, the root first */
        struct span public_key, user_data, nonce; /* empty: null, absent or empty */
};
/* FAULT_INVALID "nitro.document": a member of another type or length, one that is there twice, a needed one that is missing. Members that we
 * don't know are passed over: they are signed, and say nothing to us. */
struct fault *nitro_document_read(struct span payload, struct nitro_document *ret) MUST_USE;
