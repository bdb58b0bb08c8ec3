#include "issuer/policy/compiler.h"

#include "lib/base/parse.h"
#include "lib/model/names.h"
#include "lib/model/spiffe_id.h"

#define GRACE_CONCERN "collateral.grace"

struct fault *compile_rule(struct compiler *c, const struct document *d, const char *kind, struct rule *r)
{
        struct arena *a = c->p->arena;
        r->name = arena_string(a, d->name);
        r->owner = arena_string(a, d->owner);
        r->place = arena_printf(a, "%s/%s", kind, d->name);
        r->file = arena_string(a, yaml_name(d->yaml));
        r->line = d->root->line;
        r->column = d->root->column;
        TRY(field_flag(d, d->spec, "k8s-grants", &r->k8s_grants));
        TRY(field_flag(d, d->spec, "insecure-development", &r->insecure_development));
        if (r->insecure_development && !c->o->insecure_development)
                return document_fault(d, yaml_get(d->spec, "insecure-development"), "POLICY_DEVELOPMENT",
                                      "this issuer is not configured for insecure-development");
        return NULL;
}

/* Concerns that machines may be in: the cluster's decision alone, hence a guardrail's. */
static struct fault *read_tolerated(struct compiler *c, const struct document *d, struct rule *r)
{
        const struct yaml_node *list = yaml_get(d->spec, "tolerates");
        if (list == NULL)
                return NULL;
        if (list->kind != YAML_SEQUENCE || list->count == 0 || list->count > POLICY_TOLERATED_MAX)
                return document_fault(d, list, "POLICY_VALUE", "tolerates is a list of 1 to %d concerns",
                                      POLICY_TOLERATED_MAX);
        r->tolerated = arena_zero(c->p->arena, list->count, sizeof *r->tolerated);
        for (size_t i = 0; i < list->count; i++) {
                const struct yaml_node *n = list->items[i];
                if (n->kind != YAML_SCALAR || policy_concern_find(n->text) == NULL)
                        return document_fault(d, n, "POLICY_CONCERN", "\"%.80s\" is no concern that evidence can give",
                                              n->kind == YAML_SCALAR ? n->text : "");
                r->tolerated[r->tolerated_count++] = policy_concern_find(n->text);
        }
        return NULL;
}

/* Grace that nobody tolerates would be none, and is a mistake. */
static struct fault *read_grace(const struct document *d, struct rule *r)
{
        const struct yaml_node *n;
        int64_t ms;
        bool is_tolerated = false;
        TRY(field_want(d, d->spec, "collateral-grace", YAML_SCALAR, &n));
        if (n == NULL)
                return NULL;
        if (!succeeded(parse_duration_ms(span_str(n->text), (int64_t) POLICY_GRACE_MIN_S * 1000,
                                         (int64_t) POLICY_GRACE_MAX_S * 1000, &ms)) ||
            ms % 1000 != 0)
                return document_fault(d, n, "POLICY_GRACE", "a grace is whole seconds from %ds to %dh, such as 72h",
                                      POLICY_GRACE_MIN_S, POLICY_GRACE_MAX_S / 3600);
        for (size_t i = 0; i < r->tolerated_count; i++)
                is_tolerated = is_tolerated || strcmp(r->tolerated[i], GRACE_CONCERN) == 0;
        if (!is_tolerated)
                return document_fault(d, n, "POLICY_GRACE",
                                      "collateral-grace goes with tolerates: [" GRACE_CONCERN
                                      "], in the same guardrail");
        r->grace_s = ms / 1000;
        return NULL;
}

struct fault *compile_guardrail(struct compiler *c, const struct document *d, struct rule *r)
{
        static const char *const allowed[] = {
                "require", "tolerates", "collateral-grace", "k8s-grants", "insecure-development", NULL};
        TRY(fields_only(d, d->spec, "the spec of a Guardrail", allowed));
        TRY(compile_rule(c, d, "guardrail", r));
        TRY(read_tolerated(c, d, r));
        TRY(read_grace(d, r));
        const struct yaml_node *n;
        TRY(field_need(d, d->spec, "require", YAML_MAPPING, &n));
        return compile_condition(c, d, r, n);
}

static struct fault *read_profiles(struct compiler *c, const struct document *d, struct rule *r)
{
        const struct yaml_node *list;
        TRY(field_need(d, d->spec, "profiles", YAML_SEQUENCE, &list));
        if (list->count == 0 || list->count > PROFILES_MAX)
                return document_fault(d, list, "POLICY_LIMIT", "a workload has 1 to %d profiles", PROFILES_MAX);
        r->profiles = arena_zero(c->p->arena, list->count, sizeof(struct profile *));
        for (size_t i = 0; i < list->count; i++) {
                const struct yaml_node *n = list->items[i];
                struct profile *p = n->kind == YAML_SCALAR ? map_get(c->profiles, n->text) : NULL;
                if (p == NULL)
                        return document_fault(d, n, "POLICY_PROFILE", "there is no Profile \"%.80s\"",
                                              n->kind == YAML_SCALAR ? n->text : "");
                for (size_t j = 0; j < i; j++)
                        if (r->profiles[j] == p)
                                return document_fault(d, n, "POLICY_DUPLICATE", "profile \"%s\" is there already",
                                                      n->text);
                p->is_used = true;
                r->profiles[i] = p;
                r->profile_count = i + 1;
        }
        return NULL;
}

/* Literal, never a template: nothing that a request says becomes part of an identity. */
struct fault *compile_identity(struct compiler *c, const struct document *d, const struct yaml_node *n,
                               const char **ret)
{
        struct span id = span_str(n->text);
        AUTO(fault) struct fault *why = spiffe_id_check(id);
        if (why != NULL)
                return document_fault(d, n, "POLICY_IDENTITY", "%s", fault_text(why));
        struct span path = spiffe_id_path(id);
        if (path.len == 0)
                return document_fault(d, n, "POLICY_IDENTITY", "a workload's identity has a path");
        if (c->o->trust_domain != NULL && !spiffe_id_is_in(id, span_str(c->o->trust_domain)))
                return document_fault(d, n, "POLICY_IDENTITY", "identity \"%.200s\" is not in the trust domain %s",
                                      n->text, c->o->trust_domain);
        if (span_eq(path, SPAN("/vouchsafe")) || span_starts_with(path, SPAN("/vouchsafe/")))
                return document_fault(d, n, "POLICY_RESERVED", "ids below /vouchsafe/ are vouchsafe's own");
        *ret = arena_string(c->p->arena, n->text);
        return NULL;
}

static struct fault *read_identity(struct compiler *c, const struct document *d, struct rule *r)
{
        const struct yaml_node *n;
        TRY(field_need(d, d->spec, "identity", YAML_SCALAR, &n));
        return compile_identity(c, d, n, &r->identity);
}

struct fault *compile_workload(struct compiler *c, const struct document *d, struct rule *r)
{
        static const char *const allowed[] = {"profiles",    "match",      "identity",    "claims",
                                              "credentials", "k8s-grants", "any-genuine", "insecure-development",
                                              NULL};
        TRY(fields_only(d, d->spec, "the spec of a Workload", allowed));
        TRY(compile_rule(c, d, "workload", r));
        TRY(field_flag(d, d->spec, "any-genuine", &r->any_genuine));
        TRY(read_profiles(c, d, r));
        const struct yaml_node *n;
        TRY(field_need(d, d->spec, "match", YAML_MAPPING, &n));
        TRY(compile_condition(c, d, r, n));
        TRY(read_identity(c, d, r));
        TRY(compile_claims(c, d, r));
        return compile_credentials(c, d, r);
}
