/* program: what the compiler makes of documents and the decision runs. Inside issuer/policy only.
 *
 * Conditions are in negation normal form: `not` is pushed down to the leaves, so that "what is unknown fails its check"
 * holds below a `not` as well (an unknown value makes neither a check nor its opposite true). Names are indexes, sets are
 * hashed, everything lives in one arena and never changes after the compiler. */
#pragma once

#include <stdatomic.h>

#include "issuer/policy/inputs.h"
#include "issuer/policy/policy.h"
#include "lib/base/arena.h"
#include "lib/base/map.h"

#define POLICY_DOCUMENTS_MAX 4096
#define POLICY_RULES_MAX     512 /* of each: guardrails, workloads */
#define POLICY_RULE_NAME_MAX 48  /* so that "guardrail/<name>" is a token that a problem document carries */
#define POLICY_ENTRIES_MAX   20000
#define POLICY_VALUES_MAX    32 /* of an entry */
#define POLICY_DEPTH_MAX     8  /* all, any and not inside one another */
#define POLICY_NODES_MAX     256
#define POLICY_LIST_MAX      64 /* of `in` */
#define POLICY_TEXT_MAX      512
#define POLICY_CLAIMS_MAX    32
#define POLICY_TOLERATED_MAX 32
#define POLICY_KEYS_MAX      64 /* of a KeyRelease */
#define POLICY_WARNINGS_MAX  64
#define POLICY_BLOCK_LEN     ((size_t) 32 * 1024) /* of the arena */
#define POLICY_TTL_MIN_S     10
#define POLICY_TTL_MAX_S     (24 * 3600)
#define POLICY_GRACE_MIN_S   60
#define POLICY_GRACE_MAX_S   (30 * 24 * 3600)

struct value {
        enum fact_kind kind;
        uint64_t number;   /* also the flag */
        struct span bytes; /* text or bytes */
};

struct name { /* an input that the program speaks of */
        const char *text;
        const struct policy_input *input;
};

enum entry_state { ENTRY_ACTIVE, ENTRY_DEPRECATED, ENTRY_CANDIDATE, ENTRY_STATE_COUNT };
struct set_value {
        size_t name;
        struct value value;
};
struct set_entry {
        const char *name;
        enum entry_state state;
        int64_t until_unix_s; /* deprecated: no longer from then on */
        bool below_floor;
        size_t value_count;
        struct set_value *values; /* ascending names */
};
/* Entries of a set by the values that they have for some names: a hash table with chains. */
struct view {
        size_t name_count;
        const size_t *names;
        size_t bucket_count; /* a power of two */
        uint32_t *buckets;   /* entry index + 1 */
        uint32_t *next;      /* by entry: entry index + 1 */
};
struct set {
        const char *name, *owner;
        bool platform; /* every entry holds a platform identifier */
        bool software; /* some entry holds a development input */
        bool is_used;
        size_t entry_count;
        struct set_entry *entries;
        size_t view_count;
        struct view **views; /* by all names of an entry: one for each combination that occurs */
};

enum op { OP_EQ, OP_IN, OP_PREFIX, OP_GTE, OP_LTE, OP_BITS_SET, OP_BITS_CLEAR, OP_EXISTS, OP_IN_SET, OP_COUNT };
enum node_kind { NODE_ALL, NODE_ANY, NODE_INPUT, NODE_SET };
struct node {
        enum node_kind kind;
        bool negated; /* of leaves */
        bool narrows; /* leaf whose origin may only narrow in this rule: the granting form takes it as true */
        enum op op;   /* NODE_INPUT */
        size_t name;  /* NODE_INPUT */
        size_t value_count;
        struct value *values;
        struct set *set;   /* NODE_SET, OP_IN_SET */
        struct view *view; /* OP_IN_SET */
        size_t child_count;
        struct node **children;
        const char *place;  /* "workload/payroll/all[0]" */
        const char *wanted; /* for people; of leaves */
        unsigned line, column;
};

struct claim {
        const char *name;
        struct json *value; /* NULL: `from` */
        size_t from;
};
struct profile {
        struct profile_shape shape;
        int64_t ttl_s[SLOTS_MAX];
        const char *owner;
        bool is_used;
};
struct slot_grant { /* credentials.<slot> of a workload */
        const char *slot;
        const char *identity; /* NULL: the workload's */
        int64_t ttl_s;        /* 0: the profile's */
        size_t dns_count;
        const char *dns[8];
};
struct rule { /* Guardrail, Workload or KeyRelease */
        const char *name, *owner, *place;
        bool k8s_grants, any_genuine, insecure_development;
        struct node *condition;
        size_t check_count; /* in the condition */
        unsigned line, column;
        const char *file;
        /* guardrail */
        size_t tolerated_count;
        const char **tolerated; /* names of concerns */
        int64_t grace_s;        /* collateral-grace; 0: none */
        /* workload */
        size_t profile_count;
        struct profile **profiles;
        const char *identity;
        size_t claim_count;
        struct claim *claims;
        size_t grant_count;
        struct slot_grant *grants;
        /* key release */
        size_t key_count;
        const char **keys; /* names of stored keys */
};

struct policy {
        atomic_uint references;
        struct arena *arena;
        char digest[DIGEST_TEXT_MAX];
        uint64_t revision;
        size_t document_count;
        struct map *name_index; /* text → its place in `names` */
        size_t name_count;
        struct name *names;
        size_t profile_count;
        struct profile *profiles;
        size_t set_count;
        struct set *sets;
        size_t guardrail_count;
        struct rule *guardrails;
        size_t workload_count;
        struct rule *workloads;
        size_t release_count;
        struct rule *releases;
        size_t warning_count;
        const char *warnings[POLICY_WARNINGS_MAX];
};

/* set.c: tables of entries. A view over `names` holds the entries that have a value for each of them; an exact one those
 * that have no others. */
struct view *view_new(struct arena *a, const struct set *s, const size_t *names, size_t name_count, bool exact);
bool value_eq(const struct value *a, const struct value *b);
/* The first entry + 1 whose values for the view's names are `values`, 0: none; then view->next. */
uint32_t view_find(const struct view *v, const struct set *s, const struct value *values);
const struct value *entry_value(const struct set_entry *e, size_t name); /* NULL: none */
bool entry_is_usable(const struct set_entry *e, struct wall now);

/* text.c: what leaves and values look like to people. The canonical form of a leaf names every value. */
const char *value_text(struct arena *a, const struct value *v);
const char *leaf_text(struct arena *a, const struct policy *p, const struct node *n, bool canonical);
