/* Workload Identity Tokens as they come back: read as a relying party would, by the bundle's token keys alone. */
#include "attester/verify.h"

#include <stdio.h>

#include "lib/model/wit.h"

#define SCHEME "spiffe://"

/* Of the roots, which the token keys were published with; roots that somebody else made may not say. */
static void find_trust_domain(const struct bundle *bundle, const char *identity, char ret[TRUST_DOMAIN_MAX + 1])
{
        AUTO(fault) struct fault *unsaid = bundle_trust_domain(bundle, ret);
        if (unsaid == NULL)
                return;
        const char *domain = identity + sizeof SCHEME - 1; /* it was checked */
        (void) snprintf(ret, TRUST_DOMAIN_MAX + 1, "%.*s", (int) strcspn(domain, "/"), domain);
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
        find_trust_domain(bundle, c->identity, trust_domain);
        TRY(bundle_token_key_set(bundle, &keys));
        const struct wit_rules rules = {trust_domain, now, CLOCK_SKEW_MAX_S};
        TRY_AS(fault_recode(wit_verify(span_str(c->token), keys, &rules, &w), FAULT_INTERNAL),
               "verify the issued token against the trust bundle");
        TRY(check_promises(c, key, &w, now));
        if (strlen(w.id) > SERIAL_TEXT_MAX)
                return fault(FAULT_INTERNAL, "reply.token", "the token's id is too long");
        (void) snprintf(ret_id, SERIAL_TEXT_MAX + 1, "%s", w.id); /* fits */
        return NULL;
}
