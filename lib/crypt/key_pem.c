/* Keys as PEM: private ones (PKCS#8, SEC1) through wiped memory only, public ones as SubjectPublicKeyInfo. */
#include "lib/crypt/key.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "lib/crypt/ossl.h"

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

struct fault *key_to_pem_private(const struct key *k, struct secret **ret)
{
        if (!key_is_private(k))
                return fault(FAULT_INVALID, "KEY_KIND", "a public key has no private part");
        PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key_pkey(k));
        ossl_must(info != NULL, "PKCS#8");

        int len = i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
        ossl_must(len > 0 && len < PEM_PRIVATE_MAX / 2, "PKCS#8 length");
        AUTO(secret) struct secret *der = secret_new((size_t) len);
        AUTO(secret) struct secret *pem = secret_new((size_t) len * 2 + 128);
        uint8_t *at = secret_bytes(der);
        ossl_must(i2d_PKCS8_PRIV_KEY_INFO(info, &at) == len, "PKCS#8 encoding");
        PKCS8_PRIV_KEY_INFO_free(info); /* wipes the key's octets */

        secret_shrink(pem, write_pem(secret_bytes(der), (size_t) len, secret_bytes(pem)));
        *ret = TAKE(pem);
        return NULL;
}
