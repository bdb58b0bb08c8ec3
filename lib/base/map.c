/* Entries stand in an array in the order of insertion; a table of indices finds them by hash (linear probing). A removed
 * entry stays as a hole until a later put packs the array, so that map_next may go on after a removal. */
#include "lib/base/map.h"

#include <assert.h>
#include <pthread.h>

#include "lib/base/random.h"

#define SLOT_FREE     UINT32_MAX
#define ENTRIES_FIRST 8

struct entry {
        char *key; /* NULL: removed */
        void *value;
        uint64_t hash;
};

struct map {
        struct entry *entries;
        uint32_t used; /* entries and holes */
        uint32_t room;
        uint32_t *slots; /* 2 * room of them, a power of two; indices into entries or SLOT_FREE */
        size_t count;
        size_t max;
};

static uint64_t seed[2];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void seed_make(void)
{
        random_bytes(seed, sizeof(seed));
}

static uint64_t rotate(uint64_t v, unsigned by)
{
        return v << by | v >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
        v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
        v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static uint64_t load_le(const char *bytes, size_t len)
{
        uint64_t v = 0;
        for (size_t i = 0; i < len; i++)
                v |= (uint64_t) (uint8_t) bytes[i] << (8 * i);
        return v;
}

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"), enough for tables. */
static uint64_t hash_of(const char *key)
{
        size_t len = strlen(key);
        uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575, seed[1] ^ 0x646f72616e646f6d, seed[0] ^ 0x6c7967656e657261,
                         seed[1] ^ 0x7465646279746573};
        for (size_t at = 0; at <= len; at += 8) {
                bool last = len - at < 8;
                uint64_t word = last ? load_le(key + at, len - at) | (uint64_t) len << 56 : load_le(key + at, 8);
                v[3] ^= word;
                sip_round(v);
                v[0] ^= word;
        }
        v[2] ^= 0xff;
        for (int i = 0; i < 3; i++)
                sip_round(v);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(size_t max_entries)
{
        assert(max_entries < UINT32_MAX / 4);
        pthread_once(&seed_once, seed_make);
        struct map *m = NEW(struct map);
        m->max = max_entries;
        return m;
}

/* The slot that leads to `key`, or the free one where it would go. There is always a free one: at most half are used. */
static uint32_t *find_slot(const struct map *m, const char *key, uint64_t hash)
{
        uint32_t mask = 2 * m->room - 1;
        for (uint32_t at = (uint32_t) hash & mask;; at = (at + 1) & mask) {
                uint32_t index = m->slots[at];
                if (index == SLOT_FREE)
                        return &m->slots[at];
                const struct entry *e = &m->entries[index];
                if (e->key != NULL && e->hash == hash && strcmp(e->key, key) == 0)
                        return &m->slots[at];
        }
}

static struct entry *find(const struct map *m, const char *key)
{
        if (m->count == 0)
                return NULL;
        uint32_t index = *find_slot(m, key, hash_of(key));
        return index == SLOT_FREE ? NULL : &m->entries[index];
}

static void index_entry(struct map *m, uint32_t index)
{
        uint32_t mask = 2 * m->room - 1;
        uint32_t at = (uint32_t) m->entries[index].hash & mask;
        while (m->slots[at] != SLOT_FREE)
                at = (at + 1) & mask;
        m->slots[at] = index;
}

/* Closes the holes, grows when more than half is still in use, and builds the slots anew. */
static void pack(struct map *m)
{
        assert(m->entries != NULL || m->used == 0);
        uint32_t packed = 0;
        for (uint32_t i = 0; i < m->used; i++) {
                if (m->entries[i].key != NULL)
                        m->entries[packed++] = m->entries[i];
        }
        m->used = packed;
        if (m->room == 0 || packed > m->room / 2) {
                m->room = m->room == 0 ? ENTRIES_FIRST : m->room * 2;
                m->entries = alloc_resize(m->entries, m->room, sizeof(*m->entries));
                m->slots = alloc_resize(m->slots, (size_t) m->room * 2, sizeof(*m->slots));
        }
        memset(m->slots, 0xff, (size_t) m->room * 2 * sizeof(*m->slots)); /* SLOT_FREE */
        for (uint32_t i = 0; i < packed; i++)
                index_entry(m, i);
}

struct fault *map_put(struct map *m, const char *key, void *value, void **ret_old)
{
        struct entry *there = find(m, key);
        if (there == NULL && m->count >= m->max)
                return fault(FAULT_EXHAUSTED, "MAP_FULL", "no room for more than %zu entries", m->max);

        void *old = NULL;
        if (there != NULL) {
                old = there->value;
                there->value = value;
        } else {
                if (m->used == m->room)
                        pack(m);
                assert(m->entries != NULL);
                m->entries[m->used] = (struct entry){alloc_string(key), value, hash_of(key)};
                index_entry(m, m->used++);
                m->count++;
        }
        if (ret_old != NULL)
                *ret_old = old;
        return NULL;
}

void *map_get(const struct map *m, const char *key)
{
        const struct entry *e = find(m, key);
        return e == NULL ? NULL : e->value;
}

void *map_remove(struct map *m, const char *key)
{
        struct entry *e = find(m, key);
        if (e == NULL)
                return NULL;
        void *value = e->value;
        free(e->key);
        e->key = NULL; /* its slot stays and leads to a hole, so that probing goes on past it */
        m->count--;
        return value;
}

size_t map_count(const struct map *m)
{
        return m->count;
}

bool map_next(const struct map *m, size_t *at, const char **ret_key, void **ret_value)
{
        while (*at < m->used && m->entries[*at].key == NULL)
                ++*at;
        if (*at >= m->used)
                return false;
        *ret_key = m->entries[*at].key;
        *ret_value = m->entries[*at].value;
        ++*at;
        return true;
}

void map_free(struct map *m)
{
        if (m == NULL)
                return;
        for (uint32_t i = 0; i < m->used; i++)
                free(m->entries[i].key);
        free(m->entries);
        free(m->slots);
        free(m);
}
