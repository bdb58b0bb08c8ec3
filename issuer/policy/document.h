/* document: the frame that every policy document has, checked before anybody looks at its spec, and the small readers
 * that all of the compiler's parts use. Inside issuer/policy only.
 *
 * apiVersion, kind, metadata{name, owner, revision, description}, spec; nothing else. Documents come out sorted by kind and
 * name, so that neither files nor their order matter to what is compiled or to the digest. Every fault names
 * "<file>:<line>:<column>". */
#pragma once

#include "issuer/policy/program.h"
#include "lib/wire/yaml.h"

enum document_kind {
        DOCUMENT_GUARDRAIL,
        DOCUMENT_RELEASE,
        DOCUMENT_PROFILE,
        DOCUMENT_SET,
        DOCUMENT_WORKLOAD,
        DOCUMENT_KIND_COUNT
};
const char *document_kind_name(enum document_kind kind);

struct document {
        enum document_kind kind;
        const struct yaml *yaml;
        const struct yaml_node *root, *spec;
        const char *name, *owner; /* the tree's */
        uint64_t revision;
        size_t sequence; /* as they were read */
};
struct documents {
        size_t count;
        struct document *items;
        size_t text_count;
        struct yaml **texts;
};
/* POLICY_DOCUMENT, POLICY_VERSION, POLICY_KIND, POLICY_FIELD, POLICY_NAME, POLICY_VALUE, POLICY_DUPLICATE, POLICY_LIMIT; BAD_YAML. */
struct fault *documents_read(const struct source *sources, size_t count, struct documents *ret) MUST_USE;
void documents_clear(struct documents *d);
DEFINE_AUTO_VALUE(documents)

#define document_fault(d, at, token, ...) yaml_fault((d)->yaml, (at), (token), __VA_ARGS__)

/* Only these keys (NULL-terminated): POLICY_FIELD naming the allowed ones. Also checks that `m` is a mapping; `what` names it. */
struct fault *fields_only(const struct document *d, const struct yaml_node *m, const char *what,
                          const char *const *allowed) MUST_USE;
/* A member of that kind; POLICY_FIELD when it is missing or of another kind. */
struct fault *field_need(const struct document *d, const struct yaml_node *m, const char *key, enum yaml_kind kind,
                         const struct yaml_node **ret) MUST_USE;
/* The same where it may be missing: *ret is NULL then. */
struct fault *field_want(const struct document *d, const struct yaml_node *m, const char *key, enum yaml_kind kind,
                         const struct yaml_node **ret) MUST_USE;
struct fault *field_flag(const struct document *d, const struct yaml_node *m, const char *key, bool *ret) MUST_USE;
/* A name of ours: [a-z0-9] and inside also . and -, at most `max` bytes. POLICY_NAME. */
struct fault *name_check(const struct document *d, const struct yaml_node *at, size_t max) MUST_USE;
/* Non-empty text of at most POLICY_TEXT_MAX bytes without control characters, and not YAML's null. POLICY_VALUE. */
struct fault *text_check(const struct document *d, const struct yaml_node *at) MUST_USE;
/* Unquoted true/false, a number, and the rest as text: how a scalar reads where the type is its own. */
bool scalar_is_flag(const struct yaml_node *n, bool *ret);
bool scalar_is_number(const struct yaml_node *n, int64_t *ret);
bool scalar_is_null(const struct yaml_node *n);
/* Takes the fault as an answer: whether there was none. */
bool succeeded(struct fault *f);
/* digest.c: "sha256:<hex>" over the canonical JSON of all documents. */
struct fault *documents_digest(const struct documents *d, char ret[DIGEST_TEXT_MAX]) MUST_USE;
