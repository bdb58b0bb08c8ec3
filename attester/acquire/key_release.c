/* key-release (D in the draft): the Key store has the keys. Each slot names one; for each, an ephemeral key is made, the TEE quotes over a
 * request that holds it, and what comes back opens with that key alone: the stored private key, and the certificate that was computed for
 * it. One quote and one round trip a key. The newest version is asked for, so a renewal brings what the owner has rotated to. */
#include "attester/acquire/mechanism.h"
#include "attester/acquire/pod.h"
#include "attester/verify.h"
#include "lib/base/log.h"
#include "lib/crypt/jwe.h"
#include "lib/model/release.h"

/* ---- the request ---- */

static struct fault *fill_request(const struct acquisition *a, const struct order *o, const struct slot *slot,
                                  const struct key *wrap, struct release_request *r)
{
        memcpy(r->key, slot->key, sizeof r->key);
        r->request.audience = alloc_string(issuer_audience(a->issuer));
        r->request.policy = alloc_string(issuer_policy(a->issuer));
        r->request.nonce = BUF(NONCE_MAX);
        TRY(buf_append(&r->request.nonce, issuer_nonce(a->issuer)));
        r->request.pods = alloc_zero(1, sizeof *r->request.pods);
        r->request.pod_count = 1;
        pod_fill(o, &r->request.pods[0]);
        return pod_add_credential(a, slot->name, wrap, &r->request.pods[0]);
}

static struct fault *attest_and_post(const struct acquisition *a, const char *key, struct span r, struct cancel *cancel,
                                     struct http_reply *ret)
{
        struct binding binding;
        AUTO(cmw) struct cmw evidence = {0};
        AUTO_STRING char *path = alloc_printf(PATH_KEYS "/%s" PATH_RELEASE_TAIL, key);
        TRY(issuer_binding(a->issuer, BINDING_RELEASE, r, &binding));
        TRY_AS(a->source->collect(a->source->self, &binding, cancel, &evidence), "attest");
        a->quoted(a->arg);
        return issuer_post(a->issuer, path, r, &evidence, &binding, cancel, ret);
}

static struct fault *ask(const struct acquisition *a, const struct release_request *request, struct cancel *cancel,
                         struct release_reply *ret)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX);
        AUTO(http_reply) struct http_reply bytes = {0};
        TRY(release_request_write(request, &r));
        struct fault *failed = attest_and_post(a, request->key, buf_span(&r), cancel, &bytes);
        buf_wipe(&r); /* the pod's token */
        TRY(failed);
        TRY_AS(release_reply_read(buf_span(&bytes.body), ret), "read the issuer's reply");
        return verify_server_time(ret->time_unix_s, clock_wall(a->clock));
}

/* ---- the reply ---- */

static struct fault *open_key(const struct acquisition *a, const struct release_request *request,
                              const struct release_reply *reply, const struct key *wrap, struct key **ret)
{
        const struct jwe_parties parties = {.producer = span_str(issuer_audience(a->issuer)),
                                            .recipient = buf_span(&request->request.nonce)};
        AUTO(secret) struct secret *pem = NULL;
        if (strcmp(reply->key, request->key) != 0)
                return fault(FAULT_INTERNAL, "reply.key", "the issuer released key %s, asked for was %s", reply->key,
                             request->key);
        TRY_AS(fault_recode(jwe_open(wrap, &parties, span_str(reply->jwe), &pem), FAULT_INTERNAL),
               "open the released key");
        return fault_prefix(fault_recode(key_from_pem_private(secret_span(pem), ret), FAULT_INTERNAL),
                            "read the released key");
}

/* One slot: the key goes to the order, the certificate stays in the reply. */
static struct fault *acquire_slot(const struct acquisition *a, struct order *o, const struct slot *slot,
                                  struct cancel *cancel, struct release_reply *reply)
{
        AUTO(key) struct key *wrap = NULL, *released = NULL;
        AUTO(release_request) struct release_request request = {0};
        TRY(issuer_prepare(a->issuer, cancel)); /* a nonce of its own */
        TRY(key_generate(KEY_P256, &wrap));
        TRY(fill_request(a, o, slot, wrap, &request));
        TRY(ask(a, &request, cancel, reply));
        TRY(open_key(a, &request, reply, wrap, &released));
        if (strcmp(reply->credential.slot, slot->name) != 0)
                return fault(FAULT_INTERNAL, "reply.slots", "the issuer answered slot %s, asked for was %s",
                             reply->credential.slot, slot->name);

