#include "lib/base/secret_room.h"

#include <assert.h>
#include <pthread.h>
#include <sanitizer/asan_interface.h> /* its macros do nothing without the sanitizer */
#include <stdatomic.h>
#include <sys/mman.h>

#include "lib/base/secret.h"

#define GRAIN     64                  /* secrets begin and end at multiples of it */
#define BLOCK_LEN ((size_t) 4 * 4096) /* what is larger than a quarter of it lies alone */
#define GRAINS    (BLOCK_LEN / GRAIN)

struct secret_block {
        struct secret_block *next; /* guarded by mu, as all below that changes */
        uint8_t *bytes;
        size_t len;
        pid_t owner;   /* whose pages these are */
        size_t grains; /* 0: it holds one large secret */
        size_t taken;  /* grains */
        bool used[GRAINS];
};

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static struct secret_block *blocks; /* guarded by mu */
static atomic_uint unlocked;

/* A child must not find the lock taken by a thread that it does not have. */
static void lock(void)
{
        pthread_mutex_lock(&mu);
}

static void unlock(void)
{
        pthread_mutex_unlock(&mu);
}

/* The parent's pages are not there in the child, and anything may be mapped where they were: it is not poisoned. */
static void unlock_in_child(void)
{
        for (const struct secret_block *b = blocks; b != NULL; b = b->next)
                ASAN_UNPOISON_MEMORY_REGION(b->bytes, b->len);
        unlock();
}

static void watch_forks(void)
{
        if (pthread_atfork(lock, unlock, unlock_in_child) != 0)
                abort();
}

static size_t grains_of(size_t len)
{
        return (len + GRAIN - 1) / GRAIN;
}

/* ---- blocks ---- */

static struct secret_block *block_new(size_t len, bool is_shared)
{
        void *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED)
                abort();

        bool guarded = mlock(bytes, len) == 0;
        guarded &= madvise(bytes, len, MADV_DONTDUMP) == 0;
        guarded &= madvise(bytes, len, MADV_DONTFORK) == 0;
        if (!guarded)
                atomic_fetch_add(&unlocked, 1);

        struct secret_block *b = NEW(struct secret_block);
        b->bytes = bytes;
        b->len = len;
        b->owner = getpid();
        b->grains = is_shared ? GRAINS : 0;
        if (is_shared)
                ASAN_POISON_MEMORY_REGION(bytes, len);
        return b;
}

/* Nothing lies in it any more. In a child something else may live at that address by now. */
static void block_free(struct secret_block *b)
{
        if (b->owner == getpid()) {
                ASAN_UNPOISON_MEMORY_REGION(b->bytes, b->len);
                (void) munmap(b->bytes, b->len); /* fails only for ranges that are none */
        }
        free(b);
}

/* The first run of `count` free grains; b->grains when there is none. */
static size_t run_find(const struct secret_block *b, size_t count)
{
        size_t run = 0;
        for (size_t i = 0; i < b->grains; i++) {
                run = b->used[i] ? 0 : run + 1;
                if (run == count)
                        return i + 1 - count;
        }
        return b->grains;
}

static void run_mark(struct secret_block *b, size_t first, size_t count, bool used)
{
        memset(b->used + first, used, count * sizeof(b->used[0]));
        b->taken = used ? b->taken + count : b->taken - count;
}

/* With mu held. */
static bool take_shared(size_t len, struct secret_room *ret)
{
        size_t count = grains_of(len);
        pid_t self = getpid();
        for (struct secret_block *b = blocks; b != NULL; b = b->next) {
                if (b->owner != self || b->grains - b->taken < count)
                        continue;
                size_t first = run_find(b, count);
                if (first == b->grains)
                        continue;
                run_mark(b, first, count, true);
                *ret = (struct secret_room){b->bytes + first * GRAIN, len, b};
                return true;
        }
        return false;
}

static struct secret_room take_alone(size_t len)
{
        const size_t page = (size_t) sysconf(_SC_PAGESIZE);
        struct secret_block *b = block_new((len + page - 1) / page * page, /* is_shared= */ false);
        return (struct secret_room){b->bytes, len, b};
}

/* ---- rooms ---- */

struct secret_room secret_room_take(size_t len)
{
        struct secret_room room;
        pthread_once(&fork_once, watch_forks);
        if (len > BLOCK_LEN / 4) {
                room = take_alone(len);
        } else {
                lock();
                while (!take_shared(len, &room)) {
                        unlock();
                        struct secret_block *fresh = block_new(BLOCK_LEN, /* is_shared= */ true);
                        lock();
                        fresh->next = blocks;
                        blocks = fresh;
                }
                unlock();
        }
        ASAN_UNPOISON_MEMORY_REGION(room.bytes, room.len);
        return room;
}

/* With mu held. Takes the block out of the list when nothing lies in it and another one is empty as well, or it is the parent's. */
static bool unlist_empty(struct secret_block *b)
{
        struct secret_block **at = &blocks, **here = NULL;
        bool other_spare = b->owner != getpid();
        if (b->taken > 0)
                return false;
        for (; *at != NULL; at = &(*at)->next) {
                if (*at == b)
                        here = at;
                else
                        other_spare = other_spare || ((*at)->taken == 0 && (*at)->owner == b->owner);
        }
        assert(here != NULL);
        if (other_spare)
                *here = b->next;
        return other_spare;
}

void secret_room_give(struct secret_room room)
{
        struct secret_block *b = room.block;
        bool is_empty = b->grains == 0;
        if (b->owner == getpid()) {
                wipe(room.bytes, room.len);
                ASAN_POISON_MEMORY_REGION(room.bytes, room.len);
        }
        if (b->grains > 0) {
                lock();
                run_mark(b, (size_t) (room.bytes - b->bytes) / GRAIN, grains_of(room.len), false);
                is_empty = unlist_empty(b);
                unlock();
        }
        if (is_empty)
                block_free(b);
}

unsigned secret_room_unlocked(void)
{
        return atomic_load(&unlocked);
}
