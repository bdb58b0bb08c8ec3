/* jwk: a key of a JWK set as jwt.c sees it, and the algorithms that we take. Private to lib/crypt. */
#pragma once

#include "lib/crypt/jwt.h"

#define JWK_SET_MAX 64
#define JWK_KID_MAX 256

struct jws_alg {
        const char *name; /* RFC 7518 §3.1 */
        enum key_kind kind;
        enum hash_alg hash;
        enum signature_form form;
};
const struct jws_alg *jws_alg_find(struct span name);  /* NULL: not one of ours */
const struct jws_alg *jws_alg_of(const struct key *k); /* what we sign with */

struct jwk {
        struct key *key;
        char *kid;                 /* NULL: has none */
        const struct jws_alg *alg; /* NULL: the set doesn't say */
};
struct jwk_set {
        size_t count;
        struct jwk keys[JWK_SET_MAX];
};
/* By key id; SPAN_NONE data (no kid in the token) finds the only key of a set of one. */
const struct jwk *jwk_set_choose(const struct jwk_set *s, struct span kid);
