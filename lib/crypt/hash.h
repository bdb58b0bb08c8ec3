/* hash: digests and MACs, whole or in parts (OpenSSL EVP, fetched once). They can't fail on sane input; they abort when the library does. */
#pragma once

#include "lib/base/span.h"

enum hash_alg { HASH_SHA1, HASH_SHA256, HASH_SHA384, HASH_SHA512, HASH_ALG_COUNT };
#define HASH_MAX_LEN 64
#define SHA256_LEN   32
#define SHA384_LEN   48
#define SHA512_LEN   64

size_t hash_len(enum hash_alg alg);
const char *hash_name(enum hash_alg alg); /* "sha256" */
struct fault *hash_by_name(struct span name, enum hash_alg *ret) MUST_USE;

void hash(enum hash_alg alg, struct span bytes, uint8_t *ret_digest);
void sha256(struct span bytes, uint8_t ret_digest[SHA256_LEN]);
void hmac_sha256(struct span key, struct span bytes, uint8_t ret_mac[SHA256_LEN]);

struct hasher; /* for inputs in parts */
struct hasher *hasher_new(enum hash_alg alg);
void hasher_add(struct hasher *h, struct span bytes);
void hasher_end(struct hasher *h, uint8_t *ret_digest); /* the hasher starts anew */
void hasher_free(struct hasher *h);
DEFINE_AUTO(hasher)
