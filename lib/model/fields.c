#include "lib/model/fields.h"

#include "lib/base/parse.h"
#include "lib/model/names.h"

static struct fault *check_visible(struct span text, const char *key)
{
        if (text.len == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\" is empty", key);
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] < 0x21 || text.data[i] > 0x7e)
                        return fault(FAULT_INVALID, "BAD_FIELD",
                                     "member \"%s\" has a character that is not visible ASCII", key);
        return NULL;
}

static struct fault *check_name(struct span text, const char *key)
{
        for (size_t i = 0; i < text.len; i++) {
                uint8_t c = text.data[i];
                bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
                if (!letter_or_digit && c != '.' && c != '_' && c != '-')
                        return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\" is not a name of [A-Za-z0-9._-]", key);
        }
        return NULL;
}

static struct fault *read_visible(const struct json *o, const char *key, size_t max_len, struct span *ret)
{
        struct span text = SPAN_NONE;
        TRY(json_need_text(o, key, max_len, &text));
        TRY(check_visible(text, key));
        *ret = text;
        return NULL;
}

static void copy_text(struct span text, char *ret)
{
        memcpy(ret, text.data, text.len);
        ret[text.len] = '\0';
}

struct fault *field_text(const struct json *o, const char *key, size_t max_len, char **ret)
{
        struct span text = SPAN_NONE;
        TRY(read_visible(o, key, max_len, &text));
        *ret = span_to_string(text);
        return NULL;
}

struct fault *field_text_into(const struct json *o, const char *key, size_t size, char *ret)
{
        struct span text = SPAN_NONE;
        TRY(read_visible(o, key, size - 1, &text));
        copy_text(text, ret);
        return NULL;
}

struct fault *field_name_into(const struct json *o, const char *key, char *ret)
{
        struct span text = SPAN_NONE;
        TRY(read_visible(o, key, NAME_MAX_LEN, &text));
        TRY(check_name(text, key));
        copy_text(text, ret);
        return NULL;
}

struct fault *field_item_text_into(const struct json *item, size_t size, char *ret)
{
        if (json_kind(item) != JSON_TEXT || json_text(item).len >= size)
                return fault(FAULT_INVALID, "BAD_FIELD", "it is not a text of at most %zu bytes", size - 1);
        TRY(check_visible(json_text(item), "item"));
        copy_text(json_text(item), ret);
        return NULL;
}

struct fault *field_bytes(const struct json *o, const char *key, size_t max_len, struct buf *ret)
{
        AUTO(buf) struct buf bytes = BUF(max_len);
        TRY(json_need_base64url(o, key, &bytes));
        if (bytes.len == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"%s\" is empty", key);
        *ret = bytes;
        bytes = BUF(0);
        return NULL;
}

static struct fault *read_item_bytes(const struct json *item, struct buf *ret)
{
        if (json_kind(item) != JSON_TEXT || json_text(item).len == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "it is not a text with bytes");
        return fault_rename(base64url_decode(json_text(item), ret), FAULT_INVALID, "BAD_FIELD");
}

struct fault *field_bytes_list(const struct json *o, const char *key, size_t count_max, size_t max_len, struct buf *ret,
                               size_t *ret_count)
{
        const struct json *array = NULL;
        TRY(json_need_array(o, key, count_max, &array));
        for (size_t i = 0; i < json_count(array); i++) {
                ret[i] = BUF(max_len);
                struct fault *f = read_item_bytes(json_at(array, i), &ret[i]);
                if (f == NULL)
                        continue;
                for (size_t made = 0; made <= i; made++)
                        buf_clear(&ret[made]);
                return fault_prefix(f, "member \"%s\"[%zu]", key, i);
        }
        *ret_count = json_count(array);
        return NULL;
}

struct fault *field_version(const struct json *o)
{
        int64_t version = 0;
        TRY(json_need_int(o, "v", 0, INT64_MAX, &version));
        if (version != WIRE_VERSION)
                return fault(FAULT_INVALID, "WRONG_VERSION", "version %lld of the protocol, this program speaks %d",
                             (long long) version, WIRE_VERSION);
        return NULL;
}

struct fault *field_purpose(const struct json *o, const char *purpose)
{
        struct span text = SPAN_NONE;
        TRY(json_need_text(o, "purpose", NAME_MAX_LEN, &text));
        if (!span_eq_str(text, purpose))
                return fault(FAULT_INVALID, "WRONG_PURPOSE", "the purpose is \"%.*s\", not \"%s\"", (int) text.len,
                             (const char *) text.data, purpose);
        return NULL;
}

struct fault *field_time(const struct json *o, const char *key, int64_t *ret_unix_s)
{
        return json_need_int(o, key, 0, UNIX_S_MAX, ret_unix_s);
}

void field_set_bytes_list(struct json *o, const char *key, const struct buf *items, size_t count)
{
        struct json *array = json_new_array();
        for (size_t i = 0; i < count; i++)
                json_push(array, json_new_base64url(buf_span(&items[i])));
        json_set(o, key, array);
}
