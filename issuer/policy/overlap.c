/* Workloads that could never be granted. Exactly one workload must match a request, and facts that may only narrow never
 * tell two apart; so when all that workload A needs is among what B needs, B is ambiguous whenever it matches. Compared is
 * what stands in the outermost `all`; what overlaps in subtler ways is found when a request comes, and denied. */
#include "issuer/policy/compiler.h"

#include <stdlib.h>

/* Conditions in their granting form as sorted texts; NULL text: always true. */
struct needs {
        size_t count;
        const char **texts;
        bool narrowed; /* something was left out */
};

static const char *form(struct arena *a, const struct policy *p, const struct node *n, bool *narrowed)
{
        if (n->kind != NODE_ALL && n->kind != NODE_ANY) {
                *narrowed = *narrowed || n->narrows;
                return n->narrows ? NULL : leaf_text(a, p, n, /* canonical= */ true);
        }
        const char *text = n->kind == NODE_ALL ? "all" : "any";
        size_t kept = 0;
        for (size_t i = 0; i < n->child_count; i++) {
                const char *child = form(a, p, n->children[i], narrowed);
                if (child == NULL && n->kind == NODE_ANY)
                        return NULL;
                if (child == NULL)
                        continue;
                text = arena_printf(a, "%s(%s)", text, child);
                kept++;
        }
        return kept == 0 ? NULL : text;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static struct needs needs_of(struct arena *a, const struct policy *p, const struct rule *r)
{
        const struct node *n = r->condition;
        struct node *const *parts = n->kind == NODE_ALL ? n->children : (struct node *const *) &r->condition;
        size_t count = n->kind == NODE_ALL ? n->child_count : 1;
        struct needs needs = {.texts = arena_zero(a, count, sizeof(char *))};
        for (size_t i = 0; i < count; i++) {
                const char *text = form(a, p, parts[i], &needs.narrowed);
                if (text != NULL)
                        needs.texts[needs.count++] = text;
        }
        qsort(needs.texts, needs.count, sizeof(char *), by_text);
        return needs;
}

static bool is_within(const struct needs *a, const struct needs *b)
{
        size_t j = 0;
        for (size_t i = 0; i < a->count; i++) {
                while (j < b->count && strcmp(b->texts[j], a->texts[i]) < 0)
                        j++;
                if (j == b->count || strcmp(b->texts[j], a->texts[i]) != 0)
                        return false;
        }
        return true;
}

static bool share_profile(const struct rule *a, const struct rule *b)
{
        for (size_t i = 0; i < a->profile_count; i++)
                for (size_t j = 0; j < b->profile_count; j++)
                        if (a->profiles[i] == b->profiles[j])
                                return true;
        return false;
}

static struct fault *check_pair(const struct rule *a, const struct needs *a_needs, const struct rule *b,
                                const struct needs *b_needs)
{
        bool only_b_takes_development = b->insecure_development && !a->insecure_development;
        if (!share_profile(a, b) || only_b_takes_development || !is_within(a_needs, b_needs))
                return NULL;
        const char *why =
                a_needs->narrowed || b_needs->narrowed
                        ? " (facts that may only narrow never tell workloads apart; k8s facts do where the rule "
                          "says k8s-grants: true)"
                        : "";
        return rule_fault(b, b->line, b->column, "POLICY_SHADOWED",
                          "%s can never be granted: whenever it matches, %s (%s:%u) matches as well%s", b->place,
                          a->place, a->file, a->line, why);
}

/* The workload's own, then those of its slots; NULL past the last, and where a slot has none. */
static const char *identity_at(const struct rule *r, size_t index)
{
        return index == 0 ? r->identity : r->grants[index - 1].identity;
}

static struct fault *check_identity(const struct rule *a, const struct rule *b)
{
        if (strcmp(a->owner, b->owner) == 0)
                return NULL;
        for (size_t i = 0; i <= a->grant_count; i++)
                for (size_t j = 0; j <= b->grant_count; j++) {
                        const char *first = identity_at(a, i), *second = identity_at(b, j);
                        if (first != NULL && second != NULL && strcmp(first, second) == 0)
                                return rule_fault(b, b->line, b->column, "POLICY_IDENTITY",
                                                  "identity %s belongs to %s of %s already (%s:%u)", second, a->place,
                                                  a->owner, a->file, a->line);
                }
        return NULL;
}

struct fault *check_overlaps(const struct compiler *c)
{
        const struct policy *p = c->p;
        AUTO(arena) struct arena *a = arena_new(POLICY_BLOCK_LEN); /* of no use after this */
        struct needs *needs = arena_zero(a, p->workload_count + 1, sizeof *needs);
        for (size_t i = 0; i < p->workload_count; i++)
                needs[i] = needs_of(a, p, &p->workloads[i]);
        for (size_t i = 0; i < p->workload_count; i++)
                for (size_t j = 0; j < i; j++) {
                        const struct rule *first = &p->workloads[j], *second = &p->workloads[i];
                        TRY(check_identity(first, second));
                        TRY(check_pair(first, &needs[j], second, &needs[i]));
                        TRY(check_pair(second, &needs[i], first, &needs[j]));
                }
        return NULL;
}
