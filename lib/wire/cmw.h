/* cmw: RATS Conceptual Message Wrapper, JSON form (draft-ietf-rats-msg-wrap): a record `["media/type", "b64url", ind?]`
 * or a collection `{"label": record, …}` of at most CMW_ITEMS_MAX records (no nested collections: one device's parts
 * are one level). Items keep the order of labels. Parsing bounds every item at CMW_ITEM_MAX bytes. */
#pragma once

#include "lib/wire/json.h"

#define CMW_ITEMS_MAX            8
#define CMW_ITEM_MAX             262144 /* 256 KiB */
#define CMW_TYPE_MAX             128
#define CMW_IND_REFERENCE_VALUES 1u
#define CMW_IND_ENDORSEMENTS     2u
#define CMW_IND_EVIDENCE         4u
#define CMW_IND_RESULTS          8u

struct cmw_item {
        char label[64]; /* "" in a bare record */
        char type[CMW_TYPE_MAX];
        struct buf value;
        unsigned indicator; /* 0: unsaid */
};
struct cmw {
        size_t count;
        struct cmw_item items[CMW_ITEMS_MAX];
};

struct fault *cmw_parse(const struct json *j, struct cmw *ret) MUST_USE; /* FAULT_INVALID "BAD_CMW" */
/* A record when there is one item without label, a collection otherwise; the inverse of cmw_parse. */
struct json *cmw_to_json(const struct cmw *c);
struct json *cmw_record(const char *type, struct span value, unsigned indicator);
/* One record of that type, marked as evidence, its value still empty. */
struct cmw cmw_evidence(const char *type);
const struct cmw_item *cmw_find(const struct cmw *c, const char *type); /* NULL: none */
void cmw_clear(struct cmw *c);
DEFINE_AUTO_VALUE(cmw)
