#include "lib/wire/json.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/parse.h"
#include "lib/base/secret.h"
#include "lib/base/utf8.h"
#include "lib/wire/json_node.h"

#define REFS_FIRST 8

/* ---- memory ------------------------------------------------------------------------------------------------------ */
struct json *json_block_new(size_t len)
{
        struct json *j = malloc(len);
        if (j == NULL)
                abort();
        *j = (struct json){.block_len = len};
        return j;
}

/* `room` bytes behind the head, then the key, unless it has none yet. */
static struct json *new_value(enum json_kind kind, const char *key, size_t room)
{
        size_t key_size = key != NULL ? strlen(key) + 1 : 0;
        struct json *j = json_block_new(sizeof *j + room + key_size);
        j->kind = (uint8_t) kind;
        if (key != NULL)
                j->key = memcpy((char *) (j + 1) + room, key, key_size);
        return j;
}

static void free_key(struct json *j)
{
        if (!j->has_own_key)
                return;
        wipe((char *) j->key, strlen(j->key)); /* made by give_key() */
        free((char *) j->key);
}

static void give_key(struct json *j, const char *key)
{
        free_key(j);
        j->key = alloc_string(key);
        j->has_own_key = true;
}

/* What hangs on it, but for its own block. Recursion as deep as the tree: parsed ones have JSON_DEPTH_MAX levels, others are built by us. */
static void clear(struct json *j)
{
        bool is_container = j->kind == JSON_ARRAY || j->kind == JSON_OBJECT;
        for (size_t i = 0; is_container && i < j->count; i++) {
                if (j->is_spread)
                        json_free(j->refs[i]);
                else
                        clear(&j->items[i]);
        }
        if (j->is_spread)
                free(j->refs);
        free_key(j);
}

