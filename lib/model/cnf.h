/* cnf: which key a token is bound to (RFC 7800), in the one form that is written and taken here: {"jwk": a public key with its alg}. */
#pragma once

#include "lib/crypt/jwt.h"

struct json *cnf_of(const struct key *k);
/* The JWK of a token's claims; NULL when there is no `cnf`, or one with anything but a `jwk`. */
const struct json *cnf_jwk(const struct json *claims);
