#include "lib/crypt/pkcs12.h"

#include <openssl/pkcs12.h>
#include <stdio.h>

#include "lib/crypt/ossl.h"

#define SALT_LEN  16
#define ALIAS_MAX 64
/* Oracle's trustedKeyUsage, with anyExtendedKeyUsage: what makes a certificate of a store a trusted one for Java (JDK 8 and later). */
#define OID_TRUSTED_KEY_USAGE "2.16.840.1.113894.746875.1.1"

DEFINE_AUTO_OSSL(ossl_pkcs12, PKCS12, PKCS12_free)

static void bags_free(STACK_OF(PKCS12_SAFEBAG) * bags)
{
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}
static void safes_free(STACK_OF(PKCS7) * safes)
{
        sk_PKCS7_pop_free(safes, PKCS7_free);
}
DEFINE_AUTO_OSSL(ossl_bags, STACK_OF(PKCS12_SAFEBAG), bags_free)
DEFINE_AUTO_OSSL(ossl_safes, STACK_OF(PKCS7), safes_free)

/* As OpenSSL wants it: with a NUL behind, in locked pages. */
static struct fault *take_password(const struct secret *password, struct secret **ret)
{
        struct span text = secret_span(password);

        if (text.len > PKCS12_PASSWORD_MAX)
                return fault(FAULT_INVALID, "PKCS12_PASSWORD", "a password of more than %d bytes", PKCS12_PASSWORD_MAX);
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] < 0x21 || text.data[i] > 0x7e)
                        return fault(FAULT_INVALID, "PKCS12_PASSWORD", "a password is of visible ASCII");
        *ret = secret_new(text.len + 1);
        memcpy(secret_bytes(*ret), text.data, text.len);
        return NULL;
}

static const char *chars(const struct secret *password)
{
        return (const char *) secret_span(password).data;
}

static PKCS12_SAFEBAG *add_cert(STACK_OF(PKCS12_SAFEBAG) * *bags, const struct cert *c, const char *alias)
{
        PKCS12_SAFEBAG *bag = PKCS12_add_cert(bags, cert_x509(c));

        ossl_must(bag != NULL && (alias == NULL || PKCS12_add_friendlyname_utf8(bag, alias, -1) == 1),
                  "PKCS#12 certificate");
        return bag;
}

/* The certificates as one encrypted part. */
static void add_safe(STACK_OF(PKCS7) * *safes, STACK_OF(PKCS12_SAFEBAG) * bags, const struct secret *password)
{
        ossl_must(PKCS12_add_safe(safes, bags, NID_aes_256_cbc, PKCS12_ITERATIONS, chars(password)) == 1,
                  "PKCS#12 part");
}

/* Puts the parts together, with a MAC over all of them. */
static struct fault *finish(STACK_OF(PKCS7) * safes, const struct secret *password, struct buf *out)
{
        AUTO(ossl_pkcs12) PKCS12 *p12 = PKCS12_add_safes(safes, 0);
        uint8_t *der = NULL;

        ossl_must(p12 != NULL && PKCS12_set_mac(p12, chars(password), -1, NULL, SALT_LEN, PKCS12_ITERATIONS,
                                                ossl_md(HASH_SHA256)) == 1,
                  "PKCS#12 MAC");
        int len = i2d_PKCS12(p12, &der);
        ossl_must(len > 0, "PKCS#12 encoding");
        struct fault *f = buf_append(out, span_make(der, (size_t) len));
        OPENSSL_free(der);
        return f;
}

/* ---- keys ---------------------------------------------------------------------------------------------------------- */

static void add_key(STACK_OF(PKCS12_SAFEBAG) * *bags, const struct key *key, const struct cert *leaf, const char *alias,
                    const struct secret *password)
{
        uint8_t id[EVP_MAX_MD_SIZE];
        unsigned id_len = 0;
        PKCS12_SAFEBAG *bag =
                PKCS12_add_key(bags, key_pkey(key), 0, PKCS12_ITERATIONS, NID_aes_256_cbc, chars(password));

        /* key and certificate belong together by this, RFC 7292 §4.2 */
        ossl_must(bag != NULL && X509_digest(cert_x509(leaf), ossl_md(HASH_SHA1), id, &id_len) == 1 &&
                          PKCS12_add_localkeyid(bag, id, (int) id_len) == 1 &&
                          PKCS12_add_friendlyname_utf8(bag, alias, -1) == 1,
                  "PKCS#12 key");
}

