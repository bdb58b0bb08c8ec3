/* Keys that OpenSSL made or read: taken when they are of a kind that we take, and given our SPKI. */
#include "lib/crypt/key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "lib/crypt/key_struct.h"

#define RSA_GENERATED_BITS 3072

static struct fault *refuse_kind(const char *why)
{
        return ossl_fault(FAULT_INVALID, "KEY_KIND", why);
}

static struct fault *ec_from_pkey(EVP_PKEY *pkey, struct key *k)
{
        char group[32] = "";
        int is_explicit = 0;
        uint8_t x[FIELD_MAX], y[FIELD_MAX];
        BIGNUM *bx = NULL, *by = NULL;

        if (EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1)
                return refuse_kind("EC key without a named curve");
        if (strcmp(group, "prime256v1") == 0)
                k->kind = KEY_P256;
        else if (strcmp(group, "secp384r1") == 0)
                k->kind = KEY_P384;
        else
                return fault(FAULT_INVALID, "KEY_KIND", "EC key on curve %s", group);
        if (EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) == 1 &&
            is_explicit != 0)
                return fault(FAULT_INVALID, "KEY_KIND", "EC key with explicit parameters");

        int width = (int) key_field_len(k->kind);
        bool is_good = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &bx) == 1 &&
                       EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &by) == 1 &&
                       BN_bn2binpad(bx, x, width) == width && BN_bn2binpad(by, y, width) == width;
        BN_free(bx);
        BN_free(by);
        if (!is_good)
                return refuse_kind("EC key without a public point");
        key_write_ec_spki(k, span_make(x, (size_t) width), span_make(y, (size_t) width));
        return NULL;
}

static struct fault *rsa_from_pkey(EVP_PKEY *pkey, struct key *k)
{
        uint8_t n[RSA_BITS_MAX / 8], e[8];
        BIGNUM *bn = NULL, *be = NULL;
        int n_len = -1, e_len = -1;

        if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &bn) == 1 && BN_num_bytes(bn) <= (int) sizeof n)
                n_len = BN_bn2bin(bn, n);
        if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &be) == 1 && BN_num_bytes(be) <= (int) sizeof e)
                e_len = BN_bn2bin(be, e);
        BN_free(bn);
        BN_free(be);
        if (n_len < 0 || e_len < 0)
                return refuse_kind("RSA key too large");
        k->kind = KEY_RSA;
        TRY(key_check_rsa(span_make(n, (size_t) n_len), span_make(e, (size_t) e_len)));
        return key_write_rsa_spki(k, span_make(n, (size_t) n_len));
}

struct fault *key_from_pkey(EVP_PKEY *pkey, bool is_private, struct key **ret)
{
        AUTO(key) struct key *k = NEW(struct key);

        k->is_private = is_private;
        if (EVP_PKEY_is_a(pkey, "EC"))
                TRY(ec_from_pkey(pkey, k));
        else if (EVP_PKEY_is_a(pkey, "RSA"))
                TRY(rsa_from_pkey(pkey, k));
        else
                return fault(FAULT_INVALID, "KEY_KIND", "neither EC nor RSA");
        k->pkey = pkey;
        *ret = TAKE(k);
        return NULL;
}

struct fault *key_generate(enum key_kind kind, struct key **ret)
{
        ossl_start();
        AUTO(ossl_pkey)
        EVP_PKEY *pkey = kind == KEY_P256   ? EVP_EC_gen("P-256")
                         : kind == KEY_P384 ? EVP_EC_gen("P-384")
                                            : EVP_RSA_gen(RSA_GENERATED_BITS);

        if (pkey == NULL)
                return ossl_fault(FAULT_INTERNAL, "KEY_GENERATE", "generate a key");
        TRY(key_from_pkey(pkey, /* is_private= */ true, ret));
        (void) TAKE(pkey); /* the key's now */
        return NULL;
}