void json_free(struct json *j)
{
        if (j == NULL)
                return;
        clear(j);
        if (j->block_len == 0) /* it lies in another's */
                return;
        wipe(j, j->block_len);
        free(j);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */
enum json_kind json_kind(const struct json *j)
{
        return (enum json_kind) j->kind;
}

const struct json *json_get(const struct json *object, const char *key)
{
        if (object == NULL || object->kind != JSON_OBJECT)
                return NULL;
        for (size_t i = 0; i < object->count; i++)
                if (strcmp(json_item(object, i)->key, key) == 0)
                        return json_item(object, i);
        return NULL;
}

size_t json_count(const struct json *j)
{
        return j != NULL ? j->count : 0; /* 0 for scalars */
}

const struct json *json_at(const struct json *array, size_t index)
{
        bool is_there = array != NULL && array->kind == JSON_ARRAY && index < array->count;
        return is_there ? json_item(array, index) : NULL;
}

/* *at is the place behind the member that was given last, one more than its index, as a pointer. */
bool json_next(const struct json *object, void **at, const char **ret_key, const struct json **ret_value)
{
        uintptr_t index = (uintptr_t) *at;
        if (object == NULL || object->kind != JSON_OBJECT || index >= object->count)
                return false;
        *ret_value = json_item(object, index);
        *ret_key = (*ret_value)->key;
        *at = (void *) (index + 1); /* NOLINT(performance-no-int-to-ptr): never followed */
        return true;
}

struct span json_text(const struct json *j)
{
        assert(j->kind == JSON_TEXT);
        return span_make(j->text.data, j->text.len);
}

int64_t json_int(const struct json *j)
{
        assert(j->kind == JSON_INT);
        return j->number;
}

bool json_bool(const struct json *j)
{
        assert(j->kind == JSON_BOOL);
        return j->number != 0;
}

/* ---- building ---------------------------------------------------------------------------------------------------- */
struct json *json_new_object(void)
{
        return new_value(JSON_OBJECT, NULL, 0);
}

struct json *json_new_array(void)
{
        return new_value(JSON_ARRAY, NULL, 0);
}

static struct json *new_text(const char *key, struct span text)
{
        struct json *j = new_value(JSON_TEXT, key, text.len + 1);
        char *data = (char *) (j + 1);
        if (text.len > 0)
                memcpy(data, text.data, text.len);
        data[text.len] = '\0';
        j->text.data = data;
        j->text.len = text.len;
        return j;
}

static bool is_clean(struct span text)
{
        return json_plain_run(text) == text.len || (span_is_utf8(text) && !span_has_nul(text));
}

struct json *json_new_text(struct span text)
{
        assert(is_clean(text));
        return new_text(NULL, text);
}

struct json *json_new_texts(const char *const *texts, size_t count)
{
        struct json *list = json_new_array();
        for (size_t i = 0; i < count; i++)
                json_push(list, json_new_text(span_str(texts[i])));
        return list;
}

struct json *json_new_written(struct span canonical)
{
        struct json *j = new_text(NULL, canonical);
        j->kind = JSON_NULL_KIND;
        j->is_written = true;
        return j;
}

static struct json *new_number(enum json_kind kind, const char *key, int64_t v)
{
        struct json *j = new_value(kind, key, 0);
        j->number = v;
        return j;
}

struct json *json_new_int(int64_t v)
{
        return new_number(JSON_INT, NULL, v);
}

struct json *json_new_bool(bool v)
{
        return new_number(JSON_BOOL, NULL, v);
}

static void push(struct json *j, struct json *item);

static struct json *copy_scalar(const struct json *j)
{
        if (j->kind == JSON_TEXT)
                return new_text(NULL, span_make(j->text.data, j->text.len));
        if (j->is_written)
                return json_new_written(span_make(j->text.data, j->text.len));
        return new_number((enum json_kind) j->kind, NULL, j->number);
}

struct json *json_copy(const struct json *j)
{
        if (j->kind != JSON_ARRAY && j->kind != JSON_OBJECT)
                return copy_scalar(j);
        struct json *copy = new_value((enum json_kind) j->kind, NULL, 0);
        for (size_t i = 0; i < j->count; i++) {
                const struct json *item = json_item(j, i);
                struct json *twin = json_copy(item);
                if (item->key != NULL)
                        give_key(twin, item->key);
                push(copy, twin);
        }
        return copy;
}

/* Makes room for one more item, each in a block of its own or in the one that was parsed. */
static void make_room(struct json *j)
{
        if (j->is_spread && j->count < j->room)
                return;
        size_t room = j->count < REFS_FIRST ? REFS_FIRST : 2 * (size_t) j->count;
        struct json **refs = alloc_zero(room, sizeof(struct json *));
        for (size_t i = 0; i < j->count; i++)
                refs[i] = json_item(j, i);
        if (j->is_spread)
                free(j->refs);
        j->refs = refs;
        j->room = room;
        j->is_spread = true;
}

static void push(struct json *j, struct json *item)
{
        assert(j->count < UINT32_MAX);
        make_room(j);
        j->refs[j->count++] = item;
}

/* `value` has its key. */
static void set(struct json *object, struct json *value)
{
        assert(object->kind == JSON_OBJECT && value->key != NULL && is_clean(span_str(value->key)));
        for (size_t i = 0; i < object->count; i++) {
                struct json *old = json_item(object, i);
                if (strcmp(old->key, value->key) != 0)
                        continue;
                make_room(object);
                object->refs[i] = value;
                json_free(old);
                return;
        }
        push(object, value);
}

void json_set(struct json *object, const char *key, struct json *value)
{
        assert(value != NULL && value != object);
        give_key(value, key);
        set(object, value);
}

void json_push(struct json *array, struct json *value)
{
        assert(array->kind == JSON_ARRAY && value != NULL && value != array);
        push(array, value);
}

void json_set_text(struct json *object, const char *key, const char *value)
{
        json_set_span(object, key, span_str(value));
}

static struct json *new_cleaned(const char *key, struct span text)
{
        size_t size = text.len * (sizeof UTF8_REPLACEMENT - 1);
        uint8_t *clean = alloc_zero(1, size);
        size_t len = 0;
        for (size_t at = 0; at < text.len;) {
                uint32_t point = 0;
                size_t taken = utf8_decode(text.data + at, text.len - at, &point);
                bool bad = taken == 0 || point == 0;
                memcpy(clean + len, bad ? (const uint8_t *) UTF8_REPLACEMENT : text.data + at, bad ? 3 : taken);
                len += bad ? 3 : taken;
                at += bad ? 1 : taken;
        }
        struct json *j = new_text(key, span_make(clean, len));
        wipe(clean, size);
        free(clean);
        return j;
}

struct json *json_new_clean(struct span text)
{
        return is_clean(text) ? new_text(NULL, text) : new_cleaned(NULL, text);
}

void json_set_span(struct json *object, const char *key, struct span text)
{
        set(object, is_clean(text) ? new_text(key, text) : new_cleaned(key, text));
}

void json_set_int(struct json *object, const char *key, int64_t v)
{
        set(object, new_number(JSON_INT, key, v));
}

void json_set_bool(struct json *object, const char *key, bool v)
{
        set(object, new_number(JSON_BOOL, key, v));
}

static struct json *new_encoded(const char *key, struct span bytes, struct fault *(*encode)(struct span, struct buf *) )
{
        AUTO(buf) struct buf text = BUF(bytes.len * 2 + 4);
        struct fault *f = encode(bytes, &text);
        assert(f == NULL); /* there is room for either encoding */
        fault_free(f);
        struct json *j = new_text(key, buf_span(&text));
        buf_wipe(&text);
        return j;
}

struct json *json_new_base64url(struct span bytes)
{
        return new_encoded(NULL, bytes, base64url_encode);
}

void json_set_base64url(struct json *object, const char *key, struct span bytes)
{
        set(object, new_encoded(key, bytes, base64url_encode));
}

void json_set_hex(struct json *object, const char *key, struct span bytes)
{
        set(object, new_encoded(key, bytes, hex_encode));
}
