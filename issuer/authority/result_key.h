/* result_key: the key that attestation results are signed with, and what it may be used for. Lives in the signer process alone.
 *
 * One P-256 key in a PEM file. Who believes results pins it (its public half is in a JWK set beside it), so it stays until somebody changes
 * the file. An order is the claims of an EAR: they are read as a relying party reads them, must be this verifier's own and of this moment, and
 * header and signature are made here. No other kind of token comes out of this key. */
#pragma once

#include "lib/base/clock.h"
#include "lib/crypt/jwt.h"

#define RESULT_CLAIMS_MAX ((size_t) 140 * 1024) /* in base64 they fit into SIGNER_MESSAGE_MAX */
#define RESULT_CLOCK_S    60                    /* how far an order's "iat" may be from the signer's time */
#define RESULT_KEY_ID_MAX 43                    /* thumbprint in base64url */
#define RESULT_KEY_USE    "sig"

struct result_key;
/* Makes key and JWK set (`<path>.jwks`) when there is no key. *ret_made may be NULL. */
struct fault *result_key_make_file(const char *path, bool *ret_made) MUST_USE;
/* "RESULT_KEY_MODE" (others may use it), "KEY_KIND" (not P-256), and those of reading files and keys. `verifier` is its id. */
struct fault *result_key_load(const char *path, const char *verifier, struct result_key **ret) MUST_USE;
struct span result_key_spki(const struct result_key *k);
/* FAULT_DENIED "authority.result": claims that are no EAR of this verifier made now, or too many. */
struct fault *result_key_sign(const struct result_key *k, struct span claims, struct wall now,
                              struct buf *ret) MUST_USE;
/* Signs something for nobody, before the sandbox is entered. */
struct fault *result_key_rehearse(const struct result_key *k) MUST_USE;
void result_key_free(struct result_key *k);
DEFINE_AUTO(result_key)
