/* credential: the token of a volume and its key, read so that both are of one generation. */
#pragma once

#include "lib/model/wit.h"

struct credential {
        struct buf token; /* wit.jwt without the line's end */
        struct wit wit;   /* what it says; its signature is for others to check */
        struct key *key;
};
/* `dir` is where the volume is mounted; `name` a slot where the volume has several tokens ("outbound.wit.jwt"), NULL otherwise.
 * Faults: those of files; "SIGN_KEY" when the key is not the token's (also after looking again: the volume may just be changing),
 * "SIGN_EXPIRED"; "jwt.*", "wit.*" for what is no token. */
struct fault *credential_read(const char *dir, const char *name, struct wall now, struct credential *ret) MUST_USE;
void credential_clear(struct credential *c);
DEFINE_AUTO_VALUE(credential)
