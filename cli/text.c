#include "cli/command.h"

#include "lib/base/utf8.h"
#include "lib/model/facts.h"

const char *member_text(const struct json *o, const char *key, const char *fallback)
{
        const struct json *j = json_get(o, key);
        return j != NULL && json_kind(j) == JSON_TEXT ? (const char *) json_text(j).data : fallback;
}

void member_time(const struct json *o, const char *key, char ret[WALL_TEXT_LEN + 1])
{
        const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z: what the form can say */
        const struct json *j = json_get(o, key);
        ret[0] = '\0';
        if (j != NULL && json_kind(j) == JSON_INT && json_int(j) >= 0 && json_int(j) <= last)
                wall_format(wall_from_unix_s(json_int(j)), ret);
}

/* What comes from elsewhere must not move a terminal's cursor. */
struct fault *print_text(struct buf *out, const char *text)
{
        size_t len = strlen(text);
        for (size_t at = 0; at < len;) {
                uint32_t point = 0;
                size_t taken = utf8_decode(text + at, len - at, &point);
                if (taken == 0 || utf8_is_control(point))
                        TRY(buf_printf(out, "\\x%02x", (uint8_t) text[at]));
                else
                        TRY(buf_append(out, span_make(text + at, taken)));
                at += taken == 0 || utf8_is_control(point) ? 1 : taken;
        }
        return NULL;
}

struct fault *print_field(struct buf *out, const char *name, const char *value)
{
        if (value == NULL || value[0] == '\0')
                return NULL;
        TRY(buf_printf(out, "%-12s ", name));
        TRY(print_text(out, value));
        return buf_append_byte(out, '\n');
}

struct fault *print_tree(struct buf *out, const struct json *tree)
{
        struct check *read = NULL;
        struct fault *f = tree == NULL ? NULL : check_from_json(tree, &read);
        if (f != NULL) {
                struct fault *written = buf_printf(out, "(the checks can't be read: %s)\n", fault_text(f));
                fault_free(f);
                return written;
        }
        AUTO(check) struct check *c = read;
        return c == NULL ? NULL : check_print(c, out);
}
