/* KeyRelease: the key owner's word on who gets a stored key. A lock beside the Workload's, in the same language over the same sets. */
#include "issuer/policy/compiler.h"

#include "lib/model/names.h"

/* One document per key: two would be two owners' words, or one that somebody overlooks. */
static struct fault *check_unclaimed(const struct compiler *c, const struct document *d, const struct yaml_node *n)
{
        for (size_t i = 0; i < c->p->release_count; i++) {
                const struct rule *other = &c->p->releases[i];
                for (size_t j = 0; j < other->key_count; j++)
                        if (strcmp(other->keys[j], n->text) == 0)
                                return document_fault(d, n, "POLICY_DUPLICATE", "key \"%s\" is named by %s already",
                                                      n->text, other->place);
        }
        return NULL;
}

static struct fault *read_keys(struct compiler *c, const struct document *d, struct rule *r)
{
        const struct yaml_node *list;
        TRY(field_need(d, d->spec, "keys", YAML_SEQUENCE, &list));
        if (list->count == 0 || list->count > POLICY_KEYS_MAX)
                return document_fault(d, list, "POLICY_LIMIT", "a KeyRelease names 1 to %d keys", POLICY_KEYS_MAX);
        r->keys = arena_zero(c->p->arena, list->count, sizeof *r->keys);
        for (size_t i = 0; i < list->count; i++) {
                const struct yaml_node *n = list->items[i];
                TRY(name_check(d, n, NAME_MAX_LEN));
                TRY(check_unclaimed(c, d, n));
                r->keys[r->key_count++] = arena_string(c->p->arena, n->text);
        }
        return NULL;
}

struct fault *compile_release(struct compiler *c, const struct document *d, struct rule *r)
{
        static const char *const allowed[] = {"keys", "match", "k8s-grants", "any-genuine", "insecure-development",
                                              NULL};
        TRY(fields_only(d, d->spec, "the spec of a KeyRelease", allowed));
        TRY(compile_rule(c, d, "release", r));
        TRY(field_flag(d, d->spec, "any-genuine", &r->any_genuine));
        TRY(read_keys(c, d, r));
        const struct yaml_node *n;
        TRY(field_need(d, d->spec, "match", YAML_MAPPING, &n));
        return compile_condition(c, d, r, n);
}
