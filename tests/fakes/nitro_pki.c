#include "tests/fakes/nitro_pki.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/crypt/cose.h"
#include "lib/wire/cbor.h"

#define HOUR_S 3600
#define DAY_S  (24L * HOUR_S)
#define LEAF   (NITRO_PKI_CERTS - 1)

static void must(bool ok)
{
        if (!ok)
                abort(); /* a test's own material */
}

static void done(struct fault *f)
{
        must(f == NULL);
}

static X509_NAME *name_of(X509 *x, const char *text)
{
        X509_NAME *name = X509_get_subject_name(x);
        must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *) text, -1, -1, 0) == 1);
        return name;
}

static void extend(X509 *x, int nid, const char *value)
{
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
        must(e != NULL && X509_add_ext(x, e, -1) == 1);
        X509_EXTENSION_free(e);
}

static void certify(struct nitro_pki *p, size_t i, struct wall now, enum nitro_pki_flaw flaw)
{
        static const char *const names[] = {"test root", "region", "zone", "instance", "enclave"};
        bool is_leaf = i == LEAF;
        bool is_ca = is_leaf ? flaw == NITRO_PKI_CA_LEAF : !(i == LEAF - 1 && flaw == NITRO_PKI_NO_CA);
        time_t at = (time_t) wall_unix_s(now);
        long end = is_leaf ? 3 * HOUR_S : i == 2 && flaw == NITRO_PKI_SHORT_ZONE ? 2 * HOUR_S : (long) (30 - i) * DAY_S;
        X509 *x = X509_new(), *named = X509_new();
        must(X509_set_version(x, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), (long) i + 1) == 1);
        (void) name_of(x, names[i]);
        const char *issuer = i == 0 ? names[0] : is_leaf && flaw == NITRO_PKI_OTHER_ISSUER ? "another" : names[i - 1];
        must(X509_set_issuer_name(x, name_of(named, issuer)) == 1);
        must(X509_time_adj_ex(X509_getm_notBefore(x), 0, is_leaf ? 0 : -HOUR_S, &at) != NULL);
        must(X509_time_adj_ex(X509_getm_notAfter(x), 0, end, &at) != NULL);
        must(X509_set_pubkey(x, p->keys[i]) == 1);
        extend(x, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
        extend(x, NID_key_usage, is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
        size_t signer = i == 0 ? 0 : is_leaf && flaw == NITRO_PKI_BAD_SIGNATURE ? 0 : i - 1;
        must(X509_sign(x, p->keys[signer], is_leaf && flaw == NITRO_PKI_SHA256 ? EVP_sha256() : EVP_sha384()) > 0);

        unsigned char *der = NULL;
        int len = i2d_X509(x, &der);
        must(len > 0);
        p->certs[i] = BUF(8192);
        done(buf_append(&p->certs[i], span_make(der, (size_t) len)));
        OPENSSL_free(der);
        X509_free(x);
        X509_free(named);
}

struct nitro_pki *nitro_pki_new(struct wall now, enum nitro_pki_flaw flaw)
{
        struct nitro_pki *p = NEW(struct nitro_pki);
        for (size_t i = 0; i < NITRO_PKI_CERTS; i++) {
                p->keys[i] = EVP_EC_gen(i == LEAF && flaw == NITRO_PKI_P256_LEAF ? "P-256" : "P-384");
                must(p->keys[i] != NULL);
        }
        for (size_t i = 0; i < NITRO_PKI_CERTS; i++)
                certify(p, i, now, flaw);
        return p;
}

void nitro_pki_free(struct nitro_pki *p)
{
        if (p == NULL)
                return;
        for (size_t i = 0; i < NITRO_PKI_CERTS; i++) {
                EVP_PKEY_free(p->keys[i]);
                buf_clear(&p->certs[i]);
        }
        free(p);
}

/* ---- documents ----------------------------------------------------------------------------------------------------- */
struct nitro_pki_document nitro_pki_document(struct wall now)
{
        static uint8_t pcrs[16][NITRO_PCR_LEN];
        struct nitro_pki_document from = {
                .d = {.module_id = SPAN("i-0123456789abcdef0-enc0123456789abcdef"),
                      .digest = SPAN("SHA384"),
                      .timestamp_ms = (uint64_t) now.unix_ms},
        };
        for (size_t i = 0; i < 16; i++) {
                memset(pcrs[i], i < 5 ? 0x10 + (int) i : 0, NITRO_PCR_LEN);
                from.d.pcrs[i] = span_make(pcrs[i], NITRO_PCR_LEN);
        }
        return from;
}

static void write_value(const struct nitro_pki *p, const struct nitro_document *d, const char *name, struct buf *out)
{
        if (strcmp(name, "module_id") == 0 || strcmp(name, "digest") == 0) {
                struct span text = name[0] == 'm' ? d->module_id : d->digest;
                done(cbor_write_head(out, CBOR_TEXT, text.len));
                done(buf_append(out, text));
        } else if (strcmp(name, "timestamp") == 0) {
                done(cbor_write_head(out, CBOR_UINT, d->timestamp_ms));
        } else if (strcmp(name, "pcrs") == 0) {
                size_t count = 0;
                for (size_t i = 0; i < NITRO_PCRS_MAX; i++)
                        count += d->pcrs[i].len > 0;
                done(cbor_write_head(out, CBOR_MAP, count));
                for (size_t i = 0; i < NITRO_PCRS_MAX; i++)
                        if (d->pcrs[i].len > 0) {
                                done(cbor_write_head(out, CBOR_UINT, i));
                                done(cbor_write_bytes(out, d->pcrs[i]));
                        }
        } else if (strcmp(name, "certificate") == 0) {
                done(cbor_write_bytes(out, d->certificate.len > 0 ? d->certificate : buf_span(&p->certs[LEAF])));
        } else if (strcmp(name, "cabundle") == 0) {
                done(cbor_write_head(out, CBOR_ARRAY, d->ca_count > 0 ? d->ca_count : LEAF));
                for (size_t i = 0; i < (d->ca_count > 0 ? d->ca_count : LEAF); i++)
                        done(cbor_write_bytes(out, d->ca_count > 0 ? d->ca[i] : buf_span(&p->certs[i])));
        } else {
                struct span bytes = name[0] == 'p' ? d->public_key : name[0] == 'u' ? d->user_data : d->nonce;
                if (bytes.len == 0)
                        done(buf_append_byte(out, 0xe0 | CBOR_NULL));
                else
                        done(cbor_write_bytes(out, bytes));
        }
}

static void write_payload(const struct nitro_pki *p, const struct nitro_pki_document *from, struct buf *out)
{
        static const char *const names[] = {"module_id", "digest",     "timestamp", "pcrs", "certificate",
                                            "cabundle",  "public_key", "user_data", "nonce"};
        size_t count = COUNT_OF(names) + (from->twice != NULL) + (from->unknown != NULL) - (from->without != NULL);
        if (from->is_indefinite)
                done(buf_append_byte(out, 0xbf));
        else
                done(cbor_write_head(out, CBOR_MAP, count));
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                if (from->without != NULL && strcmp(names[i], from->without) == 0)
                        continue;
                size_t times = from->twice != NULL && strcmp(names[i], from->twice) == 0 ? 2 : 1;
                for (size_t n = 0; n < times; n++) {
                        done(cbor_write_text(out, names[i]));
                        write_value(p, &from->d, names[i], out);
                }
        }
        if (from->unknown != NULL) {
                done(cbor_write_text(out, from->unknown));
                done(cbor_write_head(out, CBOR_UINT, 1));
        }
        if (from->is_indefinite)
                done(buf_append_byte(out, 0xff));
}

