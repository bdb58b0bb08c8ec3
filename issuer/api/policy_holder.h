/* policy_holder: what decisions are made by: the compiled policy, the clusters whose tokens are believed, and the roots of endorsement keys.
 *
 * The three are one snapshot, loaded and replaced all-or-nothing: a reload that fails leaves the last good one in force and says so
 * (log error, metric). A policy of a lower revision is no reload but a rollback, and refused. Whoever serves a request holds its own reference, so that one request sees one policy. Thread-safe. */
#pragma once

#include "issuer/policy/policy.h"
#include "issuer/verifier/k8s_token.h"
#include "lib/crypt/x509.h"

struct issuer_config;

struct ruleset { /* immutable */
        struct policy *policy;
        size_t cluster_count;
        struct cluster *clusters; /* array */
        const char **attesters;   /* [cluster_count]: "namespace/service-account", or NULL; borrowed from the config */
        struct cert_list ek_roots;
        unsigned references; /* atomic */
};
struct policy_holder;
/* Loads for the first time; `c` is borrowed. Faults: those of the policy's compiler, "NO_POLICY" when none is configured, and of reading files. */
struct fault *policy_holder_new(const struct issuer_config *c, struct policy_holder **ret) MUST_USE;
/* The same faults, and FAULT_PRECONDITION "POLICY_ROLLBACK" for a revision below the one in force. */
struct fault *policy_holder_reload(struct policy_holder *h) MUST_USE;
uint64_t policy_holder_failures(struct policy_holder *h);   /* reloads that failed */
struct ruleset *policy_holder_get(struct policy_holder *h); /* a reference of the caller's own */
void ruleset_free(struct ruleset *r);                       /* gives it back */
DEFINE_AUTO(ruleset)
void policy_holder_free(struct policy_holder *h);
DEFINE_AUTO(policy_holder)
