/* Intel's certificates and revocation lists, written by OpenSSL. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "lib/crypt/hash.h"
#include "tests/fakes/intel_parts.h"

#define PCK_OID "1.2.840.113741.1.13.1"

/* ---- DER by hand: the PCK's extension ---- */

static void tlv(struct buf *b, uint8_t tag, struct span content)
{
        uint8_t head[4] = {tag, (uint8_t) content.len};
        size_t head_len = 2;

        if (content.len >= 0x80) {
                head[1] = 0x82;
                head[2] = (uint8_t) (content.len >> 8);
                head[3] = (uint8_t) content.len;
                head_len = 4;
                if (content.len < 0x100) {
                        head[1] = 0x81;
                        head[2] = (uint8_t) content.len;
                        head_len = 3;
                }
        }
        intel_append(b, span_make(head, head_len));
        intel_append(b, content);
}

/* SEQUENCE { OID 1.2.840.113741.1.13.1.path, value } */
static void pair(struct buf *b, const uint8_t *path, size_t path_len, uint8_t tag, struct span value)
{
        static const uint8_t arc[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
        AUTO(buf) struct buf oid = BUF(64);
        AUTO(buf) struct buf both = BUF(2048);

        intel_append(&oid, SPAN_OF(arc));
        intel_append(&oid, span_make(path, path_len));
        tlv(&both, 0x06, buf_span(&oid));
        tlv(&both, tag, value);
        tlv(b, 0x30, buf_span(&both));
}

static void number(struct buf *b, uint8_t group, uint8_t n, unsigned v)
{
        const uint8_t path[] = {group, n};
        const uint8_t bytes[] = {0, (uint8_t) (v >> 8), (uint8_t) v};
        size_t skip = v < 0x80 ? 2 : v < 0x8000 && v >= 0x100 ? 1 : v < 0x100 ? 1 : 0;
        pair(b, path, sizeof(path), 0x02, span_make(bytes + skip, sizeof(bytes) - skip));
}

static void tcb(const struct intel_pck *p, struct buf *out)
{
        const uint8_t cpusvn[] = {2, 18};
        for (size_t i = 0; i < 16; i++)
                number(out, 2, (uint8_t) (i + 1), p->components[i]);
        number(out, 2, 17, p->pcesvn);
        pair(out, cpusvn, sizeof(cpusvn), 0x04, SPAN_OF(p->cpusvn));
}

static void configuration(struct buf *out)
{
        for (uint8_t n = 1; n <= 3; n++) {
                const uint8_t path[] = {7, n}, value = n == 2 ? 0 : 0xff;
                pair(out, path, sizeof(path), 0x01, SPAN_OF(value));
        }
}

static void field(const struct intel_pck *p, uint8_t n, struct buf *out)
{
        AUTO(buf) struct buf list = BUF(2048);

        switch (n) {
        case 1:
                return pair(out, &n, 1, 0x04, SPAN_OF(p->ppid));
        case 2:
                tcb(p, &list);
                return pair(out, &n, 1, 0x30, buf_span(&list));
        case 3:
                return pair(out, &n, 1, 0x04, SPAN_OF(p->pceid));
        case 4:
                return pair(out, &n, 1, 0x04, SPAN_OF(p->fmspc));
        case 5:
                return pair(out, &n, 1, 0x0a, SPAN_OF(p->sgx_type));
        case 6:
                return pair(out, &n, 1, 0x04, SPAN_OF(p->instance_id));
        default:
                configuration(&list);
                return pair(out, &n, 1, 0x30, buf_span(&list));
        }
}

void intel_pck_extension(const struct intel_pck *p, struct buf *out)
{
        AUTO(buf) struct buf fields = BUF(4096);

        const uint8_t last = p->has_platform_fields ? 7 : 5;
        for (uint8_t n = 1; n <= last; n++) {
                if (n != p->leave_out)
                        field(p, n, &fields);
                if (n == p->twice)
                        field(p, n, &fields);
        }
        tlv(out, 0x30, buf_span(&fields));
}

/* ---- certificates ---- */

static void set_name(X509_NAME *name, const char *common_name)
{
        const struct {
                const char *key, *value;
        } rows[] = {{"CN", common_name}, {"O", "Intel Corporation"}, {"L", "Santa Clara"}, {"ST", "CA"}, {"C", "US"}};
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                intel_must(X509_NAME_add_entry_by_txt(name, rows[i].key, MBSTRING_UTF8,
                                                      (const unsigned char *) rows[i].value, -1, -1, 0) == 1,
                           "name");
}

static void set_serial(ASN1_INTEGER *serial, uint64_t v)
{
        intel_must(ASN1_INTEGER_set_uint64(serial, v) == 1, "serial");
}

static void add_known(X509 *x, int nid, const char *value)
{
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
        intel_must(e != NULL && X509_add_ext(x, e, -1) == 1, "extension");
        X509_EXTENSION_free(e);
}

static void add_raw(X509 *x, const char *oid, bool is_critical, struct span value)
{
        ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
        ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
        intel_must(ASN1_OCTET_STRING_set(octets, value.data, (int) value.len) == 1, "octets");
        X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, object, is_critical, octets);
        intel_must(X509_add_ext(x, e, -1) == 1, "extension");
        X509_EXTENSION_free(e);
        ASN1_OCTET_STRING_free(octets);
        ASN1_OBJECT_free(object);
}

