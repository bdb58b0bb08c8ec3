/* policy: who gets which identity, decided from facts. Pure: no I/O, no clock; everything comes in as an argument.
 *
 * Documents (YAML, apiVersion vouchsafe.dev/v1): Profile (shape of a request: slots, types, algorithms, mechanism, ttl),
 * ReferenceSet (versions, PCR sets, platforms), Guardrail (cluster; deny wins), Workload (exactly one must match), KeyRelease (who gets a stored
 * key). They are
 * compiled all-or-nothing into a checked program of a closed operator set; every refusal of the compiler names file and
 * line. Default deny, ambiguity denied, an empty set denies. Origins (lib/model/facts.h): grants and claim values come from
 * hw, measured, verifier; k8s where the rule says so; node and self only narrow: the compiler replaces their atoms by the
 * most permissive value, and every remaining disjunct must still need hw, measured or verifier; and they never tell two
 * workloads apart. Each way to a grant names a platform set, in the rule or in a guardrail; `any-genuine: true` must be
 * explicit. Development evidence (origin software) is admitted only by documents that say `insecure-development: true`.
 * The language is described in docs/policy.md; input names come from inputs.c. */
#pragma once

#include "lib/base/clock.h"
#include "lib/model/facts.h"
#include "lib/model/reply.h"
#include "lib/wire/sources.h"

struct policy;
struct policy_options {
        const char *trust_domain;        /* identities must lie in it; NULL: any one (for `vouchsafe policy check`) */
        const char *const *reserved_dns; /* the issuer's own names, NULL-terminated; may be NULL */
        bool may_be_empty;               /* of a verifier alone, which decides nothing; else "POLICY_EMPTY" */
        bool insecure_development;       /* false: a document that says insecure-development is an error */
};
/* The first fault found: FAULT_INVALID, text "<file>:<line>:<column>: …". `ret` is immutable and may be shared by threads. */
struct fault *policy_compile(const struct source *sources, size_t count, const struct policy_options *o,
                             struct policy **ret) MUST_USE;
const char *policy_digest(const struct policy *p); /* "sha256:<hex>" over the canonical JSON of all documents */
uint64_t policy_revision(const struct policy *p);  /* highest metadata.revision, 0 when none has one */
size_t policy_document_count(const struct policy *p);
/* How long past its end collateral still counts in an appraisal: the longest that a guardrail grants; 0: never. What was taken by it is the
 * concern "collateral.grace". */
int64_t policy_collateral_grace_s(const struct policy *p);
/* What isn't wrong but worth a look ("a.yaml:3:1: ReferenceSet "x" is used by no rule"); NULL past the last. */
const char *policy_warning(const struct policy *p, size_t index);
/* What a challenge tells about profiles; NULL past the last. */
size_t policy_profile_count(const struct policy *p);
const struct profile_shape *policy_profile(const struct policy *p, size_t index);
const struct profile_shape *policy_find_profile(const struct policy *p, const char *name); /* NULL: none */
struct policy *policy_ref(struct policy *p);                                               /* atomically counted */
void policy_free(struct policy *p);
DEFINE_AUTO(policy)

struct grant {
        char slot[NAME_MAX_LEN + 1];
        char type[16];
        char *identity; /* SPIFFE id in this credential: the slot's own, or the workload's */
        int64_t ttl_s;
        size_t dns_count;
        char *dns[8];
};
struct decision {
        bool allowed;
        /* Refusal: "policy.no_profile", "policy.no_match", "policy.ambiguous", "guardrail/<name>", "concern/<name>", "workload/<name>" (a claim's
         * source is unknown): at most 64 bytes, of [a-z0-9._/-]. "" when allowed. */
        char token[128];
        char *reason;           /* for a pod author: which value was wanted, which was found */
        char *workload, *owner; /* of the one that matched (or came nearest), may be NULL */
        char *identity;         /* allowed: the workload's SPIFFE id */
        size_t grant_count;
        struct grant grants[SLOTS_MAX];
        struct json *claims;     /* object, canonical */
        struct json *references; /* array of "set/entry" hit */
        bool insecure_development, any_genuine;
        struct check *tree; /* every check: wanted, got, origin, owner */
};
/* Never fails on facts: what is unknown fails its check. */
void policy_decide(const struct policy *p, const char *profile, const struct facts *facts, struct wall now,
                   struct decision **ret);
/* What more it takes to get a stored key: narrows a decision of policy_decide over the same facts. The slot must be for that key
 * ("release.slot"), a KeyRelease of the key's owner must name it ("release.no_policy", "release.owner"), and it must hold ("release/<name>"). One
 * that is refused already stays as it is. */
void policy_release(const struct policy *p, const char *profile, const char *slot, const char *key, const char *owner,
                    const struct facts *facts, struct wall now, struct decision *d);
/* The KeyRelease that names the key; NULL: none. */
const char *policy_release_of(const struct policy *p, const char *key);
/* Which workloads have an identity, for certificates that are made ahead of attestation. Borrows from the policy. */
struct policy_identity {
        const char *workload, *owner;
        bool insecure_development; /* of any of them */
        const char *const *dns;    /* granted to the slot that is for `key` */
        size_t dns_count;
        int64_t ttl_s; /* the shortest that a slot for `key` has; 0: there is none */
};
bool policy_find_identity(const struct policy *p, const char *identity, const char *key, struct policy_identity *ret);
/* Guardrails and concerns alone: is this evidence what the cluster demands of any machine? Without a guardrail: no ("policy.guardrails"). */
void policy_judge(const struct policy *p, const struct facts *facts, struct wall now, struct decision **ret);
void decision_free(struct decision *d);
DEFINE_AUTO(decision)
struct json *decision_to_json(const struct decision *d);
