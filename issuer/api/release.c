#include "issuer/api/release.h"

#include <stdio.h>

#include "issuer/api/answer.h"
#include "issuer/api/keys.h"
#include "issuer/api/metrics.h"
#include "lib/base/log.h"
#include "lib/model/release.h"

/* ---- before any evidence ---- */

static const struct slot *find_slot(const struct profile_shape *profile, const char *name)
{
        for (size_t i = 0; i < profile->slot_count; i++)
                if (strcmp(profile->slots[i].name, name) == 0)
                        return &profile->slots[i];
        return NULL;
}

struct fault *release_check_slot(const struct issuance *s, const struct pod_issuance *pod)
{
        const struct profile_shape *profile = policy_find_profile(s->rules->policy, pod->request->profile);
        if (profile == NULL)
                return NULL; /* the policy will say so */
        if (strcmp(profile->mechanism, MECHANISM_KEY_RELEASE) != 0)
                return fault(FAULT_DENIED, "profile.mechanism", "profile %s is for %s, this is %s", profile->name,
                             profile->mechanism, MECHANISM_KEY_RELEASE);
        if (find_slot(profile, pod->request->credentials[0].slot) == NULL)
                return fault(FAULT_DENIED, "slots.unknown", "profile %s has no slot %s", profile->name,
                             pod->request->credentials[0].slot);
        return NULL;
}

/* The path, for who reads access logs; R, which the evidence is over, for what is done. */
static struct fault *check_path(const struct httpd_request *q, const char *key)
{
        AUTO_STRING char *wanted = alloc_printf(PATH_KEYS "/%s" PATH_RELEASE_TAIL, key);
        if (strcmp(q->path, wanted) == 0)
                return NULL;
        return fault(FAULT_DENIED, "release.path", "the request is for key %s, its path is not", key);
}

static struct fault *check(struct issuance *s, struct release_request *r, struct json **ret_extra)
{
        if (s->api->keystore == NULL)
                return fault(FAULT_UNIMPLEMENTED, "keystore.off", "this issuer has no Key store");
        TRY(intake_read(s->q->body, &s->in));
        TRY(release_request_read(buf_span(&s->in.r), r));
        TRY(check_path(s->q, r->key));
        s->request = r->request; /* both stay as they are until the end; `s` clears it */
        r->request = (struct issue_request){0};
        s->release->key_name = r->key;
        s->release->wanted = r->version;
        TRY(issuance_check_request(s, ret_extra));
        if (key_kind(s->pods[0].keys[0]) != KEY_P256)
                return fault(FAULT_DENIED, "release.wrap", "a stored key is sealed to P-256 keys only");
        return NULL;
}

/* ---- the decision ---- */

static void refuse(struct decision *d, const char *token, char *reason)
{
        (void) snprintf(d->token, sizeof d->token, "%s", token);
        free(d->reason);
        d->reason = reason;
        d->allowed = false;
        d->tree->ok = false;
}

void release_decide(const struct issuance *s, struct pod_issuance *pod, const struct facts *facts)
{
        struct release *r = s->release;
        struct decision *d = pod->decision;
        AUTO(fault) struct fault *none = d->allowed ? store_find_key(s->api->store, r->key_name, &r->key) : NULL;
        if (!d->allowed)
                return;
        check_add(d->tree, "release.key", none == NULL, r->key_name, none == NULL ? r->key->id : NULL, -1);
        if (none != NULL) {
                refuse(d, fault_code(none) == FAULT_NOT_FOUND ? "release.key" : fault_token(none),
                       alloc_string(fault_text(none)));
                return;
        }
        bool is_its = strcmp(d->identity, r->key->identity) == 0;
        check_add(d->tree, "release.identity", is_its, r->key->identity, d->identity, -1);
        if (!is_its) {
                refuse(d, "release.identity",
                       alloc_printf("workload \"%s\" has another identity than key \"%s\"", d->workload, r->key_name));
                return;
        }
        policy_release(s->rules->policy, pod->request->profile, pod->request->credentials[0].slot, r->key_name,
                       r->key->owner, facts, s->now, d);
}

static struct fault *check_algorithm(const struct issuance *s, const struct pod_issuance *pod)
{
        const struct profile_shape *profile = policy_find_profile(s->rules->policy, pod->request->profile);
        const struct slot *slot =
                find_slot(profile, pod->request->credentials[0].slot); /* both were looked for before */
        for (size_t i = 0; i < slot->algorithm_count; i++)
                if (strcmp(slot->algorithms[i], s->release->key->algorithm) == 0)
                        return NULL;
        return fault(FAULT_DENIED, "slot.algorithm", "slot %s of profile %s does not take a %s key", slot->name,
                     profile->name, s->release->key->algorithm);
}

struct fault *release_prepare(const struct issuance *s, const struct pod_issuance *pod)
{
        struct release *r = s->release;
        TRY(check_algorithm(s, pod));
        r->version = keystore_version(r->key, r->wanted);
        if (r->version == NULL)
                return fault(FAULT_DENIED, "release.version", "key %s has no version %u", r->key_name, r->wanted);
        return keys_certify(s->api, s->rules->policy, r->key, r->version);
}

