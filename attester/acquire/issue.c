#include "attester/acquire/issue.h"

#include "attester/acquire/pod.h"
#include "attester/verify.h"
#include "lib/base/log.h"

/* ---- the request ---- */

static struct fault *kind_of(const struct slot *slot, enum key_kind *ret)
{
        static const struct {
                const char *name;
                enum key_kind kind;
        } algorithms[] = {{"p256", KEY_P256}, {"p384", KEY_P384}, {"rsa3072", KEY_RSA}};
        for (size_t i = 0; i < slot->algorithm_count; i++) {
                for (size_t known = 0; known < COUNT_OF(algorithms); known++) {
                        if (strcmp(slot->algorithms[i], algorithms[known].name) == 0) {
                                *ret = algorithms[known].kind;
                                return NULL;
                        }
                }
        }
        return fault(FAULT_UNIMPLEMENTED, "slot.algorithm", "no key algorithm of slot %s is known to this attester",
                     slot->name);
}

/* A fresh key for each slot of the profile. */
static struct fault *make_keys(struct order *o, const struct profile_shape *profile)
{
        order_drop_keys(o);
        for (size_t i = 0; i < profile->slot_count; i++) {
                const struct slot *slot = &profile->slots[i];
                if (strcmp(slot->type, SLOT_TYPE_X509) != 0 && strcmp(slot->type, SLOT_TYPE_WIT) != 0)
                        return fault(FAULT_UNIMPLEMENTED, "slot.type",
                                     "slot %s is a %s, which this attester can't ask for", slot->name, slot->type);
                enum key_kind kind;
                TRY(kind_of(slot, &kind));
                struct order_key *made = &o->keys[o->key_count];
                TRY(key_generate(kind, &made->key));
                o->key_count++;
                memcpy(made->slot, slot->name, sizeof made->slot);
                memcpy(made->type, slot->type, sizeof made->type);
        }
        return NULL;
}

static struct fault *fill_pod(const struct acquisition *a, const struct order *o, struct pod_request *p)
{
        pod_fill(o, p);
        for (size_t i = 0; i < o->key_count; i++)
                TRY(pod_add_credential(a, o->keys[i].slot, o->keys[i].key, p));
        return NULL;
}

static struct fault *build_request(const struct acquisition *a, struct order **orders, size_t count, struct buf *ret_r)
{
        AUTO(issue_request) struct issue_request request = {0};
        request.audience = alloc_string(issuer_audience(a->issuer));
        request.policy = alloc_string(issuer_policy(a->issuer));
        request.nonce = BUF(NONCE_MAX);
        TRY(buf_append(&request.nonce, issuer_nonce(a->issuer)));
        request.pods = alloc_zero(count, sizeof *request.pods);
        for (size_t i = 0; i < count; i++) {
                if (orders[i] == NULL)
                        continue;
                TRY(fill_pod(a, orders[i], &request.pods[request.pod_count++]));
        }
        return issue_request_write(&request, ret_r);
}

/* ---- the reply ---- */

static void fail_order(const struct acquisition *a, struct order **o, struct fault *failed)
{
        a->answer(a->arg, o, failed, NULL);
        fault_free(failed);
}

static const struct order_key *find_key(const struct order *o, const char *slot)
{
        for (size_t i = 0; i < o->key_count; i++) {
                if (strcmp(o->keys[i].slot, slot) == 0)
                        return &o->keys[i];
        }
        return NULL;
}

static struct fault *check_result(const struct acquisition *a, const struct order *o, const struct pod_result *result,
                                  const struct bundle *bundle, struct delivery *delivery)
{
        if (result->credential_count != o->key_count)
                return fault(FAULT_INTERNAL, "reply.slots", "the issuer answered %zu slots of %zu",
                             result->credential_count, o->key_count);
        for (size_t i = 0; i < result->credential_count; i++) {
                const struct issued_credential *c = &result->credentials[i];
                struct delivered *d = &delivery->credentials[i];
                const struct order_key *asked = find_key(o, c->slot);
                if (asked == NULL)
                        return fault(FAULT_INTERNAL, "reply.slots",
                                     "the issuer answered slot %s, which was not asked for", c->slot);
                d->key = asked->key;
                for (size_t other = 0; other < i; other++) {
                        if (delivery->credentials[other].key == d->key)
                                return fault(FAULT_INTERNAL, "reply.slots", "the issuer answered slot %s twice",
                                             c->slot);
                }
                TRY(verify_credential(c, asked->type, d->key, bundle, a->certs, clock_wall(a->clock), d->serial));
                d->credential = c;
                delivery->count = i + 1;
        }
        return NULL;
}

static const struct pod_result *result_of(const struct issue_reply *reply, const char *volume)
{
        for (size_t i = 0; i < reply->result_count; i++) {
                if (strcmp(reply->results[i].volume, volume) == 0)
                        return &reply->results[i];
        }
        return NULL;
}

static void answer_order(const struct acquisition *a, struct order **o, const struct issue_reply *reply,
                         const struct bundle *bundle)
{
        const struct pod_result *result = result_of(reply, (*o)->volume);
        if (result == NULL) {
                fail_order(
                        a, o,
                        fault(FAULT_INTERNAL, "reply.volume", "the issuer's reply leaves out volume %s", (*o)->volume));
                return;
        }
        if (result->problem != NULL) {
                a->answer(a->arg, o, result->problem, NULL);
                return;
        }
        struct delivery delivery = {
                .evidence_kind = a->source->kind,
                .policy = reply->policy,
                .insecure_development = a->source->insecure_development,
                .server_time_unix_s = reply->time_unix_s,
        };
        struct fault *bad = check_result(a, *o, result, bundle, &delivery);
        if (bad != NULL) {
                log_error("issued_credential_refused", KV("volume", (*o)->volume), KV("problem", bad));
                fail_order(a, o, bad);
                return;
        }
        a->answer(a->arg, o, NULL, &delivery);
}

/* ---- one attempt ---- */

struct fault *issue_acquire(const struct acquisition *a, struct order **orders, size_t count, issue_send *send,
                            struct cancel *cancel)
{
        size_t left = 0;
        for (size_t i = 0; i < count; i++) {
                struct fault *bad = make_keys(orders[i], issuer_profile(a->issuer, orders[i]->profile));
                if (bad != NULL)
                        fail_order(a, &orders[i], bad);
                left += orders[i] != NULL;
        }
        if (left == 0)
                return NULL;
        AUTO(buf) struct buf r = BUF(BODY_MAX);
        TRY(build_request(a, orders, count, &r));

        AUTO(http_reply) struct http_reply reply_bytes = {0};
        struct fault *failed = send(a, orders, count, buf_span(&r), cancel, &reply_bytes);
        buf_wipe(&r); /* tokens */
        TRY(failed);
        AUTO(issue_reply) struct issue_reply reply = {0};
        TRY_AS(issue_reply_read(buf_span(&reply_bytes.body), &reply), "read the issuer's reply");
        TRY(verify_server_time(reply.time_unix_s, clock_wall(a->clock)));
        AUTO(bundle_copy) struct bundle_copy bundle = {0};
        TRY(bundle_cache_get(a->bundles, reply.bundle_sequence, cancel, &bundle));

        for (size_t i = 0; i < count; i++) {
                if (orders[i] != NULL)
                        answer_order(a, &orders[i], &reply, &bundle.bundle);
        }
        issuer_saw_policy(a->issuer, reply.policy);
        return NULL;
}
