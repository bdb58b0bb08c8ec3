/* keys: the platform keys (CPAKs) that somebody believes, found by the instance id that a token claims.
 *
 * CCA has no certificates: which key a platform has is what its maker says. Documents are one JSON object each, of one of three forms:
 *
 *     {"kty": "EC", …}                      one JWK: a key that any platform may have
 *     {"keys": [JWK, …]}                    the same, several of them
 *     {"<instance id>": JWK, …}             the key of that platform and of no other; the id (UEID, 33 bytes) in hex or base64url
 *
 * A platform that is listed by its id is believed by its own key alone; one that isn't, by those that any may have. Immutable once
 * filled: threads may share it. */
#pragma once

#include "lib/crypt/key.h"

#define CCA_INSTANCE_ID_LEN 33 /* UEID: a type, then 32 bytes (RFC 9711 §4.2.1) */
#define CCA_KEYS_MAX        16384
#define CCA_SHARED_KEYS_MAX 64 /* each is tried */

struct cca_keys;
struct cca_keys *cca_keys_new(void);
/* Adds a document's. FAULT_INVALID "cca.cpak_format": none of these, a key that can't be used, an instance that is there already;
 * FAULT_EXHAUSTED "cca.cpak_format": too many. */
struct fault *cca_keys_add(struct cca_keys *k, struct span document) MUST_USE;
size_t cca_keys_count(const struct cca_keys *k);
/* The keys that this instance's token may be signed by, one after another; NULL past the last. */
const struct key *cca_keys_at(const struct cca_keys *k, struct span instance_id, size_t index);
void cca_keys_free(struct cca_keys *k);
DEFINE_AUTO(cca_keys)
