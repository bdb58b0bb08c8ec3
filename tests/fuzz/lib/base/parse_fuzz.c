/* Hex, base64 and times beside OpenSSL and the C library. Theirs are laxer, in ways that are told exactly: what we take they take with
 * equal bytes, and what they take we take when writing it again gives the same text. */
#include "lib/base/parse.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <time.h>

#include "lib/base/clock.h"
#include "tests/fakes/fuzz.h"

#define INPUT_MAX 8192

/* What EVP_DecodeBlock says: padding becomes zero bytes, which are cut off again here. False: not base64 to it. */
static bool evp_decode(struct span text, uint8_t bytes[INPUT_MAX], size_t *ret_len)
{
        int len = EVP_DecodeBlock(bytes, text.data, (int) text.len);
        size_t padding = 0;
        while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
                padding++;
        if (len < 0 || (size_t) len < padding)
                return false;
        *ret_len = (size_t) len - padding;
        return true;
}

static void base64(struct span text)
{
        uint8_t theirs[INPUT_MAX], again[2 * INPUT_MAX];
        size_t len = 0;
        AUTO(buf) struct buf ours = BUF(INPUT_MAX);
        AUTO(fault) struct fault *refused = base64_decode(text, &ours);
        bool is_theirs = evp_decode(text, theirs, &len);
        int written = is_theirs ? EVP_EncodeBlock(again, theirs, (int) len) : 0;
        bool is_canonical = is_theirs && span_eq(span_make(again, (size_t) written), text);
        must((refused == NULL) == is_canonical);
        must(refused != NULL || span_eq(buf_span(&ours), span_make(theirs, len)));
}

/* base64url is base64 with two other letters and without padding. */
static void base64url(struct span text)
{
        char plain[INPUT_MAX + 4];
        for (size_t i = 0; i < text.len; i++) {
                char c = (char) text.data[i];
                plain[i] = c == '-' ? '+' : c == '_' ? '/' : c == '+' || c == '/' || c == '=' ? '!' : c;
        }
        size_t len = text.len;
        while (len % 4 != 0)
                plain[len++] = '=';
        AUTO(buf) struct buf ours = BUF(INPUT_MAX), as_base64 = BUF(INPUT_MAX);
        AUTO(fault) struct fault *refused = base64url_decode(text, &ours);
        AUTO(fault) struct fault *plain_refused = base64_decode(span_make(plain, len), &as_base64);
        must((refused == NULL) == (plain_refused == NULL) && span_eq(buf_span(&ours), buf_span(&as_base64)));
}

static void encoding(struct span bytes)
{
        uint8_t theirs[2 * INPUT_MAX];
        char hex[2 * INPUT_MAX + 1];
        size_t hex_len = 0;
        AUTO(buf) struct buf text = BUF(2 * INPUT_MAX), digits = BUF(2 * INPUT_MAX);
        AUTO(fault) struct fault *failed = base64_encode(bytes, &text);
        int len = EVP_EncodeBlock(theirs, bytes.data, (int) bytes.len);
        must(failed == NULL && span_eq(buf_span(&text), span_make(theirs, (size_t) len)));

        AUTO(fault) struct fault *hex_failed = hex_encode(bytes, &digits);
        must(hex_failed == NULL && digits.len == 2 * bytes.len);
        must(OPENSSL_buf2hexstr_ex(hex, sizeof hex, &hex_len, bytes.data, bytes.len, '\0') == 1 || bytes.len == 0);
        for (size_t i = 0; i < digits.len; i++)
                must((digits.data[i] >= 'a' ? digits.data[i] - 'a' + 'A' : digits.data[i]) == (uint8_t) hex[i]);
}

/* OpenSSL skips colons, and reads up to a NUL. */
static void hex(struct span text)
{
        uint8_t theirs[INPUT_MAX];
        size_t len = 0;
        bool is_plain =
                text.len == 0 || (memchr(text.data, ':', text.len) == NULL && memchr(text.data, 0, text.len) == NULL);
        AUTO(buf) struct buf ours = BUF(INPUT_MAX);
        AUTO(fault) struct fault *refused = hex_decode(text, &ours);
        AUTO_STRING char *string = is_plain ? span_to_string(text) : NULL;
        bool is_theirs =
                text.len == 0 || (is_plain && OPENSSL_hexstr2buf_ex(theirs, sizeof theirs, &len, string, '\0') == 1);
        must((refused == NULL) == is_theirs);
        must(refused != NULL || span_eq(buf_span(&ours), span_make(theirs, len)));
}

/* The C library reads the whole second; year, fraction and offset it knows otherwise, so only "…Z" without a fraction is compared. */
static void times(struct span text)
{
        struct wall w;
        struct tm tm = {0};
        char back[WALL_TEXT_LEN + 1];
        if (text.len != WALL_TEXT_LEN || memchr(text.data, 0, text.len) != NULL)
                return;
        AUTO_STRING char *string = span_to_string(text);
        AUTO(fault) struct fault *refused = wall_parse(text, &w);
        const char *end = strptime(string, "%Y-%m-%dT%H:%M:%SZ", &tm);
        char again[64];
        time_t s = timegm(&tm);
        bool is_theirs =
                end != NULL && *end == '\0' &&
                strftime(again, sizeof again, "%04Y-%m-%dT%H:%M:%SZ", &tm) == WALL_TEXT_LEN &&
                span_eq_str(text,
                            again); /* timegm has turned February 30 into March, and a second 60 into the next minute */
        if (refused == NULL) {
                must(is_theirs && wall_unix_s(w) == s);
                wall_format(w, back);
                must(span_eq_str(text, back));
        }
        must(refused != NULL || is_theirs);
        must(!is_theirs || refused == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t nothing;
        struct span input = span_make(size > 0 ? data : &nothing, size);
        if (size > INPUT_MAX / 2)
                return 0;
        base64(input);
        base64url(input);
        encoding(input);
        hex(input);
        times(input);
        return 0;
}
