#include "issuer/api/policy_holder.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>

#include "issuer/config.h"
#include "issuer/store/store.h"
#include "lib/base/file.h"
#include "lib/base/log.h"

#define JWKS_MAX     (256u * 1024)
#define EK_ROOTS_MAX (1u << 20)
#define FLOOR        "policy-revision"

struct policy_holder {
        const struct issuer_config *config;
        struct store *store;
        const char **reserved; /* NULL-terminated, borrowed names */
        atomic_ullong failures;
        pthread_mutex_t reloading; /* one at a time: what was read first must not replace what was read later */
        pthread_mutex_t mu;
        struct ruleset *current; /* guarded by mu */
};

/* ---- loading ---- */

static struct fault *load_policy(const struct policy_holder *h, struct policy **ret)
{
        const struct issuer_config *c = h->config;
        if (c->policy.count == 0 && c->is_authority)
                return fault(FAULT_INVALID, "NO_POLICY", "policy names no file: nobody would ever get anything");
        AUTO(sources) struct sources sources = {0};
        TRY_AS(sources_read((const char *const *) c->policy.texts, c->policy.count, &sources), "read policy");
        const struct policy_options options = {
                .trust_domain = c->trust_domain,
                .reserved_dns = h->reserved,
                .may_be_empty = !c->is_authority,
                .insecure_development = c->insecure_development,
        };
        return policy_compile(sources.items, sources.count, &options, ret);
}

static struct fault *load_keys(const char *path, struct jwk_set **ret)
{
        AUTO(buf) struct buf text = BUF(JWKS_MAX);
        AUTO(jwk_set) struct jwk_set *keys = NULL;
        TRY(file_read(path, &text));
        TRY(jwk_set_parse(buf_span(&text), &keys));
        if (jwk_set_count(keys) == 0)
                return fault(FAULT_INVALID, "NO_KEY", "%s has no key that can be used", path);
        *ret = TAKE(keys);
        return NULL;
}

static struct fault *load_cluster(const struct cluster_config *c, struct cluster *ret)
{
        ret->name = alloc_string(c->name);
        ret->issuer = alloc_string(c->issuer);
        return load_keys(c->jwks_file, &ret->keys);
}

static struct fault *load_clusters(const struct issuer_config *c, struct ruleset *r)
{
        r->clusters = alloc_zero(c->clusters.count + 1, sizeof *r->clusters);
        r->attesters = alloc_zero(c->clusters.count + 1, sizeof *r->attesters);
        for (size_t i = 0; i < c->clusters.count; i++) {
                const struct cluster_config *one = c->clusters.items[i];
                r->attesters[i] = one->attester;
                r->cluster_count = i + 1;
                TRY_AS(load_cluster(one, &r->clusters[i]), "cluster %s", one->name);
        }
        return NULL;
}

static struct fault *load_ek_roots(const struct issuer_config *c, struct cert_list *roots)
{
        for (size_t i = 0; i < c->ek_roots.count; i++) {
                AUTO(buf) struct buf text = BUF(EK_ROOTS_MAX);
                AUTO(cert_list) struct cert_list list = {0};
                TRY_AS(file_read(c->ek_roots.texts[i], &text), "tpm.ek-roots");
                TRY_AS(cert_list_from_pem(buf_span(&text), &list), "tpm.ek-roots %s", c->ek_roots.texts[i]);
                for (size_t at = 0; at < list.count; at++) {
                        if (roots->count == COUNT_OF(roots->certs))
                                return fault(FAULT_EXHAUSTED, "TOO_MANY_ROOTS", "tpm.ek-roots: more than %zu",
                                             COUNT_OF(roots->certs));
                        roots->certs[roots->count++] = TAKE(list.certs[at]);
                }
                list.count = 0;
        }
        return NULL;
}

const struct anchors *ruleset_anchors(const struct ruleset *r, const char *kind)
{
        for (size_t i = 0; i < r->anchors_count; i++)
                if (strcmp(r->anchors[i].kind, kind) == 0)
                        return &r->anchors[i];
        return NULL;
}

