/* What a stored key's owner demands, after a Workload gave the identity; and what policies say about identities and keys ahead of any
 * evidence. */
#include <stdio.h>

#include "issuer/policy/explain.h"

static const struct rule *find_release(const struct policy *p, const char *key)
{
        for (size_t i = 0; i < p->release_count; i++)
                for (size_t j = 0; j < p->releases[i].key_count; j++)
                        if (strcmp(p->releases[i].keys[j], key) == 0)
                                return &p->releases[i];
        return NULL;
}

const char *policy_release_of(const struct policy *p, const char *key)
{
        const struct rule *r = find_release(p, key);
        return r == NULL ? NULL : r->name;
}

static void refuse(struct decision *d, const char *token, char *reason)
{
        (void) snprintf(d->token, sizeof d->token, "%s", token);
        d->reason = reason;
        d->allowed = false;
        d->tree->ok = false;
        json_free(TAKE(d->claims)); /* as in decide.c: a denial says nothing about what could have been */
        free(TAKE(d->identity));
}

static const struct slot *find_slot(const struct policy *p, const char *profile, const char *name)
{
        const struct profile_shape *shape = policy_find_profile(p, profile);
        for (size_t i = 0; shape != NULL && i < shape->slot_count; i++)
                if (strcmp(shape->slots[i].name, name) == 0)
                        return &shape->slots[i];
        return NULL;
}

/* True: go on. */
static bool check_slot(const struct policy *p, const char *profile, const char *name, const char *key,
                       struct decision *d)
{
        const struct slot *slot = find_slot(p, profile, name);
        const char *found = slot == NULL ? NULL : slot->key;
        bool ok = found != NULL && strcmp(found, key) == 0;
        check_add(d->tree, "release.slot", ok, key, found, -1);
        if (!ok)
                refuse(d, "release.slot",
                       alloc_printf("slot \"%s\" of profile \"%s\" is not for key \"%s\"", name, profile, key));
        return ok;
}

static bool check_owner(const struct rule *r, const char *key, const char *owner, struct decision *d)
{
        check_add(d->tree, "release.policy", r != NULL, key, r == NULL ? NULL : r->name, -1);
        if (r == NULL) {
                refuse(d, "release.no_policy", alloc_printf("no KeyRelease names key \"%s\"", key));
                return false;
        }
        bool ok = strcmp(r->owner, owner) == 0;
        struct check *check = check_add(d->tree, "release.owner", ok, owner, r->owner, -1);
        check_set_owner(check, r->owner);
        if (!ok)
                refuse(d, "release.owner",
                       alloc_printf("KeyRelease \"%s\" is %s's, key \"%s\" is %s's", r->name, r->owner, key, owner));
        return ok;
}

void policy_release(const struct policy *p, const char *profile, const char *slot, const char *key, const char *owner,
                    const struct facts *facts, struct wall now, struct decision *d)
{
        if (!d->allowed)
                return;
        const struct rule *r = find_release(p, key);
        if (!check_slot(p, profile, slot, key, d) || !check_owner(r, key, owner, d))
                return;

        AUTO(scene) struct scene s;
        size_t all = POLICY_NODES_MAX;
        scene_fill(&s, p, facts, now);
        check_adopt(d->tree, explain_rule(&s, r, &all));
        if (!rule_holds(&s, r, /* granting= */ false)) {
                AUTO_STRING char *failure = explain_failure(&s, r);
                refuse(d, r->place, alloc_printf("key release \"%s\" (%s) %s", r->name, r->owner, failure));
                return;
        }
        explain_references(&s, r, &d->references);
        d->any_genuine = d->any_genuine || r->any_genuine;
}

/* ---- ahead of evidence ---- */

static void take_slot(const struct rule *r, const struct slot *slot, int64_t ttl_s, struct policy_identity *ret)
{
        for (size_t g = 0; g < r->grant_count; g++) {
                const struct slot_grant *own = &r->grants[g];
                if (strcmp(own->slot, slot->name) != 0)
                        continue;
                ret->dns = own->dns;
                ret->dns_count = own->dns_count;
                ttl_s = own->ttl_s != 0 ? own->ttl_s : ttl_s;
        }
        if (ret->ttl_s == 0 || ttl_s < ret->ttl_s)
                ret->ttl_s = ttl_s;
}

static void take_slots(const struct rule *r, const char *key, struct policy_identity *ret)
{
        for (size_t i = 0; i < r->profile_count; i++) {
                const struct profile *p = r->profiles[i];
                for (size_t j = 0; j < p->shape.slot_count; j++)
                        if (strcmp(p->shape.slots[j].key, key) == 0)
                                take_slot(r, &p->shape.slots[j], p->ttl_s[j], ret);
        }
}

bool policy_find_identity(const struct policy *p, const char *identity, const char *key, struct policy_identity *ret)
{
        *ret = (struct policy_identity){0};
        for (size_t i = 0; i < p->workload_count; i++) {
                const struct rule *r = &p->workloads[i];
                if (strcmp(r->identity, identity) != 0)
                        continue;
                ret->workload = ret->workload == NULL ? r->name : ret->workload;
                ret->owner = r->owner; /* one identity has one owner: overlap.c */
                ret->insecure_development = ret->insecure_development || r->insecure_development;
                take_slots(r, key, ret);
        }
        return ret->workload != NULL;
}
