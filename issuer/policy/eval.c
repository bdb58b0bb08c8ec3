#include "issuer/policy/eval.h"

#include <stdlib.h>

#include "lib/model/names.h"

struct set_memo {
        bool known;
        const struct set_entry *entry; /* NULL: none fits */
};

static bool says_development(const struct fact *f)
{
        if (f->origin == ORIGIN_SOFTWARE)
                return true;
        if (strcmp(f->name, "evidence.insecure-development") == 0)
                return f->number != 0;
        return strcmp(f->name, "evidence.kind") == 0 && span_eq_str(f->value, EVIDENCE_SOFTWARE);
}

static void take_fact(struct scene *s, const struct fact *f)
{
        const struct name *name = map_get(s->p->name_index, f->name);
        if (name != NULL)
                s->facts[name - s->p->names] = f;
        s->development = s->development || says_development(f);
}

void scene_fill(struct scene *s, const struct policy *p, const struct facts *facts, struct wall now)
{
        *s = (struct scene){.p = p, .now = now};
        s->memo = alloc_zero(2 * p->set_count + 1, sizeof *s->memo);
        for (; facts != NULL; facts = facts->base)
                for (size_t i = 0; i < facts->count; i++)
                        take_fact(s, &facts->items[i]);
}

void scene_clear(struct scene *s)
{
        free(s->memo);
        s->memo = NULL;
}

const struct fact *scene_fact(const struct scene *s, const struct rule *r, size_t name)
{
        const struct fact *f = s->facts[name];
        const struct policy_input *input = s->p->names[name].input;
        if (f == NULL || f->kind != input->kind)
                return NULL;
        if (f->origin == ORIGIN_SOFTWARE)
                return r->insecure_development ? f : NULL;
        return f->origin == input->origin ? f : NULL;
}

struct value value_of(const struct fact *f)
{
        return (struct value){.kind = f->kind, .number = f->number, .bytes = f->value};
}

/* ---- sets ---------------------------------------------------------------------------------------------------------- */
static const struct set_entry *find_whole(const struct scene *s, const struct rule *r, const struct set *set)
{
        for (size_t i = 0; i < set->view_count; i++) {
                const struct view *v = set->views[i];
                struct value values[POLICY_VALUES_MAX];
                size_t known = 0;
                for (; known < v->name_count; known++) {
                        const struct fact *f = scene_fact(s, r, v->names[known]);
                        if (f == NULL)
                                break;
                        values[known] = value_of(f);
                }
                uint32_t at = known == v->name_count ? view_find(v, set, values) : 0;
                if (at != 0 && entry_is_usable(&set->entries[at - 1], s->now))
                        return &set->entries[at - 1];
        }
        return NULL;
}

static const struct set_entry *whole_entry(const struct scene *s, const struct rule *r, const struct set *set)
{
        struct set_memo *m = &s->memo[2 * (size_t) (set - s->p->sets) + r->insecure_development];
        if (!m->known)
                *m = (struct set_memo){true, find_whole(s, r, set)};
        return m->entry;
}

static const struct set_entry *field_entry(const struct scene *s, const struct rule *r, const struct node *n)
{
        const struct fact *f = scene_fact(s, r, n->name);
        if (f == NULL)
                return NULL;
        struct value wanted = value_of(f);
        for (uint32_t at = view_find(n->view, n->set, &wanted); at != 0; at = n->view->next[at - 1]) {
                const struct set_entry *e = &n->set->entries[at - 1];
                if (value_eq(entry_value(e, n->name), &wanted) &&
                    entry_is_usable(e, s->now)) /* a chain has others too */
                        return e;
        }
        return NULL;
}

const struct set_entry *node_entry(const struct scene *s, const struct rule *r, const struct node *n)
{
        if (n->negated || n->set == NULL)
                return NULL;
        return n->kind == NODE_SET ? whole_entry(s, r, n->set) : field_entry(s, r, n);
}

