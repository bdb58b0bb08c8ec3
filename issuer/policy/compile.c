#include "issuer/policy/compiler.h"

#include <assert.h>
#include <stdlib.h>

static void compiler_clear(struct compiler *c)
{
        documents_clear(&c->documents);
        map_free(c->sets);
        map_free(c->profiles);
        map_free(c->views);
        policy_free(c->p);
}
DEFINE_AUTO_VALUE(compiler)

struct fault *compile_name(struct compiler *c, const struct document *d, const struct yaml_node *at, const char *text,
                           size_t *ret)
{
        struct policy *p = c->p;
        const struct name *known = map_get(p->name_index, text);
        if (known != NULL) {
                *ret = (size_t) (known - p->names);
                return NULL;
        }
        const struct policy_input *input = policy_input_find(text);
        if (input == NULL)
                return document_fault(d, at, "POLICY_INPUT", "there is no input \"%.80s\": did you mean %s?", text,
                                      policy_input_nearest(text));
        assert(p->name_count < FACTS_MAX); /* the table, with every number, is smaller */
        p->names[p->name_count] = (struct name){arena_string(p->arena, text), input};
        *ret = p->name_count++;
        return map_put(p->name_index, text, &p->names[*ret], NULL);
}

static void warn(struct compiler *c, const char *text)
{
        if (c->p->warning_count < POLICY_WARNINGS_MAX)
                c->p->warnings[c->p->warning_count++] = text;
}

/* ---- phases: each kind stands on those before it ------------------------------------------------------------------- */
static size_t count_kind(const struct compiler *c, enum document_kind kind)
{
        size_t count = 0;
        for (size_t i = 0; i < c->documents.count; i++)
                count += c->documents.items[i].kind == kind;
        return count;
}

static struct fault *check_counts(const struct compiler *c)
{
        static const struct {
                enum document_kind kind;
                size_t max;
        } limits[] = {{DOCUMENT_PROFILE, PROFILES_MAX},
                      {DOCUMENT_GUARDRAIL, POLICY_RULES_MAX},
                      {DOCUMENT_WORKLOAD, POLICY_RULES_MAX},
                      {DOCUMENT_RELEASE, POLICY_RULES_MAX}};
        if (c->documents.count == 0 && !c->o->may_be_empty)
                return fault(FAULT_INVALID, "POLICY_EMPTY", "there is no policy document");
        for (size_t i = 0; i < COUNT_OF(limits); i++)
                if (count_kind(c, limits[i].kind) > limits[i].max)
                        return fault(FAULT_INVALID, "POLICY_LIMIT", "more than %zu documents of kind %s", limits[i].max,
                                     document_kind_name(limits[i].kind));
        return NULL;
}

static struct fault *compile_document(struct compiler *c, const struct document *d)
{
        struct policy *p = c->p;
        switch (d->kind) {
        case DOCUMENT_PROFILE: {
                struct profile *profile = &p->profiles[p->profile_count];
                TRY(compile_profile(c, d, profile));
                p->profile_count++;
                return map_put(c->profiles, d->name, profile, NULL);
        }
        case DOCUMENT_SET: {
                struct set *set = &p->sets[p->set_count];
                TRY(compile_set(c, d, set));
                p->set_count++;
                return map_put(c->sets, d->name, set, NULL);
        }
        case DOCUMENT_GUARDRAIL:
                return compile_guardrail(c, d, &p->guardrails[p->guardrail_count++]);
        case DOCUMENT_WORKLOAD:
                return compile_workload(c, d, &p->workloads[p->workload_count++]);
        case DOCUMENT_RELEASE:
                return compile_release(c, d, &p->releases[p->release_count++]);
        case DOCUMENT_KIND_COUNT:
                break;
        }
        abort(); /* documents_read knows no other kind */
}

static struct fault *compile_kinds(struct compiler *c)
{
        static const enum document_kind order[] = {DOCUMENT_PROFILE, DOCUMENT_SET, DOCUMENT_GUARDRAIL,
                                                   DOCUMENT_WORKLOAD, DOCUMENT_RELEASE};
        for (size_t k = 0; k < COUNT_OF(order); k++)
                for (size_t i = 0; i < c->documents.count; i++)
                        if (c->documents.items[i].kind == order[k])
                                TRY(compile_document(c, &c->documents.items[i]));
        return NULL;
}

static void warn_of_unused(struct compiler *c)
{
        for (size_t i = 0; i < c->documents.count; i++) {
                const struct document *d = &c->documents.items[i];
                const struct set *set = d->kind == DOCUMENT_SET ? map_get(c->sets, d->name) : NULL;
                const struct profile *profile = d->kind == DOCUMENT_PROFILE ? map_get(c->profiles, d->name) : NULL;
                if (set != NULL && !set->is_used)
                        warn(c, arena_printf(c->p->arena, "%s:%u: ReferenceSet \"%s\" is used by no rule",
                                             yaml_name(d->yaml), d->root->line, d->name));
                if (set != NULL && set->entry_count == 0)
                        warn(c, arena_printf(c->p->arena,
                                             "%s:%u: ReferenceSet \"%s\" is empty: every check against it fails",
                                             yaml_name(d->yaml), d->root->line, d->name));
                if (profile != NULL && !profile->is_used)
                        warn(c,
                             arena_printf(c->p->arena, "%s:%u: Profile \"%s\" is used by no workload: nobody gets it",
                                          yaml_name(d->yaml), d->root->line, d->name));
        }
}

