/* queue: orders that wait, first acquisitions before renewals, each in the order of arrival. Not thread-safe: its owner guards it. */
#pragma once

#include "attester/order.h"
#include "lib/model/names.h"

struct order_queue {
        struct order *first[2], **last[2]; /* 0: first acquisitions, 1: renewals */
        size_t count;
};
/* Bytes of tokens that fit one request beside everything else (BODY_MAX, base64url): with what 64 pods say of themselves half of it at most,
 * the other half is evidence's (composite.c). */
#define BATCH_TOKEN_BYTES_MAX (BODY_MAX / 4)

void order_queue_init(struct order_queue *q);
void order_queue_put(struct order_queue *q, struct order *o);
/* Takes up to REQUEST_PODS_MAX orders that can ride together: no volume twice, bounded token bytes. At least one unless the queue is empty. */
size_t order_queue_take(struct order_queue *q, struct order *ret[REQUEST_PODS_MAX]);
