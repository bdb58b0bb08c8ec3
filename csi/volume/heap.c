#include "csi/volume/heap.h"

static void set(struct heap *h, size_t place, struct heap_item *item)
{
        h->items[place - 1] = item;
        item->place = place;
}

static int64_t at_of(const struct heap *h, size_t place)
{
        return h->items[place - 1]->at.ms;
}

static void rise(struct heap *h, size_t place)
{
        struct heap_item *item = h->items[place - 1];
        for (; place > 1 && at_of(h, place / 2) > item->at.ms; place /= 2)
                set(h, place, h->items[place / 2 - 1]);
        set(h, place, item);
}

static void sink(struct heap *h, size_t place)
{
        struct heap_item *item = h->items[place - 1];
        for (;;) {
                size_t child = 2 * place;
                if (child > h->count)
                        break;
                if (child < h->count && at_of(h, child + 1) < at_of(h, child))
                        child++;
                if (at_of(h, child) >= item->at.ms)
                        break;
                set(h, place, h->items[child - 1]);
                place = child;
        }
        set(h, place, item);
}

void heap_put(struct heap *h, struct heap_item *item, struct boot at)
{
        heap_remove(h, item);
        if (h->count == h->room) {
                h->room = h->room == 0 ? 64 : h->room * 2;
                h->items = alloc_resize(h->items, h->room, sizeof(struct heap_item *));
        }
        item->at = at;
        h->items[h->count++] = item;
        rise(h, h->count);
}

void heap_remove(struct heap *h, struct heap_item *item)
{
        size_t place = item->place;
        if (place == 0)
                return;
        struct heap_item *last = h->items[--h->count];
        item->place = 0;
        if (last == item)
                return;
        set(h, place, last);
        rise(h, place);
        sink(h, last->place);
}

struct heap_item *heap_first(const struct heap *h)
{
        return h->count == 0 ? NULL : h->items[0];
}

void heap_clear(struct heap *h)
{
        for (size_t i = 0; i < h->count; i++)
                h->items[i]->place = 0;
        free(h->items);
        *h = (struct heap){0};
}
