#include "csi/volume/token.h"

#include "lib/base/parse.h"
#include "lib/model/names.h"
#include "lib/wire/json.h"

/* What stands between the two dots. */
static bool find_claims(struct span token, struct span *ret)
{
        const uint8_t *first = memchr(token.data, '.', token.len);
        if (first == NULL)
                return false;
        size_t start = (size_t) (first - token.data) + 1;
        const uint8_t *second = memchr(token.data + start, '.', token.len - start);
        if (second == NULL)
                return false;
        *ret = span_slice(token, start, (size_t) (second - token.data) - start);
        return true;
}

static struct fault *read_expiry(struct span claims, int64_t *ret)
{
        AUTO(json) struct json *parsed = NULL;
        struct buf text = BUF(TOKEN_MAX);
        struct fault *f = base64url_decode(claims, &text);
        if (f == NULL)
                f = json_parse(buf_span(&text), &parsed);
        buf_wipe(&text);
        TRY(f);
        return json_want_int(parsed, "exp", 0, INT64_MAX / 1000, ret);
}

int64_t token_expiry_unix_s(const struct secret *token)
{
        struct span claims = SPAN_NONE;
        int64_t expiry = INT64_MAX;
        if (!find_claims(secret_span(token), &claims))
                return INT64_MAX;
        AUTO(fault) struct fault *unreadable = read_expiry(claims, &expiry);
        return unreadable == NULL ? expiry : INT64_MAX;
}
