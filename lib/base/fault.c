#include "lib/base/fault.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/utf8.h"

#ifdef __clang_analyzer__ /* the functions themselves are defined here */
#undef fault
#undef fault_errno
#undef fault_from_peer
#undef fault_prefix
#undef fault_rename
#endif

#define PEER_TOKEN_MAX 64

struct fault {
        enum fault_code code;
        const char *token; /* a literal, or peer_token */
        char peer_token[PEER_TOKEN_MAX + 1];
        char *text;
        int64_t retry_after_ms;
};

/* Room for the text uncleaned. Cleaning never makes it shorter, so the last character to be kept is whole in here. */
#define RAW_LEN (FAULT_TEXT_MAX + 8)

static const char *const code_names[] = {
        [0] = "OK",
        [FAULT_CANCELLED] = "CANCELLED",
        [FAULT_UNKNOWN] = "UNKNOWN",
        [FAULT_INVALID] = "INVALID_ARGUMENT",
        [FAULT_DEADLINE] = "DEADLINE_EXCEEDED",
        [FAULT_NOT_FOUND] = "NOT_FOUND",
        [FAULT_EXISTS] = "ALREADY_EXISTS",
        [FAULT_DENIED] = "PERMISSION_DENIED",
        [FAULT_EXHAUSTED] = "RESOURCE_EXHAUSTED",
        [FAULT_PRECONDITION] = "FAILED_PRECONDITION",
        [FAULT_ABORTED] = "ABORTED",
        [FAULT_RANGE] = "OUT_OF_RANGE",
        [FAULT_UNIMPLEMENTED] = "UNIMPLEMENTED",
        [FAULT_INTERNAL] = "INTERNAL",
        [FAULT_UNAVAILABLE] = "UNAVAILABLE",
        [FAULT_DATA_LOSS] = "DATA_LOSS",
        [FAULT_UNAUTHENTICATED] = "UNAUTHENTICATED",
};
_Static_assert(COUNT_OF(code_names) == FAULT_UNAUTHENTICATED + 1, "a name for every code");

static bool code_is_known(int code)
{
        return code > 0 && code < (int) COUNT_OF(code_names);
}

/* Ends `text` of `len` bytes with "..." within `limit`, at the border of a character. */
static void cut(char *text, size_t len, size_t limit)
{
        static const char dots[] = "...";
        size_t keep = limit - (sizeof(dots) - 1);
        if (keep > len)
                keep = len;
        while (keep > 0 && keep < len && ((unsigned char) text[keep] & 0xc0) == 0x80)
                keep--;
        memcpy(text + keep, dots, sizeof(dots));
}

/* Copies `raw` to `ret_text` (limit + 1 bytes) with what is no text, or controls the terminal, replaced. */
static void clean(const char *raw, size_t limit, char *ret_text)
{
        size_t raw_len = strlen(raw);
        size_t len = 0;
        for (size_t at = 0; at < raw_len;) {
                uint32_t point = 0;
                size_t taken = utf8_decode(raw + at, raw_len - at, &point);
                bool good = taken > 0 && !utf8_is_control(point);
                const char *piece = good ? raw + at : UTF8_REPLACEMENT;
                size_t piece_len = good ? taken : sizeof(UTF8_REPLACEMENT) - 1;
                if (len + piece_len > limit) {
                        cut(ret_text, len, limit);
                        return;
                }
                memcpy(ret_text + len, piece, piece_len);
                len += piece_len;
                at += taken > 0 ? taken : 1;
        }
        ret_text[len] = '\0';
}

__attribute__((format(printf, 4, 0))) NEVER_NULL static struct fault *make(enum fault_code code, const char *token,
                                                                           const char *suffix, const char *fmt,
                                                                           va_list args)
{
        char raw[RAW_LEN] = "";
        char text[FAULT_TEXT_MAX + 1];
        (void) vsnprintf(raw, sizeof(raw), fmt, args); /* cut on purpose; a failure leaves an empty text */
        clean(raw, FAULT_TEXT_MAX - strlen(suffix), text);

        struct fault *f = NEW(struct fault);
        f->code = code_is_known((int) code) ? code : FAULT_UNKNOWN;
        f->token = token;
        f->text = alloc_printf("%s%s", text, suffix);
        return f;
}

struct fault *fault(enum fault_code code, const char *token, const char *fmt, ...)
{
        va_list args;
        va_start(args, fmt);
        struct fault *f = make(code, token, "", fmt, args);
        va_end(args);
        return f;
}

struct fault *fault_errno(enum fault_code code, const char *token, int err, const char *fmt, ...)
{
        char room[128];
        char suffix[sizeof(room) + 2];
        (void) snprintf(suffix, sizeof(suffix), ": %s", strerror_r(err, room, sizeof(room))); /* fits */

        va_list args;
        va_start(args, fmt);
        struct fault *f = make(code, token, suffix, fmt, args);
        va_end(args);
        return f;
}

static bool token_is_plain(const char *token)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./#:-";
        size_t len = token == NULL ? 0 : strnlen(token, PEER_TOKEN_MAX + 1);
        return len > 0 && len <= PEER_TOKEN_MAX && strspn(token, allowed) == len;
}

struct fault *fault_from_peer(enum fault_code code, const char *token, const char *fmt, ...)
{
        va_list args;
        va_start(args, fmt);
        struct fault *f = make(code, "PEER_TOKEN", "", fmt, args);
        va_end(args);

        if (token_is_plain(token)) {
                memcpy(f->peer_token, token, strlen(token) + 1);
                f->token = f->peer_token;
        }
        return f;
}

struct fault *fault_prefix(struct fault *f, const char *fmt, ...)
{
        if (f == NULL)
                return NULL;

        char raw[RAW_LEN] = "";
        va_list args;
        va_start(args, fmt);
        (void) vsnprintf(raw, sizeof(raw), fmt, args); /* as in make */
        va_end(args);

        AUTO_STRING char *whole = alloc_printf("%s: %s", raw, f->text);
        char text[FAULT_TEXT_MAX + 1];
        clean(whole, FAULT_TEXT_MAX, text);
        free(f->text);
        f->text = alloc_string(text);
        return f;
}

struct fault *fault_recode(struct fault *f, enum fault_code code)
{
        if (f != NULL)
                f->code = code_is_known((int) code) ? code : FAULT_UNKNOWN;
        return f;
}

struct fault *fault_rename(struct fault *f, enum fault_code code, const char *token)
{
        if (f != NULL)
                f->token = token;
        return fault_recode(f, code);
}

enum fault_code fault_code(const struct fault *f)
{
        return f == NULL ? (enum fault_code) 0 : f->code;
}

const char *fault_token(const struct fault *f)
{
        return f == NULL ? "OK" : f->token;
}

const char *fault_text(const struct fault *f)
{
        return f == NULL ? "" : f->text;
}

int64_t fault_retry_after_ms(const struct fault *f)
{
        return f == NULL ? 0 : f->retry_after_ms;
}

void fault_set_retry_after_ms(struct fault *f, int64_t ms)
{
        if (f != NULL)
                f->retry_after_ms = ms;
}

const char *fault_code_name(enum fault_code code)
{
        return code_is_known((int) code) ? code_names[code] : "UNKNOWN";
}

enum fault_code fault_code_by_name(const char *name)
{
        for (int code = 1; code_is_known(code); code++) {
                if (strcmp(code_names[code], name) == 0)
                        return (enum fault_code) code;
        }
        return (enum fault_code) 0;
}

void fault_free(struct fault *f)
{
        if (f == NULL)
                return;
        free(f->text);
        free(f);
}
