/* log: one JSON object per line on stderr.
 *
 *     log_info("credential_renewed", KV("volume", id), KV("ttl_s", ttl));
 *     {"time":"2026-11-23T18:00:00.123Z","level":"info","program":"vouchsafe-csi","event":"credential_renewed",...}
 *
 * The event name is a constant; text values are escaped and cut at 1 KiB. KV takes strings, integers, booleans and
 * `struct fault *` (gives "<key>", "<key>_code" and "<key>_token"); a `struct secret *` does not compile.
 * error: an operator must act. warn: we went on without something. info: a life event of a volume or credential.
 * debug: everything else. lib/ never logs above debug. Thread-safe; one write(2) per line of at most 4 KiB, so that
 * lines never mix in a pipe; fields that do not fit are left out whole and counted in "left_out". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/fault.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_kind { LOG_TEXT, LOG_SIGNED, LOG_UNSIGNED, LOG_BOOL, LOG_FAULT };
struct log_field {
        const char *key;
        enum log_kind kind;
        union {
                const char *text;
                int64_t number;
                uint64_t count;
                bool flag;
                const struct fault *fault;
        } value;
};

static inline struct log_field log_field_text(const char *key, const char *v)
{
        return (struct log_field){.key = key, .kind = LOG_TEXT, .value.text = v};
}
static inline struct log_field log_field_signed(const char *key, int64_t v)
{
        return (struct log_field){.key = key, .kind = LOG_SIGNED, .value.number = v};
}
static inline struct log_field log_field_unsigned(const char *key, uint64_t v)
{
        return (struct log_field){.key = key, .kind = LOG_UNSIGNED, .value.count = v};
}
static inline struct log_field log_field_bool(const char *key, bool v)
{
        return (struct log_field){.key = key, .kind = LOG_BOOL, .value.flag = v};
}
static inline struct log_field log_field_fault(const char *key, const struct fault *v)
{
        return (struct log_field){.key = key, .kind = LOG_FAULT, .value.fault = v};
}

#define KV(key, v)                                                                                                     \
        (_Generic((v),                                                                                                 \
                char *: log_field_text,                                                                                \
                const char *: log_field_text,                                                                          \
                bool: log_field_bool,                                                                                  \
                int: log_field_signed,                                                                                 \
                long: log_field_signed,                                                                                \
                long long: log_field_signed,                                                                           \
                unsigned: log_field_unsigned,                                                                          \
                unsigned long: log_field_unsigned,                                                                     \
                unsigned long long: log_field_unsigned,                                                                \
                struct fault *: log_field_fault,                                                                       \
                const struct fault *: log_field_fault)((key), (v)))

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);
#define LOG_AT(level, event, ...)                                                                                      \
        do {                                                                                                           \
                const struct log_field log_fields_[] = {{0}, ##__VA_ARGS__};                                           \
                log_write((level), (event), log_fields_ + 1, sizeof(log_fields_) / sizeof(log_fields_[0]) - 1);        \
        } while (0)
#define log_debug(event, ...) LOG_AT(LOG_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...)  LOG_AT(LOG_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...)  LOG_AT(LOG_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) LOG_AT(LOG_ERROR, event, ##__VA_ARGS__)

void log_set_program(const char *name); /* a literal */
void log_set_level(enum log_level level);
/* "debug", "info", "warn", "error"; FAULT_INVALID otherwise. */
struct fault *log_level_parse(const char *name, enum log_level *ret) MUST_USE;
/* Where lines go, stderr (2) unless told; tests give a pipe. */
void log_set_fd(int fd);
