/* inspect: what lies in a volume or file, without the private bytes of any key. Pure but for reading. */
#pragma once

#include "cli/command.h"
#include "lib/model/facts.h"

#define INSPECTED_MAX (4u << 20)

/* inspect_cert.c */
struct cert;
struct json *cert_to_json(const struct cert *c); /* subject, issuer, serial, identities, dates, key, ca */

/* inspect_pem.c: certificates and keys of a PEM text. A private key is compared with the first certificate. */
struct fault *inspect_pem(struct span text, struct wall now, struct json **ret) MUST_USE;
/* The private key of a PEM text with whatever else; NOT_FOUND "NO_KEY". */
struct key;
struct fault *pem_private_key(struct span text, struct key **ret) MUST_USE;

/* inspect_volume.c: a volume's folder. *ret_ok: everything in it fits together at `now`. */
struct fault *inspect_volume(const char *path, struct wall now, struct json **ret, bool *ret_ok) MUST_USE;

/* inspect_print.c */
struct fault *inspect_print(const struct json *result, struct buf *out) MUST_USE;
