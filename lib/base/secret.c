#include "lib/base/secret.h"

#include <assert.h>

#include "lib/base/secret_room.h"

struct secret {
        struct secret_room room;
        size_t len; /* of it in use */
};

struct secret *secret_new(size_t len)
{
        assert(len > 0 && len <= SECRET_MAX);
        struct secret *s = NEW(struct secret);
        *s = (struct secret){secret_room_take(len), len};
        return s;
}

struct secret *secret_copy(struct span bytes)
{
        struct secret *s = secret_new(bytes.len);
        memcpy(s->room.bytes, bytes.data, bytes.len);
        return s;
}

struct span secret_span(const struct secret *s)
{
        return (struct span){s->room.bytes, s->len};
}

uint8_t *secret_bytes(struct secret *s)
{
        return s->room.bytes;
}

size_t secret_len(const struct secret *s)
{
        return s->len;
}

void secret_shrink(struct secret *s, size_t len)
{
        assert(len <= s->len);
        wipe(s->room.bytes + len, s->len - len);
        s->len = len;
}

bool secret_eq(const struct secret *a, struct span b)
{
        return span_eq_secret(secret_span(a), b);
}

unsigned secret_unlocked_count(void)
{
        return secret_room_unlocked();
}

void secret_free(struct secret *s)
{
        if (s == NULL)
                return;
        secret_room_give(s->room);
        free(s);
}

void wipe(void *bytes, size_t len)
{
        if (len > 0)
                explicit_bzero(bytes, len);
}
