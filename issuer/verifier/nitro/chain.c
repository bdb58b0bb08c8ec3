#include "issuer/verifier/nitro/chain.h"

/* CN=aws.nitro-enclaves, 2019-10-28 to 2049-10-28 (https://aws-nitro-enclaves.amazonaws.com/AWS_NitroEnclaves_Root-G1.zip). */
static const char aws_root[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTEL\n"
                               "MAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpvbjEMMAoGA1UECwwDQVdTMRswGQYD\n"
                               "VQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4\n"
                               "MTQyODA1WjBJMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGQW1hem9uMQwwCgYDVQQL\n"
                               "DANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZlczB2MBAGByqGSM49AgEG\n"
                               "BSuBBAAiA2IABPwCVOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb\n"
                               "48C8WBoyt7F2Bw7eEtaaP+ohG2bnUs990d0JX28TcPQXCEPZ3BABIeTPYwEoCWZE\n"
                               "h8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUkCW1DdkF\n"
                               "R+eWw5b6cp3PmanfS5YwDgYDVR0PAQH/BAQDAgGGMAoGCCqGSM49BAMDA2kAMGYC\n"
                               "MQCjfy+Rocm9Xue4YnwWmNJVA44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPW\n"
                               "rfMCMQCi85sWBbJwKKXdS6BptQFuZbT73o/gBh1qUxl/nNr12UO8Yfwr6wPLb+6N\n"
                               "IwLz3/Y=\n"
                               "-----END CERTIFICATE-----\n";

static bool has_key_of(const struct cert_list *list, const struct cert *c)
{
        for (size_t i = 0; i < list->count; i++)
                if (cert_key(list->certs[i]) != NULL && cert_key(c) != NULL &&
                    span_eq(key_spki(cert_key(list->certs[i])), key_spki(cert_key(c))))
                        return true;
        return false;
}

static struct fault *check_root(const struct cert *root, struct span anchors, bool *ret_configured)
{
        AUTO(cert_list) struct cert_list aws = {0}, configured = {0};
        TRY(cert_list_from_pem(span_str(aws_root), &aws));
        if (anchors.len > 0)
                TRY(fault_rename(cert_list_read(anchors, &configured), FAULT_INVALID, "nitro.anchors"));
        *ret_configured = !has_key_of(&aws, root);
        if (!*ret_configured || has_key_of(&configured, root))
                return NULL;
        return fault(FAULT_DENIED, "nitro.root", "the bundle begins with \"%s\", whose key is no trusted root's",
                     cert_subject(root));
}

static struct fault *check_link(const struct cert *issuer, const struct cert *c)
{
        if (!cert_is_ca(issuer) || (cert_key_usage(issuer) & KU_KEY_CERT_SIGN) == 0 || cert_key(issuer) == NULL)
                return fault(FAULT_DENIED, "nitro.chain", "\"%s\" is no authority", cert_subject(issuer));
        if (!span_eq(cert_issuer_der(c), cert_subject_der(issuer)))
                return fault(FAULT_DENIED, "nitro.chain", "\"%s\" is not issued by \"%s\"", cert_subject(c),
                             cert_subject(issuer));
        return fault_rename(cert_check_signature(c, cert_key(issuer), CERT_SIGNATURE_ECDSA_SHA384), FAULT_DENIED,
                            "nitro.chain_signature");
}

static struct fault *check_dates(const struct cert *c, struct wall now, struct nitro_chain *chain)
{
        struct fault *f = cert_check_dates(c, now);
        if (f != NULL)
                return fault_rename(f, FAULT_DENIED,
                                    strcmp(fault_token(f), "x509.expired") == 0 ? "nitro.expired"
                                                                                : "nitro.not_yet_valid");
        if (chain->not_after.unix_ms == 0 || cert_not_after(c).unix_ms < chain->not_after.unix_ms)
                chain->not_after = cert_not_after(c);
        return NULL;
}

struct fault *nitro_chain_prove(const struct nitro_document *d, struct span anchors, struct wall now,
                                struct nitro_chain *ret)
{
        for (size_t i = 0; i < d->ca_count; i++) {
                struct cert *c = NULL;
                TRY(fault_rename(cert_from_der(d->ca[i], &c), FAULT_INVALID, "nitro.certificate"));
                ret->authorities.certs[ret->authorities.count++] = c;
        }
        TRY(fault_rename(cert_from_der(d->certificate, &ret->leaf), FAULT_INVALID, "nitro.certificate"));

        const struct cert *above = ret->authorities.certs[0];
        TRY(check_root(above, anchors, &ret->is_configured));
        for (size_t i = 1; i <= ret->authorities.count; i++) {
                const struct cert *c = i < ret->authorities.count ? ret->authorities.certs[i] : ret->leaf;
                TRY(check_link(above, c));
                above = c;
        }
        if (cert_is_ca(ret->leaf))
                return fault(FAULT_DENIED, "nitro.chain", "the document's certificate is an authority's");
        for (size_t i = 0; i < ret->authorities.count; i++)
                TRY(check_dates(ret->authorities.certs[i], now, ret));
        return check_dates(ret->leaf, now, ret);
}

void nitro_chain_clear(struct nitro_chain *c)
{
        cert_free(c->leaf);
        cert_list_clear(&c->authorities);
        *c = (struct nitro_chain){0};
}
