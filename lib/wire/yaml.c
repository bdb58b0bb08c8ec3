/* From libyaml's events to the tree, with an explicit stack: no recursion on what stands in a file. */
#include "lib/wire/yaml.h"

#include <assert.h>
#include <stdio.h>
#include <yaml.h>

struct yaml {
        char *name;
        size_t document_count;
        struct yaml_node **documents; /* the roots */
        size_t node_count;
        struct yaml_node **nodes; /* owns every node */
};

/* A mapping or sequence that is still open. `key` waits for its value. */
struct open_node {
        struct yaml_node *node;
        struct yaml_node *key;
};
struct builder {
        struct yaml *y;
        size_t depth;
        struct open_node open[YAML_DEPTH_MAX];
};

struct fault *yaml_fault(const struct yaml *y, const struct yaml_node *at, const char *token, const char *fmt, ...)
{
        char text[FAULT_TEXT_MAX];
        va_list args;
        va_start(args, fmt);
        (void) vsnprintf(text, sizeof text, fmt, args); /* cut as fault() would */
        va_end(args);
        return fault(FAULT_INVALID, token, "%s:%u:%u: %s", y->name, at == NULL ? 1 : at->line,
                     at == NULL ? 1 : at->column, text);
}

static struct fault *bad(const struct yaml *y, yaml_mark_t mark, const char *what)
{
        const struct yaml_node at = {.line = (unsigned) mark.line + 1, .column = (unsigned) mark.column + 1};
        return yaml_fault(y, &at, "BAD_YAML", "%s", what);
}

/* One more fits afterwards. Arrays double at powers of two, so that the count alone tells when. */
static struct yaml_node **grow(struct yaml_node **array, size_t count)
{
        if (count != 0 && (count & (count - 1)) != 0)
                return array;
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers is meant */
        return alloc_resize(array, count == 0 ? 1 : count * 2, sizeof(struct yaml_node *));
}

/* With room for a text of `text_len` bytes and its NUL behind it, which makes them one to free. */
static struct yaml_node *new_node(struct yaml *y, const yaml_event_t *e, enum yaml_kind kind, size_t text_len)
{
        struct yaml_node *n = alloc_zero(1, sizeof *n + text_len + 1);
        n->kind = kind;
        n->line = (unsigned) e->start_mark.line + 1;
        n->column = (unsigned) e->start_mark.column + 1;
        y->nodes = grow(y->nodes, y->node_count);
        y->nodes[y->node_count++] = n;
        return n;
}

/* Puts a finished or just opened node where it belongs: document, sequence, key or value. */
static struct fault *place(struct builder *b, const yaml_event_t *e, struct yaml_node *n)
{
        struct yaml *y = b->y;
        if (b->depth == 0) {
                y->documents = grow(y->documents, y->document_count);
                y->documents[y->document_count++] = n;
                return NULL;
        }
        struct open_node *top = &b->open[b->depth - 1];
        struct yaml_node *parent = top->node;
        assert(parent != NULL);
        if (parent->kind == YAML_MAPPING && top->key == NULL) {
                if (n->kind != YAML_SCALAR)
                        return bad(y, e->start_mark, "a key must be a plain word");
                top->key = n;
                return NULL;
        }
        if (parent->kind == YAML_MAPPING) {
                parent->keys = grow(parent->keys, parent->count);
                parent->keys[parent->count] = TAKE(top->key);
        }
        parent->items = grow(parent->items, parent->count);
        parent->items[parent->count++] = n;
        return NULL;
}

static bool is_full(const struct yaml *y)
{
        return y->node_count == YAML_NODES_MAX;
}

static struct fault *on_scalar(struct builder *b, const yaml_event_t *e)
{
        struct span text = span_make(e->data.scalar.value, e->data.scalar.length);
        if (e->data.scalar.anchor != NULL)
                return bad(b->y, e->start_mark, "anchors are not taken");
        if (e->data.scalar.tag != NULL)
                return bad(b->y, e->start_mark, "tags are not taken");
        if (span_has_nul(text))
                return bad(b->y, e->start_mark, "a NUL in a text");
        if (is_full(b->y))
                return bad(b->y, e->start_mark, "too many values");

        struct yaml_node *n = new_node(b->y, e, YAML_SCALAR, text.len);
        n->text = memcpy(n + 1, text.data, text.len);
        n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return place(b, e, n);
}

static struct fault *on_open(struct builder *b, const yaml_event_t *e, enum yaml_kind kind)
{
        const yaml_char_t *anchor = kind == YAML_MAPPING ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
        const yaml_char_t *tag = kind == YAML_MAPPING ? e->data.mapping_start.tag : e->data.sequence_start.tag;
        if (anchor != NULL)
                return bad(b->y, e->start_mark, "anchors are not taken");
        if (tag != NULL)
                return bad(b->y, e->start_mark, "tags are not taken");
        if (b->depth == YAML_DEPTH_MAX)
                return bad(b->y, e->start_mark, "too many levels");
        if (is_full(b->y))
                return bad(b->y, e->start_mark, "too many values");

