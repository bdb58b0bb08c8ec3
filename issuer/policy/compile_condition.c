/* Expressions into negation normal form: `not` flips what is below it (all and any trade places, leaves are marked), so
 * that later parts know of no `not` and polarity can't be forgotten. */
#include "issuer/policy/compiler.h"

struct scope {
        struct compiler *c;
        const struct document *d;
        const struct rule *r;
        size_t nodes;
};

static struct fault *compile_node(struct scope *s, const struct yaml_node *at, const char *place, size_t depth,
                                  bool negated, struct node **ret);

static struct fault *count_node(struct scope *s, const struct yaml_node *at)
{
        if (s->nodes++ == POLICY_NODES_MAX)
                return document_fault(s->d, at, "POLICY_LIMIT", "a rule has at most %d checks", POLICY_NODES_MAX);
        return NULL;
}

static struct node *new_node(struct scope *s, enum node_kind kind, const struct yaml_node *at, const char *place)
{
        struct node *n = arena_zero(s->c->p->arena, 1, sizeof *n);
        n->kind = kind;
        n->place = place;
        n->line = at->line;
        n->column = at->column;
        return n;
}

static struct fault *finish_leaf(struct scope *s, struct node *n, bool negated, struct node **ret)
{
        n->negated = negated;
        if (n->kind == NODE_INPUT) {
                enum origin origin = s->c->p->names[n->name].input->origin;
                n->narrows =
                        origin == ORIGIN_NODE || origin == ORIGIN_SELF || (origin == ORIGIN_K8S && !s->r->k8s_grants);
        }
        n->wanted = leaf_text(s->c->p->arena, s->c->p, n, /* canonical= */ false);
        *ret = n;
        return NULL;
}

static struct fault *find_set(struct scope *s, const struct yaml_node *at, struct set **ret)
{
        struct set *set = at->kind == YAML_SCALAR ? map_get(s->c->sets, at->text) : NULL;
        if (set == NULL)
                return document_fault(s->d, at, "POLICY_SET", "there is no ReferenceSet \"%.80s\"",
                                      at->kind == YAML_SCALAR ? at->text : "");
        if (set->software && !s->r->insecure_development)
                return document_fault(
                        s->d, at, "POLICY_DEVELOPMENT",
                        "set \"%s\" lists development evidence: the rule must say insecure-development: true",
                        set->name);
        set->is_used = true;
        *ret = set;
        return NULL;
}

/* ---- operators ----------------------------------------------------------------------------------------------------- */
static const struct {
        const char *word;
        unsigned kinds; /* bits: 1 << enum fact_kind */
} operators[] = {
        [OP_EQ] = {"eq", 1u << FACT_TEXT | 1u << FACT_NUMBER | 1u << FACT_FLAG | 1u << FACT_BYTES},
        [OP_IN] = {"in", 1u << FACT_TEXT | 1u << FACT_NUMBER | 1u << FACT_BYTES},
        [OP_PREFIX] = {"prefix", 1u << FACT_TEXT},
        [OP_GTE] = {"gte", 1u << FACT_NUMBER},
        [OP_LTE] = {"lte", 1u << FACT_NUMBER},
        [OP_BITS_SET] = {"bits_set", 1u << FACT_NUMBER},
        [OP_BITS_CLEAR] = {"bits_clear", 1u << FACT_NUMBER},
        [OP_EXISTS] = {"exists", 1u << FACT_TEXT | 1u << FACT_NUMBER | 1u << FACT_FLAG | 1u << FACT_BYTES},
        [OP_IN_SET] = {"in_set", 1u << FACT_TEXT | 1u << FACT_NUMBER | 1u << FACT_FLAG | 1u << FACT_BYTES},
};
_Static_assert(COUNT_OF(operators) == OP_COUNT, "a row for each operator");

static struct fault *find_operator(struct scope *s, const struct yaml_node *at, const struct policy_input *input,
                                   enum op *ret)
{
        for (int op = 0; op < OP_COUNT; op++) {
                if (strcmp(at->text, operators[op].word) != 0)
                        continue;
                if ((operators[op].kinds & 1u << input->kind) == 0)
                        return document_fault(s->d, at, "POLICY_TYPE", "%s does not apply to %s", at->text,
                                              input->name);
                *ret = (enum op) op;
                return NULL;
        }
        return document_fault(s->d, at, "POLICY_OPERATOR",
                              "\"%.80s\" is not one of: eq, in, in_set, prefix, gte, lte, bits_set, bits_clear, exists",
                              at->text);
}

static struct fault *read_list(struct scope *s, const struct yaml_node *list, struct node *n)
{
        if (list->kind != YAML_SEQUENCE)
                return document_fault(s->d, list, "POLICY_VALUE", "in needs a list of values");
        if (list->count == 0 || list->count > POLICY_LIST_MAX)
                return document_fault(s->d, list, "POLICY_LIMIT", "in has 1 to %d values; a ReferenceSet holds more",
                                      POLICY_LIST_MAX);
        n->value_count = list->count;
        n->values = arena_zero(s->c->p->arena, list->count, sizeof *n->values);
        for (size_t i = 0; i < list->count; i++)
                TRY(compile_value(s->c, s->d, n->name, list->items[i], &n->values[i]));
        return NULL;
}