/* Below a `not` every entry counts, in whatever state: a deny-list does not open because time passes. */
static bool is_outside_set(const struct scene *s, const struct rule *r, const struct set *set)
{
        for (size_t i = 0; i < set->entry_count; i++) {
                const struct set_entry *e = &set->entries[i];
                bool differs = false;
                for (size_t j = 0; !differs && j < e->value_count; j++) {
                        const struct fact *f = scene_fact(s, r, e->values[j].name);
                        struct value found = {0};
                        if (f != NULL)
                                found = value_of(f);
                        differs = f != NULL && !value_eq(&e->values[j].value, &found);
                }
                if (!differs)
                        return false; /* it fits, or it can't be known that it doesn't */
        }
        return set->entry_count > 0; /* a deny-list that lost its entries does not open either */
}

static bool field_holds(const struct scene *s, const struct rule *r, const struct node *n)
{
        if (!n->negated)
                return field_entry(s, r, n) != NULL;
        const struct fact *f = scene_fact(s, r, n->name);
        if (f == NULL || n->set->entry_count == 0)
                return false;
        struct value found = value_of(f);
        return view_find(n->view, n->set, &found) == 0;
}

/* ---- leaves -------------------------------------------------------------------------------------------------------- */
static bool compare(const struct node *n, const struct fact *f)
{
        struct value found = value_of(f);
        switch (n->op) {
        case OP_EQ:
        case OP_IN:
                for (size_t i = 0; i < n->value_count; i++)
                        if (value_eq(&n->values[i], &found))
                                return true;
                return false;
        case OP_PREFIX:
                return span_starts_with(found.bytes, n->values->bytes);
        case OP_GTE:
                return found.number >= n->values->number;
        case OP_LTE:
                return found.number <= n->values->number;
        case OP_BITS_SET:
                return (found.number & n->values->number) == n->values->number;
        case OP_BITS_CLEAR:
                return (found.number & n->values->number) == 0;
        case OP_EXISTS:
                return true;
        case OP_IN_SET:
        case OP_COUNT:
                break;
        }
        return false;
}

static bool leaf_holds(const struct scene *s, const struct rule *r, const struct node *n)
{
        if (n->kind == NODE_SET)
                return n->negated ? is_outside_set(s, r, n->set) : whole_entry(s, r, n->set) != NULL;
        if (n->op == OP_IN_SET)
                return field_holds(s, r, n);
        if (n->op == OP_EXISTS && n->negated)
                return s->facts[n->name] == NULL; /* a value that merely doesn't count is not absent */
        const struct fact *f = scene_fact(s, r, n->name);
        return f != NULL && compare(n, f) != n->negated;
}

/* ---- conditions: recursion as deep as POLICY_DEPTH_MAX ------------------------------------------------------------- */
bool node_holds(const struct scene *s, const struct rule *r, const struct node *n, bool granting)
{
        if (n->kind != NODE_ALL && n->kind != NODE_ANY)
                return (granting && n->narrows) || leaf_holds(s, r, n);
        bool any = n->kind == NODE_ANY;
        for (size_t i = 0; i < n->child_count; i++)
                if (node_holds(s, r, n->children[i], granting) == any)
                        return any;
        return !any;
}

bool rule_holds(const struct scene *s, const struct rule *r, bool granting)
{
        return (!s->development || r->insecure_development) && node_holds(s, r, r->condition, granting);
}

size_t node_misses(const struct scene *s, const struct rule *r, const struct node *n)
{
        if (n->kind != NODE_ALL && n->kind != NODE_ANY)
                return leaf_holds(s, r, n) ? 0 : 1;
        size_t misses = n->kind == NODE_ANY ? SIZE_MAX : 0;
        for (size_t i = 0; i < n->child_count; i++) {
                size_t child = node_misses(s, r, n->children[i]);
                if (n->kind == NODE_ALL)
                        misses += child;
                else if (child < misses)
                        misses = child;
        }
        return misses;
}
