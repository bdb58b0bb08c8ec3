/* k8s_token: Kubernetes bound service-account tokens, verified offline (protocol.md §4). Pure.
 *
 * Signature by the cluster's JWKS, iss and aud exact, exp/nbf/iat at `now` (leeway 30 s), and the bound claims
 * kubernetes.io {namespace, serviceaccount{name,uid}, pod{name,uid}, node{name,uid}}. A pod's token must be of the pod that the
 * request names and of the node that the AK was enrolled for. Checks: "k8s.signature", "k8s.issuer", "k8s.audience", "k8s.expired",
 * "k8s.not_yet_valid", "k8s.bound", "k8s.pod", "k8s.namespace", "k8s.service_account", "k8s.node". */
#pragma once

#include "lib/base/clock.h"
#include "lib/crypt/jwt.h"
#include "lib/model/facts.h"

struct cluster {
        char *name;   /* of ours, in policies: k8s.cluster */
        char *issuer; /* iss */
        struct jwk_set *keys;
};
struct k8s_token {
        const struct cluster *cluster;
        char *namespace, *service_account, *service_account_uid, *pod, *pod_uid, *node,
                *node_uid; /* pod*, node* may be NULL */
        int64_t expires_unix_s;
};
/* Finds the cluster by the token's iss, verifies, and reads the claims. Does not compare with the request: k8s_token_match does. */
struct fault *k8s_token_verify(struct span token, const struct cluster *clusters, size_t count, const char *audience,
                               struct wall now, struct k8s_token *ret) MUST_USE;
struct fault *k8s_token_match(const struct k8s_token *t, const char *pod_uid, const char *namespace, const char *pod,
                              const char *service_account, const char *enrolled_cluster,
                              const char *enrolled_node) MUST_USE;
/* k8s.cluster, k8s.namespace, k8s.service-account, k8s.pod, k8s.pod-uid, k8s.node */
void k8s_token_facts(const struct k8s_token *t, struct facts *into);
void k8s_token_clear(struct k8s_token *t);
DEFINE_AUTO_VALUE(k8s_token)
