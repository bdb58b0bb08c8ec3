#include "issuer/api/admin.h"

#include <stdio.h>

#include "issuer/api/metrics.h"

#define RECORDS_PATH "/v1/records/"

static struct fault *check_peer(const struct httpd_request *q)
{
        if (q->remote_uid == 0 || q->remote_uid == geteuid())
                return NULL;
        return fault(FAULT_DENIED, "admin.uid", "user %u is neither root nor the issuer's own", q->remote_uid);
}

static struct fault *get_record(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        TRY(check_peer(q));
        AUTO(json) struct json *found = NULL;
        TRY(ledger_find(a->ledger, q->path + strlen(RECORDS_PATH), &found)); /* the route has this prefix */
        return json_write(found, &r->body);
}

static struct fault *get_refusals(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        TRY(check_peer(q));
        AUTO(json) struct json *list = refusals_to_json(a->refusals);
        return json_write(list, &r->body);
}

static struct fault *post_reload(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        TRY(check_peer(q));
        TRY(policy_holder_reload(a->holder));
        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        AUTO(json) struct json *j = json_new_object();
        json_set_text(j, "policy", policy_digest(rules->policy));
        json_set_int(j, "revision", (int64_t) policy_revision(rules->policy));
        json_set_int(j, "documents", (int64_t) policy_document_count(rules->policy));
        return json_write(j, &r->body);
}

/* ---- health ---- */

static struct fault *alive(void *self)
{
        struct api *a = self;
        if (authority_is_dead(a->authority))
                return fault(FAULT_UNAVAILABLE, "SIGNER_GONE", "the signer process has died");
        return NULL;
}

/* Ready: a request could be served now. */
static struct fault *ready(void *self)
{
        struct api *a = self;
        uint64_t records = 0;
        AUTO(buf) struct buf intermediate = BUF(CERT_MAX);
        int64_t not_after_s = 0;
        TRY(store_count_records(a->store, &records));
        TRY(authority_intermediate(a->authority, &intermediate, &not_after_s));
        if (not_after_s <= wall_unix_s(clock_wall(a->clock)))
                return fault(FAULT_UNAVAILABLE, "INTERMEDIATE_EXPIRED", "the online intermediate has expired");
        return NULL;
}

static struct fault *metrics(void *self, struct buf *out)
{
        return metrics_text(self, out);
}

void api_health_routes(struct api *a, struct httpd_route ret[HEALTH_ROUTES])
{
        a->health = (struct health_view){.alive = alive, .ready = ready, .metrics = metrics, .self = a};
        health_routes(&a->health, ret);
}

void admin_routes(struct api *a, struct httpd_route ret[ADMIN_ROUTES])
{
        api_health_routes(a, ret);
        ret[3] = (struct httpd_route){"GET", RECORDS_PATH "*", 0, get_record, a};
        ret[4] = (struct httpd_route){"GET", "/v1/refusals", 0, get_refusals, a};
        ret[5] = (struct httpd_route){"POST", "/v1/policy/reload", 0, post_reload, a};
}
