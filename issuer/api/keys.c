#include "issuer/api/keys.h"

#include <stdio.h>

#include "issuer/config.h"
#include "issuer/keystore/credential.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"

#define KEYS_BODY_MAX ((size_t) 64 * 1024)
#define PEM_TEXT_MAX  8192
#define CHAIN_PEM_MAX ((size_t) 64 * 1024)
#define ROTATE_TAIL   "/rotate"
#define OFF_TEXT      "this issuer has no Key store: `vouchsafe-issuer init` makes its KEK"

/* ---- who ---- */

static bool is_administrator(uid_t uid)
{
        return uid == 0 || uid == geteuid();
}

/* A client has a name where its certificate was verified, and then no uid. */
static bool is_this(const struct owner_config *o, const struct httpd_request *q)
{
        return o->client != NULL ? strcmp(o->client, q->client_name) == 0 : o->uid == q->remote_uid;
}

static bool acts_for(const struct api *a, const struct httpd_request *q, const char *owner)
{
        if (is_administrator(q->remote_uid))
                return true;
        for (size_t i = 0; owner != NULL && a->key_owners != NULL && i < a->key_owners->count; i++) {
                const struct owner_config *o = a->key_owners->items[i];
                if (is_this(o, q) && strcmp(o->owner, owner) == 0)
                        return true;
        }
        return false;
}

struct fault *keys_check_owner(const struct api *a, const struct httpd_request *q, const char *owner)
{
        if (acts_for(a, q, owner))
                return NULL;
        if (q->client_name[0] != '\0')
                return fault(FAULT_DENIED, "keys.owner", "%s does not act for the owner of this key", q->client_name);
        return fault(FAULT_DENIED, "keys.owner", "user %u does not act for the owner of this key", q->remote_uid);
}

static struct fault *check_on(const struct api *a)
{
        return a->keystore != NULL ? NULL : fault(FAULT_UNIMPLEMENTED, "keystore.off", OFF_TEXT);
}

/* The key, if the caller may know of it. */
static struct fault *find_own(const struct api *a, const struct httpd_request *q, const char *name,
                              struct stored_key **ret)
{
        AUTO(stored_key) struct stored_key *k = NULL;
        TRY(check_on(a));
        AUTO(fault) struct fault *none = store_find_key(a->store, name, &k);
        if (none != NULL && (fault_code(none) != FAULT_NOT_FOUND || is_administrator(q->remote_uid)))
                return TAKE(none);
        TRY(keys_check_owner(a, q, k != NULL ? k->owner : NULL));
        *ret = TAKE(k);
        return NULL;
}

/* ---- certificates ---- */

static struct fault *find_identity(const struct policy *policy, const char *identity, const char *key,
                                   struct policy_identity *ret)
{
        if (policy_find_identity(policy, identity, key, ret))
                return NULL;
        return fault(FAULT_DENIED, "keys.identity", "no Workload of the policy in force grants %.300s", identity);
}

struct fault *keys_certify(struct api *a, const struct policy *policy, const struct stored_key *k,
                           struct key_version *v)
{
        struct policy_identity id;
        TRY(find_identity(policy, k->identity, k->name, &id));
        if (strcmp(id.owner, k->owner) != 0)
                return fault(FAULT_DENIED, "keys.identity", "%s is %s's by the policy in force, key %s is %s's",
                             k->identity, id.owner, k->name, k->owner);
        if (!credential_is_due(v, clock_wall(a->clock)))
                return NULL;
        const struct credential_maker maker = {
                .store = a->store,
                .ledger = a->ledger,
                .authority = a->authority,
                .clock = a->clock,
                .max_life_s = id.ttl_s != 0 && id.ttl_s < a->max_leaf_life_s ? id.ttl_s : a->max_leaf_life_s,
                .backdate_s = a->backdate_s};
        const struct credential_basis basis = {.policy_digest = policy_digest(policy),
                                               .policy_revision = policy_revision(policy),
                                               .workload = id.workload,
                                               .insecure_development = id.insecure_development,
                                               .dns = id.dns,
                                               .dns_count = id.dns_count};
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, a->clock, (struct boot){clock_boot(a->clock).ms + SERVE_TIMEOUT_MS});
        return credential_make(&maker, &basis, k, v, &cancel);
}