        struct yaml_node *n = new_node(b->y, e, kind, /* text_len= */ 0);
        TRY(place(b, e, n));
        b->open[b->depth++] = (struct open_node){.node = n};
        return NULL;
}

static int compare_keys(const void *left, const void *right)
{
        const struct yaml_node *a = *(struct yaml_node *const *) left, *b = *(struct yaml_node *const *) right;
        int order = strcmp(a->text, b->text);
        if (order != 0)
                return order;
        if (a->line != b->line)
                return a->line < b->line ? -1 : 1;
        return a->column < b->column ? -1 : a->column > b->column;
}

static struct fault *refuse_twins(const struct yaml *y, const struct yaml_node *mapping)
{
        assert(mapping != NULL); /* libyaml's starts and ends are balanced */
        if (mapping->count < 2)
                return NULL;
        size_t size = mapping->count * sizeof(struct yaml_node *); /* NOLINT(bugprone-sizeof-expression): pointers */
        struct yaml_node **sorted = alloc_zero(1, size);
        memcpy(sorted, mapping->keys, size);
        qsort(sorted, mapping->count, size / mapping->count, compare_keys);
        struct fault *f = NULL;
        for (size_t i = 1; f == NULL && i < mapping->count; i++)
                if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
                        f = yaml_fault(y, sorted[i], "BAD_YAML", "duplicate key \"%.64s\", also on line %u",
                                       sorted[i]->text, sorted[i - 1]->line);
        free(sorted);
        return f;
}

static struct fault *on_event(struct builder *b, const yaml_event_t *e)
{
        switch (e->type) {
        case YAML_DOCUMENT_START_EVENT:
                if (e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end)
                        return bad(b->y, e->start_mark, "tags are not taken");
                return NULL;
        case YAML_ALIAS_EVENT:
                return bad(b->y, e->start_mark, "aliases are not taken");
        case YAML_SCALAR_EVENT:
                return on_scalar(b, e);
        case YAML_SEQUENCE_START_EVENT:
                return on_open(b, e, YAML_SEQUENCE);
        case YAML_MAPPING_START_EVENT:
                return on_open(b, e, YAML_MAPPING);
        case YAML_SEQUENCE_END_EVENT:
                b->depth--;
                return NULL;
        case YAML_MAPPING_END_EVENT:
                b->depth--;
                return refuse_twins(b->y, b->open[b->depth].node);
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
                break;
        }
        return NULL;
}

static struct fault *read_events(yaml_parser_t *parser, struct yaml *y)
{
        struct builder b = {.y = y};
        for (bool more = true; more;) {
                yaml_event_t event;
                if (!yaml_parser_parse(parser, &event)) /* only some errors have a mark of their own */
                        return bad(y, parser->problem_mark.index > 0 ? parser->problem_mark : parser->mark,
                                   parser->problem == NULL ? "not YAML" : parser->problem);
                more = event.type != YAML_STREAM_END_EVENT;
                struct fault *f = on_event(&b, &event);
                yaml_event_delete(&event);
                TRY(f);
        }
        return NULL;
}

struct fault *yaml_parse(const char *name, struct span text, struct yaml **ret)
{
        AUTO(yaml) struct yaml *y = NEW(struct yaml);
        y->name = alloc_string(name);
        if (text.len > YAML_BYTES_MAX)
                return yaml_fault(y, NULL, "BAD_YAML", "%zu bytes where at most %u are allowed", text.len,
                                  YAML_BYTES_MAX);

        yaml_parser_t parser;
        if (!yaml_parser_initialize(&parser))
                abort(); /* it fails for want of memory only */
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser, text.len == 0 ? (const uint8_t *) "" : text.data, text.len);
        struct fault *f = read_events(&parser, y);
        yaml_parser_delete(&parser);
        TRY(f);

        *ret = TAKE(y);
        return NULL;
}

size_t yaml_documents(const struct yaml *y)
{
        return y->document_count;
}

const struct yaml_node *yaml_document(const struct yaml *y, size_t index)
{
        return index < y->document_count ? y->documents[index] : NULL;
}

const char *yaml_name(const struct yaml *y)
{
        return y->name;
}

const struct yaml_node *yaml_get(const struct yaml_node *mapping, const char *key)
{
        if (mapping == NULL || mapping->kind != YAML_MAPPING)
                return NULL;
        for (size_t i = 0; i < mapping->count; i++)
                if (strcmp(mapping->keys[i]->text, key) == 0)
                        return mapping->items[i];
        return NULL;
}

void yaml_free(struct yaml *y)
{
        if (y == NULL)
                return;
        for (size_t i = 0; i < y->node_count; i++) {
                struct yaml_node *n = y->nodes[i];
                free(n->items);
                free(n->keys);
                free(n);
        }
        free(y->nodes);
        free(y->documents);
        free(y->name);
        free(y);
}
