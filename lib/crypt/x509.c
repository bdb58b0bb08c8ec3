#include "lib/crypt/x509.h"

#include <assert.h>

#include "lib/crypt/der.h"
#include "lib/crypt/x509_struct.h"

struct fault *cert_trim(struct span padded, struct span *ret_der)
{
        struct reader r = READER(padded);
        struct span body;

        TRY(fault_rename(fault_prefix(der_read(&r, DER_SEQUENCE, &body), "padded certificate"), FAULT_INVALID,
                         "BAD_CERTIFICATE"));
        *ret_der = span_slice(padded, 0, r.at);
        return NULL;
}

X509 *cert_x509(const struct cert *c)
{
        return c->x;
}

struct span cert_der(const struct cert *c)
{
        return buf_span(&c->der);
}

struct span cert_serial(const struct cert *c)
{
        return span_make(c->serial, c->serial_len);
}

const struct key *cert_key(const struct cert *c)
{
        return c->key;
}

struct wall cert_not_before(const struct cert *c)
{
        return c->not_before;
}

struct wall cert_not_after(const struct cert *c)
{
        return c->not_after;
}

bool cert_is_ca(const struct cert *c)
{
        return (X509_get_extension_flags(c->x) & EXFLAG_CA) != 0;
}

const char *cert_subject(const struct cert *c)
{
        return c->subject;
}

const char *cert_issuer(const struct cert *c)
{
        return c->issuer;
}

void cert_sha256(const struct cert *c, uint8_t ret[SHA256_LEN])
{
        sha256(cert_der(c), ret);
}

static struct span name_der(const X509_NAME *name)
{
        const uint8_t *der = NULL;
        size_t len = 0;

        ossl_must(X509_NAME_get0_der(name, &der, &len) == 1, "name");
        return span_make(der, len);
}

struct span cert_subject_der(const struct cert *c)
{
        return name_der(X509_get_subject_name(c->x));
}

struct span cert_issuer_der(const struct cert *c)
{
        return name_der(X509_get_issuer_name(c->x));
}

size_t cert_uri_count(const struct cert *c)
{
        return c->uris.count;
}

const char *cert_uri(const struct cert *c, size_t index)
{
        assert(index < c->uris.count);
        return c->uris.text[index];
}

size_t cert_dns_count(const struct cert *c)
{
        return c->dns.count;
}

const char *cert_dns(const struct cert *c, size_t index)
{
        assert(index < c->dns.count);
        return c->dns.text[index];
}

struct fault *cert_extension(const struct cert *c, const char *oid, struct span *ret)
{
        AUTO(ossl_object) ASN1_OBJECT *object = OBJ_txt2obj(oid, /* no_name= */ 1);

        assert(object != NULL);
        int at = X509_get_ext_by_OBJ(c->x, object, -1);
        if (at < 0)
                return fault(FAULT_NOT_FOUND, "NO_EXTENSION", "certificate has no extension %s", oid);
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(c->x, at));
        *ret = span_make(ASN1_STRING_get0_data(value), (size_t) ASN1_STRING_length(value));
        return NULL;
}

bool cert_has_eku(const struct cert *c, const char *oid)
{
        AUTO(ossl_object) ASN1_OBJECT *object = OBJ_txt2obj(oid, /* no_name= */ 1);
        AUTO(ossl_ekus) EXTENDED_KEY_USAGE *ekus = X509_get_ext_d2i(c->x, NID_ext_key_usage, NULL, NULL);

        assert(object != NULL);
        for (int i = 0; ekus != NULL && i < sk_ASN1_OBJECT_num(ekus); i++) {
                if (OBJ_cmp(sk_ASN1_OBJECT_value(ekus, i), object) == 0)
                        return true;
        }
        return false;
}

bool cert_has_unknown_critical(const struct cert *c)
{
        return (X509_get_extension_flags(c->x) & EXFLAG_CRITICAL) != 0;
}

unsigned cert_key_usage(const struct cert *c)
{
        uint32_t usage = X509_get_key_usage(c->x);

        return usage == UINT32_MAX ? 0 : usage; /* OpenSSL's "no such extension: everything" */
}

static void clear_names(struct names *names)
{
        for (size_t i = 0; i < names->count; i++)
                free(names->text[i]);
}

void cert_free(struct cert *c)
{
        if (c == NULL)
                return;
        X509_free(c->x);
        buf_clear(&c->der);
        key_free(c->key);
        free(c->subject);
        free(c->issuer);
        clear_names(&c->uris);
        clear_names(&c->dns);
        free(c);
}