/* Slots that wait for a key which nobody may get. */
static void warn_of_unreleased(struct compiler *c)
{
        for (size_t i = 0; i < c->p->profile_count; i++) {
                const struct profile_shape *s = &c->p->profiles[i].shape;
                for (size_t j = 0; j < s->slot_count; j++)
                        if (s->slots[j].key[0] != '\0' && policy_release_of(c->p, s->slots[j].key) == NULL)
                                warn(c,
                                     arena_printf(c->p->arena,
                                                  "Profile \"%s\": no KeyRelease names key \"%s\": it is released to "
                                                  "nobody",
                                                  s->name, s->slots[j].key));
        }
}

static void warn_of_weak_rules(struct compiler *c, const struct rule *rules, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const struct rule *r = &rules[i];
                if (r->insecure_development)
                        warn(c,
                             arena_printf(c->p->arena,
                                          "%s:%u: %s admits development evidence, which proves nothing about a machine",
                                          r->file, r->line, r->place));
                if (r->any_genuine)
                        warn(c, arena_printf(c->p->arena,
                                             "%s:%u: %s says any-genuine: whoever owns such hardware may match",
                                             r->file, r->line, r->place));
        }
}

/* There is a concern only where there is a grace. */
static void warn_of_no_grace(struct compiler *c)
{
        if (policy_collateral_grace_s(c->p) > 0)
                return;
        for (size_t i = 0; i < c->p->guardrail_count; i++) {
                const struct rule *r = &c->p->guardrails[i];
                for (size_t j = 0; j < r->tolerated_count; j++)
                        if (strcmp(r->tolerated[j], "collateral.grace") == 0)
                                warn(c, arena_printf(c->p->arena,
                                                     "%s:%u: %s tolerates collateral.grace, but grants no "
                                                     "collateral-grace: there is none",
                                                     r->file, r->line, r->place));
        }
}

static void warn_of_weakness(struct compiler *c)
{
        warn_of_weak_rules(c, c->p->guardrails, c->p->guardrail_count);
        warn_of_weak_rules(c, c->p->workloads, c->p->workload_count);
        warn_of_weak_rules(c, c->p->releases, c->p->release_count);
}

static void prepare(struct compiler *c)
{
        struct policy *p = c->p;
        p->profiles = arena_zero(p->arena, count_kind(c, DOCUMENT_PROFILE) + 1, sizeof *p->profiles);
        p->sets = arena_zero(p->arena, count_kind(c, DOCUMENT_SET) + 1, sizeof *p->sets);
        p->guardrails = arena_zero(p->arena, count_kind(c, DOCUMENT_GUARDRAIL) + 1, sizeof *p->guardrails);
        p->workloads = arena_zero(p->arena, count_kind(c, DOCUMENT_WORKLOAD) + 1, sizeof *p->workloads);
        p->releases = arena_zero(p->arena, count_kind(c, DOCUMENT_RELEASE) + 1, sizeof *p->releases);
        p->names = arena_zero(p->arena, FACTS_MAX, sizeof *p->names);
        p->name_index = map_new(FACTS_MAX);
        p->document_count = c->documents.count;
        for (size_t i = 0; i < c->documents.count; i++)
                if (c->documents.items[i].revision > p->revision)
                        p->revision = c->documents.items[i].revision;
        c->sets = map_new(POLICY_DOCUMENTS_MAX);
        c->profiles = map_new(PROFILES_MAX);
        c->views = map_new((size_t) POLICY_DOCUMENTS_MAX * POLICY_VALUES_MAX);
}

struct fault *policy_compile(const struct source *sources, size_t count, const struct policy_options *o,
                             struct policy **ret)
{
        AUTO(compiler) struct compiler c = {.o = o, .p = NEW(struct policy)};
        c.p->arena = arena_new(POLICY_BLOCK_LEN);
        atomic_init(&c.p->references, 1);
        TRY(documents_read(sources, count, &c.documents));
        TRY(check_counts(&c));
        prepare(&c);

        TRY(compile_kinds(&c));
        TRY(check_origins(&c));
        TRY(check_overlaps(&c));
        TRY(documents_digest(&c.documents, c.p->digest));
        warn_of_unused(&c);
        warn_of_unreleased(&c);
        warn_of_weakness(&c);
        warn_of_no_grace(&c);

        *ret = TAKE(c.p);
        return NULL;
}
