/* What a rule needs in every way of fulfilling it.
 *
 * Leaves that may only narrow count as true: the node chooses what it says about itself. For what is left, a bit is needed
 * by an `all` when one of its children needs it, and by an `any` when each of them does. For one bit that is exact: the
 * disjuncts of an `all` combine one disjunct of each child, so if every child has one without the bit, so has the `all`. */
#include "issuer/policy/compiler.h"

#define NEEDS_EVIDENCE 1u /* hw, measured or verifier; software where the rule says insecure-development */
#define NEEDS_PLATFORM 2u /* a machine of a platform set */
#define NEEDS_TOKEN    4u /* evidence, or what a bound token says where the rule says k8s-grants */

static unsigned leaf_needs(const struct policy *p, const struct node *n)
{
        if (n->narrows)
                return 0;
        if (n->kind == NODE_SET)
                return NEEDS_EVIDENCE | NEEDS_TOKEN | (n->set->platform && !n->negated ? NEEDS_PLATFORM : 0);
        const struct policy_input *input = p->names[n->name].input;
        if (input->origin == ORIGIN_K8S)
                return NEEDS_TOKEN;
        if (n->op == OP_EXISTS && n->negated)
                return 0; /* absence proves nothing */
        bool platform = n->op == OP_IN_SET && n->set->platform && input->platform && !n->negated;
        return NEEDS_EVIDENCE | NEEDS_TOKEN | (platform ? NEEDS_PLATFORM : 0);
}

static unsigned node_needs(const struct policy *p, const struct node *n)
{
        if (n->kind != NODE_ALL && n->kind != NODE_ANY)
                return leaf_needs(p, n);
        unsigned needs = n->kind == NODE_ALL ? 0 : ~0u;
        for (size_t i = 0; i < n->child_count; i++) {
                unsigned child = node_needs(p, n->children[i]);
                needs = n->kind == NODE_ALL ? needs | child : needs & child;
        }
        return needs;
}

/* Where the rule is weak: the alternative that does without. */
static const struct node *weakest(const struct policy *p, const struct node *n, unsigned bit)
{
        while (n->kind == NODE_ANY) {
                size_t i = 0;
                while ((node_needs(p, n->children[i]) & bit) != 0)
                        i++;
                n = n->children[i];
        }
        return n;
}

static struct fault *check_evidence(const struct policy *p, const struct rule *r, unsigned bit, const char *wanted)
{
        if ((node_needs(p, r->condition) & bit) != 0)
                return NULL;
        const struct node *n = weakest(p, r->condition, bit);
        return rule_fault(r, n->line, n->column, "POLICY_ORIGIN",
                          "%s can be fulfilled without %s: facts of origin node%s may only narrow", r->place, wanted,
                          r->k8s_grants ? "" : " (and k8s, as the rule does not say k8s-grants)");
}

/* Of a rule that gives something to somebody. `guarded`: a guardrail names a platform set already. */
static struct fault *check_giving(const struct policy *p, const struct rule *r, bool guarded)
{
        TRY(check_evidence(p, r, NEEDS_EVIDENCE, "evidence (hw, measured or verifier)"));
        if (r->any_genuine || guarded || (node_needs(p, r->condition) & NEEDS_PLATFORM) != 0)
                return NULL;
        const struct node *n = weakest(p, r->condition, NEEDS_PLATFORM);
        return rule_fault(r, n->line, n->column, "POLICY_PLATFORM",
                          "%s can be fulfilled on anybody's genuine hardware: name a platform set (in_set), here or in "
                          "a guardrail, or say any-genuine: true",
                          r->place);
}

struct fault *check_origins(const struct compiler *c)
{
        const struct policy *p = c->p;
        bool guarded = false; /* a guardrail holds for every workload, so its platform set does */
        for (size_t i = 0; i < p->guardrail_count; i++) {
                const struct rule *r = &p->guardrails[i];
                TRY(check_evidence(p, r, r->k8s_grants ? NEEDS_TOKEN : NEEDS_EVIDENCE,
                                   r->k8s_grants ? "evidence or a bound token"
                                                 : "evidence (hw, measured or verifier)"));
                guarded = guarded || (node_needs(p, r->condition) & NEEDS_PLATFORM) != 0;
        }
        for (size_t i = 0; i < p->workload_count; i++)
                TRY(check_giving(p, &p->workloads[i], guarded));
        for (size_t i = 0; i < p->release_count; i++)
                TRY(check_giving(p, &p->releases[i], guarded));
        return NULL;
}
