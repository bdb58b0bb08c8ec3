/* key_use: what OpenSSL prepares for signing or verifying with a key, kept from one time to the next. Private to lib/crypt.
 *
 * A context for a key costs more than a digest: OpenSSL looks its algorithm up by each of the algorithm's names, and so does it for a key of its
 * own. So a key keeps the context that it used last, and a public P-256 key that goes leaves both behind for the next point.
 * That is so only where nobody else was handed the EVP_PKEY (key_pkey), and where OpenSSL was seen to do it right (key_use.c).
 * A context is out of its key while it is used: threads that share a key never share a context. */
#pragma once

#include "lib/crypt/ossl.h"

struct key_use;

/* For a digest of `alg`; the key's own when it fits. NULL: OpenSSL refused. */
struct key_use *key_use_take(const struct key *k, enum hash_alg alg, enum signature_form form, bool is_verify);
EVP_PKEY_CTX *key_use_context(struct key_use *u);
/* Back to its key, in place of another one's that came meanwhile. */
void key_use_give_back(const struct key *k, struct key_use *u);
void key_use_free(struct key_use *u);

/* A public key of the curve at this point, as an uncompressed or compressed encoding, and its context, or NULL. False: there is no such point. */
bool key_use_public(enum key_kind curve, struct span point, EVP_PKEY **ret_pkey, struct key_use **ret_use);
/* Takes both over. Nobody else may hold the key. */
void key_use_leave(enum key_kind curve, EVP_PKEY *pkey, struct key_use *u);
