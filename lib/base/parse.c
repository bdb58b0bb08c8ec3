#include "lib/base/parse.h"

/* How much of a bad input is shown back. */
#define SHOWN_MAX   40
#define SHOWN(text) (int) ((text).len < SHOWN_MAX ? (text).len : SHOWN_MAX), shown(text)

static const char *shown(struct span text)
{
        return text.data == NULL ? "" : (const char *) text.data;
}

/* Digits without a leading zero, up to UINT64_MAX. */
static bool whole_number(struct span text, uint64_t *ret)
{
        if (text.len == 0 || (text.len > 1 && text.data[0] == '0'))
                return false;
        uint64_t v = 0;
        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return false;
                if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, text.data[i] - (unsigned) '0', &v))
                        return false;
        }
        *ret = v;
        return true;
}

struct fault *parse_u64(struct span text, uint64_t min, uint64_t max, uint64_t *ret)
{
        uint64_t v = 0;
        if (!whole_number(text, &v) || v < min || v > max)
                return fault(FAULT_INVALID, "BAD_NUMBER", "\"%.*s\" is not a whole number from %llu to %llu",
                             SHOWN(text), (unsigned long long) min, (unsigned long long) max);
        *ret = v;
        return NULL;
}

struct fault *parse_i64(struct span text, int64_t min, int64_t max, int64_t *ret)
{
        bool negative = text.len > 0 && text.data[0] == '-';
        struct span digits = negative ? span_slice(text, 1, text.len - 1) : text;
        uint64_t size = 0;
        uint64_t most = negative ? (uint64_t) INT64_MAX + 1 : (uint64_t) INT64_MAX;
        bool good = whole_number(digits, &size) && size <= most && !(negative && size == 0);
        int64_t v = !negative ? (int64_t) size : size > INT64_MAX ? INT64_MIN : -(int64_t) size;
        if (!good || v < min || v > max)
                return fault(FAULT_INVALID, "BAD_NUMBER", "\"%.*s\" is not a whole number from %lld to %lld",
                             SHOWN(text), (long long) min, (long long) max);
        *ret = v;
        return NULL;
}

struct fault *parse_bool(struct span text, bool *ret)
{
        bool is_true = span_eq(text, SPAN("true"));
        if (!is_true && !span_eq(text, SPAN("false")))
                return fault(FAULT_INVALID, "BAD_BOOL", "\"%.*s\" is neither true nor false", SHOWN(text));
        *ret = is_true;
        return NULL;
}

struct unit {
        const char *name;
        uint64_t factor;
};
static const struct unit time_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
static const struct unit size_units[] = {{"B", 1}, {"KiB", 1u << 10}, {"MiB", 1u << 20}, {"GiB", 1u << 30}};

/* A number and one unit out of the table, multiplied. */
static bool number_with_unit(struct span text, const struct unit *units, size_t count, uint64_t *ret)
{
        size_t digits = 0;
        while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
                digits++;
        uint64_t v = 0;
        if (!whole_number(span_slice(text, 0, digits), &v))
                return false;
        struct span name = span_slice(text, digits, text.len - digits);
        for (size_t i = 0; i < count; i++) {
                if (span_eq_str(name, units[i].name))
                        return !__builtin_mul_overflow(v, units[i].factor, ret);
        }
        return false;
}

struct fault *parse_duration_ms(struct span text, int64_t min_ms, int64_t max_ms, int64_t *ret_ms)
{
        uint64_t v = 0;
        if (!number_with_unit(text, time_units, COUNT_OF(time_units), &v) || v > INT64_MAX || (int64_t) v < min_ms ||
            (int64_t) v > max_ms)
                return fault(FAULT_INVALID, "BAD_DURATION",
                             "\"%.*s\" is not a duration from %lldms to %lldms (units: ms, s, m, h, d)", SHOWN(text),
                             (long long) min_ms, (long long) max_ms);
        *ret_ms = (int64_t) v;
        return NULL;
}

struct fault *parse_size(struct span text, uint64_t min, uint64_t max, uint64_t *ret)
{
        uint64_t v = 0;
        if (!number_with_unit(text, size_units, COUNT_OF(size_units), &v) || v < min || v > max)
                return fault(FAULT_INVALID, "BAD_SIZE",
                             "\"%.*s\" is not a size from %lluB to %lluB (units: B, KiB, MiB, GiB)", SHOWN(text),
                             (unsigned long long) min, (unsigned long long) max);
        *ret = v;
        return NULL;
}

struct fault *parse_mode(struct span text, uint32_t *ret)
{
        bool good = (text.len == 4 || text.len == 5) && text.data[0] == '0';
        uint32_t mode = 0;
        for (size_t i = 0; good && i < text.len; i++) {
                good = text.data[i] >= '0' && text.data[i] <= '7';
                mode = mode << 3 | (text.data[i] & 7u);
        }
        if (!good)
                return fault(FAULT_INVALID, "BAD_MODE", "\"%.*s\" is not a mode like 0440", SHOWN(text));
        *ret = mode;
        return NULL;
}