/* ---- answers ---- */

static struct fault *set_chain(struct json *j, const struct key_version *v)
{
        AUTO(buf) struct buf pem = BUF(CHAIN_PEM_MAX);
        if (v->leaf.len == 0)
                return NULL;
        TRY(cert_der_to_pem(buf_span(&v->leaf), &pem));
        TRY(cert_der_to_pem(buf_span(&v->issuer), &pem));
        json_set_text(j, "chain", buf_str(&pem));
        json_set_text(j, "serial", v->serial);
        json_set_int(j, "not_before", v->not_before_unix_s);
        json_set_int(j, "not_after", v->not_after_unix_s);
        json_set_text(j, "record", v->record);
        return NULL;
}

static struct fault *version_to_json(const struct key_version *v, struct json **ret)
{
        uint8_t digest[SHA256_LEN];
        AUTO(json) struct json *j = json_new_object();
        sha256(buf_span(&v->spki), digest);
        json_set_int(j, "version", v->version);
        json_set_int(j, "created", v->created_unix_s);
        json_set_hex(j, "spki_sha256", SPAN_OF(digest));
        json_set_text(j, "kek", v->kek);
        TRY(set_chain(j, v));
        *ret = TAKE(j);
        return NULL;
}

static struct json *head_to_json(const struct policy *policy, const struct stored_key *k)
{
        struct json *j = json_new_object();
        const char *release = policy_release_of(policy, k->name);
        json_set_text(j, "name", k->name);
        json_set_text(j, "id", k->id);
        json_set_text(j, "owner", k->owner);
        json_set_text(j, "identity", k->identity);
        json_set_text(j, "algorithm", k->algorithm);
        json_set_int(j, "created", k->created_unix_s);
        json_set_int(j, "newest", k->newest);
        if (release != NULL)
                json_set_text(j, "key_release", release);
        return j;
}

static struct fault *answer(const struct policy *policy, const struct stored_key *k, struct httpd_response *r)
{
        AUTO(json) struct json *j = head_to_json(policy, k);
        struct json *versions = json_new_array();
        json_set(j, "versions", versions);
        for (size_t i = 0; i < k->version_count; i++) {
                struct json *v = NULL;
                TRY(version_to_json(&k->versions[i], &v));
                json_push(versions, v);
        }
        return json_write(j, &r->body);
}

/* ---- handlers ---- */

static struct fault *read_after(const struct httpd_request *q, struct buf *out)
{
        AUTO(fault) struct fault *none = httpd_query(q, "after", NAME_MAX_LEN, out);
        return none == NULL || fault_code(none) == FAULT_NOT_FOUND ? NULL : TAKE(none);
}

static struct fault *get_keys(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        AUTO(buf) struct buf after = BUF(NAME_MAX_LEN);
        AUTO(stored_key_list) struct stored_key_list page = {0};
        TRY(check_on(a));
        TRY(read_after(q, &after));

        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        TRY(store_list_keys(a->store, buf_str(&after), &page));
        AUTO(json) struct json *j = json_new_object();
        struct json *keys = json_new_array();
        json_set(j, "keys", keys);
        for (size_t i = 0; i < page.count; i++)
                if (acts_for(a, q, page.items[i]->owner))
                        json_push(keys, head_to_json(rules->policy, page.items[i]));
        if (page.count == STORED_KEYS_MAX)
                json_set_text(j, "next", page.items[page.count - 1]->name);
        return json_write(j, &r->body);
}

