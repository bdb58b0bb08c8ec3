#include "issuer/verifier/memo.h"

static void hold(struct memo_value *v)
{
        (void) __atomic_fetch_add(&v->holders, 1, __ATOMIC_RELAXED); /* whoever asks holds it already */
}

void memo_release(struct memo_value *v)
{
        if (v != NULL && __atomic_sub_fetch(&v->holders, 1, __ATOMIC_ACQ_REL) == 0)
                v->free(v);
}

void memo_key_add(struct hasher *h, struct span bytes)
{
        uint64_t len = bytes.len;
        hasher_add(h, SPAN_OF(len));
        hasher_add(h, bytes);
}

/* Digests are as good as random: any byte chooses the set. */
static struct memo_entry *set_of(struct memo *m, const uint8_t key[SHA256_LEN])
{
        _Static_assert(MEMO_SETS == 256, "one byte chooses");
        return m->entries[key[0]];
}

struct memo_value *memo_find(struct memo *m, const uint8_t key[SHA256_LEN])
{
        struct memo_entry *set = set_of(m, key);
        struct memo_value *found = NULL;

        (void) pthread_mutex_lock(&m->mu); /* fails only for a bad argument */
        for (size_t i = 0; i < MEMO_WAYS && found == NULL; i++) {
                if (set[i].value == NULL || memcmp(set[i].key, key, SHA256_LEN) != 0)
                        continue;
                found = set[i].value;
                set[i].used = ++m->ticks;
                hold(found);
        }
        (void) pthread_mutex_unlock(&m->mu);
        return found;
}

void memo_keep(struct memo *m, const uint8_t key[SHA256_LEN], struct memo_value *v)
{
        struct memo_entry *set = set_of(m, key), *place = set;
        struct memo_value *old;

        hold(v);
        (void) pthread_mutex_lock(&m->mu); /* fails only for a bad argument */
        for (size_t i = 0; i < MEMO_WAYS; i++) {
                if (set[i].value != NULL && memcmp(set[i].key, key, SHA256_LEN) == 0) {
                        place = &set[i]; /* two threads have proven the same */
                        break;
                }
                if (set[i].used < place->used)
                        place = &set[i]; /* a free one has never been used */
        }
        old = place->value;
        memcpy(place->key, key, SHA256_LEN);
        place->value = v;
        place->used = ++m->ticks;
        (void) pthread_mutex_unlock(&m->mu);
        memo_release(old);
}

void memo_clear(struct memo *m)
{
        for (size_t i = 0; i < MEMO_SETS; i++) {
                for (size_t j = 0; j < MEMO_WAYS; j++) {
                        (void) pthread_mutex_lock(&m->mu); /* fails only for a bad argument */
                        struct memo_value *v = m->entries[i][j].value;
                        m->entries[i][j] = (struct memo_entry){0};
                        (void) pthread_mutex_unlock(&m->mu);
                        memo_release(v);
                }
        }
}
