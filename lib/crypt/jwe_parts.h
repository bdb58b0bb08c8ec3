/* jwe_parts: what sealing and opening have in common. Private to lib/crypt. */
#pragma once

#include "lib/crypt/jwe.h"

#define JWE_ALG        "ECDH-ES+A256KW"
#define JWE_ENC        "A256GCM"
#define JWE_HEADER_MAX 2048

/* The key that wraps the content's key; one of the two is private. */
struct fault *jwe_agree(const struct key *own, const struct key *peer, const struct jwe_parties *parties,
                        struct secret **ret) MUST_USE;
