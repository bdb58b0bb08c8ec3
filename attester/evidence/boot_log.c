#include "attester/evidence/boot_log.h"

#include "lib/base/file.h"
#include "lib/base/log.h"

#define AREA_MAX    ((size_t) 1024 * 1024) /* of memory that firmware set aside for a log */
#define FILLER_KEPT 4096                   /* an event that ends like filler keeps its end */

struct boot_log boot_log_new(const char *path, size_t max)
{
        return (struct boot_log){.path = alloc_string(path == NULL ? "" : path), .max = max == 0 ? BOOT_LOG_MAX : max};
}

/* Behind its last event a CCEL is all ones or all zeros, up to the end of its memory. */
static void drop_filler(struct buf *log)
{
        size_t len = log->len;
        while (len > 0 && (log->data[len - 1] == 0x00 || log->data[len - 1] == 0xff) &&
               log->data[len - 1] == log->data[log->len - 1])
                len--;
        if (log->len - len > FILLER_KEPT)
                buf_truncate(log, len + FILLER_KEPT);
}

static struct fault *read_log(const struct boot_log *l, struct buf *log)
{
        TRY(file_read(l->path, log));
        if (log->len == 0)
                return fault(FAULT_INVALID, "EMPTY_FILE", "%s is empty", l->path);
        if (log->len > l->max)
                drop_filler(log);
        return log->len <= l->max
                       ? NULL
                       : fault(FAULT_EXHAUSTED, "TOO_LARGE",
                               "%s: %zu bytes, beside this evidence there is room for %zu", l->path, log->len, l->max);
}

static void tell(struct boot_log *l, const struct fault *why)
{
        if (l->was_told)
                return;
        l->was_told = true;
        if (fault_code(why) == FAULT_NOT_FOUND)
                log_info("boot_log_left_out", KV("why", why));
        else
                log_warn("boot_log_left_out", KV("why", why));
}

struct buf boot_log_read(struct boot_log *l)
{
        struct buf log = BUF(AREA_MAX);
        if (l->path[0] == '\0')
                return log;
        AUTO(fault) struct fault *f = read_log(l, &log);
        if (f == NULL) {
                l->was_told = false;
                return log;
        }
        tell(l, f);
        buf_truncate(&log, 0);
        return log;
}

void boot_log_clear(struct boot_log *l)
{
        free(l->path);
        l->path = NULL;
}
