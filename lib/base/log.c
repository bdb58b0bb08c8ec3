#include "lib/base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/utf8.h"

/* A line is at most PIPE_BUF long, because only such a write(2) is never mixed with another one's bytes in a pipe. */
#define LINE_MAX_LEN PIPE_BUF
#define TEXT_MAX     1024
#define TAIL_LEN     40 /* kept free for ,"left_out":N}\n */

struct line {
        char bytes[LINE_MAX_LEN];
        size_t len;
        bool full; /* the last thing did not fit */
};

static _Atomic(const char *) program = "vouchsafe";
static atomic_int lowest_level = LOG_INFO;
static atomic_int output = STDERR_FILENO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};
_Static_assert(COUNT_OF(level_names) == LOG_ERROR + 1, "a name for every level");

static void put(struct line *l, const char *bytes, size_t len)
{
        if (l->full || len > sizeof(l->bytes) - TAIL_LEN - l->len) {
                l->full = true;
                return;
        }
        memcpy(l->bytes + l->len, bytes, len);
        l->len += len;
}

static void put_str(struct line *l, const char *text)
{
        put(l, text, strlen(text));
}

PRINTF_LIKE(2, 3) static void put_fmt(struct line *l, const char *fmt, ...)
{
        char piece[64]; /* for numbers and times only */
        va_list args;
        va_start(args, fmt);
        int len = vsnprintf(piece, sizeof(piece), fmt, args);
        va_end(args);
        put(l, piece, len < 0 ? 0 : (size_t) len < sizeof(piece) ? (size_t) len : sizeof(piece) - 1);
}

/* One character of a JSON string (RFC 8259, section 7). */
static void put_char(struct line *l, const char *at, size_t taken, uint32_t point)
{
        if (taken == 0)
                put_str(l, UTF8_REPLACEMENT);
        else if (point == '"' || point == '\\')
                put_fmt(l, "\\%c", (char) point);
        else if (utf8_is_control(point))
                put_fmt(l, "\\u%04x", (unsigned) point);
        else
                put(l, at, taken);
}

static void put_text(struct line *l, const char *text)
{
        if (text == NULL) {
                put_str(l, "null");
                return;
        }
        size_t len = strnlen(text, TEXT_MAX + 1);
        bool cut = len > TEXT_MAX;
        put_str(l, "\"");
        for (size_t at = 0; at < len;) {
                uint32_t point = 0;
                size_t taken = utf8_decode(text + at, strnlen(text + at, 4), &point);
                if (cut && at + (taken > 0 ? taken : 1) > TEXT_MAX)
                        break;
                put_char(l, text + at, taken, point);
                at += taken > 0 ? taken : 1;
        }
        put_str(l, cut ? "...\"" : "\"");
}

static void put_key(struct line *l, const char *key, const char *suffix)
{
        put_str(l, ",\"");
        put_str(l, key);
        put_str(l, suffix);
        put_str(l, "\":");
}

static void put_fault(struct line *l, const char *key, const struct fault *f)
{
        put_key(l, key, "");
        put_text(l, f == NULL ? NULL : fault_text(f));
        if (f == NULL)
                return;
        put_key(l, key, "_code");
        put_text(l, fault_code_name(fault_code(f)));
        put_key(l, key, "_token");
        put_text(l, fault_token(f));
}

static void put_field(struct line *l, const struct log_field *field)
{
        if (field->kind == LOG_FAULT) {
                put_fault(l, field->key, field->value.fault);
                return;
        }
        put_key(l, field->key, "");
        switch (field->kind) {
        case LOG_TEXT:
                put_text(l, field->value.text);
                break;
        case LOG_SIGNED:
                put_fmt(l, "%lld", (long long) field->value.number);
                break;
        case LOG_UNSIGNED:
                put_fmt(l, "%llu", (unsigned long long) field->value.count);
                break;
        case LOG_BOOL:
                put_str(l, field->value.flag ? "true" : "false");
                break;
        case LOG_FAULT:
                break;
        }
}

static void put_head(struct line *l, enum log_level level, const char *event)
{
        char time[WALL_TEXT_LEN + 1];
        struct wall now = clock_wall(&clock_system);
        wall_format(now, time);
        /* the seconds of wall_format end in a Z that moves behind the milliseconds */
        put_fmt(l, "{\"time\":\"%.*s.%03uZ\"", WALL_TEXT_LEN - 1, time, (unsigned) (now.unix_ms % 1000));
        put_key(l, "level", "");
        put_text(l, level_names[level]);
        put_key(l, "program", "");
        put_text(l, atomic_load(&program));
        put_key(l, "event", "");
        put_text(l, event);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
        if ((int) level < atomic_load(&lowest_level))
                return;
        int saved_errno = errno;

        struct line l;
        l.len = 0;
        l.full = false;
        put_head(&l, level, event);
        size_t left_out = 0;
        for (size_t i = 0; i < count; i++) {
                size_t before = l.len;
                put_field(&l, &fields[i]);
                if (!l.full)
                        continue;
                l.len = before; /* a whole field or none of it: the line stays JSON */
                l.full = false;
                left_out++;
        }
        char tail[TAIL_LEN] = "}\n";
        if (left_out > 0)
                (void) snprintf(tail, sizeof(tail), ",\"left_out\":%zu}\n", left_out); /* fits: 36 at most */
        memcpy(l.bytes + l.len, tail, strlen(tail));
        l.len += strlen(tail);

        /* A log that can't be written has nobody to be told to. */
        while (write(atomic_load(&output), l.bytes, l.len) < 0 && errno == EINTR)
                continue;
        errno = saved_errno;
}

void log_set_program(const char *name)
{
        atomic_store(&program, name);
}

void log_set_level(enum log_level level)
{
        atomic_store(&lowest_level, (int) level);
}

struct fault *log_level_parse(const char *name, enum log_level *ret)
{
        for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
                if (strcmp(name, level_names[level]) == 0) {
                        *ret = (enum log_level) level;
                        return NULL;
                }
        }
        return fault(FAULT_INVALID, "BAD_LEVEL", "\"%.40s\" is none of debug, info, warn, error", name);
}

void log_set_fd(int fd)
{
        atomic_store(&output, fd);
}
