/* Endorsement certificates for tests, made with OpenSSL itself: our own builders make none, and a second implementation is a good oracle. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "tests/fakes/expect.h"
#include "tests/fakes/tpm_quote.h"

#define YEAR_S (365LL * 24 * 3600)

struct fake_ek_certificate fake_ek_certificate(const struct key *k, const char *issuer_name,
                                               const struct key *issuer_key, int64_t now_unix_s)
{
        return (struct fake_ek_certificate){
                .key = k,
                .issuer_name = issuer_name,
                .issuer_key = issuer_key,
                .not_before_unix_s = now_unix_s - YEAR_S,
                .not_after_unix_s = now_unix_s + YEAR_S,
                .key_usage = key_kind(k) == KEY_RSA ? "critical,keyEncipherment" : "critical,keyAgreement",
                .extended_usage = "2.23.133.8.1",
                .basic = "critical,CA:FALSE",
        };
}

struct fake_ek_certificate fake_ek_ca(const char *name, const struct key *k, int64_t now_unix_s)
{
        struct fake_ek_certificate c = fake_ek_certificate(k, name, k, now_unix_s);
        c.key_usage = "critical,keyCertSign,cRLSign";
        c.extended_usage = NULL;
        c.basic = "critical,CA:TRUE";
        return c;
}

static EVP_PKEY *public_of(const struct key *k)
{
        struct span spki = key_spki(k);
        const unsigned char *at = spki.data;
        EVP_PKEY *p = d2i_PUBKEY(NULL, &at, (long) spki.len);
        assert_non_null(p);
        return p;
}

static EVP_PKEY *private_of(const struct key *k)
{
        AUTO(secret) struct secret *pem = NULL;
        expect_ok(key_to_pem_private(k, &pem));
        BIO *bio = BIO_new_mem_buf(secret_span(pem).data, (int) secret_len(pem));
        EVP_PKEY *p = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        BIO_free(bio);
        assert_non_null(p);
        return p;
}

static void set_name(X509_NAME *name, const char *common_name)
{
        assert_int_equal(
                X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *) common_name, -1, -1, 0),
                1);
}

static void add(X509 *x, int nid, const char *value)
{
        if (value == NULL)
                return;
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
        assert_non_null(e);
        assert_int_equal(X509_add_ext(x, e, -1), 1);
        X509_EXTENSION_free(e);
}

static void add_odd(X509 *x, const char *oid)
{
        if (oid == NULL)
                return;
        ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
        ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
        assert_int_equal(ASN1_OCTET_STRING_set(value, (const unsigned char *) "\x05\x00", 2), 1);
        X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
        assert_int_equal(X509_add_ext(x, e, -1), 1);
        X509_EXTENSION_free(e);
        ASN1_OCTET_STRING_free(value);
        ASN1_OBJECT_free(object);
}

/* A TPM's names are a critical directoryName among the alternative ones (profile §3.2.9); its subject is empty then. */
static void add_tpm_names(X509 *x)
{
        X509_NAME *names = X509_NAME_new();
        assert_int_equal(X509_NAME_add_entry_by_txt(names, "2.23.133.2.1", MBSTRING_UTF8,
                                                    (const unsigned char *) "id:49424D00", -1, -1, 0),
                         1);
        GENERAL_NAME *general = GENERAL_NAME_new();
        GENERAL_NAME_set0_value(general, GEN_DIRNAME, names);
        GENERAL_NAMES *all = GENERAL_NAMES_new();
        assert_true(sk_GENERAL_NAME_push(all, general) > 0);
        assert_int_equal(X509_add1_ext_i2d(x, NID_subject_alt_name, all, 1, 0), 1);
        GENERAL_NAMES_free(all);
}

void fake_ek_certificate_write(const struct fake_ek_certificate *c, struct buf *out)
{
        EVP_PKEY *key = public_of(c->key), *signer = private_of(c->issuer_key);
        bool is_ca = strstr(c->basic, "TRUE") != NULL && c->key == c->issuer_key;
        X509 *x = X509_new();
        assert_int_equal(X509_set_version(x, 2), 1);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 4711), 1);
        set_name(X509_get_issuer_name(x), c->issuer_name);
        if (is_ca)
                set_name(X509_get_subject_name(x), c->issuer_name);
        else
                add_tpm_names(x);
        assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), (time_t) c->not_before_unix_s));
        assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), (time_t) c->not_after_unix_s));
        assert_int_equal(X509_set_pubkey(x, key), 1);
        add(x, NID_basic_constraints, c->basic);
        add(x, NID_key_usage, c->key_usage);
        add(x, NID_ext_key_usage, c->extended_usage);
        add_odd(x, c->odd_critical);
        assert_true(X509_sign(x, signer, EVP_sha256()) > 0);

        unsigned char *der = NULL;
        int len = i2d_X509(x, &der);
        assert_true(len > 0);
        expect_ok(buf_append(out, span_make(der, (size_t) len)));
        OPENSSL_free(der);
        X509_free(x);
        EVP_PKEY_free(key);
        EVP_PKEY_free(signer);
}
