#include "issuer/verifier/nitro/chain.h"

static struct memo memo = MEMO_INIT;

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

static struct fault *check_dates_of(const struct cert *c, struct wall now)
{
        struct fault *f = cert_check_dates(c, now);
        if (f == NULL)
                return NULL;
        bool is_late = strcmp(fault_token(f), "x509.expired") == 0;
        return fault_rename(f, FAULT_DENIED, is_late ? "nitro.expired" : "nitro.not_yet_valid");
}

static struct fault *check_dates(const struct nitro_chain *c, struct wall now)
{
        for (size_t i = 0; i < c->authorities.count; i++)
                TRY(check_dates_of(c->authorities.certs[i], now));
        return check_dates_of(c->leaf, now);
}

/* ---- what is true at any time ---- */

static struct fault *read_certificates(const struct nitro_document *d, struct nitro_chain *c)
{
        struct cert_list *list = &c->authorities;
        for (size_t i = 0; i < d->ca_count; i++) {
                TRY(fault_rename(cert_from_der(d->ca[i], &list->certs[i]), FAULT_INVALID, "nitro.certificate"));
                list->count++;
        }
        return fault_rename(cert_from_der(d->certificate, &c->leaf), FAULT_INVALID, "nitro.certificate");
}

static struct wall earliest_end(const struct nitro_chain *c)
{
        struct wall end = cert_not_after(c->leaf);
        for (size_t i = 0; i < c->authorities.count; i++)
                if (cert_not_after(c->authorities.certs[i]).unix_ms < end.unix_ms)
                        end = cert_not_after(c->authorities.certs[i]);
        return end;
}

static struct fault *prove(const struct nitro_document *d, struct span anchors, struct nitro_chain *c)
{
        TRY(read_certificates(d, c));
        const struct cert *above = c->authorities.certs[0];
        TRY(check_root(above, anchors, &c->is_configured));
        for (size_t i = 1; i <= c->authorities.count; i++) {
                const struct cert *below = i < c->authorities.count ? c->authorities.certs[i] : c->leaf;
                TRY(check_link(above, below));
                above = below;
        }
        if (cert_is_ca(c->leaf))
                return fault(FAULT_DENIED, "nitro.chain", "the document's certificate is an authority's");
        c->not_after = earliest_end(c);
        return NULL;
}

/* ---- the memo ---- */

/* All that a proof depends on: the certificates in their order, and the anchors. */
static void key_of(const struct nitro_document *d, struct span anchors, uint8_t ret[SHA256_LEN])
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        memo_key_add(h, anchors);
        memo_key_add(h, d->certificate);
        for (size_t i = 0; i < d->ca_count; i++)
                memo_key_add(h, d->ca[i]);
        hasher_end(h, ret);
}

static void chain_destroy(struct memo_value *v)
{
        struct nitro_chain *c = CONTAINER_OF(v, struct nitro_chain, memo);
        cert_free(c->leaf);
        cert_list_clear(&c->authorities);
        free(c);
}

void nitro_chain_free(struct nitro_chain *c)
{
        if (c != NULL)
                memo_release(&c->memo);
}

static struct nitro_chain *find(const uint8_t key[SHA256_LEN])
{
        struct memo_value *v = memo_find(&memo, key);
        return v == NULL ? NULL : CONTAINER_OF(v, struct nitro_chain, memo);
}

struct fault *nitro_chain_prove(const struct nitro_document *d, struct span anchors, struct wall now,
                                struct nitro_chain **ret)
{
        uint8_t key[SHA256_LEN];
        key_of(d, anchors, key);
        AUTO(nitro_chain) struct nitro_chain *c = find(key);
        if (c == NULL) {
                c = NEW(struct nitro_chain);
                c->memo = MEMO_VALUE(chain_destroy);
                TRY(prove(d, anchors, c));
                memo_keep(&memo, key, &c->memo);
        }
        TRY(check_dates(c, now));
        *ret = TAKE(c);
        return NULL;
}

void nitro_chain_forget(void)
{
        memo_clear(&memo);
}
