#include "issuer/verifier/cca/keys.h"

#include "lib/base/map.h"
#include "lib/base/parse.h"
#include "lib/crypt/jwt.h"

#define ID_TEXT_LEN (2 * CCA_INSTANCE_ID_LEN)

struct cca_keys {
        struct map *of_instance; /* instance id in hex → struct key, owned */
        size_t shared_count;
        struct key *shared[CCA_SHARED_KEYS_MAX];
};

struct cca_keys *cca_keys_new(void)
{
        struct cca_keys *k = NEW(struct cca_keys);
        k->of_instance = map_new(CCA_KEYS_MAX);
        return k;
}

static struct fault *add_shared(struct cca_keys *k, const struct json *jwk, bool is_needed)
{
        AUTO(key) struct key *key = NULL;
        TRY(jwk_read_numbers(jwk, &key));
        if (key == NULL) /* in a set, others are passed over (RFC 7517 §5) */
                return is_needed ? fault(FAULT_INVALID, "cca.cpak_format", "a type or curve of key that is not taken")
                                 : NULL;
        if (k->shared_count == CCA_SHARED_KEYS_MAX)
                return fault(FAULT_EXHAUSTED, "cca.cpak_format", "more than %d keys without an instance id",
                             CCA_SHARED_KEYS_MAX);
        k->shared[k->shared_count++] = TAKE(key);
        return NULL;
}

static struct fault *add_set(struct cca_keys *k, const struct json *document)
{
        const struct json *keys = NULL;
        TRY(json_need_array(document, "keys", CCA_SHARED_KEYS_MAX, &keys));
        for (size_t i = 0; i < json_count(keys); i++)
                TRY_AS(add_shared(k, json_at(keys, i), /* is_needed= */ false), "key %zu", i);
        return NULL;
}

/* Hex has twice as many digits as the id has bytes, base64url 44. */
static struct fault *read_id(const char *text, char ret[ID_TEXT_LEN + 1])
{
        AUTO(buf) struct buf id = BUF(CCA_INSTANCE_ID_LEN);
        struct span given = span_str(text);
        AUTO(fault)
        struct fault *f = given.len == ID_TEXT_LEN ? hex_decode(given, &id) : base64url_decode(given, &id);
        if (f != NULL || id.len != CCA_INSTANCE_ID_LEN)
                return fault(FAULT_INVALID, "cca.cpak_format",
                             "\"%.80s\" is no instance id: %d bytes, hex or base64url", text, CCA_INSTANCE_ID_LEN);
        hex_string(buf_span(&id), ret);
        return NULL;
}

static struct fault *add_instance(struct cca_keys *k, const char *text, const struct json *jwk)
{
        AUTO(key) struct key *key = NULL;
        char id[ID_TEXT_LEN + 1];
        TRY(read_id(text, id));
        if (json_kind(jwk) != JSON_OBJECT)
                return fault(FAULT_INVALID, "cca.cpak_format", "what instance %s has is no JWK", id);
        if (map_get(k->of_instance, id) != NULL)
                return fault(FAULT_INVALID, "cca.cpak_format", "instance %s is there twice", id);
        TRY_AS(jwk_read_numbers(jwk, &key), "instance %s", id);
        if (key == NULL)
                return fault(FAULT_INVALID, "cca.cpak_format",
                             "instance %s has a type or curve of key that is not taken", id);
        TRY(map_put(k->of_instance, id, key, NULL));
        (void) TAKE(key); /* the map's */
        return NULL;
}

static struct fault *add_document(struct cca_keys *k, struct span text)
{
        AUTO(json) struct json *document = NULL;
        const char *id = NULL;
        const struct json *jwk = NULL;
        TRY(json_parse(text, &document));
        if (json_kind(document) != JSON_OBJECT)
                return fault(FAULT_INVALID, "cca.cpak_format", "no JSON object");
        if (json_get(document, "kty") != NULL)
                return add_shared(k, document, /* is_needed= */ true);
        if (json_get(document, "keys") != NULL)
                return add_set(k, document);
        for (void *at = NULL; json_next(document, &at, &id, &jwk);)
                TRY(add_instance(k, id, jwk));
        return NULL;
}

struct fault *cca_keys_add(struct cca_keys *k, struct span document)
{
        struct fault *f = add_document(k, document);
        if (f == NULL)
                return NULL;
        enum fault_code code = fault_code(f) == FAULT_EXHAUSTED ? FAULT_EXHAUSTED : FAULT_INVALID;
        return fault_rename(fault_prefix(f, "platform keys"), code, "cca.cpak_format");
}

size_t cca_keys_count(const struct cca_keys *k)
{
        return map_count(k->of_instance) + k->shared_count;
}

const struct key *cca_keys_at(const struct cca_keys *k, struct span instance_id, size_t index)
{
        char id[ID_TEXT_LEN + 1];
        if (instance_id.len != CCA_INSTANCE_ID_LEN)
                return NULL;
        hex_string(instance_id, id);
        const struct key *own = map_get(k->of_instance, id);
        if (own != NULL)
                return index == 0 ? own : NULL;
        return index < k->shared_count ? k->shared[index] : NULL;
}

void cca_keys_free(struct cca_keys *k)
{
        const char *id = NULL;
        void *key = NULL;
        if (k == NULL)
                return;
        for (size_t at = 0; map_next(k->of_instance, &at, &id, &key);)
                key_free(key);
        map_free(k->of_instance);
        for (size_t i = 0; i < k->shared_count; i++)
                key_free(k->shared[i]);
        free(k);
}
