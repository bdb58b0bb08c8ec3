/* Tokens: three parts in base64url, of which two are JSON. The signature isn't looked at. */
#include "cli/decode.h"

#include "lib/base/parse.h"

#define TOKEN_BYTES_MAX ((size_t) 1 << 20)

static struct fault *decode_part(struct span text, struct json **ret)
{
        AUTO(buf) struct buf bytes = BUF(TOKEN_BYTES_MAX);
        TRY(base64url_decode(text, &bytes));
        return json_parse(buf_span(&bytes), ret);
}

static struct span trim(struct span s)
{
        while (s.len > 0 && (s.data[s.len - 1] == '\n' || s.data[s.len - 1] == '\r' || s.data[s.len - 1] == ' '))
                s.len--;
        return s;
}

struct fault *decode_token(struct span bytes, struct json **ret)
{
        struct span text = trim(bytes);
        const uint8_t *first = text.len < 2 || text.data[0] != 'e' ? NULL : memchr(text.data, '.', text.len);
        const uint8_t *second =
                first == NULL ? NULL : memchr(first + 1, '.', text.len - (size_t) (first + 1 - text.data));
        if (second == NULL)
                return NULL;
        size_t header_len = (size_t) (first - text.data), claims_len = (size_t) (second - first - 1);
        AUTO(json) struct json *header = NULL;
        AUTO(json) struct json *claims = NULL;
        TRY(decode_part(span_slice(text, 0, header_len), &header));
        TRY(decode_part(span_slice(text, header_len + 1, claims_len), &claims));
        const char *type = member_text(header, "typ", "");
        *ret = decoded(json_get(claims, "eat_profile") != NULL ? "attestation result (EAR)"
                       : strcmp(type, "wit+jwt") == 0          ? "workload identity token"
                                                               : "token");
        json_set(*ret, "header", TAKE(header));
        json_set(*ret, "claims", TAKE(claims));
        return NULL;
}