static struct fault *get_key(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        AUTO(stored_key) struct stored_key *k = NULL;
        TRY(find_own(a, q, q->path + strlen(PATH_KEYS "/"), &k)); /* the route has this prefix */
        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        return answer(rules->policy, k, r);
}

/* The PEM leaves the tree as a secret at once; the tree wipes itself. */
static struct fault *read_pem(const struct json *j, struct secret **ret)
{
        struct span pem = SPAN_NONE;
        TRY(json_want_text(j, "pem", PEM_TEXT_MAX, &pem));
        if (pem.len > 0)
                *ret = secret_copy(pem);
        return NULL;
}

struct new_key {
        char name[NAME_MAX_LEN + 1], identity[2048 + 1], algorithm[16];
        struct secret *pem;
};
static void new_key_clear(struct new_key *n)
{
        secret_free(n->pem);
}
DEFINE_AUTO_VALUE(new_key)

static struct fault *copy_text(const struct json *j, const char *member, bool needed, size_t size, char *ret)
{
        struct span text = SPAN_NONE;
        TRY(needed ? json_need_text(j, member, size - 1, &text) : json_want_text(j, member, size - 1, &text));
        if (text.len > 0)
                memcpy(ret, text.data, text.len);
        ret[text.len] = '\0';
        return NULL;
}

static struct fault *read_new_key(struct span body, struct new_key *n)
{
        static const char *const allowed[] = {"name", "identity", "algorithm", "pem", NULL};
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(body, &j));
        TRY(json_only_keys(j, allowed));
        TRY(copy_text(j, "name", true, sizeof n->name, n->name));
        TRY(copy_text(j, "identity", true, sizeof n->identity, n->identity));
        TRY(copy_text(j, "algorithm", false, sizeof n->algorithm, n->algorithm));
        return read_pem(j, &n->pem);
}

static struct fault *certify_newest(struct api *a, const struct policy *policy, struct stored_key *k)
{
        struct key_version *v = keystore_version(k, 0);
        return fault_prefix(keys_certify(a, policy, k, v), "version %u of key %s is made, its certificate is not",
                            v->version, k->name);
}

static struct fault *post_keys(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        AUTO(new_key) struct new_key n = {0};
        AUTO(stored_key) struct stored_key *k = NULL;
        struct policy_identity id;
        TRY(check_on(a));
        TRY(read_new_key(q->body, &n));
        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        struct fault *nobodys = find_identity(rules->policy, n.identity, n.name, &id);
        if (nobodys != NULL && !is_administrator(q->remote_uid)) {
                fault_free(nobodys);
                return keys_check_owner(a, q, NULL);
        }
        TRY(nobodys);
        TRY(keys_check_owner(a, q, id.owner));

        const struct key_order order = {.name = n.name,
                                        .owner = id.owner,
                                        .identity = n.identity,
                                        .algorithm = n.algorithm[0] != '\0' ? n.algorithm : NULL,
                                        .pem = n.pem};
        TRY(keystore_create(a->keystore, &order, clock_wall(a->clock), &k));
        log_info("key_made", KV("key", (const char *) k->name), KV("owner", (const char *) k->owner),
                 KV("identity", (const char *) k->identity), KV("algorithm", (const char *) k->algorithm),
                 KV("imported", n.pem != NULL), KV("by_uid", (int64_t) (int32_t) q->remote_uid),
                 KV("by", q->client_name));
        TRY(certify_newest(a, rules->policy, k));
        return answer(rules->policy, k, r);
}

static struct fault *rotate(struct api *a, const struct httpd_request *q, const char *name, struct httpd_response *r)
{
        static const char *const allowed[] = {"pem", NULL};
        AUTO(stored_key) struct stored_key *old = NULL, *k = NULL;
        AUTO(secret) struct secret *pem = NULL;
        AUTO(json) struct json *j = NULL;
        TRY(find_own(a, q, name, &old));
        TRY(json_parse(q->body, &j));
        TRY(json_only_keys(j, allowed));
        TRY(read_pem(j, &pem));

