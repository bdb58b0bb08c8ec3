#include "issuer/policy/explain.h"

#define SCANNED_MAX 1000 /* entries looked at for the nearest one: only explanations scan */
#define GOT_MAX     2048

#define DEVELOPMENT_WANTED "evidence that is not of the development kind"
#define DEVELOPMENT_GOT    "development evidence"

/* ---- what was found ------------------------------------------------------------------------------------------------ */
static struct fault *append_value(struct buf *out, const struct fact *f)
{
        TRY(buf_append_str(out, f->kind == FACT_TEXT ? "\"" : ""));
        TRY(fact_text(f, out));
        return buf_append_str(out, f->kind == FACT_TEXT ? "\"" : "");
}

/* NULL: nothing is known. */
static char *found_text(const struct scene *s, const struct rule *r, size_t name)
{
        const struct fact *f = s->facts[name];
        if (f == NULL)
                return NULL;
        AUTO(buf) struct buf out = BUF(GOT_MAX);
        fault_free(append_value(&out, f)); /* longer than GOT_MAX: cut, it is for people */
        if (scene_fact(s, r, name) == NULL && out.len < GOT_MAX)
                fault_free(
                        buf_printf(&out, ", which as a fact of origin %s does not count here", origin_name(f->origin)));
        return span_to_string(span_has_nul(buf_span(&out)) ? SPAN("text with NUL") : buf_span(&out));
}

static const struct set_value *first_difference(const struct scene *s, const struct rule *r, const struct set_entry *e,
                                                size_t *ret_same)
{
        const struct set_value *first = NULL;
        size_t same = 0;
        for (size_t i = 0; i < e->value_count; i++) {
                const struct fact *f = scene_fact(s, r, e->values[i].name);
                struct value found = {0};
                if (f != NULL)
                        found = value_of(f);
                if (f != NULL && value_eq(&e->values[i].value, &found))
                        same++;
                else if (first == NULL)
                        first = &e->values[i];
        }
        *ret_same = same;
        return first;
}

static const char *why_unusable(const struct set_entry *e)
{
        if (e->below_floor)
                return "is below the set's floor";
        return e->state == ENTRY_CANDIDATE ? "is a candidate, not yet active" : "was deprecated and its time is over";
}

/* Of a set that no entry of fits: the one that comes nearest, and where it differs. */
static char *nearest_text(const struct scene *s, const struct rule *r, const struct set *set, int *ret_origin,
                          bool for_author)
{
        const struct set_entry *nearest = NULL;
        const struct set_value *differs = NULL;
        size_t best = 0;
        for (size_t i = 0; i < set->entry_count && i < SCANNED_MAX; i++) {
                size_t same;
                const struct set_value *first = first_difference(s, r, &set->entries[i], &same);
                if (nearest != NULL && first != NULL && (differs == NULL || same <= best))
                        continue;
                nearest = &set->entries[i];
                differs = first;
                best = same;
                if (first == NULL)
                        break;
        }
        if (nearest == NULL)
                return alloc_string("the set is empty");
        if (differs == NULL)
                return alloc_printf("entry \"%s\" %s", nearest->name, why_unusable(nearest));

        const struct name *name = &s->p->names[differs->name];
        if (s->facts[differs->name] != NULL)
                *ret_origin = (int) s->facts[differs->name]->origin;
        if (for_author && name->input->platform)
                return alloc_printf("a %s that is not in it", name->text);
        AUTO_STRING char *found = found_text(s, r, differs->name);
        AUTO(arena) struct arena *a = arena_new(POLICY_BLOCK_LEN);
        return alloc_printf("%s %s (nearest entry \"%s\" has %s)", name->text, found == NULL ? "unknown" : found,
                            nearest->name, name->input->platform ? "another" : value_text(a, &differs->value));
}

static int leaf_origin(const struct scene *s, const struct node *n)
{
        size_t name = n->kind == NODE_INPUT     ? n->name
                      : n->set->entry_count > 0 ? n->set->entries->values->name
                                                : SIZE_MAX;
        return name == SIZE_MAX || s->facts[name] == NULL ? -1 : (int) s->facts[name]->origin;
}

static char *leaf_got(const struct scene *s, const struct rule *r, const struct node *n, bool ok, int *ret_origin,
                      bool for_author)
{
        *ret_origin = leaf_origin(s, n);
        const struct set_entry *hit = ok ? node_entry(s, r, n) : NULL;
        if (n->kind == NODE_SET && n->negated)
                return alloc_string(ok ? "none of its entries" : "an entry of it, or no way to tell");
        if (n->kind == NODE_SET)
                return hit != NULL ? alloc_printf("entry \"%s\"", hit->name)
                                   : nearest_text(s, r, n->set, ret_origin, for_author);
        if (for_author && s->p->names[n->name].input->platform && s->facts[n->name] != NULL)
                return alloc_string("another one");
        char *found = found_text(s, r, n->name);
        if (hit == NULL)
                return found;
        char *text = alloc_printf("%s, entry \"%s\"", found, hit->name);
        free(found);
        return text;
}

