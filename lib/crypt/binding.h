/* binding: the transcript that evidence commits to, and the proof of possession of a credential key (protocol.md §1).
 *
 * T = "vouchsafe-bind-v1" ‖ 0x00 ‖ u8 purpose ‖ fields, field = u16 id ‖ u32 length ‖ bytes, ids ascending, each at most once. T is
 * built from parsed fields where the quote is made and rebuilt by the verifier from what it saw itself; it never travels.
 * Test vectors: tests/vectors/protocol/binding.json. */
#pragma once

#include "lib/crypt/hash.h"
#include "lib/crypt/key.h"

enum binding_purpose { BINDING_ENROL = 1, BINDING_ISSUE = 2, BINDING_RESULTS = 3, BINDING_RELEASE = 4 };
#define BINDING_EXPORTER_LEN   32
#define BINDING_EXPORTER_LABEL "EXPORTER-vouchsafe-v1"
#define BINDING_SECONDARY_MAX  8
#define BINDING_NONCE_MAX      256
#define BINDING_AUDIENCE_MAX   512
#define BINDING_T_MAX          2048

struct binding_secondary {
        uint8_t kind;
        uint8_t digest[SHA256_LEN];
};
struct binding {
        enum binding_purpose purpose;
        struct span nonce;
        struct span audience;
        uint8_t request_digest[SHA256_LEN];     /* of R, the decoded request bytes */
        uint8_t client_spki_digest[SHA256_LEN]; /* of the TLS client key */
        uint8_t exporter[BINDING_EXPORTER_LEN];
        size_t secondary_count;
        struct binding_secondary secondary[BINDING_SECONDARY_MAX]; /* strictly ascending kind */
};

/* FAULT_INVALID "BINDING_FIELD" for an empty or too long nonce or audience, or secondaries out of order. */
struct fault *binding_write(const struct binding *b, struct buf *ret_t) MUST_USE;
/* The inverse, strict; spans point into `t`. Used by the evidence reader's tests and by fuzzing. */
struct fault *binding_read(struct span t, struct binding *ret) MUST_USE;
void binding_report_data(struct span t, uint8_t ret[SHA512_LEN]); /* SHA-512(T): 64-byte report data */
void binding_extra_data(struct span t, uint8_t ret[SHA256_LEN]);  /* SHA-256(T): TPM extraData */

/* Proof of possession: raw signature by the credential key over "vouchsafe-pop-v1" ‖ 0x00 ‖ u16 len ‖ nonce ‖ u16 len ‖ audience ‖
 * u32 len ‖ SPKI. EC: SHA-256 for P-256, SHA-384 for P-384; RSA: PSS with SHA-256. */
struct fault *pop_sign(const struct key *k, struct span nonce, struct span audience, struct buf *out) MUST_USE;
/* FAULT_DENIED "pop" when it doesn't fit. */
struct fault *pop_verify(const struct key *k, struct span nonce, struct span audience, struct span pop) MUST_USE;
