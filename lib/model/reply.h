/* reply: what the issuer answers (protocol.md §2–3), written by the issuer and read by the attester. Times are Unix
 * seconds. Examples: tests/vectors/protocol.
 *
 * challenge: {"v":1,"time":…,"nonce":b64url,"audience":uri,"policy":"sha256:…",
 *   "profiles":[{"name","mechanism","slots":[{"name","type","algorithms":["p256",…]}]}]}; with ?profile= only that one.
 * issue: {"v":1,"time":…,"nonce":next,"policy":…,"bundle":sequence,"results":[{"volume":id,"credentials":[{"slot","type",
 *   "chain":[b64url DER, leaf first]|"token":JWT,"identity":spiffe id,"not_before","not_after","record":id}]}
 *   or {"volume":id,"problem":{RFC 9457}}]}.
 * enrol: {"v":1,"time","nonce","challenge","credential_blob","encrypted_secret"}.
 * activate: {"v":1,"time","nonce","ak":name hex}.
 *
 * Every problem document of these endpoints may carry "nonce" too (reply_nonce). Unknown members are ignored here: an
 * issuer may be newer. Refusals, all FAULT_INVALID: those of json.h, "WRONG_VERSION", "DUPLICATE_VOLUME",
 * "DUPLICATE_SLOT", "DUPLICATE_PROFILE", "SPIFFE_ID". */
#pragma once

#include "lib/model/names.h"
#include "lib/wire/json.h"

#define REPLY_CHAIN_MAX 4
struct slot {
        char name[NAME_MAX_LEN + 1];
        char type[16]; /* SLOT_TYPE_* */
        size_t algorithm_count;
        char algorithms[4][16];     /* "p256", "p384", "rsa3072"; preferred first */
        char key[NAME_MAX_LEN + 1]; /* the stored key that it is for (key-release); "": none */
};
struct profile_shape {
        char name[NAME_MAX_LEN + 1];
        char mechanism[32];
        size_t slot_count;
        struct slot slots[SLOTS_MAX];
};
struct challenge {
        int64_t time_unix_s;
        struct buf nonce;
        char *audience;
        char *policy;
        size_t profile_count;
        struct profile_shape *profiles; /* array */
};
struct fault *challenge_write(const struct challenge *c, struct buf *out) MUST_USE;
struct fault *challenge_read(struct span body, struct challenge *ret) MUST_USE;
void challenge_clear(struct challenge *c);
DEFINE_AUTO_VALUE(challenge)

struct issued_credential {
        char slot[NAME_MAX_LEN + 1];
        char type[16];
        char *identity;
        size_t chain_count;
        struct buf chain[REPLY_CHAIN_MAX]; /* x509 */
        char *token;                       /* wit */
        int64_t not_before_unix_s, not_after_unix_s;
        char record[64];
};
struct json *issued_credential_write(const struct issued_credential *c);
struct fault *issued_credential_read(const struct json *o, struct issued_credential *c)
        MUST_USE; /* into a zeroed one; to be cleared also after a fault */
void issued_credential_clear(struct issued_credential *c);
struct pod_result {
        char volume[VOLUME_ID_MAX + 1];
        struct fault *problem; /* NULL: credentials are here */
        size_t credential_count;
        struct issued_credential credentials[SLOTS_MAX];
};
struct issue_reply {
        int64_t time_unix_s;
        struct buf nonce;
        char *policy;
        uint64_t bundle_sequence;
        size_t result_count;
        struct pod_result *results; /* array */
};
struct fault *issue_reply_write(const struct issue_reply *r, struct buf *out) MUST_USE;
struct fault *issue_reply_read(struct span body, struct issue_reply *ret) MUST_USE;
void issue_reply_clear(struct issue_reply *r);
DEFINE_AUTO_VALUE(issue_reply)

struct enrol_reply {
        int64_t time_unix_s;
        struct buf nonce, challenge, credential_blob, encrypted_secret;
};
struct fault *enrol_reply_write(const struct enrol_reply *r, struct buf *out) MUST_USE;
struct fault *enrol_reply_read(struct span body, struct enrol_reply *ret) MUST_USE;
void enrol_reply_clear(struct enrol_reply *r);
DEFINE_AUTO_VALUE(enrol_reply)

struct activate_reply {
        int64_t time_unix_s;
        struct buf nonce;
        char ak[140]; /* Name, hex */
};
struct fault *activate_reply_write(const struct activate_reply *r, struct buf *out) MUST_USE;
struct fault *activate_reply_read(struct span body, struct activate_reply *ret) MUST_USE;
void activate_reply_clear(struct activate_reply *r);
DEFINE_AUTO_VALUE(activate_reply)

/* The "nonce" member of any reply or problem; empty `out` when there is none. */
struct fault *reply_nonce(const struct json *body, struct buf *out) MUST_USE;
