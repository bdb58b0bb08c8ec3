/* Keys as PEM: private ones (PKCS#8, SEC1) through wiped memory only, public ones as SubjectPublicKeyInfo. */
#include "lib/crypt/key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>

#include "lib/crypt/key_struct.h"

#define PEM_PRIVATE_MAX 8192          /* also of a public key */
#define PEM_LINE_BYTES  ((size_t) 48) /* 64 characters of base64 (RFC 7468 §2) */

/* OpenSSL would otherwise ask the terminal for a passphrase. */
static int no_passphrase(char *text, int size, int rw, void *arg)
{
        (void) text, (void) size, (void) rw, (void) arg;
        return -1;
}

static EVP_PKEY *parse_private(const char *label, const uint8_t *der, long len)
{
        const uint8_t *at = der;
        EVP_PKEY *pkey = NULL;

        if (strcmp(label, PEM_STRING_PKCS8INF) == 0) {
                PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);
                if (info != NULL && at == der + len)
                        pkey = EVP_PKCS82PKEY(info);
                PKCS8_PRIV_KEY_INFO_free(info); /* wipes the key's octets */
        } else if (strcmp(label, PEM_STRING_ECPRIVATEKEY) == 0) {
                pkey = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, len);
        }
        return pkey;
}

struct fault *key_from_pem_private(struct span pem, struct key **ret)
{
        uint8_t *der = NULL;
        char *label = NULL;
        long len = 0;

        if (pem.len == 0 || pem.len > PEM_PRIVATE_MAX)
                return fault(FAULT_INVALID, "KEY_ENCODING", "private key file of %zu bytes", pem.len);
        ossl_start();
        AUTO(ossl_bio) BIO *bio = BIO_new_mem_buf(pem.data, (int) pem.len);
        ossl_must(bio != NULL, "BIO");
        if (PEM_bytes_read_bio_secmem(&der, &len, &label, PEM_STRING_EVP_PKEY, bio, no_passphrase, NULL) != 1)
                return ossl_fault(FAULT_INVALID, "KEY_ENCODING", "no unencrypted private key in PEM");

        AUTO(ossl_pkey) EVP_PKEY *pkey = parse_private(label, der, len);
        OPENSSL_secure_clear_free(der, (size_t) len);
        OPENSSL_secure_free(label);
        if (pkey == NULL)
                return ossl_fault(FAULT_INVALID, "KEY_ENCODING", "private key is neither PKCS#8 nor SEC1");

        AUTO(key) struct key *k = NULL;
        TRY(key_from_pkey(pkey, /* is_private= */ true, &k));
        (void) TAKE(pkey); /* the key's now */
        AUTO(ossl_pkey_ctx) EVP_PKEY_CTX *check = EVP_PKEY_CTX_new_from_pkey(NULL, key_pkey(k), NULL);
        if (check == NULL || EVP_PKEY_pairwise_check(check) != 1)
                return ossl_fault(FAULT_INVALID, "KEY_ENCODING", "private key doesn't fit its public part");
        *ret = TAKE(k);
        return NULL;
}

struct fault *key_from_pem_public(struct span pem, struct key **ret)
{
        uint8_t *der = NULL;
        char *label = NULL;
        long len = 0;

        if (pem.len == 0 || pem.len > PEM_PRIVATE_MAX)
                return fault(FAULT_INVALID, "KEY_ENCODING", "public key file of %zu bytes", pem.len);
        AUTO(ossl_bio) BIO *bio = BIO_new_mem_buf(pem.data, (int) pem.len);
        ossl_must(bio != NULL, "BIO");
        if (PEM_bytes_read_bio(&der, &len, &label, PEM_STRING_PUBLIC, bio, no_passphrase, NULL) != 1)
                return ossl_fault(FAULT_INVALID, "KEY_ENCODING", "no public key in PEM");
        struct fault *f = key_from_spki(span_make(der, (size_t) len), ret);
        OPENSSL_free(der);
        OPENSSL_free(label);
        return f;
}

