/* policy_holder: what decisions are made by: the compiled policy, the clusters whose tokens are believed, and the roots of endorsement keys.
 *
 * The three are one snapshot, loaded and replaced all-or-nothing: a reload that fails leaves the last good one in force and says so
 * (log error, metric). A policy of a lower revision is no reload but a rollback, and refused, also over a restart: the highest one that was in force is a mark in
 * the store. Whoever serves a request holds its own reference, so that one request sees one policy. Thread-safe. */
#pragma once

#include "issuer/api/anchors.h"
#include "issuer/policy/policy.h"
#include "issuer/verifier/k8s_token.h"
#include "lib/crypt/x509.h"

struct issuer_config;
struct store;

#define ANCHORS_MAX 8
struct trusted_verifier { /* of another process: its results are believed */
        const char *id;   /* borrowed from the config */
        struct jwk_set *keys;
};
struct ruleset { /* immutable */
        struct policy *policy;
        size_t cluster_count;
        struct cluster *clusters; /* array */
        const char **attesters;   /* [cluster_count]: "namespace/service-account", or NULL; borrowed from the config */
        struct cert_list ek_roots;
        uint8_t ek_root_ids[32][SHA256_LEN]; /* of ek_roots, in its order: SHA-256 of the SPKI */
        size_t anchors_count;
        struct anchors anchors[ANCHORS_MAX]; /* one a kind at most */
        size_t verifier_count;
        struct trusted_verifier *verifiers; /* array */
        unsigned references;                /* atomic */
};
struct policy_holder;
/* Loads for the first time; `c` and `store` are borrowed. Faults: those of the policy's compiler, "NO_POLICY" when none is configured, those of
 * reading files, and FAULT_PRECONDITION "POLICY_ROLLBACK" for a revision below one that was in force before. A store that can't
 * keep the mark is logged, and keeps no policy from being in force: a stricter one must not wait for a disk. */
struct fault *policy_holder_new(const struct issuer_config *c, struct store *store,
                                struct policy_holder **ret) MUST_USE;
/* The same faults; the policy from before stays. */
struct fault *policy_holder_reload(struct policy_holder *h) MUST_USE;
uint64_t policy_holder_failures(struct policy_holder *h);                         /* reloads that failed */
struct ruleset *policy_holder_get(struct policy_holder *h);                       /* a reference of the caller's own */
void ruleset_free(struct ruleset *r);                                             /* gives it back */
const struct anchors *ruleset_anchors(const struct ruleset *r, const char *kind); /* NULL: none */
bool ruleset_has_ek_root(const struct ruleset *r, const uint8_t id[SHA256_LEN]);
DEFINE_AUTO(ruleset)
void policy_holder_free(struct policy_holder *h);
DEFINE_AUTO(policy_holder)