static X509 *make_cert(const struct intel_pki *pki, const struct intel_cert *c, const struct intel_pck *pck)
{
        X509 *x = X509_new();
        intel_must(X509_set_version(x, X509_VERSION_3) == 1 && X509_set_pubkey(x, pki->keys[c->key]) == 1,
                   "certificate");
        set_serial(X509_get_serialNumber(x), c->serial);
        set_name(X509_get_subject_name(x), c->name);
        set_name(X509_get_issuer_name(x), c->issuer);
        intel_must(ASN1_TIME_set(X509_getm_notBefore(x), (time_t) c->from) != NULL &&
                           ASN1_TIME_set(X509_getm_notAfter(x), (time_t) c->until) != NULL,
                   "dates");
        add_known(x, NID_key_usage, c->key_usage);
        add_known(x, NID_basic_constraints, c->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        if (pck != NULL) {
                AUTO(buf) struct buf extension = BUF(4096);
                intel_pck_extension(pck, &extension);
                add_raw(x, PCK_OID, false, buf_span(&extension));
        }
        if (c->critical_oid != NULL)
                add_raw(x, c->critical_oid, true, SPAN("\x05\x00"));
        intel_must(X509_sign(x, pki->keys[c->issuer_key], c->signs_with_sha384 ? EVP_sha384() : EVP_sha256()) > 0,
                   "signature of a certificate");
        return x;
}

static void take_bio(BIO *bio, struct buf *out)
{
        char *text = NULL;
        long len = BIO_get_mem_data(bio, &text);
        intel_append(out, span_make(text, (size_t) len));
        BIO_free(bio);
}

void intel_cert_pem(const struct intel_pki *pki, const struct intel_cert *c, const struct intel_pck *pck,
                    struct buf *out)
{
        X509 *x = make_cert(pki, c, pck);
        BIO *bio = BIO_new(BIO_s_mem());
        intel_must(PEM_write_bio_X509(bio, x) == 1, "PEM");
        take_bio(bio, out);
        X509_free(x);
}

/* ---- revocation lists ---- */

static void add_to_list(X509_CRL *crl, const char *oid, struct span value)
{
        ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
        ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
        intel_must(ASN1_OCTET_STRING_set(octets, value.data, (int) value.len) == 1, "octets");
        X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, object, false, octets);
        intel_must(X509_CRL_add_ext(crl, e, -1) == 1, "extension of a list");
        X509_EXTENSION_free(e);
        ASN1_OCTET_STRING_free(octets);
        ASN1_OBJECT_free(object);
}

/* cRLNumber and authorityKeyIdentifier, which every list must have (RFC 5280 §5.2). */
static void add_crl_extensions(X509_CRL *crl, const EVP_PKEY *issuer)
{
        uint8_t point[65] = {4}, key_id[24] = {0x30, 0x16, 0x80, 0x14};

        intel_point(issuer, point + 1);
        hash(HASH_SHA1, SPAN_OF(point), key_id + 4);
        add_to_list(crl, "2.5.29.20", SPAN("\x02\x01\x01"));
        add_to_list(crl, "2.5.29.35", SPAN_OF(key_id));
}

void intel_crl_der(const struct intel_pki *pki, const struct intel_crl *c, struct buf *out)
{
        X509_CRL *crl = X509_CRL_new();
        X509_NAME *name = X509_NAME_new();
        ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t) c->from), *until = ASN1_TIME_set(NULL, (time_t) c->until);

        set_name(name, c->issuer);
        intel_must(X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 && X509_CRL_set_issuer_name(crl, name) == 1 &&
                           X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, until) == 1,
                   "revocation list");
        if (c->revoked != 0) {
                X509_REVOKED *r = X509_REVOKED_new();
                ASN1_INTEGER *serial = ASN1_INTEGER_new();
                set_serial(serial, c->revoked);
                intel_must(X509_REVOKED_set_serialNumber(r, serial) == 1 &&
                                   X509_REVOKED_set_revocationDate(r, from) == 1 && X509_CRL_add0_revoked(crl, r) == 1,
                           "entry");
                ASN1_INTEGER_free(serial);
        }
        add_crl_extensions(crl, pki->keys[c->issuer_key]);
        intel_must(X509_CRL_sign(crl, pki->keys[c->issuer_key], EVP_sha256()) > 0, "signature of a list");
        BIO *bio = BIO_new(BIO_s_mem());
        intel_must(i2d_X509_CRL_bio(bio, crl) == 1, "DER of a list");
        take_bio(bio, out);
        ASN1_TIME_free(from);
        ASN1_TIME_free(until);
        X509_NAME_free(name);
        X509_CRL_free(crl);
}
