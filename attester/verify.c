#include "attester/verify.h"

#include "lib/base/parse.h"
#include "lib/model/spiffe_id.h"

/* The lists borrow from `certs`, which holds more than both can. */
_Static_assert(CHAIN_MAX + BUNDLE_ROOTS_MAX <= CERT_CACHE_MAX, "a chain and its roots stay in the cache together");

static struct fault *parse_chain(const struct issued_credential *c, struct cert_cache *certs, struct cert **ret_leaf,
                                 struct cert_list *ret_rest)
{
        if (c->chain_count == 0)
                return fault(FAULT_INTERNAL, "reply.chain", "the issuer sent no certificate");
        TRY_AS(cert_from_der(buf_span(&c->chain[0]), ret_leaf), "read the issued certificate");
        for (size_t i = 1; i < c->chain_count; i++) {
                TRY_AS(cert_cache_get(certs, buf_span(&c->chain[i]), &ret_rest->certs[ret_rest->count]),
                       "read the issuer's intermediate");
                ret_rest->count++;
        }
        return NULL;
}

static struct fault *load_roots(const struct bundle *bundle, struct cert_cache *certs, struct cert_list *ret)
{
        for (size_t i = 0; i < bundle->root_count; i++) {
                TRY_AS(cert_cache_get(certs, buf_span(&bundle->roots[i]), &ret->certs[ret->count]),
                       "read root %zu of the bundle", i);
                ret->count++;
        }
        return NULL;
}

static struct fault *check_identity(const struct cert *leaf, const char *identity)
{
        TRY_AS(spiffe_id_check(span_str(identity)), "identity of the issued credential");
        if (cert_uri_count(leaf) != 1 || strcmp(cert_uri(leaf, 0), identity) != 0)
                return fault(FAULT_INTERNAL, "reply.identity", "the certificate names %s, promised was %s",
                             cert_uri_count(leaf) > 0 ? cert_uri(leaf, 0) : "nobody", identity);
        return NULL;
}

static struct fault *check_validity(const struct issued_credential *c, const struct cert *leaf, struct wall now)
{
        int64_t not_after = wall_unix_s(cert_not_after(leaf));
        if (not_after != c->not_after_unix_s || wall_unix_s(cert_not_before(leaf)) != c->not_before_unix_s)
                return fault(FAULT_INTERNAL, "reply.validity", "the certificate's dates are not the promised ones");
        if (not_after <= wall_unix_s(now))
                return fault(FAULT_INTERNAL, "reply.validity",
                             "the certificate has expired already: are the clocks right?");
        return NULL;
}

static struct fault *verify_certificate(const struct issued_credential *c, const struct key *key,
                                        const struct bundle *bundle, struct cert_cache *certs, struct wall now,
                                        char ret_serial[SERIAL_TEXT_MAX + 1])
{
        AUTO(cert) struct cert *leaf = NULL;
        struct cert_list intermediates = {0}, roots = {0}; /* borrowed */
        TRY(parse_chain(c, certs, &leaf, &intermediates));
        TRY(load_roots(bundle, certs, &roots));

        const struct key *certified = cert_key(leaf);
        if (certified == NULL || !span_eq(key_spki(certified), key_spki(key)))
                return fault(FAULT_INTERNAL, "reply.key",
                             "the certificate of slot %s is not for the key that was asked for", c->slot);
        TRY(check_identity(leaf, c->identity));
        TRY(check_validity(c, leaf, now));
        TRY_AS(fault_recode(cert_verify(leaf, &intermediates, &roots, CERT_PURPOSE_WORKLOAD, now), FAULT_INTERNAL),
               "verify the issued certificate against the trust bundle");

        struct span serial = cert_serial(leaf);
        if (serial.len > SERIAL_TEXT_MAX / 2)
                return fault(FAULT_INTERNAL, "reply.chain", "the certificate's serial number is too long");
        hex_string(serial, ret_serial);
        return NULL;
}

struct fault *verify_credential(const struct issued_credential *c, const char *type, const struct key *key,
                                const struct bundle *bundle, struct cert_cache *certs, struct wall now,
                                char ret_serial[SERIAL_TEXT_MAX + 1])
{
        if (strcmp(c->type, type) != 0)
                return fault(FAULT_INTERNAL, "reply.type", "slot %s came back as %s, which was not asked for", c->slot,
                             c->type);
        return strcmp(type, SLOT_TYPE_WIT) == 0 ? verify_wit(c, key, bundle, now, ret_serial)
                                                : verify_certificate(c, key, bundle, certs, now, ret_serial);
}

struct fault *verify_server_time(int64_t server_unix_s, struct wall now)
{
        int64_t skew = wall_unix_s(now) - server_unix_s;
        if (skew > CLOCK_SKEW_MAX_S || skew < -CLOCK_SKEW_MAX_S)
                return fault(FAULT_PRECONDITION, "clock.skew",
                             "this guest's clock and the issuer's are %lld s apart, at most %d are allowed",
                             (long long) skew, CLOCK_SKEW_MAX_S);
        return NULL;
}