        TRY(keystore_rotate(a->keystore, name, pem, clock_wall(a->clock), &k));
        log_info("key_rotated", KV("key", (const char *) k->name), KV("version", k->newest),
                 KV("imported", pem != NULL), KV("by_uid", (int64_t) (int32_t) q->remote_uid),
                 KV("by", q->client_name));
        AUTO(ruleset) struct ruleset *rules = policy_holder_get(a->holder);
        TRY(certify_newest(a, rules->policy, k));
        return answer(rules->policy, k, r);
}

static struct fault *post_key(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct span rest = span_str(q->path + strlen(PATH_KEYS "/")); /* the route has this prefix */
        size_t tail = strlen(ROTATE_TAIL);
        if (rest.len <= tail || !span_eq_str(span_slice(rest, rest.len - tail, tail), ROTATE_TAIL))
                return fault(FAULT_NOT_FOUND, "NO_ROUTE", "there is only %s/{name}" ROTATE_TAIL, PATH_KEYS);
        AUTO_STRING char *name = span_to_string(span_slice(rest, 0, rest.len - tail));
        return rotate(self, q, name, r);
}

static struct fault *read_version(const struct httpd_request *q, uint32_t *ret)
{
        uint64_t version = 0;
        AUTO(buf) struct buf text = BUF(16);
        AUTO(fault) struct fault *none = httpd_query(q, "version", 16, &text);
        if (none != NULL)
                return fault_code(none) == FAULT_NOT_FOUND ? NULL : TAKE(none);
        TRY_AS(parse_u64(buf_span(&text), 1, UINT32_MAX, &version), "version");
        *ret = (uint32_t) version;
        return NULL;
}

static struct fault *delete_key(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        uint32_t version = 0;
        AUTO(stored_key) struct stored_key *k = NULL;
        TRY(find_own(a, q, q->path + strlen(PATH_KEYS "/"), &k)); /* the route has this prefix */
        TRY(read_version(q, &version));

        TRY(store_destroy_key(a->store, k->id, version));
        log_info("key_destroyed", KV("key", (const char *) k->name), KV("version", version),
                 KV("owner", (const char *) k->owner), KV("by_uid", (int64_t) (int32_t) q->remote_uid),
                 KV("by", q->client_name));
        AUTO(json) struct json *j = json_new_object();
        json_set_text(j, "name", k->name);
        if (version != 0)
                json_set_int(j, "version", version);
        json_set_bool(j, "destroyed", true);
        return json_write(j, &r->body);
}

static struct fault *post_rewrap(void *self, const struct httpd_request *q, struct httpd_response *r)
{
        struct api *a = self;
        uint64_t count = 0;
        TRY(check_on(a));
        TRY(keys_check_owner(a, q, NULL));
        TRY(keystore_rewrap(a->keystore, &count));
        log_info("keys_rewrapped", KV("versions", count), KV("by_uid", (int64_t) (int32_t) q->remote_uid),
                 KV("by", q->client_name));
        AUTO(json) struct json *j = json_new_object();
        json_set_int(j, "rewrapped", (int64_t) count);
        return json_write(j, &r->body);
}

void keys_routes(struct api *a, struct httpd_route ret[KEY_ROUTES])
{
        ret[0] = (struct httpd_route){"GET", PATH_KEYS, 0, get_keys, a};
        ret[1] = (struct httpd_route){"POST", PATH_KEYS, KEYS_BODY_MAX, post_keys, a};
        ret[2] = (struct httpd_route){"GET", PATH_KEYS "/*", 0, get_key, a};
        ret[3] = (struct httpd_route){"POST", PATH_KEYS "/*", KEYS_BODY_MAX, post_key, a};
        ret[4] = (struct httpd_route){"DELETE", PATH_KEYS "/*", 0, delete_key, a};
        ret[5] = (struct httpd_route){"POST", PATH_KEYSTORE_REWRAP, 1024, post_rewrap, a};
}
