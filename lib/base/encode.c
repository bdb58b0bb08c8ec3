/* Bytes to text and back: the second half of lib/base/parse.h. What failed to decode may be a key, so the faults name
 * a place and never show the input. */
#include "lib/base/parse.h"

#define NOT_A_DIGIT 0xff

static const char hex_digits[] = "0123456789abcdef";

void hex_string(struct span bytes, char *ret_text)
{
        for (size_t i = 0; i < bytes.len; i++) {
                ret_text[2 * i] = hex_digits[bytes.data[i] >> 4];
                ret_text[2 * i + 1] = hex_digits[bytes.data[i] & 15];
        }
        ret_text[2 * bytes.len] = '\0';
}

struct fault *hex_encode(struct span bytes, struct buf *out)
{
        if (bytes.len > SIZE_MAX / 2)
                return fault(FAULT_EXHAUSTED, "TOO_LARGE", "%zu bytes are too many for hex", bytes.len);
        uint8_t *where = NULL;
        TRY(buf_grow(out, 2 * bytes.len, &where));
        hex_string(bytes, (char *) where); /* its NUL falls where the buf keeps one */
        return NULL;
}

static uint8_t hex_value(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return (uint8_t) (c - '0');
        if (c >= 'a' && c <= 'f')
                return (uint8_t) (c - 'a' + 10);
        if (c >= 'A' && c <= 'F')
                return (uint8_t) (c - 'A' + 10);
        return NOT_A_DIGIT;
}

struct fault *hex_decode(struct span text, struct buf *out)
{
        if (text.len % 2 != 0)
                return fault(FAULT_INVALID, "BAD_HEX", "%zu hex digits, an even number is needed", text.len);
        size_t before = out->len;
        uint8_t *where = NULL;
        TRY(buf_grow(out, text.len / 2, &where));
        for (size_t i = 0; i < text.len; i++) {
                uint8_t v = hex_value(text.data[i]);
                if (v == NOT_A_DIGIT) {
                        buf_truncate(out, before);
                        return fault(FAULT_INVALID, "BAD_HEX", "no hex digit at offset %zu", i);
                }
                where[i / 2] = (uint8_t) (i % 2 == 0 ? v << 4 : where[i / 2] | v);
        }
        return NULL;
}

/* The two alphabets of RFC 4648 differ in their last two characters. */
struct alphabet {
        const char *chars;
        bool padded;
};
#define FIRST_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static const struct alphabet standard = {FIRST_CHARS "+/", true};
static const struct alphabet urlsafe = {FIRST_CHARS "-_", false};

static uint8_t char_of(const struct alphabet *a, uint32_t v)
{
        return (uint8_t) a->chars[v & 63];
}

/* From '+' to 'z', in either alphabet. */
#define N NOT_A_DIGIT
static const uint8_t values[] = {
        62, N,  62, N,  63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, N,  N,  N,  N,  N,  N,  N,  0,  1,  2,  3,  4,
        5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, N,  N,  N,  N,  63, N,
        26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
};
#undef N
_Static_assert(sizeof values == 'z' - '+' + 1, "a value for every character between");

static uint8_t value_of(const struct alphabet *a, uint8_t c)
{
        if (c < '+' || c > 'z')
                return NOT_A_DIGIT;
        uint8_t v = values[c - '+'];
        bool is_others = v >= 62 && v != NOT_A_DIGIT && c != (uint8_t) a->chars[v];
        return is_others ? NOT_A_DIGIT : v;
}

static struct fault *encode(const struct alphabet *a, struct span bytes, struct buf *out)
{
        if (bytes.len > SIZE_MAX / 2)
                return fault(FAULT_EXHAUSTED, "TOO_LARGE", "%zu bytes are too many for base64", bytes.len);
        static const size_t chars_of_tail[] = {0, 2, 3};
        size_t tail = bytes.len % 3;
        size_t padding = a->padded && tail > 0 ? 4 - chars_of_tail[tail] : 0;
        uint8_t *where = NULL;
        TRY(buf_grow(out, bytes.len / 3 * 4 + chars_of_tail[tail] + padding, &where));

