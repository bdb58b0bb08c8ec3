/* Workload Identity Tokens as they come back: read as a relying party would, by the bundle's token keys alone. */
#include "attester/verify.h"

#include <stdio.h>

#include "lib/model/spiffe_id.h"
#include "lib/model/wit.h"

#define KEYS_TEXT_MAX ((size_t) 64 * 1024)

static struct fault *load_keys(const struct bundle *bundle, struct jwk_set **ret)
{
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(KEYS_TEXT_MAX);
        json_set(set, "keys", bundle->token_keys != NULL ? json_copy(bundle->token_keys) : json_new_array());
        TRY(json_write(set, &text));
        return fault_prefix(jwk_set_parse_use(buf_span(&text), WIT_USE, ret), "token keys of the bundle");
}

/* Of the roots, which the token keys were published with; roots that somebody else made may not say. */
static struct fault *find_trust_domain(const struct bundle *bundle, const char *identity,
                                       char ret[TRUST_DOMAIN_MAX + 1])
{
        static const char scheme[] = "spiffe://";
        AUTO(cert) struct cert *root = NULL;
        TRY_AS(cert_from_der(buf_span(&bundle->roots[0]), &root), "read root 0 of the bundle");
        const char *uri = cert_uri_count(root) == 1 ? cert_uri(root, 0) : identity;
        if (strncmp(uri, scheme, sizeof scheme - 1) != 0)
                uri = identity;
        uri += sizeof scheme - 1; /* the identity was checked */
        size_t len = strcspn(uri, "/");
        if (len > TRUST_DOMAIN_MAX)
                return fault(FAULT_INTERNAL, "reply.identity", "the root's trust domain is too long");
        memcpy(ret, uri, len);
        ret[len] = '\0';
        return NULL;
}

static struct fault *check_promises(const struct issued_credential *c, const struct key *key, const struct wit *w,
                                    struct wall now)
{
        if (!span_eq(key_spki(w->key), key_spki(key)))
                return fault(FAULT_INTERNAL, "reply.key", "the token of slot %s is not for the key that was asked for",
                             c->slot);
        if (strcmp(w->subject, c->identity) != 0)
                return fault(FAULT_INTERNAL, "reply.identity", "the token names %s, promised was %s", w->subject,
                             c->identity);
        if (w->expires_unix_s != c->not_after_unix_s || w->not_before_unix_s != c->not_before_unix_s)
                return fault(FAULT_INTERNAL, "reply.validity", "the token's dates are not the promised ones");
        if (w->expires_unix_s <= wall_unix_s(now))
                return fault(FAULT_INTERNAL, "reply.validity", "the token has expired already: are the clocks right?");
        return NULL;
}

struct fault *verify_wit(const struct issued_credential *c, const struct key *key, const struct bundle *bundle,
                         struct wall now, char ret_id[SERIAL_TEXT_MAX + 1])
{
        AUTO(jwk_set) struct jwk_set *keys = NULL;
        AUTO(wit) struct wit w = {0};
        char trust_domain[TRUST_DOMAIN_MAX + 1];
        if (c->token == NULL)
                return fault(FAULT_INTERNAL, "reply.token", "the issuer sent no token");
        TRY_AS(spiffe_id_check(span_str(c->identity)), "identity of the issued credential");
        TRY(find_trust_domain(bundle, c->identity, trust_domain));
        TRY(load_keys(bundle, &keys));
        const struct wit_rules rules = {trust_domain, now, CLOCK_SKEW_MAX_S};
        TRY_AS(fault_recode(wit_verify(span_str(c->token), keys, &rules, &w), FAULT_INTERNAL),
               "verify the issued token against the trust bundle");
        TRY(check_promises(c, key, &w, now));
        if (strlen(w.id) > SERIAL_TEXT_MAX)
                return fault(FAULT_INTERNAL, "reply.token", "the token's id is too long");
        (void) snprintf(ret_id, SERIAL_TEXT_MAX + 1, "%s", w.id); /* fits */
        return NULL;
}
