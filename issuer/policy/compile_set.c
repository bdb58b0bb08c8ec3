#include "issuer/policy/compiler.h"

#include <stdlib.h>

#include "lib/base/parse.h"

static const char *const states[] = {
        [ENTRY_ACTIVE] = "active", [ENTRY_DEPRECATED] = "deprecated", [ENTRY_CANDIDATE] = "candidate"};
_Static_assert(COUNT_OF(states) == ENTRY_STATE_COUNT, "a word for each state");

static struct fault *read_until(const struct document *d, const struct yaml_node *n, struct set_entry *e)
{
        AUTO_STRING char *text =
                strlen(n->text) == strlen("2026-12-01") ? alloc_printf("%sT00:00:00Z", n->text) : alloc_string(n->text);
        struct wall until;
        if (!succeeded(wall_parse(span_str(text), &until)))
                return document_fault(d, n, "POLICY_VALUE",
                                      "until is a date or time: 2026-12-01, 2026-12-01T18:00:00Z");
        e->until_unix_s = wall_unix_s(until);
        return NULL;
}

static struct fault *read_state(const struct document *d, const struct yaml_node *at, struct set_entry *e)
{
        const struct yaml_node *state, *until;
        TRY(field_want(d, at, "state", YAML_SCALAR, &state));
        int found = state == NULL ? ENTRY_ACTIVE : ENTRY_STATE_COUNT;
        for (int i = 0; state != NULL && i < ENTRY_STATE_COUNT; i++)
                if (strcmp(state->text, states[i]) == 0)
                        found = i;
        if (found == ENTRY_STATE_COUNT)
                return document_fault(d, state, "POLICY_VALUE",
                                      "state \"%.80s\" is not one of: active, deprecated, candidate", state->text);
        e->state = (enum entry_state) found;

        TRY(field_want(d, at, "until", YAML_SCALAR, &until));
        if (e->state == ENTRY_DEPRECATED && until == NULL)
                return document_fault(d, at, "POLICY_FIELD", "a deprecated entry needs until: when it ends");
        if (e->state != ENTRY_DEPRECATED && until != NULL)
                return document_fault(d, until, "POLICY_FIELD", "until belongs to a deprecated entry");
        return until == NULL ? NULL : read_until(d, until, e);
}

static struct fault *read_svn(const struct document *d, const struct yaml_node *at, const uint64_t *floor,
                              struct set_entry *e)
{
        const struct yaml_node *n;
        TRY(field_want(d, at, "svn", YAML_SCALAR, &n));
        uint64_t svn = 0;
        if (n != NULL && (n->quoted || !succeeded(parse_u64(span_str(n->text), 0, UINT64_MAX, &svn))))
                return document_fault(d, n, "POLICY_VALUE", "svn is a number, written without quotes");
        if (floor == NULL)
                return NULL;
        if (n == NULL)
                return document_fault(d, at, "POLICY_FIELD", "the set has a floor-svn, so each entry needs its svn");
        e->below_floor = svn < *floor;
        return NULL;
}

static int by_name(const void *a, const void *b)
{
        const struct set_value *left = a, *right = b;
        return left->name < right->name ? -1 : left->name > right->name;
}

static struct fault *read_values(struct compiler *c, const struct document *d, const struct yaml_node *at,
                                 struct set *s, struct set_entry *e)
{
        const struct yaml_node *m;
        TRY(field_need(d, at, "values", YAML_MAPPING, &m));
        if (m->count == 0 || m->count > POLICY_VALUES_MAX)
                return document_fault(d, m, "POLICY_LIMIT", "an entry has 1 to %d values", POLICY_VALUES_MAX);
        e->values = arena_zero(c->p->arena, m->count, sizeof *e->values);
        bool platform = false;
        for (size_t i = 0; i < m->count; i++) {
                struct set_value *v = &e->values[i];
                TRY(compile_name(c, d, m->keys[i], m->keys[i]->text, &v->name));
                const struct policy_input *input = c->p->names[v->name].input;
                if (input->origin == ORIGIN_K8S || input->origin == ORIGIN_NODE || input->origin == ORIGIN_SELF)
                        return document_fault(d, m->keys[i], "POLICY_ORIGIN",
                                              "%s is of origin %s: reference values are of what evidence proves",
                                              m->keys[i]->text, origin_name(input->origin));
                TRY(compile_value(c, d, v->name, m->items[i], &v->value));
                platform = platform || input->platform;
                s->software = s->software || input->origin == ORIGIN_SOFTWARE;
        }
        e->value_count = m->count;
        qsort(e->values, e->value_count, sizeof *e->values, by_name);
        if (s->platform && !platform)
                return document_fault(d, m, "POLICY_PLATFORM",
                                      "an entry of a platform set names a machine: tpm.ek or tpm.ak, for instance");
        return NULL;
}

