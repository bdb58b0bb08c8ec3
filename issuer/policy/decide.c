#include "issuer/policy/explain.h"

#include <stdio.h>

#define GUARDRAIL_CHECKS_MAX 2000 /* shown of guardrails that hold */
#define EXPLAINED_MAX        4    /* workloads that a record shows in full when several match */
#define CLAIM_TEXT_MAX       1024

/* What the workloads of a profile came to. */
struct count {
        size_t considered;
        size_t matched;  /* as they are written */
        size_t granting; /* with what may only narrow left out: facts of that sort never choose between workloads */
        const struct rule *rules[EXPLAINED_MAX]; /* the first few in their granting form */
        const struct rule *match;                /* the first that matches */
};

static void refuse(struct decision *d, const char *token, char *reason)
{
        if (d->token[0] != '\0') {
                free(reason); /* the first refusal stands */
                return;
        }
        (void) snprintf(d->token, sizeof d->token, "%s", token);
        d->reason = reason;
}

static const struct profile *find_profile(const struct policy *p, const char *name)
{
        for (size_t i = 0; i < p->profile_count; i++)
                if (strcmp(p->profiles[i].shape.name, name) == 0)
                        return &p->profiles[i];
        return NULL;
}

static bool rule_serves(const struct rule *r, const struct profile *profile)
{
        for (size_t i = 0; i < r->profile_count; i++)
                if (r->profiles[i] == profile)
                        return true;
        return false;
}

/* ---- guardrails: each must hold ------------------------------------------------------------------------------------ */
static void decide_guardrails(const struct scene *s, struct decision *d)
{
        size_t budget = GUARDRAIL_CHECKS_MAX;
        for (size_t i = 0; i < s->p->guardrail_count; i++) {
                const struct rule *r = &s->p->guardrails[i];
                check_adopt(d->tree, explain_rule(s, r, &budget));
                if (rule_holds(s, r, /* granting= */ false)) {
                        explain_references(s, r, &d->references);
                        continue;
                }
                AUTO_STRING char *failure = explain_failure(s, r);
                refuse(d, r->place, alloc_printf("guardrail \"%s\" (%s) %s", r->name, r->owner, failure));
        }
}

/* ---- concerns: each must be tolerated ------------------------------------------------------------------------------ */
#define CONCERNS_FACT "verifier.concerns"

static const struct rule *tolerating(const struct policy *p, struct span concern)
{
        for (size_t i = 0; i < p->guardrail_count; i++)
                for (size_t j = 0; j < p->guardrails[i].tolerated_count; j++)
                        if (span_eq_str(concern, p->guardrails[i].tolerated[j]))
                                return &p->guardrails[i];
        return NULL;
}

static void decide_concern(const struct scene *s, struct span concern, struct decision *d)
{
        const struct rule *by = tolerating(s->p, concern);
        AUTO_STRING char *name = alloc_printf("concern/%.*s", (int) concern.len, (const char *) concern.data);
        AUTO_STRING char *wanted = alloc_printf("none, or a guardrail that tolerates it");
        AUTO_STRING char *got =
                by == NULL ? alloc_string("no guardrail does") : alloc_printf("%s tolerates it", by->place);
        struct check *check = check_add(d->tree, name, by != NULL, wanted, got, ORIGIN_VERIFIER);
        if (by != NULL)
                check_set_owner(check, by->owner);
        else
                refuse(d, name,
                       alloc_printf("the evidence is genuine, but gives a concern that no guardrail tolerates: %.*s",
                                    (int) concern.len, (const char *) concern.data));
}

/* The fact lists them with blanks between them; the program needs no rule that speaks of it. */
static void decide_concerns(const struct scene *s, const struct facts *facts, struct decision *d)
{
        const struct fact *f = facts_find(facts, CONCERNS_FACT);
        struct span left = f == NULL || f->kind != FACT_TEXT ? SPAN_NONE : f->value;
        while (left.len > 0) {
                const uint8_t *blank = memchr(left.data, ' ', left.len);
                size_t len = blank == NULL ? left.len : (size_t) (blank - left.data);
                if (len > 0)
                        decide_concern(s, span_slice(left, 0, len), d);
                size_t taken = blank == NULL ? len : len + 1;
                left = span_slice(left, taken, left.len - taken);
        }
}

/* ---- workloads: exactly one must match ----------------------------------------------------------------------------- */
static void explain_workload(const struct scene *s, struct decision *d, const struct rule *r)
{
        size_t all = POLICY_NODES_MAX;
        check_adopt(d->tree, explain_rule(s, r, &all));
}

