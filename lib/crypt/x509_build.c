/* CA and TLS certificates; the leaf is in x509_leaf.c. */
#include "lib/crypt/x509_build.h"

#include <arpa/inet.h>
#include <assert.h>

#include "lib/crypt/ossl.h"
#include "lib/crypt/x509_parts.h"

#define TLS_NAMES_MAX 64

void key_id(const struct key *k, uint8_t ret[20])
{
        hash(HASH_SHA1, key_bits(k), ret);
}

static struct fault *check_pair(const struct cert *issuer, const struct key *issuer_key)
{
        const struct key *certified = cert_key(issuer);

        if (certified == NULL || !span_eq(key_spki(certified), key_spki(issuer_key)))
                return fault(FAULT_INVALID, "KEY_MISMATCH", "issuer's key isn't that of its certificate");
        return NULL;
}

/* What issuers put into AKI: their own SKI as it stands in their certificate. */
static struct fault *issuer_key_id(const struct cert *issuer, const struct key *issuer_key, uint8_t own[20],
                                   struct span *ret)
{
        struct span extension;

        AUTO(fault) struct fault *f = cert_extension(issuer, "2.5.29.14", &extension);
        if (f != NULL) { /* it has none */
                key_id(issuer_key, own);
                *ret = span_make(own, 20);
                return NULL;
        }
        struct reader r = READER(extension);
        return der_read(&r, DER_OCTET_STRING, ret);
}

/* Up to and with SPKI and the two key ids; the caller opened `tbs` and adds further extensions. */
struct frame {
        const char *common_name;
        const uint8_t *serial;
        struct wall not_before, not_after;
        const struct key *key, *signer;
        const struct cert *issuer; /* NULL: self-signed */
};

static void write_frame(struct der *d, const struct frame *w)
{
        part_head(d, w->serial, w->signer);
        if (w->issuer != NULL)
                der_raw(d, cert_subject_der(w->issuer));
        else
                part_name(d, w->common_name);
        part_validity(d, w->not_before, w->not_after);
        part_name(d, w->common_name);
        der_raw(d, key_spki(w->key));
}

static struct fault *write_key_ids(struct der *d, const struct frame *w)
{
        uint8_t own[20], of_issuer[20];
        struct span authority;

        key_id(w->key, own);
        part_subject_key_id(d, own);
        if (w->issuer == NULL)
                return NULL;
        TRY(issuer_key_id(w->issuer, w->signer, of_issuer, &authority));
        part_authority_key_id(d, authority);
        return NULL;
}

static struct fault *check(const struct frame *w)
{
        TRY(part_check_frame(w->serial, w->not_before, w->not_after));
        TRY(part_check_common_name(w->common_name));
        return w->issuer != NULL ? check_pair(w->issuer, w->signer) : NULL;
}

struct fault *ca_build(const struct ca_spec *spec, const struct cert *issuer, const struct key *issuer_key,
                       struct buf *ret_der)
{
        const struct frame w = {spec->common_name,
                                spec->serial,
                                spec->not_before,
                                spec->not_after,
                                spec->key,
                                issuer != NULL ? issuer_key : spec->key,
                                issuer};
        TRY(check(&w));
        TRY(part_check_ia5(spec->uri));
        assert(spec->path_len >= -1 && spec->path_len < CHAIN_MAX);

        AUTO(der) struct der d = DER(PART_TBS_MAX);
        size_t tbs = der_open(&d, DER_SEQUENCE);
        write_frame(&d, &w);
        size_t wrapper = der_open(&d, DER_CONTEXT_CONSTRUCTED(3)), list = der_open(&d, DER_SEQUENCE);
        TRY(write_key_ids(&d, &w));
        part_basic_constraints(&d, /* is_ca= */ true, spec->path_len);
        part_key_usage(&d, PART_USAGE_CA);
        struct part e = part_open(&d, PART_SAN, false);
        size_t names = der_open(&d, DER_SEQUENCE);
        der_add(&d, PART_SAN_URI, span_str(spec->uri));
        der_close(&d, names);
        part_close(&d, e);
        der_close(&d, list);
        der_close(&d, wrapper);
        der_close(&d, tbs);
        return part_sign(&d, w.signer, ret_der);
}

static size_t count(const char *const *names)
{
        size_t n = 0;

        while (names != NULL && names[n] != NULL)
                n++;
        return n;
}

static struct fault *write_ip(struct der *d, const char *text)
{
        uint8_t address[16];

        if (inet_pton(AF_INET, text, address) == 1)
                der_add(d, PART_SAN_IP, span_make(address, 4));
        else if (inet_pton(AF_INET6, text, address) == 1)
                der_add(d, PART_SAN_IP, span_make(address, 16));
        else
                return fault(FAULT_INVALID, "BAD_NAME", "no IP address: %s", text);
        return NULL;
}

static struct fault *write_tls_names(struct der *d, const struct tls_cert_spec *spec)
{
        size_t dns_count = count(spec->dns), ip_count = count(spec->ip);

        if (dns_count + ip_count == 0)
                return NULL;
        if (dns_count + ip_count > TLS_NAMES_MAX)
                return fault(FAULT_INVALID, "BAD_NAME", "more than %d names", TLS_NAMES_MAX);
        struct part e = part_open(d, PART_SAN, /* is_critical= */ false);
        size_t names = der_open(d, DER_SEQUENCE);
        for (size_t i = 0; i < dns_count; i++) {
                TRY(part_check_ia5(spec->dns[i]));
                der_add(d, PART_SAN_DNS, span_str(spec->dns[i]));
        }
        for (size_t i = 0; i < ip_count; i++)
                TRY(write_ip(d, spec->ip[i]));
        der_close(d, names);
        part_close(d, e);
        return NULL;
}

struct fault *tls_cert_build(const struct tls_cert_spec *spec, const struct cert *issuer, const struct key *issuer_key,
                             struct buf *ret_der)
{
        const struct frame w = {spec->common_name,
                                spec->serial,
                                spec->not_before,
                                spec->not_after,
                                spec->key,
                                issuer != NULL ? issuer_key : spec->key,
                                issuer};
        TRY(check(&w));

        AUTO(der) struct der d = DER(PART_TBS_MAX);
        size_t tbs = der_open(&d, DER_SEQUENCE);
        write_frame(&d, &w);
        size_t wrapper = der_open(&d, DER_CONTEXT_CONSTRUCTED(3)), list = der_open(&d, DER_SEQUENCE);
        TRY(write_key_ids(&d, &w));
        part_basic_constraints(&d, /* is_ca= */ false, -1);
        part_key_usage(&d, PART_USAGE_SIGN);
        part_server_and_client(&d);
        TRY(write_tls_names(&d, spec));
        der_close(&d, list);
        der_close(&d, wrapper);
        der_close(&d, tbs);
        return part_sign(&d, w.signer, ret_der);
}