static struct fault *read_entry(struct compiler *c, const struct document *d, const struct yaml_node *at,
                                const uint64_t *floor, struct map *names, struct set *s)
{
        static const char *const allowed[] = {"name", "state", "until", "svn", "values", NULL};
        TRY(fields_only(d, at, "the entry", allowed));
        struct set_entry *e = &s->entries[s->entry_count];
        const struct yaml_node *n;
        TRY(field_need(d, at, "name", YAML_SCALAR, &n));
        TRY(name_check(d, n, NAME_MAX_LEN));
        if (map_get(names, n->text) != NULL)
                return document_fault(d, n, "POLICY_DUPLICATE", "entry \"%s\" is there already", n->text);
        e->name = arena_string(c->p->arena, n->text);
        TRY(map_put(names, n->text, e, NULL));
        TRY(read_state(d, at, e));
        TRY(read_svn(d, at, floor, e));
        TRY(read_values(c, d, at, s, e));
        s->entry_count++;
        return NULL;
}

static bool has_shape(const struct view *v, const struct set_entry *e)
{
        if (v->name_count != e->value_count)
                return false;
        for (size_t i = 0; i < v->name_count; i++)
                if (v->names[i] != e->values[i].name)
                        return false;
        return true;
}

/* Makes the views, and refuses two entries with the same values: which one's state would hold? */
static struct fault *index_entries(struct compiler *c, const struct document *d, const struct yaml_node *list,
                                   struct set *s)
{
        for (size_t i = 0; i < s->entry_count; i++) {
                struct set_entry *e = &s->entries[i];
                size_t names[POLICY_VALUES_MAX];
                struct value values[POLICY_VALUES_MAX];
                for (size_t j = 0; j < e->value_count; j++) {
                        names[j] = e->values[j].name;
                        values[j] = e->values[j].value;
                }
                struct view *v = NULL;
                for (size_t j = 0; v == NULL && j < s->view_count; j++)
                        v = has_shape(s->views[j], e) ? s->views[j] : NULL;
                if (v == NULL && s->view_count == POLICY_VALUES_MAX)
                        return document_fault(d, list->items[i], "POLICY_LIMIT",
                                              "entries name values in more than %d combinations", POLICY_VALUES_MAX);
                if (v == NULL)
                        s->views[s->view_count++] = v =
                                view_new(c->p->arena, s, names, e->value_count, /* exact= */ true);
                const struct set_entry *first = &s->entries[view_find(v, s, values) - 1];
                if (first != e)
                        return document_fault(d, list->items[i], "POLICY_DUPLICATE",
                                              "entries \"%s\" and \"%s\" have the same values", first->name, e->name);
        }
        return NULL;
}

struct fault *compile_set(struct compiler *c, const struct document *d, struct set *ret)
{
        static const char *const allowed[] = {"platform", "floor-svn", "entries", NULL};
        TRY(fields_only(d, d->spec, "the spec of a ReferenceSet", allowed));
        struct set s = {.name = arena_string(c->p->arena, d->name), .owner = arena_string(c->p->arena, d->owner)};
        TRY(field_flag(d, d->spec, "platform", &s.platform));

        const struct yaml_node *n;
        uint64_t floor = 0;
        TRY(field_want(d, d->spec, "floor-svn", YAML_SCALAR, &n));
        bool has_floor = n != NULL;
        if (has_floor && (n->quoted || !succeeded(parse_u64(span_str(n->text), 0, UINT64_MAX, &floor))))
                return document_fault(d, n, "POLICY_VALUE", "floor-svn is a number, written without quotes");

        TRY(field_need(d, d->spec, "entries", YAML_SEQUENCE, &n));
        if (n->count > POLICY_ENTRIES_MAX)
                return document_fault(d, n, "POLICY_LIMIT", "%zu entries; at most %d are allowed", n->count,
                                      POLICY_ENTRIES_MAX);
        s.entries = arena_zero(c->p->arena, n->count + 1, sizeof *s.entries);
        s.views = arena_zero(c->p->arena, POLICY_VALUES_MAX, sizeof(struct view *));
        AUTO(map) struct map *names = map_new(POLICY_ENTRIES_MAX);
        for (size_t i = 0; i < n->count; i++)
                TRY(read_entry(c, d, n->items[i], has_floor ? &floor : NULL, names, &s));
        TRY(index_entries(c, d, n, &s));
        *ret = s;
        return NULL;
}
