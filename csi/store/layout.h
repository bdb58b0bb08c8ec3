/* layout: which files a volume has, and what is in them. The one table of it; pure.
 *
 * The first credential of a type has the plain names, later ones are prefixed by their slot ("internal.tls.crt"). Files hold
 * borrowed parts, written one after the other: no key is copied to be joined with its chain. */
#pragma once

#include "csi/volume/acquirer.h"
#include "lib/base/clock.h"

#define LAYOUT_NAME_MAX  112
#define LAYOUT_PARTS_MAX 3
#define LAYOUT_FILES_MAX (ACQUIRED_MAX * 3 + 3)
#define STATUS_FILE      "status.json"
#define LAYOUT_DATE_MAX  253402300799 /* 9999-12-31T23:59:59Z, the last that certificates can say (RFC 5280 §4.1.2.5) */

struct layout_file {
        char name[LAYOUT_NAME_MAX + 1];
        struct span parts[LAYOUT_PARTS_MAX]; /* borrowed */
        bool from_current;                   /* no parts: the file of this name in the current generation, as it is */
};
struct layout {
        size_t count;
        struct layout_file files[LAYOUT_FILES_MAX];
};

/* Is what the attester gave worth showing at `now`? FAULT_INTERNAL "NO_CREDENTIALS", "TOO_MANY_CREDENTIALS", "BAD_SLOT",
 * "UNKNOWN_CREDENTIAL_TYPE", "EMPTY_KEY", "EMPTY_CHAIN", "EMPTY_TOKEN", "EMPTY_JWK", "EMPTY_BUNDLE", "BAD_DATES"; FAULT_UNAVAILABLE
 * "EXPIRED_CREDENTIAL". */
struct fault *layout_check(const struct acquired *a, struct wall now) MUST_USE;
/* All files of a first or renewed generation. `bundle` may be newer than a->bundle. FAULT_INTERNAL "DUPLICATE_FILE". Asserts nothing
 * beyond layout_check. `ret` borrows from the arguments. */
struct fault *layout_of(const struct acquired *a, const struct trust_bundle *bundle, struct span status_json,
                        struct layout *ret) MUST_USE;
/* Of a new bundle: its files and status.json anew, every other name of `current` from the current generation. */
struct fault *layout_of_bundle(const struct layout *current, const struct trust_bundle *bundle, struct span status_json,
                               struct layout *ret) MUST_USE;
/* Adds an entry of that name; FAULT_INTERNAL "DUPLICATE_FILE", "BAD_FILE_NAME" or "TOO_MANY_FILES". */
struct fault *layout_add(struct layout *l, const char *name, struct layout_file **ret) MUST_USE;
const struct layout_file *layout_find(const struct layout *l, const char *name); /* NULL: none */
