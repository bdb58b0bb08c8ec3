/* secret_room: the memory of secrets: locked, left out of core dumps, not inherited over fork, wiped when given back.
 *
 * Several secrets share a block of pages, since locking is by the page and costs system calls: a token of a kilobyte neither takes four
 * nor five calls of the kernel. A large one has a mapping of its own. Blocks go when nothing lies in them any more, but for a spare one.
 * A forked child has this list but not the pages: it takes new ones, and giving back what its parent took touches nothing.
 * Under AddressSanitizer what nobody has taken is poisoned. Private to secret. */
#pragma once

#include "lib/base/span.h"

struct secret_block;
struct secret_room {
        uint8_t *bytes; /* zeroed when taken */
        size_t len;
        struct secret_block *block;
};

struct secret_room secret_room_take(size_t len);
void secret_room_give(struct secret_room room);
/* Blocks that could not be locked, or kept out of dumps and children. */
unsigned secret_room_unlocked(void);
