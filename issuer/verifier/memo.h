/* memo: what was proven once about bytes that don't change, so that it isn't proven again with every request: a chain of certificates up
 * to a pinned root, parsed and its signatures verified.
 *
 * The key is a digest over everything that the proof depended on (bytes of the certificates, trusted roots), or over enough to find it by when
 * the value itself keeps those bytes and its owner compares them; so an entry is true for ever;
 * what depends on the time (dates, revocation) is the caller's to check at every use. The verdict must not depend on what a memo holds:
 * it only saves work. Bounded: a new entry pushes out the least recently used of its few neighbours. Any thread; one lock, never held
 * while something is proven. */
#pragma once

#include <pthread.h>

#include "lib/crypt/hash.h"

/* An immutable object, shared: begins with this. */
struct memo_value {
        void (*free)(struct memo_value *v); /* called once, when nobody holds it any more */
        unsigned holders;                   /* atomic */
};
/* A new object has one holder: who made it. */
#define MEMO_VALUE(free_it) ((struct memo_value){(free_it), 1})
void memo_release(struct memo_value *v); /* NULL is fine */

#define MEMO_SETS 256
#define MEMO_WAYS 4
struct memo_entry {
        uint8_t key[SHA256_LEN];
        struct memo_value *value; /* NULL: free */
        uint64_t used;
};
struct memo { /* static, all zero but the lock: MEMO_INIT */
        pthread_mutex_t mu;
        uint64_t ticks;                                  /* guarded by mu */
        struct memo_entry entries[MEMO_SETS][MEMO_WAYS]; /* guarded by mu */
};
#define MEMO_INIT                                                                                                      \
        {                                                                                                              \
                .mu = PTHREAD_MUTEX_INITIALIZER                                                                        \
        }

/* For a key that is a digest over several spans: length, then bytes. */
void memo_key_add(struct hasher *h, struct span bytes);
/* NULL: not there. The caller releases it. */
struct memo_value *memo_find(struct memo *m, const uint8_t key[SHA256_LEN]);
/* Keeps `v`, taking a hold of its own. */
void memo_keep(struct memo *m, const uint8_t key[SHA256_LEN], struct memo_value *v);
/* Forgets all: for tests and measurements of the cold path. */
void memo_clear(struct memo *m);
