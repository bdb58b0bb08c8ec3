#include "lib/model/facts.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/base/parse.h"

#define FACT_NAME_MAX  128
#define FACT_VALUE_MAX 16384
#define FIRST_ROOM     64   /* facts */
#define BLOCK_LEN      8192 /* of names and values: those of about a hundred facts */

static const char *const origin_names[] = {
        [ORIGIN_HW] = "hw",     [ORIGIN_MEASURED] = "measured", [ORIGIN_VERIFIER] = "verifier", [ORIGIN_K8S] = "k8s",
        [ORIGIN_NODE] = "node", [ORIGIN_SELF] = "self",         [ORIGIN_SOFTWARE] = "software",
};
_Static_assert(COUNT_OF(origin_names) == ORIGIN_COUNT, "every origin has a name");

const char *origin_name(enum origin o)
{
        assert((size_t) o < ORIGIN_COUNT);
        return origin_names[o];
}

/* ---- setting and finding ----------------------------------------------------------------------------------------- */
/* FNV-1a. */
static uint32_t name_hash(const char *name)
{
        uint32_t h = 2166136261u;
        for (; *name != '\0'; name++)
                h = (h ^ (uint8_t) *name) * 16777619u;
        return h;
}

static struct fact *add(struct facts *f, const char *name, enum origin o, enum fact_kind kind, struct span value)
{
        assert(facts_find(f, name) == NULL && f->count < FACTS_MAX && (size_t) o < ORIGIN_COUNT);
        if (f->count == f->room) {
                f->room = f->room == 0 ? FIRST_ROOM : 2 * f->room;
                f->items = alloc_resize(f->items, f->room, sizeof *f->items);
        }
        if (f->arena == NULL)
                f->arena = arena_new(BLOCK_LEN);
        bool is_long = kind == FACT_TEXT || kind == FACT_BYTES;
        struct fact *fact = &f->items[f->count++];
        *fact = (struct fact){.name = arena_string(f->arena, name),
                              .origin = o,
                              .kind = kind,
                              .value = is_long ? arena_bytes(f->arena, value) : SPAN_NONE,
                              .hash = name_hash(name)};
        return fact;
}

void facts_set_text(struct facts *f, const char *name, enum origin o, struct span text)
{
        (void) add(f, name, o, FACT_TEXT, text); /* kept in `f` */
}

void facts_set_number(struct facts *f, const char *name, enum origin o, uint64_t v)
{
        add(f, name, o, FACT_NUMBER, SPAN_NONE)->number = v;
}

void facts_set_flag(struct facts *f, const char *name, enum origin o, bool v)
{
        add(f, name, o, FACT_FLAG, SPAN_NONE)->number = v;
}

void facts_set_bytes(struct facts *f, const char *name, enum origin o, struct span bytes)
{
        (void) add(f, name, o, FACT_BYTES, bytes); /* kept in `f` */
}

const struct fact *facts_find(const struct facts *f, const char *name)
{
        uint32_t h = name_hash(name);
        for (; f != NULL; f = f->base)
                for (size_t i = 0; i < f->count; i++)
                        if (f->items[i].hash == h && strcmp(f->items[i].name, name) == 0)
                                return &f->items[i];
        return NULL;
}

void facts_merge(struct facts *into, const struct facts *from)
{
        for (; from != NULL; from = from->base)
                for (size_t i = 0; i < from->count; i++) {
                        const struct fact *fact = &from->items[i];
                        add(into, fact->name, fact->origin, fact->kind, fact->value)->number = fact->number;
                }
}

void facts_clear(struct facts *f)
{
        arena_free(f->arena);
        free(f->items);
        *f = (struct facts){0};
}

/* ---- for people and for JSON ------------------------------------------------------------------------------------- */
struct fault *fact_text(const struct fact *f, struct buf *out)
{
        switch (f->kind) {
        case FACT_TEXT:
                return buf_append(out, f->value);
        case FACT_NUMBER:
                return buf_printf(out, "%" PRIu64, f->number);
        case FACT_FLAG:
                return buf_append_str(out, f->number != 0 ? "true" : "false");
        case FACT_BYTES:
                break;
        }
        return hex_encode(f->value, out);
}

/* JSON tells text, numbers and flags apart by itself. Bytes, and numbers that its integers can't hold, travel as text
 * with a "kind". */
