/* inspect_volume: what the parts of `vouchsafe inspect FOLDER` share: the generation that is looked at, and what was found. */
#pragma once

#include "cli/inspect.h"
#include "lib/crypt/x509.h"

#define TOKEN_FILE "wit.jwt"

struct volume {
        int dir; /* the generation */
        struct wall now;
        struct json *result;
        struct check *checks;
        struct cert_list roots;
        struct json *credentials; /* in result */
        struct json *status;      /* NULL: none that can be read */
};
/* A check by the name of a file's prefix ("internal.") and its own. */
void volume_add(struct volume *v, const char *prefix, const char *name, bool ok, const char *wanted, const char *got);
/* A step that must succeed: its fault, which is taken, becomes a failed check. */
bool volume_fits(struct volume *v, const char *prefix, const char *name, const char *wanted, struct fault *f);
struct fault *volume_read(struct volume *v, const char *prefix, const char *name, struct buf *out) MUST_USE;
/* status.json lists every credential; the one whose serial this is must be among them. */
void volume_compare_status(struct volume *v, const char *prefix, const char *name, const char *serial);

/* inspect_token.c: a Workload Identity Token and its key. */
void inspect_token(struct volume *v, const char *prefix);
