/* spiffe_id: SPIFFE identifiers, strictly (SPIFFE-ID §2): `spiffe://<trust domain>/<path>`, trust domain of [a-z0-9._-]
 * up to 255 bytes and not of dots only, path segments of [A-Za-z0-9._-], none empty or made of dots only, no trailing
 * slash, no percent, query, fragment, port or user, at most 2048 bytes. */
#pragma once

#include "lib/base/span.h"

#define SPIFFE_ID_MAX    2048
#define TRUST_DOMAIN_MAX 255

/* FAULT_INVALID "SPIFFE_ID", naming the rule. */
struct fault *spiffe_id_check(struct span id) MUST_USE;
struct fault *trust_domain_check(struct span name) MUST_USE;
bool spiffe_id_is_in(struct span id, struct span trust_domain); /* of a checked id */
struct span spiffe_id_path(struct span id);                     /* "/ns/…" of a checked id */
