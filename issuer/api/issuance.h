/* issuance: one credential request on its way from bytes to a reply, in stages. Each stage only reads what the ones before it filled in.
 *
 *   issuance_check    what can be refused without any evidence work
 *   issuance_appraise is the evidence genuine, fresh, and bound to this very request and connection? refuses the whole request
 *   issuance_decide   pod by pod: its token, the facts, the policy; refuses that pod only
 *   issuance_commit   one ledger commit for all pods, then the signatures
 *   issuance_reply    the answer
 *
 * Lives in one worker. */
#pragma once

#include "issuer/api/intake.h"
#include "issuer/api/record_json.h"
#include "issuer/keystore/keystore.h"
#include "lib/model/ear.h"
#include "lib/model/reply.h"

struct pod_issuance {
        const struct pod_request *request;
        struct key *keys[SLOTS_MAX];
        struct fault *problem; /* why this pod gets nothing; NULL: nothing yet */
        char check[128]; /* the whole name of the problem's check where its token had to be cut; "": the token is it */
        bool has_token;
        struct k8s_token token;
        struct decision *decision;
        /* of an allowed pod, parallel to request->credentials */
        const struct grant *grants[SLOTS_MAX];
        uint8_t serials[SLOTS_MAX][16];
        struct record_credential credentials[SLOTS_MAX];
        struct buf claims; /* of its tokens: the decision's, as JSON */
        struct leaf_issued leaves[SLOTS_MAX];
        char record[33];
};
struct release { /* of a stored key, instead of credentials (release.h) */
        const char *key_name;
        uint32_t wanted; /* 0: the newest */
        struct stored_key *key;
        struct key_version *version; /* the key's */
};
struct passport {       /* of a result that a verifier signed (passport.h) */
        struct ear ear; /* without its result, which is issuance.result */
        uint8_t digest[SHA256_LEN];
};
struct issuance {
        enum binding_purpose purpose; /* BINDING_ISSUE, BINDING_RELEASE */
        struct release *release;      /* NULL: credentials are issued */
        struct api *api;
        const struct httpd_request *q;
        struct wall now;
        struct intake in;
        struct issue_request request;
        struct ruleset *rules;
        uint8_t nonce_digest[SHA256_LEN];
        int64_t nonce_expires_unix_s;
        struct ak_record *ak;
        struct attestation_result result;
        struct passport passport; /* how the result came, by mechanism passport */
        size_t pod_count;
        struct pod_issuance *pods;
};
/* "background-check", "passport" or "key-release". */
const char *issuance_mechanism(const struct issuance *s);
void issuance_clear(struct issuance *s);
DEFINE_AUTO_VALUE(issuance)

/* *ret_extra: members for the problem document, when there are some ("stale_policy"). */
struct fault *issuance_check(struct issuance *s, struct json **ret_extra) MUST_USE;
/* The part of it after the request was read into s->request. */
struct fault *issuance_check_request(struct issuance *s, struct json **ret_extra) MUST_USE;
struct fault *issuance_appraise(struct issuance *s) MUST_USE;
struct fault *issuance_decide(struct issuance *s) MUST_USE;
struct fault *issuance_commit(struct issuance *s) MUST_USE;
struct fault *issuance_reply(struct issuance *s, struct buf *out) MUST_USE;