static void mark_leaf(PKCS12_SAFEBAG *bag, const struct cert *leaf)
{
        uint8_t id[EVP_MAX_MD_SIZE];
        unsigned id_len = 0;

        ossl_must(X509_digest(cert_x509(leaf), ossl_md(HASH_SHA1), id, &id_len) == 1 &&
                          PKCS12_add_localkeyid(bag, id, (int) id_len) == 1,
                  "PKCS#12 certificate");
}

struct fault *pkcs12_key_store(const struct key *key, const struct cert *const *chain, size_t count, const char *alias,
                               const struct secret *password, struct buf *out)
{
        AUTO(secret) struct secret *text = NULL;
        AUTO(ossl_bags) STACK_OF(PKCS12_SAFEBAG) *certs = NULL;
        AUTO(ossl_bags) STACK_OF(PKCS12_SAFEBAG) *keys = NULL;
        AUTO(ossl_safes) STACK_OF(PKCS7) *safes = NULL;

        TRY(take_password(password, &text));
        if (!key_is_private(key) || count == 0 || cert_key(chain[0]) == NULL ||
            !span_eq(key_spki(cert_key(chain[0])), key_spki(key)))
                return fault(FAULT_INVALID, "PKCS12_KEY", "the first certificate is not of this key");
        for (size_t i = 0; i < count; i++) {
                PKCS12_SAFEBAG *bag = add_cert(&certs, chain[i], i == 0 ? alias : NULL);
                if (i == 0)
                        mark_leaf(bag, chain[0]);
        }
        add_safe(&safes, certs, text);
        add_key(&keys, key, chain[0], alias, text);
        /* the key's bag is encrypted by itself: its part needs no second time */
        ossl_must(PKCS12_add_safe(&safes, keys, -1, 0, NULL) == 1, "PKCS#12 part");
        return finish(safes, text, out);
}

/* ---- trust --------------------------------------------------------------------------------------------------------- */

/* `bag` has a name, and so a list of attributes. OpenSSL 3.0 shows it as const, and has no way to add one of another kind. */
static void mark_trusted(PKCS12_SAFEBAG *bag)
{
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): takes const off */
        STACK_OF(X509_ATTRIBUTE) *attributes = (STACK_OF(X509_ATTRIBUTE) *) (uintptr_t) PKCS12_SAFEBAG_get0_attrs(bag);
        AUTO(ossl_object) ASN1_OBJECT *usage = OBJ_txt2obj(OID_TRUSTED_KEY_USAGE, 1);
        ASN1_OBJECT *any = OBJ_nid2obj(NID_anyExtendedKeyUsage); /* static */

        ossl_must(attributes != NULL && usage != NULL &&
                          X509at_add1_attr_by_OBJ(&attributes, usage, V_ASN1_OBJECT, (const uint8_t *) any, -1) != NULL,
                  "PKCS#12 attribute");
}

struct fault *pkcs12_trust_store(const struct cert_list *roots, const char *alias, const struct secret *password,
                                 struct buf *out)
{
        AUTO(secret) struct secret *text = NULL;
        AUTO(ossl_bags) STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
        AUTO(ossl_safes) STACK_OF(PKCS7) *safes = NULL;

        TRY(take_password(password, &text));
        if (roots->count == 0)
                return fault(FAULT_INVALID, "PKCS12_EMPTY", "a trust store without a certificate");
        for (size_t i = 0; i < roots->count; i++) {
                char name[ALIAS_MAX];
                (void) snprintf(name, sizeof name, "%.32s-%zu", alias, i + 1); /* fits */
                mark_trusted(add_cert(&bags, roots->certs[i], name));
        }
        add_safe(&safes, bags, text);
        return finish(safes, text, out);
}
