/* ca: the keys, and what is signed with them. Lives in the signer process alone.
 *
 * The root key is in memory only while an intermediate is being signed: its file stays open and is read again then. The intermediate
 * (P-256) is renewed at half of its life, by the first call after that. Pure but for the key file: time comes in. */
#pragma once

#include "issuer/authority/authority.h"
#include "issuer/authority/token_keys.h"

struct ca;
/* Reads the root and makes the first intermediate. Faults: "ROOT_MISMATCH" (key and certificate are no pair), "ROOT_EXPIRED",
 * "ROOT_KEY_MODE" (everybody may read it), "ROOT_NOT_CA", "BAD_OPTION", and those of reading files and keys. */
struct fault *ca_load(const struct authority_options *o, struct wall now, struct ca **ret) MUST_USE;
/* A new intermediate when the current one is past half of its life. Where that fails, the current one goes on while it lives: it is tried again after
 * CA_RENEW_RETRY_S, and ca_renewal tells. A fault only when the current one has ended as well. */
#define CA_RENEW_RETRY_S 5
struct fault *ca_renew_if_due(struct ca *ca, struct wall now) MUST_USE;
struct ca_renewal {
        uint64_t failures;           /* since ca_load */
        const struct fault *problem; /* of the last attempt, borrowed until the next one; NULL: it worked */
};
struct ca_renewal ca_renewal(const struct ca *ca);
const struct cert *ca_intermediate(const struct ca *ca);
int64_t ca_renew_at_unix_s(const struct ca *ca);
/* As token_keys_shown; none and INT64_MAX when no tokens are issued. */
struct fault *ca_token_keys(struct ca *ca, struct wall now, const struct token_key *ret[TOKEN_KEYS_SHOWN],
                            size_t *ret_count, int64_t *ret_until_unix_s) MUST_USE;
/* All or none: `ret` is an array of `count` buffers. FAULT_DENIED as rules.h and token.h, and "authority.serial_reuse". */
struct fault *ca_issue(struct ca *ca, const struct leaf_order *orders, size_t count, struct wall now,
                       struct buf *ret) MUST_USE;
void ca_free(struct ca *ca);
DEFINE_AUTO(ca)
