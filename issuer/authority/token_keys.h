/* token_keys: the keys that Workload Identity Tokens are signed with (ES256). Lives in the signer process alone.
 *
 * One file holds a secret, and each key is derived from it and from its number: so rotation writes nothing (the signer may not), a restart
 * has the keys that it had before, and replicas that share the file sign alike (docs/decisions/0017). Key i is used for one `life`, from
 * first_use + i * life on; it is published from a whole life before until a whole life after that. A life is longer than that of any token,
 * and than several refresh hints: so nobody meets a token whose key he couldn't have, and nobody loses one that he still needs. Pure but for
 * the file: time comes in. */
#pragma once

#include "lib/base/clock.h"
#include "lib/crypt/key.h"

#define TOKEN_KEYS_SHOWN    3  /* the last one, the one in use, the next one */
#define TOKEN_KEY_ID_MAX    43 /* thumbprint (RFC 7638) in base64url */
#define TOKEN_KEYS_FILE_LEN 48 /* magic, first use, secret */

struct token_key {
        int64_t number; /* from 0 */
        struct key *key;
        char id[TOKEN_KEY_ID_MAX + 1]; /* kid */
};
struct token_keys;

/* Makes the file, 0600, when there is none. Keys are used from `first_use_unix_s` on. *ret_made, which may be NULL: it was not there. */
struct fault *token_keys_make_file(const char *path, int64_t first_use_unix_s, bool *ret_made) MUST_USE;
/* "TOKEN_KEY_MODE" (others may use it), "TOKEN_KEY_FILE" (it is none of ours), and those of reading files. */
struct fault *token_keys_load(const char *path, int64_t life_s, struct token_keys **ret) MUST_USE;
/* The one in use at `now`, until the next call. FAULT_UNAVAILABLE "authority.token_key": the first one was published too lately. */
struct fault *token_keys_current(struct token_keys *t, struct wall now, const struct token_key **ret) MUST_USE;
/* Those that are to be published at `now`, until the next call; *ret_until: when that changes. */
struct fault *token_keys_shown(struct token_keys *t, struct wall now, const struct token_key *ret[TOKEN_KEYS_SHOWN],
                               size_t *ret_count, int64_t *ret_until_unix_s) MUST_USE;
void token_keys_free(struct token_keys *t);
DEFINE_AUTO(token_keys)
