/* serials: the last SERIALS_KEPT serials that were signed, so that one is never signed twice in that window. (Uniqueness for ever is the ledger's
 * unique row; this is the signer's own check on whoever sends orders.) A ring and a hash table over it. Keyed by the serials themselves: they
 * must be random, and a caller that chooses them only slows its own look-ups. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SERIALS_KEPT 65536

struct serials;
struct serials *serials_new(void);
bool serials_have(const struct serials *s, const uint8_t serial[16]);
void serials_add(struct serials *s, const uint8_t serial[16]); /* forgets the oldest when full */
void serials_free(struct serials *s);