/* ---- the tree ------------------------------------------------------------------------------------------------------ */
static void add_node(const struct scene *s, const struct rule *r, const struct node *n, struct check *parent)
{
        bool ok = node_holds(s, r, n, /* granting= */ false);
        if (n->kind == NODE_ALL || n->kind == NODE_ANY) {
                const char *wanted = n->kind == NODE_ALL ? "all of these" : "one of these";
                struct check *group = check_add(parent, n->place, ok, wanted, NULL, -1);
                check_set_owner(group, r->owner);
                for (size_t i = 0; i < n->child_count; i++)
                        add_node(s, r, n->children[i], group);
                return;
        }
        int origin;
        AUTO_STRING char *got = leaf_got(s, r, n, ok, &origin, /* for_author= */ false);
        check_set_owner(check_add(parent, n->place, ok, n->wanted, got, origin),
                        n->set != NULL ? n->set->owner : r->owner);
}

struct check *explain_rule(const struct scene *s, const struct rule *r, size_t *budget)
{
        bool holds = rule_holds(s, r, /* granting= */ false);
        struct check *top = check_new(r->place, holds);
        check_set_owner(top, r->owner);
        if (holds && r->check_count > *budget)
                return top;
        *budget -= r->check_count < *budget ? r->check_count : *budget;
        if (s->development) {
                AUTO_STRING char *place = alloc_printf("%s/insecure-development", r->place);
                const char *wanted = r->insecure_development ? "evidence of any kind" : DEVELOPMENT_WANTED;
                check_set_owner(
                        check_add(top, place, r->insecure_development, wanted, DEVELOPMENT_GOT, ORIGIN_VERIFIER),
                        r->owner);
        }
        const struct node *n = r->condition;
        if (n->kind == NODE_ALL) /* the outermost `all` is the rule itself */
                for (size_t i = 0; i < n->child_count; i++)
                        add_node(s, r, n->children[i], top);
        else
                add_node(s, r, n, top);
        return top;
}

/* ---- for a pod author ---------------------------------------------------------------------------------------------- */
static const struct node *failing_leaf(const struct scene *s, const struct rule *r, const struct node *n)
{
        while (n->kind == NODE_ALL || n->kind == NODE_ANY) {
                const struct node *chosen = NULL;
                size_t fewest = SIZE_MAX;
                for (size_t i = 0; i < n->child_count; i++) {
                        size_t misses = node_misses(s, r, n->children[i]);
                        if (misses == 0 || (n->kind == NODE_ANY ? misses >= fewest : chosen != NULL))
                                continue;
                        chosen = n->children[i];
                        fewest = misses;
                }
                if (chosen == NULL)
                        return NULL; /* it holds */
                n = chosen;
        }
        return n;
}

char *explain_failure(const struct scene *s, const struct rule *r)
{
        if (s->development && !r->insecure_development)
                return alloc_string("wanted " DEVELOPMENT_WANTED ", found " DEVELOPMENT_GOT);
        const struct node *n = failing_leaf(s, r, r->condition);
        if (n == NULL)
                return alloc_string("holds");
        int origin;
        AUTO_STRING char *got = leaf_got(s, r, n, /* ok= */ false, &origin, /* for_author= */ true);
        AUTO_STRING char *from =
                origin < 0 ? alloc_string("") : alloc_printf(" (%s)", origin_name((enum origin) origin));
        return alloc_printf("wanted %s, found %s%s", n->wanted, got == NULL ? "nothing" : got, from);
}

/* ---- references ---------------------------------------------------------------------------------------------------- */
static bool is_listed(const struct json *list, const char *text)
{
        for (size_t i = 0; i < json_count(list); i++)
                if (span_eq_str(json_text(json_at(list, i)), text))
                        return true;
        return false;
}

static void add_references(const struct scene *s, const struct rule *r, const struct node *n, struct json *list)
{
        for (size_t i = 0; i < n->child_count; i++)
                add_references(s, r, n->children[i], list);
        const struct set_entry *e = node_entry(s, r, n);
        if (e == NULL)
                return;
        AUTO_STRING char *text = alloc_printf("%s/%s", n->set->name, e->name);
        if (!is_listed(list, text))
                json_push(list, json_new_text(span_str(text)));
}

void explain_references(const struct scene *s, const struct rule *r, struct json **references)
{
        if (*references == NULL)
                *references = json_new_array();
        add_references(s, r, r->condition, *references);
}
