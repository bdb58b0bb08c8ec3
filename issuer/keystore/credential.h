/* credential: the certificate computed ahead for a version of a stored key.
 *
 * The store proved the key to itself when it made it; the authority signs a leaf for the owner's identity; the ledger has the record
 * before the signature exists, as for every other certificate. Leaves live as long as the online intermediate lets them, so one is
 * computed again when half of its life is over: the key stays what it is. */
#pragma once

#include "issuer/authority/authority.h"
#include "issuer/keystore/keystore.h"
#include "issuer/ledger/ledger.h"

struct credential_maker { /* borrowed */
        struct store *store;
        struct ledger *ledger;
        struct authority *authority;
        const struct clock *clock;
        int64_t max_life_s, backdate_s;
};
struct credential_basis { /* what the policy in force says about the identity */
        const char *policy_digest, *workload;
        uint64_t policy_revision;
        bool insecure_development;
        const char *const *dns;
        size_t dns_count;
};
/* Less than half of its life is left, or there is none. */
bool credential_is_due(const struct key_version *v, struct wall now);
/* Records, signs, stores, and puts it into `v`. FAULT_UNAVAILABLE "authority.lifetime" when the intermediate ends now; faults of ledger,
 * authority and store. */
struct fault *credential_make(const struct credential_maker *m, const struct credential_basis *basis,
                              const struct stored_key *k, struct key_version *v, struct cancel *cancel) MUST_USE;
