#include "lib/base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct block {
        struct block *next;
        size_t used, len;
        max_align_t bytes[];
};
struct arena {
        size_t block_len;
        struct block *blocks; /* newest first; only it has room */
};

struct arena *arena_new(size_t block_len)
{
        struct arena *a = NEW(struct arena);
        a->block_len = block_len;
        return a;
}

void *arena_zero(struct arena *a, size_t count, size_t size)
{
        assert(size > 0 && count <= SIZE_MAX / 2 / size);
        const size_t align = _Alignof(max_align_t);
        size_t len = (count * size + align - 1) / align * align;
        struct block *b = a->blocks;
        if (b == NULL || b->len - b->used < len) {
                size_t room = len > a->block_len ? len : a->block_len;
                b = alloc_zero(1, sizeof *b + room);
                b->len = room;
                b->next = a->blocks;
                a->blocks = b;
        }
        void *where = (uint8_t *) b->bytes + b->used;
        b->used += len;
        return where;
}

struct span arena_bytes(struct arena *a, struct span bytes)
{
        uint8_t *copy = arena_zero(a, bytes.len + 1, 1); /* with a NUL, so that text stays a C string */
        if (bytes.len > 0)
                memcpy(copy, bytes.data, bytes.len);
        return span_make(copy, bytes.len);
}

char *arena_string(struct arena *a, const char *text)
{
        size_t len = strlen(text);
        return memcpy(arena_zero(a, len + 1, 1), text, len);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
        va_list args, again;
        va_start(args, fmt);
        va_copy(again, args);
        int len = vsnprintf(NULL, 0, fmt, args);
        assert(len >= 0);
        char *text = arena_zero(a, (size_t) len + 1, 1);
        (void) vsnprintf(text, (size_t) len + 1, fmt, again); /* measured just above */
        va_end(again);
        va_end(args);
        return text;
}

void arena_free(struct arena *a)
{
        if (a == NULL)
                return;
        for (struct block *b = a->blocks; b != NULL;) {
                struct block *next = b->next;
                free(b);
                b = next;
        }
        free(a);
}
