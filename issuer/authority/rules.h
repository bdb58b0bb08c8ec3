/* rules: what the authority may certify, whoever asks. The signer applies them to every order by itself: a taken-over issuer gets no CA
 * certificate, no other trust domain, no id of vouchsafe's own, no long life. Pure. */
#pragma once

#include "issuer/authority/authority.h"

struct rules {
        struct span trust_domain;
        int64_t max_leaf_life_s;
        int64_t backdate_s;
};
/* An order is made, recorded on disk and then signed: so far may its notBefore lie beyond the backdating, and its issue time differ. */
#define ORDER_AGE_MAX_S 60

/* FAULT_DENIED "authority.serial", ".identity", ".trust_domain", ".reserved", ".dns", ".key", ".not_before", ".not_after", ".lifetime". */
struct fault *rules_check(const struct rules *r, const struct leaf_order *o, int64_t issuer_not_after_unix_s,
                          struct wall now) MUST_USE;
