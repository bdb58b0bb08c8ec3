/* compiler: what the parts of the compiler share. Inside issuer/policy only; lives as long as policy_compile runs. */
#pragma once

#include "issuer/policy/document.h"

struct compiler {
        struct policy *p;
        const struct policy_options *o;
        struct documents documents;
        struct map *sets;     /* name → struct set */
        struct map *profiles; /* name → struct profile */
        /* views made for OP_IN_SET, shared: "<set>/<input>" → struct view */
        struct map *views;
};

/* compile.c: the index of an input in the program, adding it. POLICY_INPUT naming the nearest when there is none. */
struct fault *compile_name(struct compiler *c, const struct document *d, const struct yaml_node *at, const char *text,
                           size_t *ret) MUST_USE;

/* compile_value.c: a scalar as a value of the input's type: POLICY_VALUE. */
struct fault *compile_value(struct compiler *c, const struct document *d, size_t name, const struct yaml_node *at,
                            struct value *ret) MUST_USE;

/* compile_profile.c, compile_set.c, compile_workload.c: one document each. */
struct fault *compile_profile(struct compiler *c, const struct document *d, struct profile *ret) MUST_USE;
struct fault *compile_set(struct compiler *c, const struct document *d, struct set *ret) MUST_USE;
/* In place, into a zeroed rule that is the policy's already: it frees what half a rule holds. */
struct fault *compile_guardrail(struct compiler *c, const struct document *d, struct rule *r) MUST_USE;
struct fault *compile_workload(struct compiler *c, const struct document *d, struct rule *r) MUST_USE;
/* compile_keyrelease.c */
struct fault *compile_release(struct compiler *c, const struct document *d, struct rule *r) MUST_USE;
/* compile_workload.c: what every rule has: name, owner, place, flags. */
struct fault *compile_rule(struct compiler *c, const struct document *d, const char *kind, struct rule *r) MUST_USE;
/* A SPIFFE id of a workload or one of its slots: POLICY_IDENTITY, POLICY_RESERVED. */
struct fault *compile_identity(struct compiler *c, const struct document *d, const struct yaml_node *at,
                               const char **ret) MUST_USE;
/* A ttl of a profile or workload, in seconds. */
struct fault *compile_ttl(const struct document *d, const struct yaml_node *at, int64_t *ret_s) MUST_USE;
/* compile_claims.c */
struct fault *compile_claims(struct compiler *c, const struct document *d, struct rule *r) MUST_USE;
/* compile_credentials.c */
struct fault *compile_credentials(struct compiler *c, const struct document *d, struct rule *r) MUST_USE;

/* compile_condition.c: an expression into negation normal form. `r` has its name, place and flags already. */
struct fault *compile_condition(struct compiler *c, const struct document *d, struct rule *r,
                                const struct yaml_node *at) MUST_USE;

/* origins.c: after all rules are there. POLICY_ORIGIN and POLICY_PLATFORM. */
struct fault *check_origins(const struct compiler *c) MUST_USE;
/* overlap.c: workloads that could never be granted because another one matches whenever they do: POLICY_SHADOWED; and
 * identities that two owners claim: POLICY_IDENTITY. */
struct fault *check_overlaps(const struct compiler *c) MUST_USE;
/* A fault at a rule or node, after the trees' nodes have been left behind. */
#define rule_fault(r, line, column, token, fmt, ...)                                                                   \
        fault(FAULT_INVALID, (token), "%s:%u:%u: " fmt, (r)->file, (line), (column), ##__VA_ARGS__)
