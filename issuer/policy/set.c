/* Sets as hash tables. Their keys are an admin's reference values, so nobody outside can choose collisions; what is
 * looked up never gets in. */
#include "issuer/policy/program.h"

#define FNV_BASIS 14695981039346656037u /* FNV-1a, 64 bits */
#define FNV_PRIME 1099511628211u

bool value_eq(const struct value *a, const struct value *b)
{
        if (a->kind != b->kind)
                return false;
        if (a->kind == FACT_NUMBER || a->kind == FACT_FLAG)
                return a->number == b->number;
        return span_eq(a->bytes, b->bytes);
}

static uint64_t add_bytes(uint64_t sum, struct span bytes)
{
        for (size_t i = 0; i < bytes.len; i++)
                sum = (sum ^ bytes.data[i]) * FNV_PRIME;
        return sum;
}

static uint64_t add_value(uint64_t sum, const struct value *v)
{
        if (v->kind == FACT_NUMBER || v->kind == FACT_FLAG)
                return add_bytes(sum, SPAN_OF(v->number));
        size_t len = v->bytes.len;
        return add_bytes(add_bytes(sum, SPAN_OF(len)), v->bytes);
}

const struct value *entry_value(const struct set_entry *e, size_t name)
{
        for (size_t i = 0; i < e->value_count; i++)
                if (e->values[i].name == name)
                        return &e->values[i].value;
        return NULL;
}

static bool entry_hash(const struct view *v, const struct set_entry *e, uint64_t *ret)
{
        uint64_t sum = FNV_BASIS;
        for (size_t i = 0; i < v->name_count; i++) {
                const struct value *value = entry_value(e, v->names[i]);
                if (value == NULL)
                        return false;
                sum = add_value(sum, value);
        }
        *ret = sum;
        return true;
}

struct view *view_new(struct arena *a, const struct set *s, const size_t *names, size_t name_count, bool exact)
{
        struct view *v = arena_zero(a, 1, sizeof *v);
        size_t *copy = arena_zero(a, name_count, sizeof *copy);
        for (size_t i = 0; i < name_count; i++)
                copy[i] = names[i];
        v->names = copy;
        v->name_count = name_count;
        for (v->bucket_count = 1; v->bucket_count < 2 * s->entry_count;)
                v->bucket_count *= 2;
        v->buckets = arena_zero(a, v->bucket_count, sizeof *v->buckets);
        v->next = arena_zero(a, s->entry_count + 1, sizeof *v->next);
        for (size_t i = s->entry_count; i-- > 0;) { /* backwards: chains keep the order of the text */
                uint64_t sum;
                if ((exact && s->entries[i].value_count != name_count) || !entry_hash(v, &s->entries[i], &sum))
                        continue;
                uint32_t *bucket = &v->buckets[sum & (v->bucket_count - 1)];
                v->next[i] = *bucket;
                *bucket = (uint32_t) i + 1;
        }
        return v;
}

static bool entry_has(const struct view *v, const struct set_entry *e, const struct value *values)
{
        for (size_t i = 0; i < v->name_count; i++)
                if (!value_eq(entry_value(e, v->names[i]), &values[i]))
                        return false;
        return true;
}

uint32_t view_find(const struct view *v, const struct set *s, const struct value *values)
{
        uint64_t sum = FNV_BASIS;
        for (size_t i = 0; i < v->name_count; i++)
                sum = add_value(sum, &values[i]);
        for (uint32_t at = v->buckets[sum & (v->bucket_count - 1)]; at != 0; at = v->next[at - 1])
                if (entry_has(v, &s->entries[at - 1], values))
                        return at;
        return 0;
}

bool entry_is_usable(const struct set_entry *e, struct wall now)
{
        if (e->below_floor || e->state == ENTRY_CANDIDATE)
                return false;
        return e->state != ENTRY_DEPRECATED || now.unix_ms < e->until_unix_s * 1000;
}
