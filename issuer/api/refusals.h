/* refusals: the last requests that were refused before any record was due, kept in memory.
 *
 * What comes before a valid nonce, a proof and genuine evidence must not fill the ledger; an operator wants to see it
 * all the same. A ring of REFUSALS_MAX, the newest wins; shown by the admin API. No key, token or evidence bytes. Thread-safe. */
#pragma once

#include "lib/base/clock.h"
#include "lib/wire/json.h"

#define REFUSALS_MAX 256

struct refusals;
struct refusals *refusals_new(void);
/* `client` names who asked: a prefix of the client key's digest in hex, or "". */
void refusals_add(struct refusals *r, struct wall now, const char *path, const char *remote, const char *client,
                  const struct fault *f);
/* {"refusals":[{"time","path","remote","client","check","code","detail"},…]}, newest first. */
struct json *refusals_to_json(struct refusals *r);
void refusals_free(struct refusals *r);
DEFINE_AUTO(refusals)
