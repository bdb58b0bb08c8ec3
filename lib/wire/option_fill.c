#include "lib/wire/option_fill.h"

#include <assert.h>
#include <stdio.h>

#include "lib/wire/option_value.h"
#include "lib/wire/yaml.h"

#define NAME_MAX_BYTES 64
#define ITEMS_MAX      1024 /* of one list of mappings */

static size_t row_count(const struct option *rows)
{
        size_t count = 0;
        while (rows[count].name != NULL)
                count++;
        assert(count <= OPTION_ROWS_MAX);
        return count;
}

static const struct option *find_row(const struct option *rows, const char *name, size_t name_len)
{
        for (; rows->name != NULL; rows++)
                if (span_eq_str(span_make(name, name_len), rows->name))
                        return rows;
        return NULL;
}

/* ---- the nearest name -------------------------------------------------------------------------------------------- */
static size_t smallest(size_t a, size_t b, size_t c)
{
        size_t ab = a < b ? a : b;
        return ab < c ? ab : c;
}

/* Levenshtein's distance, of the first NAME_MAX_BYTES bytes. */
static size_t edit_distance(const char *a, const char *b)
{
        size_t a_len = strnlen(a, NAME_MAX_BYTES), b_len = strnlen(b, NAME_MAX_BYTES);
        size_t row[NAME_MAX_BYTES + 1];
        for (size_t j = 0; j <= b_len; j++)
                row[j] = j;
        for (size_t i = 1; i <= a_len; i++) {
                size_t diagonal = row[0];
                row[0] = i;
                for (size_t j = 1; j <= b_len; j++) {
                        size_t above = row[j];
                        row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
                        diagonal = above;
                }
        }
        return row[b_len];
}

static struct fault *unknown(const struct option *rows, const char *name)
{
        const char *nearest = NULL;
        size_t best = strnlen(name, NAME_MAX_BYTES) / 3 + 2; /* further away it would not be a help */
        for (; rows->name != NULL; rows++) {
                size_t distance = edit_distance(name, rows->name);
                if (distance < best) {
                        best = distance;
                        nearest = rows->name;
                }
        }
        if (nearest == NULL)
                return fault(FAULT_INVALID, "UNKNOWN_OPTION", "unknown option \"%.64s\"", name);
        return fault(FAULT_INVALID, "UNKNOWN_OPTION", "unknown option \"%.64s\", did you mean \"%s\"?", name, nearest);
}

/* ---- defaults, and what must be there ---------------------------------------------------------------------------- */
void option_fill_defaults(struct option_fill *fill)
{
        for (const struct option *row = fill->rows; row->name != NULL; row++)
                option_value_default(row, fill->config);
}

struct fault *option_fill_require(const struct option_fill *fill)
{
        for (size_t i = 0; i < row_count(fill->rows); i++) {
                const struct option *row = &fill->rows[i];
                const char *where = (const char *) fill->config + row->offset;
                bool empty_text = row->type == OPTION_TEXT && (*(char *const *) (const void *) where == NULL ||
                                                               **(char *const *) (const void *) where == '\0');
                bool empty_list =
                        (row->type == OPTION_TEXTS &&
                         ((const struct option_texts *) (const void *) where)->count == 0) ||
                        (row->type == OPTION_ITEMS && ((const struct option_items *) (const void *) where)->count == 0);
                if (row->required && (!fill->given[i] || empty_text || empty_list))
                        return fault(FAULT_INVALID, "MISSING_OPTION", "option \"%s\" is required: %s", row->name,
                                     row->help);
        }
        return NULL;
}

void option_fill_clear(struct option_fill *fill)
{
        for (const struct option *row = fill->rows; row->name != NULL; row++)
                option_value_free(row, fill->config);
        memset(fill->given, 0, sizeof fill->given);
}

/* ---- YAML -------------------------------------------------------------------------------------------------------- */
static struct fault *fill_mapping(struct option_fill *fill, const struct yaml *y, const struct yaml_node *mapping,
                                  const char *prefix);

/* `f` as an error at a place of the file; its token stays. */
static struct fault *at_node(const struct yaml *y, const struct yaml_node *at, struct fault *f)
{
        return fault_prefix(f, "%s:%u:%u", yaml_name(y), at->line, at->column);
}

static bool is_empty(const struct yaml_node *n)
{
        return n->kind == YAML_SCALAR && !n->quoted && n->text[0] == '\0';
}

static struct fault *fill_scalar(const struct option *row, const struct yaml *y, const struct yaml_node *value,
                                 void *config)
{
        if (value->kind != YAML_SCALAR || is_empty(value))
                return yaml_fault(y, value, "BAD_OPTION", "option \"%s\" needs one value", row->name);
        struct fault *f = option_value_set(row, span_str(value->text), config);
        return f == NULL ? NULL : at_node(y, value, fault_prefix(f, "option \"%s\"", row->name));
}

