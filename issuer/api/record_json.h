/* record_json: a decision as the ledger keeps it. Pure.
 *
 * {"v":1,"time":unix_s,"decision":"issued"|"denied","check":token,"reason":text,"profile","workload","owner","identity","any_genuine",
 *  "policy":{"digest","revision"},"references":[…],"verifier":{"id","build"},"evidence":{"kind","digest":"sha256:…","insecure_development",
 *  "concerns":[…],"not_checked":[…],"collateral":[{"name","digest","not_after"}]},
 *  "nonce":"sha256:…","client":"sha256:…","ak":hex,"volume","pod":{"namespace","name","uid","service_account","verified","cluster","node"},
 *  "credentials":[{"slot","type","identity","serial","not_before","not_after"}],"tree":check tree,"claims":{…}}
 * Members without a value are left out: check and reason of what was issued; workload, owner, identity where no rule came near; ak without a
 * TPM. "pod" is the verified token's word when verified is true, else kubelet's (and cluster and node are left out). "tree" is a list as check_to_json writes it. */
#pragma once

#include "issuer/policy/policy.h"
#include "issuer/verifier/k8s_token.h"
#include "issuer/verifier/verifier.h"
#include "lib/model/request.h"

struct record_credential {
        const char *slot, *type;
        char serial[33]; /* hex */
        int64_t not_before_unix_s, not_after_unix_s;
        const char *identity; /* where it is another one than the decision's; NULL: it is that one */
};
struct record_source {
        struct wall now;
        const struct pod_request *pod;
        const struct fault *problem;     /* NULL: issued */
        const char *check;               /* of the problem, whole; NULL: the problem's token */
        const struct k8s_token *token;   /* NULL: none, or not believed */
        const struct decision *decision; /* NULL: refused before the policy was asked */
        const struct attestation_result *result;
        struct span result_items;   /* its checks as record_write_result has them: pods of one request share them */
        const struct ak_record *ak; /* NULL: none */
        const char *policy_digest;
        uint64_t policy_revision;
        const char *verifier_id, *verifier_build;
        const uint8_t *nonce_digest, *client_spki_digest; /* SHA256_LEN each */
        size_t credential_count;
        const struct record_credential *credentials;
};
/* The part of the tree that comes from the evidence, for result_items. `out` without a limit. */
void record_write_result(const struct attestation_result *r, struct buf *out);
struct json *record_to_json(const struct record_source *s); /* the caller's */
/* Evidence that was appraised for somebody else to decide on (POST /v1/results): {"v","time","decision":"appraised","policy","verifier",
 * "evidence","nonce","client","ak","result":{"audience","expires","keys":["sha256:…"]},"tree"}. Of `s`, what these need. */
struct record_appraisal {
        const char *audience; /* who shall believe the result */
        int64_t expires_unix_s;
        size_t key_count;
        const uint8_t (*keys)[SHA256_LEN];
};
struct json *appraisal_to_json(const struct record_source *s, const struct record_appraisal *a); /* the caller's */
/* What is appended when a record said "issued" and signing failed after it: nothing of `record` has left. */
/* `pod` NULL: it was an appraisal's. */
struct json *correction_to_json(const struct pod_request *pod, const char *record, const struct fault *why,
                                struct wall now); /* the caller's */
