/* pair: a key's file and its certificate's, made together: both or none, also when the one who makes them is killed in between.
 *
 * The key is written under its name with PAIR_STAGED behind it, then the certificate, then the key gets its name. A staged key without
 * a certificate was never anybody's and is replaced; one beside the certificate that is of it gets its name at the next look. */
#pragma once

#include "lib/crypt/key.h"

#define PAIR_STAGED ".new"

/* *ret: both are there. One without the other, where no interrupted making explains it, is FAULT_PRECONDITION `incomplete`. */
struct fault *pair_find(const char *certificate, const char *key, const char *incomplete, bool *ret) MUST_USE;
/* Of certificates in PEM, the key's own first. */
struct fault *pair_write(const char *certificate, const char *key_path, const struct key *key,
                         struct span certificates_pem) MUST_USE;