static struct json *fact_to_json(const struct fact *f)
{
        struct json *j = json_new_object();
        json_set_text(j, "origin", origin_name(f->origin));
        if (f->kind == FACT_TEXT)
                json_set_span(j, "value", f->value);
        if (f->kind == FACT_FLAG)
                json_set_bool(j, "value", f->number != 0);
        if (f->kind == FACT_BYTES) {
                json_set_text(j, "kind", "bytes");
                json_set_hex(j, "value", f->value);
        }
        if (f->kind == FACT_NUMBER && f->number <= INT64_MAX)
                json_set_int(j, "value", (int64_t) f->number);
        if (f->kind == FACT_NUMBER && f->number > INT64_MAX) {
                char digits[24];
                (void) snprintf(digits, sizeof digits, "%" PRIu64, f->number); /* at most 20 */
                json_set_text(j, "kind", "number");
                json_set_text(j, "value", digits);
        }
        return j;
}

struct json *facts_to_json(const struct facts *f)
{
        struct json *j = json_new_object(); /* sorted when it is written */
        for (; f != NULL; f = f->base)
                for (size_t i = 0; i < f->count; i++)
                        json_set(j, f->items[i].name, fact_to_json(&f->items[i]));
        return j;
}

static struct fault *origin_by_name(struct span name, enum origin *ret)
{
        for (size_t i = 0; i < ORIGIN_COUNT; i++)
                if (span_eq_str(name, origin_names[i])) {
                        *ret = (enum origin) i;
                        return NULL;
                }
        return fault(FAULT_INVALID, "BAD_FIELD", "no such origin");
}

static struct fault *set_from_text(struct facts *f, const char *name, enum origin o, struct span kind,
                                   struct span value)
{
        AUTO(buf) struct buf bytes = BUF(FACT_VALUE_MAX);
        uint64_t number = 0;
        if (value.len > FACT_VALUE_MAX)
                return fault(FAULT_INVALID, "BAD_FIELD", "the value has more than %d bytes", FACT_VALUE_MAX);
        if (kind.data == NULL) {
                facts_set_text(f, name, o, value);
        } else if (span_eq_str(kind, "bytes")) {
                TRY(hex_decode(value, &bytes));
                facts_set_bytes(f, name, o, buf_span(&bytes));
        } else if (span_eq_str(kind, "number")) {
                TRY(parse_u64(value, 0, UINT64_MAX, &number));
                facts_set_number(f, name, o, number);
        } else {
                return fault(FAULT_INVALID, "BAD_FIELD", "no such kind");
        }
        return NULL;
}

static struct fault *read_fact(struct facts *f, const char *name, const struct json *j)
{
        TRY(json_only_keys(j, (const char *const[]){"origin", "value", "kind", NULL}));
        struct span origin_text = SPAN_NONE, kind = SPAN_NONE;
        enum origin o = ORIGIN_SELF;
        TRY(json_need_text(j, "origin", FACT_NAME_MAX, &origin_text));
        TRY(origin_by_name(origin_text, &o));
        TRY(json_want_text(j, "kind", FACT_NAME_MAX, &kind));

        const struct json *value = json_get(j, "value");
        if (value != NULL && json_kind(value) == JSON_TEXT)
                return set_from_text(f, name, o, kind, json_text(value));
        if (value != NULL && json_kind(value) == JSON_BOOL && kind.data == NULL) {
                facts_set_flag(f, name, o, json_bool(value));
                return NULL;
        }
        if (value != NULL && json_kind(value) == JSON_INT && json_int(value) >= 0 && kind.data == NULL) {
                facts_set_number(f, name, o, (uint64_t) json_int(value));
                return NULL;
        }
        return fault(FAULT_INVALID, "BAD_FIELD", "member \"value\" is missing or of a type that no fact has");
}

static struct fault *read_facts(const struct json *j, struct facts *f)
{
        if (json_kind(j) != JSON_OBJECT || json_count(j) > FACTS_MAX)
                return fault(FAULT_INVALID, "BAD_FIELD", "facts are an object of at most %d members", FACTS_MAX);
        const char *name = NULL;
        const struct json *value = NULL;
        for (void *at = NULL; json_next(j, &at, &name, &value);) {
                if (name[0] == '\0' || strlen(name) > FACT_NAME_MAX)
                        return fault(FAULT_INVALID, "BAD_FIELD", "the name of a fact is empty or too long");
                TRY_AS(read_fact(f, name, value), "fact %s", name);
        }
        return NULL;
}

struct fault *facts_from_json(const struct json *j, struct facts *ret)
{
        AUTO(facts) struct facts f = {0};
        TRY(read_facts(j, &f));
        *ret = f;
        f = (struct facts){0};
        return NULL;
}