/* ---- record and log ---- */

void release_describe(const struct issuance *s, const struct pod_issuance *pod, struct json *record)
{
        const struct release *r = s->release;
        struct json *key = json_new_object();
        json_set_text(record, "mechanism", MECHANISM_KEY_RELEASE);
        json_set_text(key, "name", r->key_name);
        if (r->key != NULL) {
                json_set_text(key, "id", r->key->id);
                json_set_text(key, "owner", r->key->owner);
        }
        if (pod->problem == NULL) {
                json_set_text(record, "decision", "released");
                json_set_int(key, "version", r->version->version);
                json_set_text(key, "serial", r->version->serial);
                json_set_text(key, "credential_record", r->version->record);
        }
        json_set(record, "key", key);
}

void release_tell(const struct issuance *s, const struct pod_issuance *pod)
{
        const struct release *r = s->release;
        log_info("key_released", KV("key", r->key_name), KV("version", r->version->version),
                 KV("volume", pod->request->volume), KV("identity", pod->decision->identity),
                 KV("serial", (const char *) r->version->serial), KV("record", (const char *) pod->record),
                 KV("insecure_development", pod->decision->insecure_development));
}

/* ---- the answer ---- */

static struct fault *fill_credential(const struct issuance *s, struct issued_credential *c)
{
        const struct pod_issuance *pod = &s->pods[0];
        const struct key_version *v = s->release->version;
        (void) snprintf(c->slot, sizeof c->slot, "%s", pod->request->credentials[0].slot); /* read with that limit */
        (void) snprintf(c->type, sizeof c->type, "%s", SLOT_TYPE_X509);
        c->identity = alloc_string(s->release->key->identity);
        c->chain_count = 2;
        c->chain[0] = c->chain[1] = BUF(CERT_MAX);
        TRY(buf_append(&c->chain[0], buf_span(&v->leaf)));
        TRY(buf_append(&c->chain[1], buf_span(&v->issuer)));
        c->not_before_unix_s = v->not_before_unix_s;
        c->not_after_unix_s = v->not_after_unix_s;
        (void) snprintf(c->record, sizeof c->record, "%s", pod->record); /* it fits */
        return NULL;
}

static struct fault *seal(const struct issuance *s, char **ret_jwe)
{
        const struct jwe_parties parties = {.producer = span_str(s->api->audience),
                                            .recipient = buf_span(&s->request.nonce)};
        AUTO(buf) struct buf jwe = BUF(RELEASE_JWE_MAX);
        TRY(keystore_release(s->api->keystore, s->release->key, s->release->version, s->pods[0].keys[0], &parties,
                             &jwe));
        *ret_jwe = span_to_string(buf_span(&jwe));
        return NULL;
}

static struct fault *reply(const struct issuance *s, char *jwe, struct buf *out)
{
        AUTO(release_reply) struct release_reply reply = {.jwe = jwe};
        reply.time_unix_s = wall_unix_s(clock_wall(s->api->clock));
        reply.nonce = BUF(NONCE_LEN);
        answer_nonce(s->api, &reply.nonce);
        reply.policy = alloc_string(policy_digest(s->rules->policy));
        reply.bundle_sequence = bundle_holder_sequence(s->api->bundle);
        (void) snprintf(reply.key, sizeof reply.key, "%s", s->release->key_name); /* read with that limit */
        reply.version = s->release->version->version;
        TRY(fill_credential(s, &reply.credential));
        return release_reply_write(&reply, out);
}

static void release_clear(struct release *r)
{
        stored_key_free(r->key);
}
DEFINE_AUTO_VALUE(release)

static struct fault *serve(struct api *a, const struct httpd_request *q, struct json **ret_extra,
                           struct httpd_response *r)
{
        AUTO(release_request) struct release_request request = {0};
        AUTO(release) struct release release = {0};
        AUTO(issuance)
        struct issuance s = {
                .purpose = BINDING_RELEASE, .release = &release, .api = a, .q = q, .now = clock_wall(a->clock)};
        TRY(answer_admit(a, q));
        s.rules = policy_holder_get(a->holder);
        TRY(check(&s, &request, ret_extra));

        TRY(issuance_appraise(&s));
        TRY(issuance_decide(&s));

        /* sealed before the record, so that a row that does not open is not recorded as a release; it leaves after it */
        AUTO_STRING char *jwe = NULL;
        if (s.pods[0].problem == NULL)
                s.pods[0].problem = seal(&s, &jwe);
        TRY(issuance_commit(&s));

        if (s.pods[0].problem != NULL)
                return TAKE(s.pods[0].problem);
        return reply(&s, TAKE(jwe), &r->body);
}

struct fault *release_post(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        AUTO(json) struct json *extra = NULL;
        struct fault *refused = serve(self, q, &extra, r);
        return refused == NULL ? NULL : answer_refusal(self, q, refused, extra, r);
}
