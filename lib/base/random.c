#include "lib/base/random.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *ret_bytes, size_t len)
{
        uint8_t *where = ret_bytes;
        while (len > 0) {
                ssize_t got = getrandom(where, len, 0);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        abort(); /* going on with predictable bytes would be worse than any outage */
                where += got;
                len -= (size_t) got;
        }
}