        size_t i = 0;
        for (; bytes.len - i >= 3; i += 3) {
                uint32_t bits = (uint32_t) bytes.data[i] << 16 | (uint32_t) bytes.data[i + 1] << 8 | bytes.data[i + 2];
                for (int shift = 18; shift >= 0; shift -= 6)
                        *where++ = char_of(a, bits >> shift);
        }
        uint32_t rest = 0;
        for (size_t k = 0; k < tail; k++)
                rest |= (uint32_t) bytes.data[i + k] << (16 - 8 * k);
        for (size_t k = 0; k < chars_of_tail[tail]; k++)
                *where++ = char_of(a, rest >> (18 - 6 * k));
        for (size_t k = 0; k < padding; k++)
                *where++ = '=';
        return NULL;
}

/* Removes the padding of *text; false when there is not exactly as much as there must be. */
static bool strip_padding(struct span *text)
{
        if (text->len % 4 != 0)
                return false;
        for (int i = 0; i < 2 && text->len > 0 && text->data[text->len - 1] == '='; i++)
                text->len--;
        return true;
}

/* Four characters at a time, as far as they are all good; returns how many. */
static size_t decode_whole(const struct alphabet *a, struct span text, uint8_t **where)
{
        size_t at = 0;
        for (; text.len - at >= 4; at += 4) {
                const uint8_t v[] = {value_of(a, text.data[at]), value_of(a, text.data[at + 1]),
                                     value_of(a, text.data[at + 2]), value_of(a, text.data[at + 3])};
                if ((v[0] | v[1] | v[2] | v[3]) > 63)
                        break;
                uint8_t *out = *where;
                out[0] = (uint8_t) (v[0] << 2 | v[1] >> 4);
                out[1] = (uint8_t) (v[1] << 4 | v[2] >> 2);
                out[2] = (uint8_t) (v[2] << 6 | v[3]);
                *where += 3;
        }
        return at;
}

static struct fault *decode(const struct alphabet *a, struct span text, struct buf *out)
{
        if ((a->padded && !strip_padding(&text)) || text.len % 4 == 1)
                return fault(FAULT_INVALID, "BAD_BASE64", "base64 can't have this length");
        size_t before = out->len;
        uint8_t *where = NULL;
        TRY(buf_grow(out, text.len / 4 * 3 + (text.len % 4 == 0 ? 0 : text.len % 4 - 1), &where));

        uint32_t bits = 0;
        unsigned held = 0;
        size_t whole = decode_whole(a, text, &where);
        for (size_t i = whole; i < text.len; i++) {
                uint8_t v = value_of(a, text.data[i]);
                if (v == NOT_A_DIGIT) {
                        buf_truncate(out, before);
                        return fault(FAULT_INVALID, "BAD_BASE64", "no base64 character at offset %zu", i);
                }
                bits = bits << 6 | v;
                held += 6;
                if (held >= 8) {
                        held -= 8;
                        *where++ = (uint8_t) (bits >> held);
                }
        }
        if ((bits & ((1u << held) - 1)) != 0) {
                buf_truncate(out, before);
                return fault(FAULT_INVALID, "BAD_BASE64", "the unused bits of the last base64 character are not zero");
        }
        return NULL;
}

struct fault *base64url_encode(struct span bytes, struct buf *out)
{
        return encode(&urlsafe, bytes, out);
}

struct fault *base64url_decode(struct span text, struct buf *out)
{
        return decode(&urlsafe, text, out);
}

struct fault *base64_encode(struct span bytes, struct buf *out)
{
        return encode(&standard, bytes, out);
}

struct fault *base64_decode(struct span text, struct buf *out)
{
        return decode(&standard, text, out);
}
