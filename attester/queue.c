#include "attester/queue.h"

void order_queue_init(struct order_queue *q)
{
        *q = (struct order_queue){0};
        q->last[0] = &q->first[0];
        q->last[1] = &q->first[1];
}

void order_queue_put(struct order_queue *q, struct order *o)
{
        size_t lane = o->renewal ? 1 : 0;
        o->next = NULL;
        *q->last[lane] = o;
        q->last[lane] = &o->next;
        q->count++;
}

static bool fits(struct order *const *taken, size_t count, const struct order *o, size_t token_bytes)
{
        for (size_t i = 0; i < count; i++) {
                if (strcmp(taken[i]->volume, o->volume) == 0)
                        return false;
        }
        size_t own = o->token != NULL ? secret_len(o->token) : 0;
        return count == 0 || token_bytes + own <= BATCH_TOKEN_BYTES_MAX;
}

size_t order_queue_take(struct order_queue *q, struct order *ret[REQUEST_PODS_MAX])
{
        size_t count = 0, token_bytes = 0;
        for (size_t lane = 0; lane < 2; lane++) {
                for (struct order **at = &q->first[lane]; *at != NULL && count < REQUEST_PODS_MAX;) {
                        struct order *o = *at;
                        if (!fits(ret, count, o, token_bytes)) {
                                at = &o->next;
                                continue;
                        }
                        *at = o->next;
                        if (q->last[lane] == &o->next)
                                q->last[lane] = at;
                        o->next = NULL;
                        token_bytes += o->token != NULL ? secret_len(o->token) : 0;
                        ret[count++] = o;
                        q->count--;
                }
        }
        return count;
}
