/* request: R, the bytes that a credential request consists of (protocol.md §2), written by the attester and read by the
 * issuer.
 *
 * {"v":1,"purpose":"issue","audience":…,"nonce":b64url,"policy":"sha256:…","pods":[{"volume":id,"profile":name,"token":JWT (optional),
 *  "node":{"namespace":…,"name":…,"uid":…,"serviceAccount":…},"credentials":[{"slot":name,"spki":b64url,"pop":b64url}]}]}
 * Unknown members are refused, every string is bounded (names.h), volume ids and slots are unique in their scope.
 * The issuer hashes exactly the bytes that it parses. Written and read texts may hold tokens: their owner wipes them.
 *
 * Refusals, all FAULT_INVALID: those of json.h and cmw.h, "WRONG_VERSION", "WRONG_PURPOSE", "DUPLICATE_VOLUME",
 * "DUPLICATE_SLOT", "TOO_MANY_CREDENTIALS", "TOO_LARGE" (the envelope). A request has at least one pod, a pod at least
 * one credential. */
#pragma once

#include "lib/base/secret.h"
#include "lib/model/names.h"

struct credential_request {
        char *slot;
        struct buf spki, pop;
};
struct pod_request {
        char *volume;
        char *profile;
        struct secret *token; /* bound service-account token; NULL: none */
        struct {              /* kubelet's pod info: origin "node" */
                char *namespace, *name, *uid, *service_account;
        } node;
        size_t credential_count;
        struct credential_request credentials[SLOTS_MAX];
};
/* The members of a pod in any request, but for its credentials: into `pod` (zeroed), and into an object. */
struct json;
struct fault *pod_request_read(const struct json *o, struct pod_request *pod) MUST_USE;
void pod_request_write(const struct pod_request *pod, struct json *j);
struct issue_request {
        char *audience;
        struct buf nonce;
        char *policy;
        size_t pod_count;
        struct pod_request *pods; /* array */
};

struct fault *issue_request_write(const struct issue_request *r, struct buf *out) MUST_USE;
struct fault *issue_request_read(struct span bytes, struct issue_request *ret) MUST_USE;
void issue_request_clear(struct issue_request *r);
DEFINE_AUTO_VALUE(issue_request)

/* AK enrolment, purpose "enrol". First step: {"v":1,"purpose":"enrol","audience","nonce","token": the attester's own
 * bound token (optional),"ek_certificates":[b64url DER, leaf first],"ek_public":b64url TPMT_PUBLIC,"ak_public":b64url
 * TPMT_PUBLIC}; second step: {"v":1,"purpose":"activate","audience","nonce","challenge":b64url,"secret":b64url}. The
 * second one carries evidence: a quote by the new AK over T with purpose enrol. */
#define EK_CHAIN_MAX        6
#define ENROL_CHALLENGE_MAX 2048 /* sealed by the issuer: the key, its certificate's issuer, its node */
struct enrol_request {
        char *audience;
        struct buf nonce;
        struct secret *token;
        size_t certificate_count;
        struct buf certificates[EK_CHAIN_MAX];
        struct buf ek_public, ak_public;
};
struct fault *enrol_request_write(const struct enrol_request *r, struct buf *out) MUST_USE;
struct fault *enrol_request_read(struct span bytes, struct enrol_request *ret) MUST_USE;
void enrol_request_clear(struct enrol_request *r);
DEFINE_AUTO_VALUE(enrol_request)

struct activate_request {
        char *audience;
        struct buf nonce, challenge;
        struct secret *secret;
};
struct fault *activate_request_write(const struct activate_request *r, struct buf *out) MUST_USE;
struct fault *activate_request_read(struct span bytes, struct activate_request *ret) MUST_USE;
void activate_request_clear(struct activate_request *r);
DEFINE_AUTO_VALUE(activate_request)

/* The envelope around any R: {"request": b64url(R), "evidence": CMW (optional)}. *ret_r (empty before) gets the
 * decoded bytes, which may hold tokens: buf_wipe it. *ret_evidence has no items when there is no evidence. */
struct cmw;
struct fault *envelope_write(struct span r, const struct cmw *evidence,
                             struct buf *out) MUST_USE; /* evidence may be NULL */
struct fault *envelope_read(struct span body, struct buf *ret_r, struct cmw *ret_evidence) MUST_USE;
/* {"request": b64url(R), "result": EAR}: by mechanism passport a verifier's result takes the place of the evidence. */
struct fault *envelope_write_result(struct span r, const char *result, struct buf *out) MUST_USE;
/* Either form: *ret_result stays NULL where there is none. FAULT_INVALID "EVIDENCE_AND_RESULT": never both. */
struct fault *envelope_read_either(struct span body, struct buf *ret_r, struct cmw *ret_evidence,
                                   char **ret_result) MUST_USE;