static struct fault *read_field_set(struct scope *s, const struct yaml_node *at, struct node *n)
{
        TRY(find_set(s, at, &n->set));
        bool has_name = n->set->entry_count == 0; /* an empty set is no error: it denies */
        for (size_t i = 0; !has_name && i < n->set->entry_count; i++)
                has_name = entry_value(&n->set->entries[i], n->name) != NULL;
        const char *input = s->c->p->names[n->name].text;
        if (!has_name)
                return document_fault(s->d, at, "POLICY_SET", "no entry of set \"%s\" has a value for %s", n->set->name,
                                      input);

        AUTO_STRING char *key = alloc_printf("%s/%s", n->set->name, input);
        n->view = map_get(s->c->views, key);
        if (n->view != NULL)
                return NULL;
        n->view = view_new(s->c->p->arena, n->set, &n->name, 1, /* exact= */ false);
        return map_put(s->c->views, key, n->view, NULL);
}

static struct fault *compile_operator(struct scope *s, size_t name, const struct yaml_node *key,
                                      const struct yaml_node *value, const char *place, bool negated, struct node **ret)
{
        TRY(count_node(s, key));
        struct node *n = new_node(s, NODE_INPUT, key, place);
        n->name = name;
        TRY(find_operator(s, key, s->c->p->names[name].input, &n->op));
        bool exists = true;
        switch (n->op) {
        case OP_IN:
                TRY(read_list(s, value, n));
                break;
        case OP_IN_SET:
                TRY(read_field_set(s, value, n));
                break;
        case OP_EXISTS:
                if (value->kind != YAML_SCALAR || !scalar_is_flag(value, &exists))
                        return document_fault(s->d, value, "POLICY_VALUE", "exists is true or false");
                break;
        default:
                n->value_count = 1;
                n->values = arena_zero(s->c->p->arena, 1, sizeof *n->values);
                TRY(compile_value(s->c, s->d, name, value, n->values));
        }
        if ((n->op == OP_BITS_SET || n->op == OP_BITS_CLEAR) && n->values->number == 0)
                return document_fault(s->d, value, "POLICY_VALUE", "%s of no bits would always hold", key->text);
        return finish_leaf(s, n, negated != !exists, ret);
}

/* {snp.tcb: {tcb_gte: {bl: 4, snp: 23}}}: each part of a TCB at least so much, one by one: never as one number. Short for the checks
 * {snp.tcb.bl: {gte: 4}} and so on, all of them. */
static bool is_tcb(const struct yaml_node *value)
{
        return value->kind == YAML_MAPPING && value->count == 1 && strcmp(value->keys[0]->text, "tcb_gte") == 0;
}

static struct fault *compile_tcb_part(struct scope *s, const struct yaml_node *stem, const struct yaml_node *key,
                                      const struct yaml_node *value, const char *place, bool negated, struct node **ret)
{
        AUTO_STRING char *text = alloc_printf("%s.%s", stem->text, key->text);
        size_t name = 0;
        TRY(compile_name(s->c, s->d, key, text, &name));
        const struct policy_input *input = s->c->p->names[name].input;
        if (input->kind != FACT_NUMBER)
                return document_fault(s->d, key, "POLICY_TYPE", "tcb_gte does not apply to %s", input->name);
        TRY(count_node(s, key));
        struct node *n = new_node(s, NODE_INPUT, key, arena_printf(s->c->p->arena, "%s/%s", place, key->text));
        n->name = name;
        n->op = OP_GTE;
        n->value_count = 1;
        n->values = arena_zero(s->c->p->arena, 1, sizeof *n->values);
        TRY(compile_value(s->c, s->d, name, value, n->values));
        return finish_leaf(s, n, negated, ret);
}

static struct fault *compile_tcb(struct scope *s, const struct yaml_node *stem, const struct yaml_node *parts,
                                 const char *place, bool negated, struct node **ret)
{
        if (parts->kind != YAML_MAPPING || parts->count == 0)
                return document_fault(s->d, parts, "POLICY_VALUE", "tcb_gte needs parts: {tcb_gte: {snp: 23, …}}");
        TRY(count_node(s, stem));
        struct node *n = new_node(s, negated ? NODE_ANY : NODE_ALL, stem, place);
        n->children = arena_zero(s->c->p->arena, parts->count, sizeof(struct node *));
        for (size_t i = 0; i < parts->count; i++)
                TRY(compile_tcb_part(s, stem, parts->keys[i], parts->items[i], place, negated, &n->children[i]));
        n->child_count = parts->count;
        *ret = n;
        return NULL;
}