/* r‖s of the leaf's key over a Sig_structure. */
static void sign(EVP_PKEY *k, struct span message, const EVP_MD *md, size_t width, uint8_t *ret)
{
        uint8_t der[256];
        size_t len = sizeof(der);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        must(EVP_DigestSignInit(ctx, NULL, md, NULL, k) == 1);
        must(EVP_DigestSign(ctx, der, &len, message.data, message.len) == 1);
        EVP_MD_CTX_free(ctx);
        const unsigned char *at = der;
        ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long) len);
        must(sig != NULL);
        must(BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, (int) width) > 0);
        must(BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + width, (int) width) > 0);
        ECDSA_SIG_free(sig);
}

void nitro_pki_sign(const struct nitro_pki *p, const struct nitro_pki_document *from, struct buf *out)
{
        AUTO(buf) struct buf payload = BUF(65536), header = BUF(64), message = BUF(65536);
        write_payload(p, from, &payload);
        int64_t algorithm = from->algorithm == 0 ? COSE_ES384 : from->algorithm;
        done(cbor_write_head(&header, CBOR_MAP, 1));
        done(cbor_write_head(&header, CBOR_UINT, 1));
        done(cbor_write_head(&header, CBOR_NINT, (uint64_t) (-1 - algorithm)));

        done(cbor_write_head(&message, CBOR_ARRAY, 4));
        done(cbor_write_text(&message, "Signature1"));
        done(cbor_write_bytes(&message, buf_span(&header)));
        done(cbor_write_bytes(&message, SPAN_NONE));
        done(cbor_write_bytes(&message, buf_span(&payload)));
        bool is_256 = algorithm == COSE_ES256;
        size_t width = EVP_PKEY_get_bits(p->keys[LEAF]) == 256 ? 32 : 48;
        uint8_t signature[96];
        sign(p->keys[LEAF], buf_span(&message), is_256 ? EVP_sha256() : EVP_sha384(), width, signature);

        done(cbor_write_head(out, CBOR_ARRAY, 4));
        done(cbor_write_bytes(out, buf_span(&header)));
        done(cbor_write_head(out, CBOR_MAP, 0));
        done(cbor_write_bytes(out, buf_span(&payload)));
        done(cbor_write_bytes(out, span_make(signature, 2 * width)));
}
