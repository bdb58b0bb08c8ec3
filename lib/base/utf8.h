/* utf8: one code point at a time, for the code that cleans text before a person sees it.
 *
 * Works on raw memory because fault and span stand on it. Strict: no surrogates, no overlong forms, nothing past
 * U+10FFFF (RFC 3629, section 3). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD, what stands for a byte that is no text */

/* Length (1 to 4) of the sequence at `text`, its code point in *ret_point; 0 when none starts there. */
size_t utf8_decode(const void *text, size_t len, uint32_t *ret_point);
/* Characters that move the cursor or turn the text's direction: C0, DEL, C1, line separators, bidi controls. */
bool utf8_is_control(uint32_t point);
