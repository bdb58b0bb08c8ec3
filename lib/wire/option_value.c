#include "lib/wire/option_value.h"

#include <assert.h>

#include "lib/base/parse.h"

#define TEXTS_MAX 1024 /* of one list, ours and an operator's */

static void *place(const struct option *row, void *config)
{
        return (char *) config + row->offset;
}

static int64_t upper(const struct option *row)
{
        return row->max == 0 ? INT64_MAX : row->max;
}

static struct fault *set_text(struct span text, char **where)
{
        if (span_has_nul(text))
                return fault(FAULT_INVALID, "BAD_OPTION", "a NUL in the text");
        free(*where);
        *where = span_to_string(text);
        return NULL;
}

static struct fault *add_text(struct span text, struct option_texts *list)
{
        if (list->count == TEXTS_MAX)
                return fault(FAULT_INVALID, "BAD_OPTION", "more than %d values", TEXTS_MAX);
        char *copy = NULL;
        TRY(set_text(text, &copy));
        list->texts = alloc_resize(list->texts, list->count + 1, sizeof *list->texts);
        list->texts[list->count++] = copy;
        return NULL;
}

static struct fault *set_choice(const struct option *row, struct span text, int *where)
{
        for (int i = 0; row->choices[i] != NULL; i++)
                if (span_eq_str(text, row->choices[i])) {
                        *where = i;
                        return NULL;
                }
        return fault(FAULT_INVALID, "BAD_OPTION", "no such choice");
}

static struct fault *set_value(const struct option *row, struct span text, void *where)
{
        switch (row->type) {
        case OPTION_TEXT:
                return set_text(text, where);
        case OPTION_BOOL:
                return parse_bool(text, where);
        case OPTION_COUNT:
                return parse_u64(text, (uint64_t) row->min, (uint64_t) upper(row), where);
        case OPTION_DURATION:
                return parse_duration_ms(text, row->min, upper(row), where);
        case OPTION_SIZE:
                return parse_size(text, (uint64_t) row->min, (uint64_t) upper(row), where);
        case OPTION_MODE:
                return parse_mode(text, where);
        case OPTION_CHOICE:
                return set_choice(row, text, where);
        case OPTION_TEXTS:
                return add_text(text, where);
        case OPTION_ITEMS:
                break;
        }
        return fault(FAULT_INVALID, "BAD_OPTION", "it is a list of mappings: only the configuration file can have it");
}

struct fault *option_value_set(const struct option *row, struct span text, void *config)
{
        AUTO(fault) struct fault *f = set_value(row, text, place(row, config));
        if (f == NULL)
                return NULL;

        struct buf wanted = BUF(1024);
        struct fault *full = option_value_describe(row, &wanted);
        fault_free(full); /* a cut list of choices is still a help */
        struct fault *bad = fault(FAULT_INVALID, "BAD_OPTION", "%s (wanted: %s)", fault_text(f), buf_str(&wanted));
        buf_clear(&wanted);
        return bad;
}

void option_value_default(const struct option *row, void *config)
{
        struct span left = row->fallback == NULL ? SPAN_NONE : span_str(row->fallback);
        while (left.data != NULL) {
                const uint8_t *comma = row->type == OPTION_TEXTS ? memchr(left.data, ',', left.len) : NULL;
                size_t len = comma == NULL ? left.len : (size_t) (comma - left.data);
                struct fault *f = option_value_set(row, span_slice(left, 0, len), config);
                assert(f == NULL); /* the table is ours */
                fault_free(f);
                left = comma == NULL ? SPAN_NONE : span_slice(left, len + 1, left.len - len - 1);
        }
}

void *option_item_add(const struct option *row, void *config)
{
        struct option_items *list = place(row, config);
        list->items = alloc_resize(list->items, list->count + 1, sizeof *list->items);
        list->items[list->count] = alloc_zero(1, row->item_size);
        return list->items[list->count++];
}

static void free_texts(struct option_texts *list)
{
        for (size_t i = 0; i < list->count; i++)
                free(list->texts[i]);
        free(list->texts);
        *list = (struct option_texts){0};
}

static void free_items(const struct option *row, struct option_items *list)
{
        for (size_t i = 0; i < list->count; i++) {
                for (const struct option *inner = row->rows; inner->name != NULL; inner++)
                        option_value_free(inner, list->items[i]);
                free(list->items[i]);
        }
        free(list->items);
        *list = (struct option_items){0};
}

void option_value_free(const struct option *row, void *config)
{
        if (row->type == OPTION_TEXT) {
                char **text = place(row, config);
                free(TAKE(*text));
        }
        if (row->type == OPTION_TEXTS)
                free_texts(place(row, config));
        if (row->type == OPTION_ITEMS)
                free_items(row, place(row, config));
}

struct fault *option_value_describe(const struct option *row, struct buf *out)
{
        static const char *const names[] = {
                [OPTION_TEXT] = "text",
                [OPTION_BOOL] = "true|false",
                [OPTION_COUNT] = "number",
                [OPTION_DURATION] = "duration",
                [OPTION_SIZE] = "size",
                [OPTION_MODE] = "mode",
                [OPTION_CHOICE] = "",
                [OPTION_TEXTS] = "text, repeatable",
                [OPTION_ITEMS] = "list, file only",
        };
        TRY(buf_append_str(out, names[row->type]));
        for (int i = 0; row->type == OPTION_CHOICE && row->choices[i] != NULL; i++)
                TRY(buf_printf(out, "%s%s", i == 0 ? "" : "|", row->choices[i]));
        return NULL;
}
