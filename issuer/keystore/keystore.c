#include "issuer/keystore/keystore.h"

#include <stdio.h>

#include "issuer/keystore/seal.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/model/names.h"
#include "lib/model/spiffe_id.h"

#define OWNER_MAX       128
#define PROOF_NONCE_LEN 32
#define PROOF_AUDIENCE  "urn:vouchsafe:keystore"
#define RSA_SPKI_3072   422 /* DER of a 3072-bit modulus with e = 65537 */
#define JWE_CONTENT     "application/x-pem-file"

struct keystore {
        struct store *store;
        struct kek *current, *previous; /* previous: NULL where there is none */
};

static const struct {
        const char *name;
        enum key_kind kind;
} algorithms[] = {{"p256", KEY_P256}, {"p384", KEY_P384}, {"rsa3072", KEY_RSA}};

/* ---- what an order may say ---- */

static bool is_name(const char *text, size_t max_len)
{
        size_t len = strlen(text);
        if (len == 0 || len > max_len || text[0] == '-' || text[len - 1] == '-')
                return false;
        return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static struct fault *check_order(const struct key_order *o)
{
        if (!is_name(o->name, NAME_MAX_LEN))
                return fault(FAULT_INVALID, "keystore.name",
                             "a key's name has up to %d of a-z, 0-9 and -, and - neither first nor last", NAME_MAX_LEN);
        if (o->owner[0] == '\0' || strlen(o->owner) > OWNER_MAX || !span_is_utf8(span_str(o->owner)))
                return fault(FAULT_INVALID, "keystore.owner", "a key's owner has 1 to %d bytes", OWNER_MAX);
        AUTO(fault) struct fault *why = spiffe_id_check(span_str(o->identity));
        if (why != NULL)
                return fault(FAULT_INVALID, "keystore.identity", "%s", fault_text(why));
        return NULL;
}

static const char *algorithm_of(const struct key *key)
{
        if (key_kind(key) == KEY_RSA && key_spki(key).len != RSA_SPKI_3072)
                return NULL;
        for (size_t i = 0; i < COUNT_OF(algorithms); i++)
                if (algorithms[i].kind == key_kind(key))
                        return algorithms[i].name;
        return NULL;
}

static struct fault *make_key(const char *algorithm, struct key **ret)
{
        for (size_t i = 0; i < COUNT_OF(algorithms); i++)
                if (strcmp(algorithms[i].name, algorithm) == 0)
                        return key_generate(algorithms[i].kind, ret);
        return fault(FAULT_INVALID, "keystore.algorithm", "\"%.32s\" is not one of: p256, p384, rsa3072", algorithm);
}

/* As a certificate request would: who is certified holds the key, and what is stored signs for what is published. */
static struct fault *prove(const struct key *key)
{
        uint8_t nonce[PROOF_NONCE_LEN];
        AUTO(key) struct key *published = NULL;
        AUTO(buf) struct buf proof = BUF(SIGNATURE_MAX);
        random_bytes(nonce, sizeof nonce);
        TRY(pop_sign(key, SPAN_OF(nonce), span_str(PROOF_AUDIENCE), &proof));
        TRY(key_from_spki(key_spki(key), &published));
        return pop_verify(published, SPAN_OF(nonce), span_str(PROOF_AUDIENCE), buf_span(&proof));
}

static struct fault *get_key(const char *algorithm, const struct secret *pem, struct key **ret)
{
        AUTO(key) struct key *key = NULL;
        if (pem == NULL) {
                TRY(make_key(algorithm, &key));
        } else {
                TRY_AS(key_from_pem_private(secret_span(pem), &key), "import");
                const char *is = algorithm_of(key);
                if (is == NULL)
                        return fault(FAULT_INVALID, "keystore.algorithm", "RSA keys have 3072 bits here");
                if (algorithm != NULL && strcmp(is, algorithm) != 0)
                        return fault(FAULT_INVALID, "keystore.algorithm", "the key is %s, not %.32s", is, algorithm);
        }
        TRY(prove(key));
        *ret = TAKE(key);
        return NULL;
}

/* ---- versions ---- */

/* Into the key's list as well, when it is written. */
static struct fault *add_version(struct keystore *ks, struct stored_key *k, uint32_t number, const struct key *key,
                                 struct wall now)
{
        AUTO(key_version) struct key_version v = {.version = number, .created_unix_s = wall_unix_s(now)};
        AUTO(secret) struct secret *pem = NULL;
        v.spki = BUF(SPKI_MAX);
        TRY(buf_append(&v.spki, key_spki(key)));
        TRY(key_to_pem_private(key, &pem));
        TRY(seal_key(ks->current, k, &v, pem));
        v.leaf = v.issuer = BUF(KEY_BLOB_MAX);
        TRY(store_put_key(ks->store, k, &v));
        k->newest = number;
        k->versions[k->version_count++] = v;
        v = (struct key_version){0};
        return NULL;
}

struct fault *keystore_create(struct keystore *ks, const struct key_order *o, struct wall now, struct stored_key **ret)
{
        uint8_t id[STORED_KEY_ID_LEN / 2];
        AUTO(key) struct key *key = NULL;
        TRY(check_order(o));
        if (o->algorithm == NULL && o->pem == NULL)
                return fault(FAULT_INVALID, "keystore.algorithm", "a key made here needs an algorithm");
        TRY(get_key(o->algorithm, o->pem, &key));

        AUTO(stored_key) struct stored_key *k = NEW(struct stored_key);
        random_bytes(id, sizeof id);
        hex_string(SPAN_OF(id), k->id);
        k->name = alloc_string(o->name);
        k->owner = alloc_string(o->owner);
        k->identity = alloc_string(o->identity);
        k->created_unix_s = wall_unix_s(now);
        (void) snprintf(k->algorithm, sizeof k->algorithm, "%s", algorithm_of(key)); /* of the table */
        TRY(add_version(ks, k, 1, key, now));
        *ret = TAKE(k);
        return NULL;
}

struct fault *keystore_rotate(struct keystore *ks, const char *name, const struct secret *pem, struct wall now,
                              struct stored_key **ret)
{
        AUTO(stored_key) struct stored_key *k = NULL;
        AUTO(key) struct key *key = NULL;
        TRY(store_find_key(ks->store, name, &k));
        if (k->version_count == KEY_VERSIONS_MAX)
                return fault(FAULT_EXHAUSTED, "keystore.versions",
                             "key %s has %d versions that are alive: destroy some first", name, KEY_VERSIONS_MAX);
        TRY(get_key(k->algorithm, pem, &key));
        TRY(add_version(ks, k, k->newest + 1, key, now));
        *ret = TAKE(k);
        return NULL;
}

struct key_version *keystore_version(struct stored_key *k, uint32_t version)
{
        for (size_t i = k->version_count; i-- > 0;)
                if (version == 0 || k->versions[i].version == version)
                        return &k->versions[i];
        return NULL;
}

static const struct kek *kek_of(const struct keystore *ks, const struct key_version *v)
{
        bool is_previous = ks->previous != NULL && strcmp(ks->previous->id, v->kek) == 0;
        return is_previous ? ks->previous : ks->current;
}

struct fault *keystore_release(struct keystore *ks, const struct stored_key *k, const struct key_version *v,
                               const struct key *to, const struct jwe_parties *parties, struct buf *out)
{
        AUTO(secret) struct secret *pem = NULL;
        TRY(unseal_key(kek_of(ks, v), k, v, &pem));
        AUTO_STRING char *kid = alloc_printf("%s/%u", k->name, v->version);
        return jwe_seal(to, parties, kid, JWE_CONTENT, pem, out);
}

/* ---- another KEK ---- */

static struct fault *rewrap_versions(struct keystore *ks, const char *name, uint64_t *count)
{
        AUTO(stored_key) struct stored_key *k = NULL;
        TRY(store_find_key(ks->store, name, &k));
        for (size_t i = 0; i < k->version_count; i++) {
                struct key_version *v = &k->versions[i];
                if (strcmp(v->kek, ks->current->id) == 0)
                        continue;
                TRY(rewrap_key(kek_of(ks, v), ks->current, k, v));
                TRY(store_change_key_version(ks->store, k->id, v));
                (*count)++;
        }
        return NULL;
}

struct fault *keystore_rewrap(struct keystore *ks, uint64_t *ret_count)
{
        uint64_t count = 0;
        AUTO_STRING char *after = alloc_string("");
        for (bool more = true; more;) {
                AUTO(stored_key_list) struct stored_key_list page = {0};
                TRY(store_list_keys(ks->store, after, &page));
                for (size_t i = 0; i < page.count; i++)
                        TRY(rewrap_versions(ks, page.items[i]->name, &count));
                more = page.count == STORED_KEYS_MAX;
                free(after);
                after = alloc_string(page.count > 0 ? page.items[page.count - 1]->name : "");
        }
        *ret_count = count;
        return NULL;
}

/* ---- life ---- */

void keystore_new(struct store *store, struct kek *current, struct kek *previous, struct keystore **ret)
{
        struct keystore *ks = NEW(struct keystore);
        *ks = (struct keystore){store, current, previous};
        *ret = ks;
}

struct store *keystore_store(struct keystore *ks)
{
        return ks->store;
}

void keystore_free(struct keystore *ks)
{
        if (ks == NULL)
                return;
        kek_free(ks->current);
        kek_free(ks->previous);
        free(ks);
}
