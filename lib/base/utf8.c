#include "lib/base/utf8.h"

/* What a first byte promises: its length, its own bits, and the smallest point that needs that length. */
struct lead {
        uint8_t mask, match, bits;
        size_t len;
        uint32_t least;
};
static const struct lead leads[] = {
        {0x80, 0x00, 0x7f, 1, 0x0},
        {0xe0, 0xc0, 0x1f, 2, 0x80},
        {0xf0, 0xe0, 0x0f, 3, 0x800},
        {0xf8, 0xf0, 0x07, 4, 0x10000},
};

size_t utf8_decode(const void *text, size_t len, uint32_t *ret_point)
{
        const uint8_t *byte = text;
        const struct lead *lead = NULL;
        for (size_t i = 0; len > 0 && i < sizeof(leads) / sizeof(leads[0]); i++) {
                if ((byte[0] & leads[i].mask) == leads[i].match)
                        lead = &leads[i];
        }
        if (lead == NULL || lead->len > len)
                return 0;

        uint32_t point = byte[0] & lead->bits;
        for (size_t i = 1; i < lead->len; i++) {
                if ((byte[i] & 0xc0) != 0x80)
                        return 0;
                point = point << 6 | (byte[i] & 0x3f);
        }
        if (point < lead->least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
                return 0;

        *ret_point = point;
        return lead->len;
}

bool utf8_is_control(uint32_t point)
{
        return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e || point == 0x200f ||
               (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}
