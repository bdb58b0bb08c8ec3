/* DER to a certificate: everything that x509.h promises to have been looked at is looked at here. */
#include "lib/crypt/x509.h"

#include <openssl/err.h>
#include <time.h>

#include "lib/crypt/x509_struct.h"

#define EXTENSIONS_MAX 64
#define NAME_TEXT_MAX  4096

static struct fault *bad(const char *why)
{
        return ossl_fault(FAULT_INVALID, "BAD_CERTIFICATE", why);
}

static struct fault *parse(struct span der, struct cert *c)
{
        const uint8_t *at = der.data;
        uint8_t *again = NULL;

        if (der.len == 0 || der.len > CERT_MAX)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "certificate of %zu bytes", der.len);
        c->x = d2i_X509(NULL, &at, (long) der.len);
        if (c->x == NULL)
                return bad("not a certificate");
        if (at != der.data + der.len)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "bytes after the certificate");

        /* the signed part is kept as it came; around it only DER will do, so that one certificate has one encoding */
        int len = i2d_X509(c->x, &again);
        bool is_same = len >= 0 && span_eq(span_make(again, (size_t) len), der);
        OPENSSL_free(again);
        if (!is_same)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "certificate isn't DER");
        return buf_append(&c->der, der);
}

static struct fault *check_extensions(const X509 *x)
{
        int count = X509_get_ext_count(x);

        if (count > EXTENSIONS_MAX)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "certificate with %d extensions", count);
        for (int i = 0; i < count; i++) {
                const ASN1_OBJECT *oid = X509_EXTENSION_get_object(X509_get_ext(x, i));
                if (X509_get_ext_by_OBJ(x, oid, i) >= 0)
                        return fault(FAULT_INVALID, "DUPLICATE_EXTENSION", "certificate with an extension twice");
        }
        return NULL;
}

static struct fault *read_serial(struct cert *c)
{
        const ASN1_INTEGER *serial = X509_get0_serialNumber(c->x);
        int len = ASN1_STRING_length(serial);

        if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || len < 1 || len > CERT_SERIAL_MAX)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "serial number negative or of %d bytes", len);
        memcpy(c->serial, ASN1_STRING_get0_data(serial), (size_t) len);
        c->serial_len = (size_t) len;
        return NULL;
}

static struct fault *read_time(const ASN1_TIME *t, struct wall *ret)
{
        struct tm tm;

        if (ASN1_TIME_to_tm(t, &tm) != 1)
                return bad("validity");
        *ret = wall_from_unix_s(timegm(&tm));
        return NULL;
}

static struct fault *read_name(const X509_NAME *name, char **ret)
{
        AUTO(ossl_bio) BIO *bio = BIO_new(BIO_s_mem());
        char *text = NULL;

        ossl_must(bio != NULL, "BIO");
        if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
                return bad("name");
        long len = BIO_get_mem_data(bio, &text);
        if (len > NAME_TEXT_MAX)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "name of %ld characters", len);
        *ret = len > 0 ? span_to_string(span_make(text, (size_t) len)) : alloc_string("");
        return NULL;
}

/* Graphic ASCII only: what else an IA5String can hold (NUL first) means something else to somebody else. */
static struct fault *add_name(struct names *names, const ASN1_IA5STRING *name)
{
        struct span text = span_make(ASN1_STRING_get0_data(name), (size_t) ASN1_STRING_length(name));

        if (names->count == NAMES_MAX)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "more than %d names", NAMES_MAX);
        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
                        return fault(FAULT_INVALID, "BAD_CERTIFICATE", "name with byte %02x", text.data[i]);
        }
        names->text[names->count++] = text.len > 0 ? span_to_string(text) : alloc_string("");
        return NULL;
}

static struct fault *read_alt_names(struct cert *c)
{
        int critical = -1;
        AUTO(ossl_names) GENERAL_NAMES *names = X509_get_ext_d2i(c->x, NID_subject_alt_name, &critical, NULL);

        if (names == NULL)
                return critical == -1 ? NULL : bad("subjectAltName");
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
                const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
                if (name->type == GEN_URI)
                        TRY(add_name(&c->uris, name->d.uniformResourceIdentifier));
                else if (name->type == GEN_DNS)
                        TRY(add_name(&c->dns, name->d.dNSName));
        }
        return NULL;
}

struct key *key_of_x509(const X509 *x)
{
        struct key *k = NULL;
        uint8_t *spki = NULL;
        int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);

        if (len > 0)
                fault_free(key_from_spki(span_make(spki, (size_t) len), &k)); /* why not is the caller's to say */
        OPENSSL_free(spki);
        return k;
}

struct fault *cert_from_der(struct span der, struct cert **ret)
{
        AUTO(cert) struct cert *c = NEW(struct cert);

        c->der = BUF(CERT_MAX);
        TRY(parse(der, c));
        TRY(check_extensions(c->x));
        if ((X509_get_extension_flags(c->x) & EXFLAG_INVALID) != 0)
                return bad("extension malformed");
        TRY(read_serial(c));
        TRY(read_time(X509_get0_notBefore(c->x), &c->not_before));
        TRY(read_time(X509_get0_notAfter(c->x), &c->not_after));
        TRY(read_name(X509_get_subject_name(c->x), &c->subject));
        TRY(read_name(X509_get_issuer_name(c->x), &c->issuer));
        TRY(read_alt_names(c));
        c->key = key_of_x509(c->x);
        ERR_clear_error();
        *ret = TAKE(c);
        return NULL;
}
