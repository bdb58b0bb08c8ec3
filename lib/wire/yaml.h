/* yaml: YAML documents as a tree that remembers lines. The only place that sees libyaml.
 *
 * For configuration and policy, which people write: every error names file, line and column. The tree is plain data,
 * owned by its `struct yaml`. Refused (FAULT_INVALID "BAD_YAML"): duplicate keys, anchors and aliases, tags, non-scalar
 * keys, NUL, more than YAML_DEPTH_MAX levels, YAML_NODES_MAX nodes or YAML_BYTES_MAX bytes. No schema is applied:
 * a scalar is its text plus whether it was quoted. */
#pragma once

#include "lib/base/span.h"

#define YAML_DEPTH_MAX 24
#define YAML_NODES_MAX 200000
#define YAML_BYTES_MAX (8u << 20)

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
        enum yaml_kind kind;
        unsigned line, column;    /* from 1 */
        const char *text;         /* scalar: NUL-terminated UTF-8; key of the pair: see `keys` */
        bool quoted;              /* scalar written with quotes or as a block */
        size_t count;             /* items of a sequence, pairs of a mapping */
        struct yaml_node **items; /* sequence items, or values of the pairs */
        struct yaml_node **keys;  /* mapping only: scalars */
};

struct yaml; /* all documents of one text */

/* `name` is what errors call the text ("policy.yaml"). Outputs: any number of documents; an empty text has none. */
struct fault *yaml_parse(const char *name, struct span text, struct yaml **ret) MUST_USE;
size_t yaml_documents(const struct yaml *y);
const struct yaml_node *yaml_document(const struct yaml *y, size_t index);
const char *yaml_name(const struct yaml *y);
/* libyaml exports a yaml_free of its own, which our symbol would replace: it has another name. */
void yaml_free(struct yaml *y) __asm__("vouchsafe_yaml_free");
DEFINE_AUTO(yaml)

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key); /* NULL: none */
/* FAULT_INVALID with "<name>:<line>:<column>: " before the text. */
struct fault *yaml_fault(const struct yaml *y, const struct yaml_node *at, const char *token, const char *fmt,
                         ...) MUST_USE PRINTF_LIKE(4, 5);
