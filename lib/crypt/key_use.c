#include "lib/crypt/key_use.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <pthread.h>

#include "lib/crypt/key_struct.h"

#define LEFT_MAX 64 /* as many as one request has credentials */

struct key_use {
        EVP_PKEY_CTX *context;
        enum hash_alg alg;
        enum signature_form form;
        bool is_verify;
};

/* ---- a key's own context ---- */

/* PSS: MGF1 and the label's hash are the message's; the salt is as long as the digest when we sign and where it is fixed. */
static bool set_padding(const struct key_use *u)
{
        if (u->form == SIGNATURE_RAW || u->form == SIGNATURE_DER)
                return true;
        if (EVP_PKEY_CTX_set_signature_md(u->context, ossl_md(u->alg)) != 1)
                return false;
        if (u->form == SIGNATURE_RSASSA)
                return EVP_PKEY_CTX_set_rsa_padding(u->context, RSA_PKCS1_PADDING) == 1;
        int salt = u->form == SIGNATURE_RSAPSS_ANY_SALT && u->is_verify ? RSA_PSS_SALTLEN_AUTO : RSA_PSS_SALTLEN_DIGEST;
        return EVP_PKEY_CTX_set_rsa_padding(u->context, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(u->context, salt) == 1;
}

static struct key_use *make(const struct key *k, enum hash_alg alg, enum signature_form form, bool is_verify)
{
        struct key_use *u = NEW(struct key_use);
        *u = (struct key_use){EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL), alg, form, is_verify};
        bool is_ready = u->context != NULL &&
                        (is_verify ? EVP_PKEY_verify_init(u->context) : EVP_PKEY_sign_init(u->context)) == 1 &&
                        set_padding(u);
        if (is_ready)
                return u;
        key_use_free(u);
        return NULL;
}

/* What is kept is no part of what a key is: a const key has it as well. */
static struct key_use *exchange(const struct key *k, struct key_use *u)
{
        return atomic_exchange(&((struct key *) k)->use, u);
}

struct key_use *key_use_take(const struct key *k, enum hash_alg alg, enum signature_form form, bool is_verify)
{
        struct key_use *u = exchange(k, NULL);
        if (u != NULL && u->alg == alg && u->form == form && u->is_verify == is_verify)
                return u;
        key_use_free(u);
        return make(k, alg, form, is_verify);
}

EVP_PKEY_CTX *key_use_context(struct key_use *u)
{
        return u->context;
}

void key_use_give_back(const struct key *k, struct key_use *u)
{
        key_use_free(exchange(k, u));
}

void key_use_free(struct key_use *u)
{
        if (u == NULL)
                return;
        EVP_PKEY_CTX_free(u->context);
        free(u);
}

/* ---- public keys that were left behind ----
 * Of P-256 alone: a verification with P-384 takes so long that nothing beside it counts. */

struct left {
        EVP_PKEY *pkey;
        struct key_use *use;
};
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static struct left left[LEFT_MAX]; /* guarded by mu */
static size_t left_count;          /* guarded by mu */

/* A context holds the key, not its point, so what is left behind verifies with the next point. OpenSSL does so and doesn't promise it:
 * it is looked at once, and where it is not so, each key gets an EVP_PKEY of its own. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool follows; /* written once under `once` */

static bool move_to(EVP_PKEY *pkey, const EVP_PKEY *other)
{
        uint8_t point[1 + 2 * FIELD_MAX];
        size_t len = 0;
        return EVP_PKEY_get_octet_string_param(other, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) == 1 &&
               EVP_PKEY_set1_encoded_public_key(pkey, point, len) == 1;
}

static bool sign_with(EVP_PKEY *pkey, const uint8_t *digest, uint8_t *signature, size_t *len)
{
        AUTO(ossl_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        return ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
               EVP_PKEY_sign(ctx, signature, len, digest, SHA256_LEN) == 1;
}

static bool look(void)
{
        static const uint8_t digest[SHA256_LEN] = {1};
        uint8_t signatures[2][SIGNATURE_MAX];
        size_t lens[2] = {SIGNATURE_MAX, SIGNATURE_MAX};
        AUTO(ossl_pkey) EVP_PKEY *first = EVP_EC_gen("P-256"), *second = EVP_EC_gen("P-256"), *moving = EVP_PKEY_new();

        if (first == NULL || second == NULL || moving == NULL || !sign_with(first, digest, signatures[0], &lens[0]) ||
            !sign_with(second, digest, signatures[1], &lens[1]) ||
            EVP_PKEY_copy_parameters(moving, ossl_curve(KEY_P256)) != 1 || !move_to(moving, first))
                return false;
        AUTO(ossl_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, moving, NULL);
        if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1)
                return false;
        for (size_t now = 0; now < 4; now++) { /* first, second, and the same again */
                if (!move_to(moving, now % 2 == 0 ? first : second))
                        return false;
                for (size_t of = 0; of < 2; of++)
                        if ((EVP_PKEY_verify(ctx, signatures[of], lens[of], digest, sizeof digest) == 1) !=
                            (of == now % 2))
                                return false;
        }
        return true;
}

static void look_once(void)
{
        follows = look();
        ERR_clear_error();
}

static bool context_follows_key(void)
{
        (void) pthread_once(&once, look_once); /* fails only for a bad argument */
        return follows;
}

static struct left take_left(enum key_kind curve)
{
        struct left l = {0};
        pthread_mutex_lock(&mu);
        if (curve == KEY_P256 && left_count > 0)
                l = left[--left_count];
        pthread_mutex_unlock(&mu);
        return l;
}

static void free_left(struct left l)
{
        key_use_free(l.use);
        EVP_PKEY_free(l.pkey);
}

bool key_use_public(enum key_kind curve, struct span point, EVP_PKEY **ret_pkey, struct key_use **ret_use)
{
        struct left l = take_left(curve);
        if (l.pkey == NULL) {
                l.pkey = EVP_PKEY_new();
                ossl_must(l.pkey != NULL && EVP_PKEY_copy_parameters(l.pkey, ossl_curve(curve)) == 1, "curve of a key");
        }
        /* refuses a point that isn't on the curve, and coordinates not below the prime */
        if (EVP_PKEY_set1_encoded_public_key(l.pkey, point.data, point.len) != 1) {
                free_left(l); /* it may have the point of before */
                return false;
        }
        *ret_pkey = l.pkey;
        *ret_use = l.use;
        return true;
}

void key_use_leave(enum key_kind curve, EVP_PKEY *pkey, struct key_use *u)
{
        struct left l = {pkey, u};
        bool is_useful = curve == KEY_P256 && context_follows_key();
        pthread_mutex_lock(&mu);
        bool has_room = is_useful && left_count < LEFT_MAX;
        if (has_room)
                left[left_count++] = l;
        pthread_mutex_unlock(&mu);
        if (!has_room)
                free_left(l);
}
