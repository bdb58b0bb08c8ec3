/* key_struct: what a key is made of, for the files that make one. Private to lib/crypt. */
#pragma once

#include <stdatomic.h>

#include "lib/crypt/key_use.h"
#include "lib/crypt/ossl.h"

#define RSA_BITS_MAX 4096
#define FIELD_MAX    48 /* bytes of a coordinate */

struct key {
        EVP_PKEY *pkey;
        enum key_kind kind;
        bool is_private;
        bool is_of_point;              /* the pkey is from key_use_public */
        atomic_bool is_lent;           /* somebody else may hold the pkey */
        _Atomic(struct key_use *) use; /* of the last time; NULL: none, or in use */
        size_t bits_at;                /* where subjectPublicKey's content starts in spki */
        size_t spki_len;
        uint8_t spki[SPKI_MAX];
};

/* Write the numbers as the SPKI of `k`. EC: big-endian, of the field's width, k->kind set. RSA: without leading zeros. */
void key_write_ec_spki(struct key *k, struct span x, struct span y);
struct fault *key_write_rsa_spki(struct key *k, struct span modulus) MUST_USE;
/* "KEY_KIND"; numbers without leading zeros. */
struct fault *key_check_rsa(struct span modulus, struct span exponent) MUST_USE;
/* The private number of an EC key, of the field's width; the caller wipes it. */
void key_private_number(const struct key *k, uint8_t *ret_number);
