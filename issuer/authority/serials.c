#include "issuer/authority/serials.h"

#include <string.h>

#include "lib/base/auto.h"

#define NONE UINT32_MAX

struct serials {
        uint8_t ring[SERIALS_KEPT][16];
        uint32_t next[SERIALS_KEPT];  /* the following one of the same bucket */
        uint32_t heads[SERIALS_KEPT]; /* bucket to ring index */
        uint32_t at;                  /* where the next one goes */
        bool is_full;
};

static uint32_t bucket_of(const uint8_t serial[16])
{
        uint32_t v;
        memcpy(&v, serial + 12, sizeof(v));
        return v % SERIALS_KEPT;
}

struct serials *serials_new(void)
{
        struct serials *s = NEW(struct serials);
        memset(s->heads, 0xff, sizeof(s->heads)); /* NONE */
        return s;
}

bool serials_have(const struct serials *s, const uint8_t serial[16])
{
        for (uint32_t i = s->heads[bucket_of(serial)]; i != NONE; i = s->next[i])
                if (memcmp(s->ring[i], serial, 16) == 0)
                        return true;
        return false;
}

static void forget(struct serials *s, uint32_t index)
{
        uint32_t *link = &s->heads[bucket_of(s->ring[index])];
        while (*link != index)
                link = &s->next[*link];
        *link = s->next[index];
}

void serials_add(struct serials *s, const uint8_t serial[16])
{
        if (s->is_full)
                forget(s, s->at);
        memcpy(s->ring[s->at], serial, 16);
        uint32_t *head = &s->heads[bucket_of(serial)];
        s->next[s->at] = *head;
        *head = s->at;
        s->at = (s->at + 1) % SERIALS_KEPT;
        s->is_full |= s->at == 0;
}

void serials_free(struct serials *s)
{
        free(s);
}
