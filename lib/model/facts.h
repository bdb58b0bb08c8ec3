/* facts: what is known about a request, each with its name, type and origin; and checks: what was compared, wanted and
 * found.
 *
 * The verifier, the token check and the request itself put facts in; the policy reads them. Names come from one table
 * (issuer/policy/inputs.c). A fact is set once: setting it again is our mistake and asserts. Plain data, one thread.
 * Origins (design.md §5): hw, measured, verifier, k8s, node, self; software is the development kind's and grants
 * nothing unless a document says insecure-development. */
#pragma once

#include "lib/base/arena.h"
#include "lib/wire/json.h"

enum origin {
        ORIGIN_HW,
        ORIGIN_MEASURED,
        ORIGIN_VERIFIER,
        ORIGIN_K8S,
        ORIGIN_NODE,
        ORIGIN_SELF,
        ORIGIN_SOFTWARE,
        ORIGIN_COUNT
};
const char *origin_name(enum origin o); /* "hw", … */

enum fact_kind { FACT_TEXT, FACT_NUMBER, FACT_FLAG, FACT_BYTES };
struct fact {
        const char *name; /* "tpm.pcr.sha256.7"; the arena's, as the value */
        enum origin origin;
        enum fact_kind kind;
        uint64_t number;   /* also the flag, 0 or 1 */
        struct span value; /* text or bytes; a NUL follows */
        uint32_t hash;     /* of the name: most names that differ are told apart by it */
};
#define FACTS_MAX 512
struct facts {
        size_t count, room;
        struct fact *items;
        struct arena *arena;      /* names and values; NULL: no fact yet */
        const struct facts *base; /* more of them, borrowed: what pods of one request share; NULL: none */
};
void facts_set_text(struct facts *f, const char *name, enum origin o, struct span text);
void facts_set_number(struct facts *f, const char *name, enum origin o, uint64_t v);
void facts_set_flag(struct facts *f, const char *name, enum origin o, bool v);
void facts_set_bytes(struct facts *f, const char *name, enum origin o, struct span bytes);
const struct fact *facts_find(const struct facts *f, const char *name); /* NULL: unknown */
/* As people and policies write it: bytes in lower-case hex, flags true/false. */
struct fault *fact_text(const struct fact *f, struct buf *out) MUST_USE;
void facts_merge(struct facts *into, const struct facts *from); /* copies */
/* {"name":{"value":…,"origin":…},…}, sorted when written; bytes are hex with "kind":"bytes". */
struct json *facts_to_json(const struct facts *f);
/* The inverse, for `vouchsafe` and policy tests; names and types are the caller's to check. */
struct fault *facts_from_json(const struct json *j, struct facts *ret) MUST_USE;
void facts_clear(struct facts *f);
DEFINE_AUTO_VALUE(facts)

/* A tree of checks: each has a stable name, whether it held, what was wanted, what was found, where that came from, and
 * who owns the rule or set. Printed by people's tools and written to the ledger as JSON. */
struct check {
        const char
                *name; /* "tpm.extra_data", "guardrail/prod-floor/all[0]"; in the check's own block, as the next two */
        bool ok;
        const char *wanted, *got; /* may be NULL */
        int origin;               /* enum origin, or -1 */
        char *owner;              /* may be NULL */
        size_t child_count;
        struct check **children;
};
struct check *check_new(const char *name, bool ok);
/* All texts are copied and escaped; NULL is fine. Returns the new check, owned by `parent`. */
struct check *check_add(struct check *parent, const char *name, bool ok, const char *wanted, const char *got,
                        int origin);
/* Copied and escaped, as all texts. */
void check_set_owner(struct check *c, const char *owner);
void check_adopt(struct check *parent, struct check *child);
/* The reason: the first failed leaf in depth-first order, going through failed ones only; NULL: it held. */
const struct check *check_first_failure(const struct check *c);
/* A list in depth-first order, each with its depth:
 * [{"depth":0,"name":…,"ok":…,"wanted"?,"got"?,"origin"?,"owner"?},…]. Flat, so that JSON_DEPTH_MAX does not bound the
 * tree. */
struct json *check_to_json(const struct check *c);
/* The items of that list, below `depth` levels, as canonical text with commas between (json_new_written). `out` without a limit. */
void check_write_items(const struct check *c, size_t depth, struct buf *out);
struct fault *check_from_json(const struct json *j, struct check **ret) MUST_USE; /* "BAD_FIELD", "UNKNOWN_FIELD" */
/* The tree for a terminal, two blanks a level: "ok   tpm.pcr.sha256.7  wanted …  got …  (hw, platform-team)". */
struct fault *check_print(const struct check *c, struct buf *out) MUST_USE;
void check_free(struct check *c);
DEFINE_AUTO(check)