        struct order_key *k = &o->keys[o->key_count++];
        memcpy(k->slot, slot->name, sizeof k->slot);
        memcpy(k->type, slot->type, sizeof k->type);
        k->key = TAKE(released);
        log_info("stored_key_received", KV("volume", (const char *) o->volume), KV("key", (const char *) reply->key),
                 KV("version", reply->version));
        return NULL;
}

static struct fault *check_replies(const struct acquisition *a, const struct order *o,
                                   const struct release_reply *replies, struct cancel *cancel,
                                   struct delivery *delivery)
{
        for (size_t i = 0; i < o->key_count; i++) {
                struct delivered *d = &delivery->credentials[i];
                AUTO(bundle_copy) struct bundle_copy bundle = {0};
                TRY(bundle_cache_get(a->bundles, replies[i].bundle_sequence, cancel, &bundle));
                TRY(verify_credential(&replies[i].credential, o->keys[i].type, o->keys[i].key, &bundle.bundle, a->certs,
                                      clock_wall(a->clock), d->serial));
                d->credential = &replies[i].credential;
                d->key = o->keys[i].key;
                delivery->count = i + 1;
        }
        return NULL;
}

/* ---- orders ---- */

static struct fault *acquire_all(const struct acquisition *a, struct order *o, const struct profile_shape *profile,
                                 struct release_reply *replies, struct cancel *cancel)
{
        order_drop_keys(o);
        for (size_t i = 0; i < profile->slot_count; i++) {
                if (profile->slots[i].key[0] == '\0' || strcmp(profile->slots[i].type, SLOT_TYPE_X509) != 0)
                        return fault(FAULT_UNIMPLEMENTED, "slot.type",
                                     "slot %s is not for a stored key with a certificate", profile->slots[i].name);
                TRY(acquire_slot(a, o, &profile->slots[i], cancel, &replies[i]));
        }
        return NULL;
}

static struct fault *acquire_order(const struct acquisition *a, struct order **o, struct cancel *cancel)
{
        /* a copy: a new challenge between two slots replaces what issuer_profile answers */
        const struct profile_shape *found = issuer_profile(a->issuer, (*o)->profile);
        if (found == NULL)
                return fault(FAULT_PRECONDITION, "stale_policy", "the profile is gone from the issuer's policy");
        const struct profile_shape profile = *found;
        struct release_reply replies[SLOTS_MAX] = {{0}};
        struct delivery delivery = {.evidence_kind = a->source->kind,
                                    .insecure_development = a->source->insecure_development};
        struct fault *failed = acquire_all(a, *o, &profile, replies, cancel);
        if (failed == NULL)
                failed = check_replies(a, *o, replies, cancel, &delivery);
        if (failed == NULL) {
                delivery.policy = replies[0].policy;
                delivery.server_time_unix_s = replies[0].time_unix_s;
                a->answer(a->arg, o, NULL, &delivery);
                issuer_saw_policy(a->issuer, replies[0].policy);
        }
        for (size_t i = 0; i < SLOTS_MAX; i++)
                release_reply_clear(&replies[i]);
        return failed;
}

/* Refused for this pod alone: the others of the batch go on. What concerns the connection, the nonce, the machine or the issuer's health
 * concerns all of them. */
static bool is_the_pods_own(const struct fault *f)
{
        if (fault_code(f) == FAULT_INTERNAL || fault_code(f) == FAULT_UNIMPLEMENTED)
                return true;
        static const char *const families[] = {"policy.",  "release",   "k8s.",       "slot.", "slots.",   "profile.",
                                               "concern/", "workload/", "guardrail/", "keys.", "keystore."};
        for (size_t i = 0; i < COUNT_OF(families); i++)
                if (strncmp(fault_token(f), families[i], strlen(families[i])) == 0)
                        return true;
        return false;
}

static struct fault *acquire(const struct acquisition *a, struct order **orders, size_t count, struct cancel *cancel)
{
        for (size_t i = 0; i < count; i++) {
                if (orders[i] == NULL)
                        continue;
                struct fault *failed = acquire_order(a, &orders[i], cancel);
                if (failed != NULL && !is_the_pods_own(failed))
                        return failed;
                if (failed != NULL && fault_code(failed) == FAULT_INTERNAL)
                        log_error("released_key_refused", KV("volume", (const char *) orders[i]->volume),
                                  KV("problem", failed));
                if (failed != NULL)
                        a->answer(a->arg, &orders[i], failed, NULL);
                fault_free(failed);
        }
        return NULL;
}

const struct mechanism mechanism_key_release = {MECHANISM_KEY_RELEASE, acquire};
