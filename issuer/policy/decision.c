#include "issuer/policy/policy.h"

#include <stdlib.h>

void decision_free(struct decision *d)
{
        if (d == NULL)
                return;
        for (size_t i = 0; i < d->grant_count; i++) {
                for (size_t j = 0; j < d->grants[i].dns_count; j++)
                        free(d->grants[i].dns[j]);
                free(d->grants[i].identity);
        }
        free(d->reason);
        free(d->workload);
        free(d->owner);
        free(d->identity);
        json_free(d->claims);
        json_free(d->references);
        check_free(d->tree);
        free(d);
}

static void set_text(struct json *j, const char *key, const char *text)
{
        if (text != NULL)
                json_set_text(j, key, text);
}

static struct json *grants_to_json(const struct decision *d)
{
        struct json *grants = json_new_array();
        for (size_t i = 0; i < d->grant_count; i++) {
                const struct grant *g = &d->grants[i];
                struct json *one = json_new_object();
                json_set_text(one, "slot", g->slot);
                json_set_text(one, "type", g->type);
                if (d->identity != NULL && strcmp(g->identity, d->identity) != 0)
                        json_set_text(one, "identity", g->identity);
                json_set_int(one, "ttl_s", g->ttl_s);
                json_set(one, "dns", json_new_texts((const char *const *) g->dns, g->dns_count));
                json_push(grants, one);
        }
        return grants;
}

struct json *decision_to_json(const struct decision *d)
{
        struct json *j = json_new_object();
        json_set_text(j, "decision", d->allowed ? "allowed" : "denied");
        if (!d->allowed)
                json_set_text(j, "check", d->token);
        set_text(j, "reason", d->reason);
        set_text(j, "workload", d->workload);
        set_text(j, "owner", d->owner);
        set_text(j, "identity", d->identity);
        json_set(j, "grants", grants_to_json(d));
        if (d->claims != NULL)
                json_set(j, "claims", json_copy(d->claims));
        json_set(j, "references", json_copy(d->references));
        json_set_bool(j, "insecure_development", d->insecure_development);
        json_set_bool(j, "any_genuine", d->any_genuine);
        json_set(j, "tree", check_to_json(d->tree));
        return j;
}
