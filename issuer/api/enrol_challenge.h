/* enrol_challenge: what the issuer must remember between the two steps of an enrolment, sealed and handed to the attester to bring back.
 *
 * So no replica keeps state for a client that has proved nothing yet. Sealed with a key derived from the master secret, the audience as associated data:
 *
 *     u8 version = 1 ‖ u64 expiry ‖ SHA-256 of the client key ‖ secret (32) ‖ SHA-256 of the EK ‖ u64 end of the EK's certificate ‖ AK name ‖
 *     AK public area ‖ issuer of the EK's certificate ‖ cluster ‖ node        (the last five u16 length ‖ bytes; none is empty)
 *
 * Pure but for the seal's random nonce. */
#pragma once

#include "issuer/api/nonce.h"
#include "issuer/verifier/verifier.h"

#define ENROL_SECRET_LEN 32
#define ENROL_LIFE_S     120 /* a TPM takes some seconds */

struct enrol_challenge {
        int64_t expires_unix_s;
        uint8_t client_spki_digest[SHA256_LEN];
        struct secret *secret;    /* ENROL_SECRET_LEN: what only the TPM could open */
        struct ak_record *record; /* as it will be stored */
};
struct fault *enrol_challenge_seal(const struct secret *master, const char *audience, const struct enrol_challenge *c,
                                   struct buf *out) MUST_USE;
/* FAULT_UNAUTHENTICATED "enrol.challenge" for what was not sealed here. Does not compare dates, client or secret. */
struct fault *enrol_challenge_open(const struct secret *master, const char *audience, struct span sealed,
                                   struct enrol_challenge *ret) MUST_USE;
/* The second step's claims against it: "enrol.expired", "enrol.client_key", "enrol.secret" (constant time). FAULT_DENIED. */
struct fault *enrol_challenge_check(const struct enrol_challenge *c, struct wall now,
                                    const uint8_t client_spki_digest[SHA256_LEN], struct span secret) MUST_USE;
void enrol_challenge_clear(struct enrol_challenge *c);
DEFINE_AUTO_VALUE(enrol_challenge)