static struct fault *load_anchors(const struct issuer_config *c, struct ruleset *r)
{
        for (size_t i = 0; i < c->anchors.count; i++) {
                const struct anchors_config *one = c->anchors.items[i];
                if (ruleset_anchors(r, one->kind) != NULL || r->anchors_count == ANCHORS_MAX)
                        return fault(FAULT_INVALID, "CONFIG", "evidence.anchors: kind %s is there twice", one->kind);
                TRY(anchors_load(one, &r->anchors[r->anchors_count]));
                r->anchors_count++;
        }
        return NULL;
}

static struct fault *load_verifiers(const struct issuer_config *c, struct ruleset *r)
{
        r->verifiers = alloc_zero(c->verifiers.count + 1, sizeof *r->verifiers);
        for (size_t i = 0; i < c->verifiers.count; i++) {
                const struct verifier_config *one = c->verifiers.items[i];
                r->verifiers[i].id = one->id;
                r->verifier_count = i + 1;
                TRY_AS(load_keys(one->jwks_file, &r->verifiers[i].keys), "verifier %s", one->id);
        }
        return NULL;
}

_Static_assert(COUNT_OF(((struct ruleset *) NULL)->ek_root_ids) == COUNT_OF(((struct cert_list *) NULL)->certs),
               "an id for each root");

static struct fault *load(const struct policy_holder *h, struct ruleset **ret)
{
        AUTO(ruleset) struct ruleset *r = NEW(struct ruleset);
        r->references = 1;
        TRY(load_policy(h, &r->policy));
        TRY(load_clusters(h->config, r));
        TRY(load_ek_roots(h->config, &r->ek_roots));
        TRY(load_anchors(h->config, r));
        TRY(load_verifiers(h->config, r));
        for (size_t i = 0; i < r->ek_roots.count; i++)
                key_spki_sha256(cert_key(r->ek_roots.certs[i]), r->ek_root_ids[i]);
        *ret = TAKE(r);
        return NULL;
}

static void tell(const struct ruleset *r)
{
        log_info("policy_loaded", KV("digest", policy_digest(r->policy)), KV("revision", policy_revision(r->policy)),
                 KV("documents", policy_document_count(r->policy)), KV("clusters", r->cluster_count),
                 KV("ek_roots", r->ek_roots.count));
        for (size_t i = 0; policy_warning(r->policy, i) != NULL; i++)
                log_warn("policy_warning", KV("warning", policy_warning(r->policy, i)));
        for (size_t i = 0; i < r->cluster_count; i++)
                if (r->attesters[i] == NULL)
                        log_warn("cluster_without_attester", KV("cluster", (const char *) r->clusters[i].name),
                                 KV("meaning", "the token of any pod ties an attestation key to that pod's node"));
}

/* ---- the holder ---- */

static const char **reserved_names(const struct option_texts *names)
{
        const char **list = alloc_zero(names->count + 1, sizeof *list);
        size_t count = 0;
        for (size_t i = 0; i < names->count; i++) {
                uint8_t address[16];
                if (inet_pton(AF_INET, names->texts[i], address) != 1 &&
                    inet_pton(AF_INET6, names->texts[i], address) != 1)
                        list[count++] = names->texts[i];
        }
        return list;
}

/* An older policy may allow what was taken back since, also after a restart. */
static struct fault *check_floor(const struct policy_holder *h, const struct policy *fresh)
{
        int64_t floor = 0;
        TRY_AS(store_find_mark(h->store, FLOOR, &floor), "read the policy's revision floor");
        if (floor < 0 || policy_revision(fresh) >= (uint64_t) floor)
                return NULL;
        return fault(
                FAULT_PRECONDITION, "POLICY_ROLLBACK",
                "the policy has revision %llu, %lld has been in force: give it a higher one to go back to older rules",
                (unsigned long long) policy_revision(fresh), (long long) floor);
}

static void keep_floor(const struct policy_holder *h, const struct policy *fresh)
{
        AUTO(fault) struct fault *unkept = store_raise_mark(h->store, FLOOR, (int64_t) policy_revision(fresh));
        if (unkept != NULL)
                log_warn("policy_revision_not_kept", KV("problem", unkept), KV("revision", policy_revision(fresh)));
}

