#include "lib/base/secret.h"

#include <assert.h>
#include <stdatomic.h>
#include <sys/mman.h>

struct secret {
        uint8_t *bytes; /* pages of its own */
        size_t len;
        size_t map_len;
        pid_t owner; /* a forked child has this struct but not the pages */
};

static atomic_uint unlocked;

struct secret *secret_new(size_t len)
{
        assert(len > 0 && len <= SECRET_MAX);
        const size_t page = (size_t) sysconf(_SC_PAGESIZE);
        size_t map_len = (len + page - 1) / page * page;
        void *bytes = mmap(NULL, map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED)
                abort();

        bool guarded = mlock(bytes, map_len) == 0;
        guarded &= madvise(bytes, map_len, MADV_DONTDUMP) == 0;
        guarded &= madvise(bytes, map_len, MADV_DONTFORK) == 0;
        if (!guarded)
                atomic_fetch_add(&unlocked, 1);

        struct secret *s = NEW(struct secret);
        *s = (struct secret){bytes, len, map_len, getpid()};
        return s;
}

struct secret *secret_copy(struct span bytes)
{
        struct secret *s = secret_new(bytes.len);
        memcpy(s->bytes, bytes.data, bytes.len);
        return s;
}

struct span secret_span(const struct secret *s)
{
        return (struct span){s->bytes, s->len};
}

uint8_t *secret_bytes(struct secret *s)
{
        return s->bytes;
}

size_t secret_len(const struct secret *s)
{
        return s->len;
}

void secret_shrink(struct secret *s, size_t len)
{
        assert(len <= s->len);
        wipe(s->bytes + len, s->len - len);
        s->len = len;
}

bool secret_eq(const struct secret *a, struct span b)
{
        return span_eq_secret(secret_span(a), b);
}

unsigned secret_unlocked_count(void)
{
        return atomic_load(&unlocked);
}

void secret_free(struct secret *s)
{
        if (s == NULL)
                return;
        /* In a child there is nothing to wipe, and something else may live at that address by now. */
        if (s->owner == getpid()) {
                wipe(s->bytes, s->map_len);
                (void) munmap(s->bytes, s->map_len); /* fails only for ranges that are none */
        }
        free(s);
}

void wipe(void *bytes, size_t len)
{
        if (len > 0)
                explicit_bzero(bytes, len);
}