static struct count count_workloads(const struct scene *s, const struct profile *profile)
{
        struct count c = {0};
        for (size_t i = 0; i < s->p->workload_count; i++) {
                const struct rule *r = &s->p->workloads[i];
                if (!rule_serves(r, profile))
                        continue;
                c.considered++;
                if (!rule_holds(s, r, /* granting= */ true))
                        continue; /* then it doesn't hold as it is written either */
                if (c.granting < EXPLAINED_MAX)
                        c.rules[c.granting] = r;
                c.granting++;
                if (!rule_holds(s, r, /* granting= */ false))
                        continue;
                c.match = c.match == NULL ? r : c.match;
                c.matched++;
        }
        return c;
}

/* The workload that lacks least; the first of several. NULL: the profile has none. */
static const struct rule *nearest_workload(const struct scene *s, const struct profile *profile)
{
        const struct rule *nearest = NULL;
        size_t fewest = SIZE_MAX;
        for (size_t i = 0; i < s->p->workload_count; i++) {
                const struct rule *r = &s->p->workloads[i];
                if (!rule_serves(r, profile))
                        continue;
                size_t misses = node_misses(s, r, r->condition) + (s->development && !r->insecure_development ? 1 : 0);
                if (misses >= fewest)
                        continue;
                fewest = misses;
                nearest = r;
        }
        return nearest;
}

static char *ambiguity(const struct count *c)
{
        const struct rule *a = c->rules[0], *b = c->rules[1];
        const char *how = c->matched > 1 ? "match both; exactly one must"
                                         : "are told apart only by facts that may narrow but not choose";
        AUTO_STRING char *more = c->granting > 2 ? alloc_printf(" (and %zu more)", c->granting - 2) : alloc_string("");
        return alloc_printf("workloads \"%s\" (%s) and \"%s\" (%s)%s %s", a->name, a->owner, b->name, b->owner, more,
                            how);
}

static void name_workload(struct decision *d, const struct rule *r)
{
        d->workload = alloc_string(r->name);
        d->owner = alloc_string(r->owner);
}

static void refuse_nobody(const struct scene *s, struct decision *d, const struct profile *profile)
{
        const struct rule *r = nearest_workload(s, profile);
        if (r == NULL) {
                refuse(d, "policy.no_match",
                       alloc_printf("no workload is admitted to profile \"%s\"", profile->shape.name));
                return;
        }
        name_workload(d, r);
        explain_workload(s, d, r);
        AUTO_STRING char *failure = explain_failure(s, r);
        refuse(d, "policy.no_match",
               alloc_printf("no workload matches: nearest \"%s\" (%s) %s", r->name, r->owner, failure));
}

static const struct rule *decide_workload(const struct scene *s, struct decision *d, const struct profile *profile)
{
        struct count c = count_workloads(s, profile);
        AUTO_STRING char *got = alloc_printf("%zu of %zu", c.matched == 0 ? 0 : c.granting, c.considered);
        check_add(d->tree, "policy.workloads", c.matched == 1 && c.granting == 1, "exactly one that matches", got, -1);
        if (c.matched == 0) {
                refuse_nobody(s, d, profile);
                return NULL;
        }
        if (c.granting > 1) {
                for (size_t i = 0; i < c.granting && i < EXPLAINED_MAX; i++)
                        explain_workload(s, d, c.rules[i]);
                refuse(d, "policy.ambiguous", ambiguity(&c));
                return NULL;
        }
        name_workload(d, c.match);
        explain_workload(s, d, c.match);
        explain_references(s, c.match, &d->references);
        return c.match;
}

/* ---- what is granted ----------------------------------------------------------------------------------------------- */
static struct json *claim_from(const struct fact *f)
{
        switch (f->kind) {
        case FACT_FLAG:
                return json_new_bool(f->number != 0);
        case FACT_NUMBER:
                if (f->number <= INT64_MAX)
                        return json_new_int((int64_t) f->number);
                break; /* as text: JSON's readers would round it */
        case FACT_TEXT:
        case FACT_BYTES:
                break;
        }
        AUTO(buf) struct buf text = BUF(CLAIM_TEXT_MAX);
        if (fact_text(f, &text) != NULL || span_has_nul(buf_span(&text)) || !span_is_utf8(buf_span(&text)))
                return NULL;
        return json_new_text(buf_span(&text));
}