/* "-----BEGIN PRIVATE KEY-----" around base64 in lines; the secret has room for the longest. */
static size_t write_pem(const uint8_t *der, size_t len, uint8_t *out)
{
        static const char head[] = "-----BEGIN PRIVATE KEY-----\n", tail[] = "-----END PRIVATE KEY-----\n";
        size_t at = sizeof head - 1;

        memcpy(out, head, at);
        for (size_t done = 0; done < len;) {
                size_t take = len - done < PEM_LINE_BYTES ? len - done : PEM_LINE_BYTES;
                at += (size_t) EVP_EncodeBlock(out + at, der + done, (int) take);
                out[at++] = '\n';
                done += take;
        }
        memcpy(out + at, tail, sizeof tail - 1);
        return at + sizeof tail - 1;
}

/* PKCS#8 (RFC 5208 §5) around RFC 5915's ECPrivateKey, for the two curves of ours: the bytes before the number, and those between it
 * and the uncompressed point. OpenSSL, asked for the same, first looks for an encoder among all it has, which takes as long as making
 * the key did. */
static const struct ec_form {
        enum key_kind kind;
        struct span head, middle;
} ec_forms[] = {
        {KEY_P256,
         SPAN("\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01"
              "\x07"
              "\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"),
         SPAN("\xa1\x44\x03\x42\x00")},
        {KEY_P384,
         SPAN("\x30\x81\xb6\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"
              "\x04\x81\x9e\x30\x81\x9b\x02\x01\x01\x04\x30"),
         SPAN("\xa1\x64\x03\x62\x00")},
};

void key_private_number(const struct key *k, uint8_t *ret_number)
{
        int width = (int) key_field_len(k->kind);
        BIGNUM *number = NULL;

        ossl_must(EVP_PKEY_get_bn_param(key_pkey(k), OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
                          BN_bn2binpad(number, ret_number, width) == width,
                  "private number of a key");
        BN_clear_free(number);
}

static struct secret *ec_to_pkcs8(const struct key *k, const struct ec_form *form)
{
        size_t width = key_field_len(form->kind);
        struct span point = span_make(k->spki + k->bits_at, k->spki_len - k->bits_at);
        struct secret *der = secret_new(form->head.len + width + form->middle.len + point.len);
        uint8_t *at = secret_bytes(der);

        memcpy(at, form->head.data, form->head.len);
        at += form->head.len;
        key_private_number(k, at);
        memcpy(at + width, form->middle.data, form->middle.len);
        memcpy(at + width + form->middle.len, point.data, point.len);
        return der;
}

static struct secret *any_to_pkcs8(const struct key *k)
{
        PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key_pkey(k));
        ossl_must(info != NULL, "PKCS#8");

        int len = i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
        ossl_must(len > 0 && len < PEM_PRIVATE_MAX / 2, "PKCS#8 length");
        struct secret *der = secret_new((size_t) len);
        uint8_t *at = secret_bytes(der);
        ossl_must(i2d_PKCS8_PRIV_KEY_INFO(info, &at) == len, "PKCS#8 encoding");
        PKCS8_PRIV_KEY_INFO_free(info); /* wipes the key's octets */
        return der;
}

static struct secret *to_pkcs8(const struct key *k)
{
        for (size_t i = 0; i < COUNT_OF(ec_forms); i++) {
                if (key_kind(k) == ec_forms[i].kind)
                        return ec_to_pkcs8(k, &ec_forms[i]);
        }
        return any_to_pkcs8(k);
}

struct fault *key_to_pem_private(const struct key *k, struct secret **ret)
{
        if (!key_is_private(k))
                return fault(FAULT_INVALID, "KEY_KIND", "a public key has no private part");
        AUTO(secret) struct secret *der = to_pkcs8(k);
        AUTO(secret) struct secret *pem = secret_new(secret_len(der) * 2 + 128);
        secret_shrink(pem, write_pem(secret_bytes(der), secret_len(der), secret_bytes(pem)));
        *ret = TAKE(pem);
        return NULL;
}
