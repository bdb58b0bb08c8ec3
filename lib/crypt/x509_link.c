/* One link of a chain: signature and dates, for chains whose shape the caller knows. */
#include "lib/crypt/x509.h"
#include "lib/crypt/x509_signed.h"

/* version [0], serialNumber, signature: how TBSCertificate begins (RFC 5280 §4.1). */
static struct fault *read_inner_algorithm(struct span tbs, struct span *ret)
{
        struct reader r = READER(tbs);
        struct span skipped;

        TRY(der_read(&r, DER_CONTEXT_CONSTRUCTED(0), &skipped)); /* absent in version 1, which has no extensions */
        TRY(der_read(&r, DER_INTEGER, &skipped));
        return der_read(&r, DER_SEQUENCE, ret);
}

static struct fault *read_signed(const struct cert *c, struct x509_signed *ret, struct span *ret_algorithm)
{
        TRY(x509_signed_read(cert_der(c), ret));
        return read_inner_algorithm(ret->inner, ret_algorithm);
}

struct fault *cert_check_signature(const struct cert *c, const struct key *issuer_key, enum cert_signature wanted)
{
        struct x509_signed s;
        struct span algorithm;

        AUTO(fault) struct fault *f = read_signed(c, &s, &algorithm);
        if (f != NULL)
                return fault(FAULT_DENIED, "x509.algorithm", "\"%s\": %s", cert_subject(c), fault_text(f));
        TRY_AS(x509_signed_verify(&s, algorithm, issuer_key, wanted), "\"%s\"", cert_subject(c));
        return NULL;
}

struct fault *cert_check_dates(const struct cert *c, struct wall now)
{
        int64_t at = wall_unix_s(now);
        char edge[WALL_TEXT_LEN + 1];

        if (at < wall_unix_s(cert_not_before(c))) {
                wall_format(cert_not_before(c), edge);
                return fault(FAULT_DENIED, "x509.not_yet_valid", "\"%s\" begins %s", cert_subject(c), edge);
        }
        if (at > wall_unix_s(cert_not_after(c))) {
                wall_format(cert_not_after(c), edge);
                return fault(FAULT_DENIED, "x509.expired", "\"%s\" ended %s", cert_subject(c), edge);
        }
        return NULL;
}
