#include "lib/wire/cmw.h"

#include <assert.h>
#include <stdio.h>

#include "lib/base/parse.h"

#define IND_ALL             31u /* bits 0 to 4 of cm-type: reference values, endorsements, evidence, results, policy */
#define COLLECTION_TYPE_KEY "__cmwc_t" /* draft-ietf-rats-msg-wrap, section 3.3: what a collection says of itself */

static struct fault *bad(const char *label, const char *what)
{
        return fault(FAULT_INVALID, "BAD_CMW", "CMW%s%s: %s", label[0] == '\0' ? "" : " item ", label, what);
}

/* Printable and with one slash at least; parameters are part of the type. */
static bool is_media_type(struct span text)
{
        if (text.len < 3 || text.len >= CMW_TYPE_MAX || memchr(text.data, '/', text.len) == NULL)
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] < 0x20 || text.data[i] > 0x7e)
                        return false;
        return true;
}

static bool is_label(struct span text)
{
        if (text.len == 0 || text.len >= sizeof((struct cmw_item *) NULL)->label)
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] < 0x21 || text.data[i] > 0x7e)
                        return false;
        return true;
}

/* `item` has its label; it is cleared by the caller's cmw_clear whatever happens. */
static struct fault *read_record(const struct json *record, struct cmw_item *item)
{
        item->value = BUF(CMW_ITEM_MAX);
        if (json_kind(record) != JSON_ARRAY || json_count(record) < 2 || json_count(record) > 3)
                return bad(item->label, "a record is an array of two or three");
        const struct json *type = json_at(record, 0), *value = json_at(record, 1), *indicator = json_at(record, 2);

        if (json_kind(type) != JSON_TEXT || !is_media_type(json_text(type)))
                return bad(item->label, "the type is not a media type");
        memcpy(item->type, json_text(type).data, json_text(type).len);

        if (json_kind(value) != JSON_TEXT)
                return bad(item->label, "the value is not a text");
        AUTO(fault) struct fault *f = base64url_decode(json_text(value), &item->value);
        if (f != NULL)
                return bad(item->label, fault_text(f));

        if (indicator == NULL)
                return NULL;
        if (json_kind(indicator) != JSON_INT || json_int(indicator) < 1 || json_int(indicator) > IND_ALL)
                return bad(item->label, "the indicator is not one of 1 to 31");
        item->indicator = (unsigned) json_int(indicator);
        return NULL;
}

static struct fault *read_collection(const struct json *collection, struct cmw *c)
{
        const char *label = NULL;
        const struct json *record = NULL;
        for (void *at = NULL; json_next(collection, &at, &label, &record);) {
                if (strcmp(label, COLLECTION_TYPE_KEY) == 0) {
                        if (json_kind(record) != JSON_TEXT)
                                return bad("", "the type of the collection is not a text");
                        continue;
                }
                if (!is_label(span_str(label)))
                        return bad("", "a label is empty, too long or not printable");
                if (c->count == CMW_ITEMS_MAX)
                        return bad("", "too many items");
                struct cmw_item *item = &c->items[c->count++];
                memcpy(item->label, label, strlen(label));
                TRY(read_record(record, item));
        }
        return c->count > 0 ? NULL : bad("", "an empty collection");
}

static struct fault *read_any(const struct json *j, struct cmw *c)
{
        if (json_kind(j) == JSON_OBJECT)
                return read_collection(j, c);
        c->count = 1;
        return read_record(j, &c->items[0]);
}

struct fault *cmw_parse(const struct json *j, struct cmw *ret)
{
        struct cmw c = {0};
        struct fault *f = read_any(j, &c);
        if (f != NULL) {
                cmw_clear(&c);
                return f;
        }
        *ret = c;
        return NULL;
}

struct json *cmw_record(const char *type, struct span value, unsigned indicator)
{
        struct json *record = json_new_array();
        json_push(record, json_new_text(span_str(type)));
        json_push(record, json_new_base64url(value));
        if (indicator != 0)
                json_push(record, json_new_int(indicator));
        return record;
}

struct json *cmw_to_json(const struct cmw *c)
{
        const struct cmw_item *first = &c->items[0];
        if (c->count == 1 && first->label[0] == '\0')
                return cmw_record(first->type, buf_span(&first->value), first->indicator);

        struct json *collection = json_new_object();
        for (size_t i = 0; i < c->count; i++) {
                const struct cmw_item *item = &c->items[i];
                json_set(collection, item->label, cmw_record(item->type, buf_span(&item->value), item->indicator));
        }
        return collection;
}

struct cmw cmw_evidence(const char *type)
{
        struct cmw c = {.count = 1};
        struct cmw_item *item = &c.items[0];
        assert(strlen(type) < sizeof item->type);
        (void) snprintf(item->type, sizeof item->type, "%s", type); /* fits */
        item->indicator = CMW_IND_EVIDENCE;
        item->value = BUF(CMW_ITEM_MAX);
        return c;
}

const struct cmw_item *cmw_find(const struct cmw *c, const char *type)
{
        for (size_t i = 0; i < c->count; i++)
                if (strcmp(c->items[i].type, type) == 0)
                        return &c->items[i];
        return NULL;
}

void cmw_clear(struct cmw *c)
{
        for (size_t i = 0; i < c->count; i++)
                buf_clear(&c->items[i].value);
        *c = (struct cmw){0};
}
