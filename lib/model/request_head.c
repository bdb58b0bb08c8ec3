#include "lib/model/request_head.h"

#include "lib/crypt/binding.h"
#include "lib/model/fields.h"
#include "lib/model/names.h"

struct json *request_head_new(const char *purpose, const char *audience, struct span nonce)
{
        struct json *j = json_new_object();
        json_set_int(j, "v", WIRE_VERSION);
        json_set_text(j, "purpose", purpose);
        json_set_text(j, "audience", audience);
        json_set_base64url(j, "nonce", nonce);
        return j;
}

struct fault *request_head_read(const struct json *j, const char *purpose, const char *const *keys, char **ret_audience,
                                struct buf *ret_nonce)
{
        TRY(field_version(j)); /* first: a newer version may have members that we don't know */
        TRY(field_purpose(j, purpose));
        TRY(json_only_keys(j, keys));
        TRY(field_text(j, "audience", BINDING_AUDIENCE_MAX, ret_audience));
        return field_bytes(j, "nonce", NONCE_MAX, ret_nonce);
}

static bool is_jwt_text(struct span text)
{
        for (size_t i = 0; i < text.len; i++) {
                uint8_t c = text.data[i];
                bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                if (!letter_or_digit && c != '-' && c != '_' && c != '.')
                        return false;
        }
        return text.len > 0;
}

struct fault *request_token_read(const struct json *o, struct secret **ret)
{
        struct span token = SPAN_NONE;
        TRY(json_want_text(o, "token", TOKEN_MAX, &token));
        if (token.data == NULL)
                return NULL;
        if (!is_jwt_text(token))
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"token\" is not a JWT");
        *ret = secret_copy(token);
        return NULL;
}
