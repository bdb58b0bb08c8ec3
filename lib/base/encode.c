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
        char c62, c63;
        bool padded;
};
static const struct alphabet standard = {'+', '/', true};
static const struct alphabet urlsafe = {'-', '_', false};

static uint8_t char_of(const struct alphabet *a, unsigned v)
{
        static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        return (uint8_t) (v < 62 ? first[v] : v == 62 ? a->c62 : a->c63);
}

static uint8_t value_of(const struct alphabet *a, uint8_t c)
{
        if (c >= 'A' && c <= 'Z')
                return (uint8_t) (c - 'A');
        if (c >= 'a' && c <= 'z')
                return (uint8_t) (c - 'a' + 26);
        if (c >= '0' && c <= '9')
                return (uint8_t) (c - '0' + 52);
        return c == (uint8_t) a->c62 ? 62 : c == (uint8_t) a->c63 ? 63 : NOT_A_DIGIT;
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

        uint32_t bits = 0;
        unsigned held = 0; /* how many of the low bits of `bits` are not written yet */
        for (size_t i = 0; i < bytes.len; i++) {
                bits = bits << 8 | bytes.data[i];
                for (held += 8; held >= 6; held -= 6)
                        *where++ = char_of(a, bits >> (held - 6) & 63);
        }
        if (held > 0)
                *where++ = char_of(a, bits << (6 - held) & 63);
        for (size_t i = 0; i < padding; i++)
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

static struct fault *decode(const struct alphabet *a, struct span text, struct buf *out)
{
        if ((a->padded && !strip_padding(&text)) || text.len % 4 == 1)
                return fault(FAULT_INVALID, "BAD_BASE64", "base64 can't have this length");
        size_t before = out->len;
        uint8_t *where = NULL;
        TRY(buf_grow(out, text.len / 4 * 3 + (text.len % 4 == 0 ? 0 : text.len % 4 - 1), &where));

        uint32_t bits = 0;
        unsigned held = 0;
        for (size_t i = 0; i < text.len; i++) {
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
