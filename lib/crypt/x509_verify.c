/* Chains: built and checked by OpenSSL against the caller's roots alone, then what a purpose asks of the leaf. */
#include "lib/crypt/x509.h"

#include <assert.h>
#include <openssl/err.h>

#include "lib/crypt/ossl.h"

#define OID_TCG_EK_CERTIFICATE "2.23.133.8.1" /* tcg-kp-EKCertificate, TCG EK credential profile §3.2.16 */
#define OID_SERVER_AUTH        "1.3.6.1.5.5.7.3.1"
#define OID_CLIENT_AUTH        "1.3.6.1.5.5.7.3.2"
/* 112 bits: no SHA-1 or MD5 signatures below the root, no RSA under 2048 bits. */
#define SECURITY_LEVEL 2

/* notAfter is the last valid second (RFC 5280 §4.1.2.5); OpenSSL counts it as the first invalid one. */
static int on_error(int is_good, X509_STORE_CTX *ctx)
{
        if (is_good || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CERT_HAS_EXPIRED)
                return is_good;

        const X509 *at = X509_STORE_CTX_get_current_cert(ctx);
        time_t now = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(ctx));
        if (at == NULL || ASN1_TIME_cmp_time_t(X509_get0_notAfter(at), now) != 0)
                return 0;
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
}

static const char *token_of(int error)
{
        switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
                return "x509.expired";
        case X509_V_ERR_CERT_NOT_YET_VALID:
                return "x509.not_yet_valid";
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        case X509_V_ERR_CA_MD_TOO_WEAK:
                return "x509.signature";
        case X509_V_ERR_INVALID_PURPOSE:
                return "x509.purpose";
        default:
                return "x509.chain";
        }
}

static const struct cert *cert_of(const struct cert_list *list, const X509 *x)
{
        for (size_t i = 0; list != NULL && i < list->count; i++)
                if (cert_x509(list->certs[i]) == x)
                        return list->certs[i];
        return NULL;
}

static struct cert_window window_of(X509_STORE_CTX *ctx, const struct cert *leaf, const struct cert_list *intermediates,
                                    const struct cert_list *roots)
{
        struct cert_window w = {INT64_MIN, INT64_MAX};
        const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

        for (int i = 0; i < sk_X509_num(chain); i++) {
                const X509 *x = sk_X509_value(chain, i);
                const struct cert *c = cert_x509(leaf) == x ? leaf : cert_of(intermediates, x);
                if (c == NULL)
                        c = cert_of(roots, x);
                assert(c != NULL); /* nobody else gave any */
                int64_t from = wall_unix_s(cert_not_before(c)), until = wall_unix_s(cert_not_after(c));
                w.from_unix_s = from > w.from_unix_s ? from : w.from_unix_s;
                w.until_unix_s = until < w.until_unix_s ? until : w.until_unix_s;
        }
        return w;
}

static struct fault *verify_chain(const struct cert *leaf, const struct cert_list *intermediates,
                                  const struct cert_list *roots, struct wall now, struct cert_window *ret)
{
        AUTO(ossl_store) X509_STORE *store = X509_STORE_new();
        AUTO(ossl_store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
        STACK_OF(X509) *untrusted = sk_X509_new_null();

        ossl_must(store != NULL && ctx != NULL && untrusted != NULL, "certificate store");
        for (size_t i = 0; i < roots->count; i++)
                ossl_must(X509_STORE_add_cert(store, cert_x509(roots->certs[i])) == 1, "trusted root");
        for (size_t i = 0; intermediates != NULL && i < intermediates->count; i++)
                ossl_must(sk_X509_push(untrusted, cert_x509(intermediates->certs[i])) > 0, "intermediate");
        ossl_must(X509_STORE_CTX_init(ctx, store, cert_x509(leaf), untrusted) == 1, "chain verification");
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_time(param, (time_t) wall_unix_s(now));
        X509_VERIFY_PARAM_set_depth(param, CHAIN_MAX - 2); /* between leaf and root */
        X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
        X509_STORE_CTX_set_verify_cb(ctx, on_error);

        struct fault *f = NULL;
        if (X509_verify_cert(ctx) != 1) {
                int error = X509_STORE_CTX_get_error(ctx);
                f = fault(FAULT_DENIED, token_of(error), "%s (certificate %d of the chain of \"%s\")",
                          X509_verify_cert_error_string(error), X509_STORE_CTX_get_error_depth(ctx),
                          cert_subject(leaf));
        } else {
                *ret = window_of(ctx, leaf, intermediates, roots);
        }
        sk_X509_free(untrusted);
        ERR_clear_error();
        return f;
}

static struct fault *refuse(const char *why)
{
        return fault(FAULT_DENIED, "x509.purpose", "%s", why);
}

/* OpenSSL handles a critical SAN with any names in it, a TPM's directoryName too; any extension that is critical and
 * unknown has failed the chain before. */
static struct fault *check_ek(const struct cert *leaf)
{
        const struct key *k = cert_key(leaf);
        unsigned usage = cert_key_usage(leaf);
        bool has_eku = (X509_get_extension_flags(cert_x509(leaf)) & EXFLAG_XKUSAGE) != 0;

        if (cert_is_ca(leaf))
                return refuse("an endorsement certificate is no CA");
        if (has_eku && !cert_has_eku(leaf, OID_TCG_EK_CERTIFICATE))
                return refuse("extended key usage isn't that of an endorsement key");
        if (k == NULL)
                return refuse("endorsement key of an unknown kind");
        unsigned wanted = key_kind(k) == KEY_RSA ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
        if (usage != 0 && (usage & wanted) == 0)
                return refuse("key usage isn't that of an endorsement key (a signing key's certificate?)");
        return NULL;
}

/* SPIFFE X509-SVID §4.3, 4.4 and 2. */
static struct fault *check_workload(const struct cert *leaf)
{
        unsigned usage = cert_key_usage(leaf);

        if (cert_is_ca(leaf))
                return refuse("a workload's certificate is no CA");
        if (cert_uri_count(leaf) != 1)
                return refuse("a workload's certificate has exactly one URI");
        if ((usage & KU_DIGITAL_SIGNATURE) == 0 || (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
                return refuse("key usage isn't that of a workload");
        if (!cert_has_eku(leaf, OID_SERVER_AUTH) || !cert_has_eku(leaf, OID_CLIENT_AUTH))
                return refuse("a workload's certificate is for client and server");
        return NULL;
}

struct fault *cert_verify_window(const struct cert *leaf, const struct cert_list *intermediates,
                                 const struct cert_list *roots, enum cert_purpose purpose, struct wall now,
                                 struct cert_window *ret)
{
        struct cert_window window;

        TRY(verify_chain(leaf, intermediates, roots, now, &window));
        if (purpose == CERT_PURPOSE_EK)
                TRY(check_ek(leaf));
        if (purpose == CERT_PURPOSE_WORKLOAD)
                TRY(check_workload(leaf));
        *ret = window;
        return NULL;
}

struct fault *cert_verify(const struct cert *leaf, const struct cert_list *intermediates, const struct cert_list *roots,
                          enum cert_purpose purpose, struct wall now)
{
        struct cert_window window;

        return cert_verify_window(leaf, intermediates, roots, purpose, now, &window);
}
