/* heap: which of many timers is due first. Items live in their owners; each knows its place, so that it can be moved. */
#pragma once

#include "lib/base/clock.h"

struct heap_item {
        struct boot at;
        size_t place; /* 1 and up; 0: not in the heap */
};
struct heap {
        struct heap_item **items;
        size_t count, room;
};

void heap_put(struct heap *h, struct heap_item *item, struct boot at); /* also moves one that is there */
void heap_remove(struct heap *h, struct heap_item *item);              /* one that is not there is fine */
struct heap_item *heap_first(const struct heap *h);                    /* NULL: empty */
void heap_clear(struct heap *h);                                       /* the items stay their owners' */
DEFINE_AUTO_VALUE(heap)