static struct fault *fill_item(const struct option *row, const struct yaml *y, const struct yaml_node *value,
                               void *config)
{
        struct option_fill item = {.rows = row->rows, .config = option_item_add(row, config)};
        option_fill_defaults(&item);
        if (value->kind != YAML_MAPPING)
                return yaml_fault(y, value, "BAD_OPTION", "option \"%s\" is a list of mappings", row->name);
        TRY(fill_mapping(&item, y, value, ""));
        struct fault *f = option_fill_require(&item);
        return f == NULL ? NULL : at_node(y, value, fault_prefix(f, "option \"%s\"", row->name));
}

static struct fault *fill_row(const struct option *row, const struct yaml *y, const struct yaml_node *value,
                              void *config)
{
        if (row->type != OPTION_TEXTS && row->type != OPTION_ITEMS)
                return fill_scalar(row, y, value, config);
        if (value->kind != YAML_SEQUENCE || value->count > ITEMS_MAX)
                return yaml_fault(y, value, "BAD_OPTION", "option \"%s\" needs a list of at most %d", row->name,
                                  ITEMS_MAX);

        option_value_free(row, config); /* what is given replaces the default */
        for (size_t i = 0; i < value->count; i++) {
                if (row->type == OPTION_ITEMS)
                        TRY(fill_item(row, y, value->items[i], config));
                else
                        TRY(fill_scalar(row, y, value->items[i], config));
        }
        return NULL;
}

static bool is_group(const struct option *rows, const char *path)
{
        size_t len = strlen(path);
        for (; rows->name != NULL; rows++)
                if (strncmp(rows->name, path, len) == 0 && rows->name[len] == '.')
                        return true;
        return false;
}

static struct fault *fill_pair(struct option_fill *fill, const struct yaml *y, const struct yaml_node *key,
                               const struct yaml_node *value, const char *prefix)
{
        char path[2 * NAME_MAX_BYTES];
        (void) snprintf(path, sizeof path, "%s%s%.*s", prefix, prefix[0] == '\0' ? "" : ".", NAME_MAX_BYTES, key->text);
        if (strchr(key->text, '.') != NULL)
                return yaml_fault(y, key, "UNKNOWN_OPTION", "\"%.64s\": a dot is written as a nested mapping here",
                                  key->text);

        const struct option *row = find_row(fill->rows, path, strlen(path));
        if (row == NULL && is_group(fill->rows, path)) {
                if (is_empty(value)) /* a group whose lines are all commented out */
                        return NULL;
                if (value->kind != YAML_MAPPING)
                        return yaml_fault(y, value, "BAD_OPTION", "\"%s\" is a group of options", path);
                return fill_mapping(fill, y, value, path);
        }
        if (row == NULL)
                return at_node(y, key, unknown(fill->rows, path));
        fill->given[row - fill->rows] = true;
        return fill_row(row, y, value, fill->config);
}

/* Goes as deep as names have dots and tables have tables. */
static struct fault *fill_mapping(struct option_fill *fill, const struct yaml *y, const struct yaml_node *mapping,
                                  const char *prefix)
{
        for (size_t i = 0; i < mapping->count; i++)
                TRY(fill_pair(fill, y, mapping->keys[i], mapping->items[i], prefix));
        return NULL;
}

struct fault *option_fill_yaml(struct option_fill *fill, const char *name, struct span text)
{
        AUTO(yaml) struct yaml *y = NULL;
        TRY(yaml_parse(name, text, &y));
        if (yaml_documents(y) > 1)
                return yaml_fault(y, yaml_document(y, 1), "BAD_YAML", "a configuration is one document");
        const struct yaml_node *root = yaml_document(y, 0);
        if (root == NULL || is_empty(root))
                return NULL;
        if (root->kind != YAML_MAPPING)
                return yaml_fault(y, root, "BAD_YAML", "a configuration is a mapping of options");
        return fill_mapping(fill, y, root, "");
}

/* ---- flags ------------------------------------------------------------------------------------------------------- */
const struct option *option_fill_find(const struct option_fill *fill, struct span name)
{
        return find_row(fill->rows, (const char *) name.data, name.len);
}

struct fault *option_fill_unknown(const struct option_fill *fill, const char *name)
{
        return unknown(fill->rows, name);
}

struct fault *option_fill_flag(struct option_fill *fill, const struct option *row, const char *value)
{
        bool *given = &fill->given_by_flag[row - fill->rows];
        if (*given && row->type != OPTION_TEXTS)
                return fault(FAULT_INVALID, "DUPLICATE_OPTION", "option \"%s\" is given twice", row->name);
        if (!*given && row->type == OPTION_TEXTS)
                option_value_free(row, fill->config); /* what is given replaces the file's list */
        *given = true;
        fill->given[row - fill->rows] = true;
        TRY_AS(option_value_set(row, span_str(value), fill->config), "--%s", row->name);
        return NULL;
}