static struct fault *compile_input(struct scope *s, const struct yaml_node *key, const struct yaml_node *value,
                                   const char *place, bool negated, struct node **ret)
{
        if (is_tcb(value))
                return compile_tcb(s, key, value->items[0], place, negated, ret);
        size_t name = 0;
        TRY(compile_name(s->c, s->d, key, key->text, &name));
        if (s->c->p->names[name].input->origin == ORIGIN_SOFTWARE && !s->r->insecure_development)
                return document_fault(s->d, key, "POLICY_DEVELOPMENT",
                                      "%s is development evidence: the rule must say insecure-development: true",
                                      key->text);
        if (value->kind == YAML_SCALAR) { /* short for eq */
                TRY(count_node(s, key));
                struct node *n = new_node(s, NODE_INPUT, key, place);
                n->name = name;
                n->value_count = 1;
                n->values = arena_zero(s->c->p->arena, 1, sizeof *n->values);
                TRY(compile_value(s->c, s->d, name, value, n->values));
                return finish_leaf(s, n, negated, ret);
        }
        if (value->kind != YAML_MAPPING || value->count == 0)
                return document_fault(s->d, value, "POLICY_EXPRESSION", "%s needs a value or operators: {eq: …}",
                                      key->text);
        if (value->count == 1)
                return compile_operator(s, name, value->keys[0], value->items[0], place, negated, ret);

        TRY(count_node(s, key));
        struct node *n = new_node(s, negated ? NODE_ANY : NODE_ALL, key, place); /* several operators: all of them */
        n->children = arena_zero(s->c->p->arena, value->count, sizeof(struct node *));
        for (size_t i = 0; i < value->count; i++) {
                const char *inner = arena_printf(s->c->p->arena, "%s/%s", place, value->keys[i]->text);
                TRY(compile_operator(s, name, value->keys[i], value->items[i], inner, negated, &n->children[i]));
        }
        n->child_count = value->count;
        *ret = n;
        return NULL;
}

/* ---- groups -------------------------------------------------------------------------------------------------------- */
static struct fault *compile_group(struct scope *s, const struct yaml_node *key, const struct yaml_node *list,
                                   const char *place, size_t depth, bool negated, struct node **ret)
{
        if (list->kind != YAML_SEQUENCE || list->count == 0)
                return document_fault(s->d, list, "POLICY_EXPRESSION", "%s needs a list of at least one check",
                                      key->text);
        bool all = strcmp(key->text, "all") == 0;
        TRY(count_node(s, key));
        struct node *n = new_node(s, all != negated ? NODE_ALL : NODE_ANY, key, place);
        if (list->count > POLICY_NODES_MAX)
                return document_fault(s->d, list, "POLICY_LIMIT", "a rule has at most %d checks", POLICY_NODES_MAX);
        n->children = arena_zero(s->c->p->arena, list->count, sizeof(struct node *));
        for (size_t i = 0; i < list->count; i++) {
                const char *inner = arena_printf(s->c->p->arena, "%s/%s[%zu]", place, key->text, i);
                TRY(compile_node(s, list->items[i], inner, depth + 1, negated, &n->children[i]));
        }
        n->child_count = list->count;
        *ret = n;
        return NULL;
}

static struct fault *compile_node(struct scope *s, const struct yaml_node *at, const char *place, size_t depth,
                                  bool negated, struct node **ret)
{
        if (depth > POLICY_DEPTH_MAX)
                return document_fault(s->d, at, "POLICY_LIMIT", "all, any and not stand in one another %d deep at most",
                                      POLICY_DEPTH_MAX);
        if (at->kind != YAML_MAPPING || at->count != 1)
                return document_fault(s->d, at, "POLICY_EXPRESSION",
                                      "a check is one of {all: […]}, {any: […]}, {not: …}, {in_set: …}, {<input>: …}");
        const struct yaml_node *key = at->keys[0], *value = at->items[0];
        if (strcmp(key->text, "all") == 0 || strcmp(key->text, "any") == 0)
                return compile_group(s, key, value, place, depth, negated, ret);
        if (strcmp(key->text, "not") == 0)
                return compile_node(s, value, arena_printf(s->c->p->arena, "%s/not", place), depth + 1, !negated, ret);
        if (strcmp(key->text, "in_set") == 0) {
                TRY(count_node(s, key));
                struct node *n = new_node(s, NODE_SET, key, place);
                TRY(find_set(s, value, &n->set));
                return finish_leaf(s, n, negated, ret);
        }
        return compile_input(s, key, value, place, negated, ret);
}

struct fault *compile_condition(struct compiler *c, const struct document *d, struct rule *r,
                                const struct yaml_node *at)
{
        struct scope s = {.c = c, .d = d, .r = r};
        TRY(compile_node(&s, at, r->place, 1, /* negated= */ false, &r->condition));
        r->check_count = s.nodes;
        return NULL;
}
