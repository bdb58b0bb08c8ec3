#include "issuer/api/admin.h"

#include <stdio.h>

#include "issuer/api/metrics.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/model/names.h"

#define RECORDS_PATH          "/v1/records/"
#define AK_PATH               PATH_ATTESTATION_KEYS "/"
#define ENDORSEMENTS_BODY_MAX ((size_t) 8 << 20)
#define AK_NAME_MAX           64 /* a TPM's Name: two bytes of algorithm and a digest */

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

/* ---- attestation keys ---- */

static struct json *ak_to_json(const struct ak_record *r)
{
        struct json *j = json_new_object();
        json_set_hex(j, "name", buf_span(&r->name));
        json_set_hex(j, "ek", SPAN_OF(r->ek_digest));
        if (r->ek_issuer != NULL)
                json_set_text(j, "ek_issuer", r->ek_issuer);
        if (r->cluster != NULL)
                json_set_text(j, "cluster", r->cluster);
        if (r->node != NULL)
                json_set_text(j, "node", r->node);
        json_set_int(j, "enrolled", r->enrolled_unix_s);
        return j;
}

static struct fault *ak_name_read(struct span text, struct buf *out)
{
        if (text.len == 0 || text.len > (size_t) 2 * AK_NAME_MAX)
                return fault(FAULT_INVALID, "BAD_AK_NAME", "the name of an attestation key has 2 to %d hex digits",
                             2 * AK_NAME_MAX);
        return fault_prefix(hex_decode(text, out), "the name of an attestation key");
}

/* Of the query; empty without one. */
static struct fault *read_after(const struct httpd_request *q, struct buf *out)
{
        AUTO(buf) struct buf text = BUF(4 * AK_NAME_MAX);
        AUTO(fault) struct fault *none = httpd_query(q, "after", 4 * AK_NAME_MAX, &text);
        if (none != NULL)
                return fault_code(none) == FAULT_NOT_FOUND ? NULL : TAKE(none);
        return ak_name_read(buf_span(&text), out);
}

static struct fault *get_aks(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        AUTO(buf) struct buf after = BUF(AK_NAME_MAX);
        AUTO(ak_list) struct ak_list list = {0};
        TRY(check_peer(q));
        TRY(read_after(q, &after));

        TRY(store_list_aks(a->store, buf_span(&after), &list));
        AUTO(json) struct json *j = json_new_object();
        struct json *keys = json_new_array();
        json_set(j, "attestation_keys", keys);
        for (size_t i = 0; i < list.count; i++)
                json_push(keys, ak_to_json(list.records[i]));
        if (list.count == AK_LIST_MAX)
                json_set_hex(j, "next", buf_span(&list.records[list.count - 1]->name));
        return json_write(j, &r->body);
}

/* For a TPM whose counters began anew (TPM2_Clear): nothing else lets its key's stored clock go back. */
static struct fault *delete_ak(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        AUTO(buf) struct buf name = BUF(AK_NAME_MAX);
        AUTO(ak_record) struct ak_record *record = NULL;
        TRY(check_peer(q));
        TRY(ak_name_read(span_str(q->path + strlen(AK_PATH)), &name)); /* the route has this prefix */
        TRY(store_find_ak(a->store, buf_span(&name), &record));

        TRY(store_delete_ak(a->store, buf_span(&name)));
        char name_hex[2 * AK_NAME_MAX + 1];
        hex_string(buf_span(&name), name_hex);
        log_info("attestation_key_forgotten", KV("ak", (const char *) name_hex), KV("by_uid", (int64_t) q->remote_uid),
                 KV("cluster", record->cluster != NULL ? (const char *) record->cluster : ""),
                 KV("node", record->node != NULL ? (const char *) record->node : ""));
        AUTO(json) struct json *j = ak_to_json(record);
        return json_write(j, &r->body);
}

/* ---- endorsements ---- */

static struct fault *get_endorsements(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        AUTO(buf) struct buf after = BUF(MAKER_PATH_MAX);
        AUTO(json) struct json *j = NULL;
        TRY(check_peer(q));
        AUTO(fault) struct fault *none = httpd_query(q, "after", MAKER_PATH_MAX, &after);
        if (none != NULL && fault_code(none) != FAULT_NOT_FOUND)
                return TAKE(none);
        TRY(endorse_export(a->endorse, buf_str(&after), &j));
        return json_write(j, &r->body);
}

static struct fault *post_endorsements(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        AUTO(json) struct json *bundle = NULL, *said = NULL;
        TRY(check_peer(q));
        TRY(json_parse(q->body, &bundle));
        TRY(endorse_import(a->endorse, bundle, &said));
        log_info("endorsements_imported", KV("by_uid", (int64_t) q->remote_uid),
                 KV("imported", json_int(json_get(said, "imported"))),
                 KV("refused", json_int(json_get(said, "refused_count"))));
        return json_write(said, &r->body);
}

static struct fault *get_endorsements_status(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        AUTO(json) struct json *j = NULL;
        TRY(check_peer(q));
        TRY(endorse_status(a->endorse, &j));
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

/* Ready: a request could be served now: written, signed, and believed by whoever connects. */
static struct fault *ready(void *self)
{
        struct api *a = self;
        AUTO(buf) struct buf intermediate = BUF(CERT_MAX);
        int64_t not_after_s = 0;
        if (a->tls != NULL)
                TRY(tls_holder_check_dates(a->tls, clock_wall(a->clock)));
        TRY(store_check_writable(a->store, clock_wall(a->clock)));
        if (a->issues_nothing)
                return NULL;
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
        ret[6] = (struct httpd_route){"GET", PATH_ATTESTATION_KEYS, 0, get_aks, a};
        ret[7] = (struct httpd_route){"DELETE", AK_PATH "*", 0, delete_ak, a};
        ret[8] = (struct httpd_route){"GET", PATH_ENDORSEMENTS, 0, get_endorsements, a};
        ret[9] = (struct httpd_route){"POST", PATH_ENDORSEMENTS, ENDORSEMENTS_BODY_MAX, post_endorsements, a};
        ret[10] = (struct httpd_route){"GET", PATH_ENDORSEMENTS "/status", 0, get_endorsements_status, a};
        keys_routes(a, ret + HEALTH_ROUTES + 8);
}