static void grant_claims(const struct scene *s, struct decision *d, const struct rule *r)
{
        d->claims = json_new_object();
        for (size_t i = 0; i < r->claim_count; i++) {
                const struct claim *c = &r->claims[i];
                if (c->value != NULL) {
                        json_set(d->claims, c->name, json_copy(c->value));
                        continue;
                }
                const struct fact *f = scene_fact(s, r, c->from);
                struct json *value = f == NULL ? NULL : claim_from(f);
                const char *input = s->p->names[c->from].text;
                AUTO_STRING char *place = alloc_printf("%s/claims/%s", r->place, c->name);
                struct check *check = check_add(d->tree, place, value != NULL, input, value != NULL ? "known" : NULL,
                                                f == NULL ? -1 : (int) f->origin);
                check_set_owner(check, r->owner);
                if (value != NULL)
                        json_set(d->claims, c->name, value);
                else
                        refuse(d, r->place,
                               alloc_printf("claim \"%s\" of workload \"%s\" (%s) wanted %s, found nothing", c->name,
                                            r->name, r->owner, input));
        }
}

static void grant_slots(struct decision *d, const struct profile *profile, const struct rule *r)
{
        for (size_t i = 0; i < profile->shape.slot_count; i++) {
                const struct slot *slot = &profile->shape.slots[i];
                struct grant *g = &d->grants[d->grant_count++];
                (void) snprintf(g->slot, sizeof g->slot, "%s", slot->name);
                (void) snprintf(g->type, sizeof g->type, "%s", slot->type);
                g->ttl_s = profile->ttl_s[i];
                const char *identity = r->identity;
                for (size_t j = 0; j < r->grant_count; j++) {
                        const struct slot_grant *own = &r->grants[j];
                        if (strcmp(own->slot, slot->name) != 0)
                                continue;
                        g->ttl_s = own->ttl_s != 0 ? own->ttl_s : g->ttl_s;
                        identity = own->identity != NULL ? own->identity : identity;
                        for (; g->dns_count < own->dns_count; g->dns_count++)
                                g->dns[g->dns_count] = alloc_string(own->dns[g->dns_count]);
                }
                g->identity = alloc_string(identity);
        }
}

/* What every decision begins with; the scene is the caller's. */
static struct decision *begin(const struct policy *p, const struct facts *facts, struct wall now, struct scene *s)
{
        struct decision *d = NEW(struct decision);
        scene_fill(s, p, facts, now);
        d->insecure_development = s->development;
        d->tree = check_new("policy", false);
        d->references = json_new_array();
        return d;
}

void policy_judge(const struct policy *p, const struct facts *facts, struct wall now, struct decision **ret)
{
        AUTO(scene) struct scene s;
        struct decision *d = begin(p, facts, now, &s);
        check_add(d->tree, "policy.guardrails", p->guardrail_count > 0, "at least one guardrail",
                  p->guardrail_count > 0 ? NULL : "none", -1);
        if (p->guardrail_count == 0)
                refuse(d, "policy.guardrails", alloc_string("a policy without guardrails accepts nothing"));
        decide_guardrails(&s, d);
        decide_concerns(&s, facts, d);
        d->allowed = d->token[0] == '\0';
        d->tree->ok = d->allowed;
        *ret = d;
}

void policy_decide(const struct policy *p, const char *profile_name, const struct facts *facts, struct wall now,
                   struct decision **ret)
{
        AUTO(scene) struct scene s;
        struct decision *d = begin(p, facts, now, &s);

        const struct profile *profile = find_profile(p, profile_name);
        AUTO_STRING char *wanted = alloc_printf("a Profile \"%s\"", profile_name);
        check_add(d->tree, "policy.profile", profile != NULL, wanted, profile != NULL ? profile->shape.mechanism : NULL,
                  -1);
        if (profile == NULL)
                refuse(d, "policy.no_profile", alloc_printf("there is no profile \"%s\"", profile_name));
        decide_guardrails(&s, d);
        decide_concerns(&s, facts, d);
        const struct rule *r = profile == NULL ? NULL : decide_workload(&s, d, profile);
        if (r != NULL)
                grant_claims(&s, d, r);

        d->allowed = r != NULL && d->token[0] == '\0';
        d->tree->ok = d->allowed;
        if (d->allowed) {
                d->any_genuine = r->any_genuine;
                d->identity = alloc_string(r->identity);
                grant_slots(d, profile, r);
        } else {
                json_free(TAKE(d->claims)); /* a denial says nothing about what could have been */
        }
        *ret = d;
}