struct fault *policy_holder_new(const struct issuer_config *c, struct store *store, struct policy_holder **ret)
{
        AUTO(policy_holder) struct policy_holder *h = NEW(struct policy_holder);
        h->config = c;
        h->store = store;
        h->reserved = reserved_names(&c->tls_names);
        pthread_mutex_init(&h->reloading, NULL);
        pthread_mutex_init(&h->mu, NULL);
        TRY(load(h, &h->current));
        TRY(check_floor(h, h->current->policy));
        keep_floor(h, h->current->policy);
        tell(h->current);
        *ret = TAKE(h);
        return NULL;
}

/* An older policy may allow what was taken back since. */
static struct fault *check_rollback(const struct policy *now, const struct policy *fresh)
{
        if (policy_revision(fresh) >= policy_revision(now) || strcmp(policy_digest(fresh), policy_digest(now)) == 0)
                return NULL;
        return fault(FAULT_PRECONDITION, "POLICY_ROLLBACK", "the policy has revision %llu, %llu is in force",
                     (unsigned long long) policy_revision(fresh), (unsigned long long) policy_revision(now));
}

/* Under `reloading`: `current` changes nowhere else. */
static struct fault *reload(struct policy_holder *h)
{
        AUTO(ruleset) struct ruleset *fresh = NULL;
        TRY(load(h, &fresh));
        TRY(check_rollback(h->current->policy, fresh->policy));
        keep_floor(h, fresh->policy);
        tell(fresh);
        pthread_mutex_lock(&h->mu);
        struct ruleset *old = h->current;
        h->current = TAKE(fresh);
        pthread_mutex_unlock(&h->mu);
        ruleset_free(old);
        return NULL;
}

struct fault *policy_holder_reload(struct policy_holder *h)
{
        pthread_mutex_lock(&h->reloading);
        struct fault *failed = reload(h);
        pthread_mutex_unlock(&h->reloading);
        if (failed != NULL) {
                atomic_fetch_add(&h->failures, 1);
                log_error("policy_reload_failed", KV("problem", failed), KV("in_force", "the policy from before"));
        }
        return failed;
}

uint64_t policy_holder_failures(struct policy_holder *h)
{
        return atomic_load(&h->failures);
}

struct ruleset *policy_holder_get(struct policy_holder *h)
{
        pthread_mutex_lock(&h->mu);
        struct ruleset *r = h->current;
        __atomic_add_fetch(&r->references, 1, __ATOMIC_RELAXED);
        pthread_mutex_unlock(&h->mu);
        return r;
}

bool ruleset_has_ek_root(const struct ruleset *r, const uint8_t id[SHA256_LEN])
{
        for (size_t i = 0; i < r->ek_roots.count; i++)
                if (memcmp(r->ek_root_ids[i], id, SHA256_LEN) == 0)
                        return true;
        return false;
}

void ruleset_free(struct ruleset *r)
{
        if (r == NULL || __atomic_sub_fetch(&r->references, 1, __ATOMIC_ACQ_REL) > 0)
                return;
        policy_free(r->policy);
        for (size_t i = 0; i < r->cluster_count; i++) {
                free(r->clusters[i].name);
                free(r->clusters[i].issuer);
                jwk_set_free(r->clusters[i].keys);
        }
        free(r->clusters);
        free(r->attesters);
        for (size_t i = 0; i < r->verifier_count; i++)
                jwk_set_free(r->verifiers[i].keys);
        free(r->verifiers);
        cert_list_clear(&r->ek_roots);
        for (size_t i = 0; i < ANCHORS_MAX; i++)
                anchors_clear(&r->anchors[i]);
        free(r);
}

void policy_holder_free(struct policy_holder *h)
{
        if (h == NULL)
                return;
        ruleset_free(h->current);
        pthread_mutex_destroy(&h->reloading);
        pthread_mutex_destroy(&h->mu);
        free(h->reserved);
        free(h);
}
