#include "attester/cert_cache.h"

struct cert_cache {
        size_t count;
        struct cert *certs[CERT_CACHE_MAX]; /* the one used last comes first */
};

struct cert_cache *cert_cache_new(void)
{
        return NEW(struct cert_cache);
}

/* Puts `cert` first; what stood before `at` moves back by one. */
static void put_first(struct cert_cache *c, struct cert *cert, size_t at)
{
        memmove(c->certs + 1, c->certs, at * sizeof(struct cert *));
        c->certs[0] = cert;
}

struct fault *cert_cache_get(struct cert_cache *c, struct span der, struct cert **ret)
{
        for (size_t i = 0; i < c->count; i++) {
                if (!span_eq(cert_der(c->certs[i]), der))
                        continue;
                put_first(c, c->certs[i], i);
                *ret = c->certs[0];
                return NULL;
        }
        struct cert *fresh = NULL;
        TRY(cert_from_der(der, &fresh));
        if (c->count == CERT_CACHE_MAX)
                cert_free(c->certs[--c->count]);
        put_first(c, fresh, c->count++);
        *ret = fresh;
        return NULL;
}

void cert_cache_free(struct cert_cache *c)
{
        if (c == NULL)
                return;
        for (size_t i = 0; i < c->count; i++)
                cert_free(c->certs[i]);
        free(c);
}
