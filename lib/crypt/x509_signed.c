#include "lib/crypt/x509_signed.h"

/* Contents of OBJECT IDENTIFIERs. */
#define OID_RSASSA_PSS   SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")
#define OID_MGF1         SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08")
#define OID_SHA384       SPAN("\x60\x86\x48\x01\x65\x03\x04\x02\x02")
#define OID_ECDSA_SHA256 SPAN("\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define OID_ECDSA_SHA384 SPAN("\x2a\x86\x48\xce\x3d\x04\x03\x03")
#define SALT_LEN         48 /* as long as the digest */
#define TRAILER          1  /* trailerFieldBC */

struct fault *x509_signed_read(struct span der, struct x509_signed *ret)
{
        struct x509_signed s;
        struct reader whole = READER(der);
        struct span body;

        TRY(der_read(&whole, DER_SEQUENCE, &body));
        TRY(reader_end(&whole));
        struct reader r = READER(body);
        TRY(der_read(&r, DER_SEQUENCE, &s.inner));
        s.signed_bytes = span_slice(body, 0, r.at);
        TRY(der_read(&r, DER_SEQUENCE, &s.algorithm));
        TRY(der_read_bits(&r, &s.signature));
        TRY(reader_end(&r));
        *ret = s;
        return NULL;
}

/* ---- which algorithm: a fault says in what it differs, its token is nobody's to see ---- */

static struct fault *differs(const char *what)
{
        return fault(FAULT_DENIED, "x509.algorithm", "%s", what);
}

static struct fault *expect_oid(struct reader *r, struct span wanted, const char *what)
{
        struct span oid;

        TRY(der_read(r, DER_OID, &oid));
        return span_eq(oid, wanted) ? NULL : differs(what);
}

/* AlgorithmIdentifier of SHA-384, with NULL parameters or none (RFC 4055 §2.1). */
static struct fault *expect_sha384(struct reader *r, const char *what)
{
        struct span hash_alg, nothing;

        TRY(der_read(r, DER_SEQUENCE, &hash_alg));
        struct reader in = READER(hash_alg);
        TRY(expect_oid(&in, OID_SHA384, what));
        if (reader_left(&in) == 0)
                return NULL;
        TRY(der_read(&in, DER_NULL, &nothing));
        return nothing.len == 0 ? reader_end(&in) : differs(what);
}

static struct fault *expect_number(struct reader *r, uint8_t wanted, const char *what)
{
        struct span number;

        TRY(der_read_uint(r, &number));
        TRY(reader_end(r));
        return number.len == 1 && number.data[0] == wanted ? NULL : differs(what);
}

/* RSASSA-PSS-params (RFC 4055 §3.1): everything but the trailer has a default that we don't want, so it must be there. */
static struct fault *expect_pss(struct reader *r)
{
        struct span parameters, field, mask;

        TRY(expect_oid(r, OID_RSASSA_PSS, "not RSASSA-PSS"));
        TRY(der_read(r, DER_SEQUENCE, &parameters));
        TRY(reader_end(r));

        struct reader p = READER(parameters);
        TRY(der_read(&p, DER_CONTEXT_CONSTRUCTED(0), &field));
        struct reader in = READER(field);
        TRY(expect_sha384(&in, "PSS with another hash than SHA-384"));
        TRY(reader_end(&in));

        TRY(der_read(&p, DER_CONTEXT_CONSTRUCTED(1), &field));
        in = READER(field);
        TRY(der_read(&in, DER_SEQUENCE, &mask));
        TRY(reader_end(&in));
        in = READER(mask);
        TRY(expect_oid(&in, OID_MGF1, "PSS with a mask generation other than MGF1"));
        TRY(expect_sha384(&in, "PSS with another hash than SHA-384 in MGF1"));
        TRY(reader_end(&in));

        TRY(der_read(&p, DER_CONTEXT_CONSTRUCTED(2), &field));
        in = READER(field);
        TRY(expect_number(&in, SALT_LEN, "PSS with a salt of another length than 48"));
        if (reader_left(&p) == 0)
                return NULL;
        TRY(der_read(&p, DER_CONTEXT_CONSTRUCTED(3), &field));
        in = READER(field);
        TRY(expect_number(&in, TRAILER, "PSS with another trailer than 1"));
        return reader_end(&p);
}

static struct fault *expect_ecdsa(struct reader *r, struct span oid)
{
        TRY(expect_oid(r, oid, "another algorithm than the ECDSA that belongs here"));
        return reader_end(r); /* no parameters (RFC 5758 §3.2) */
}

static struct fault *check_algorithm(struct span algorithm, enum cert_signature wanted)
{
        struct reader r = READER(algorithm);
        AUTO(fault)
        struct fault *f = wanted == CERT_SIGNATURE_PSS_SHA384     ? expect_pss(&r)
                          : wanted == CERT_SIGNATURE_ECDSA_SHA256 ? expect_ecdsa(&r, OID_ECDSA_SHA256)
                                                                  : expect_ecdsa(&r, OID_ECDSA_SHA384);

        return f == NULL ? NULL : differs(fault_text(f));
}

struct fault *x509_signed_verify(const struct x509_signed *s, struct span inner_algorithm, const struct key *issuer_key,
                                 enum cert_signature wanted)
{
        enum hash_alg hash_alg = wanted == CERT_SIGNATURE_ECDSA_SHA256 ? HASH_SHA256 : HASH_SHA384;
        enum signature_form form = wanted == CERT_SIGNATURE_PSS_SHA384 ? SIGNATURE_RSAPSS : SIGNATURE_DER;

        if (!span_eq(s->algorithm, inner_algorithm))
                return differs("one algorithm inside the signature and another outside");
        TRY(check_algorithm(s->algorithm, wanted));
        return fault_rename(key_verify(issuer_key, hash_alg, form, s->signed_bytes, s->signature), FAULT_DENIED,
                            "x509.signature");
}
