#include "issuer/policy/document.h"

#include <stdlib.h>

#include "lib/base/parse.h"
#include "lib/base/utf8.h"
#include "lib/model/names.h"

static const char *const kind_names[] = {
        [DOCUMENT_GUARDRAIL] = "Guardrail", [DOCUMENT_RELEASE] = "KeyRelease", [DOCUMENT_PROFILE] = "Profile",
        [DOCUMENT_SET] = "ReferenceSet",    [DOCUMENT_WORKLOAD] = "Workload",
};
_Static_assert(COUNT_OF(kind_names) == DOCUMENT_KIND_COUNT, "a name for each kind");

const char *document_kind_name(enum document_kind kind)
{
        return kind_names[kind];
}

bool succeeded(struct fault *f)
{
        bool ok = f == NULL;
        fault_free(f);
        return ok;
}

/* ---- scalars ------------------------------------------------------------------------------------------------------- */
bool scalar_is_null(const struct yaml_node *n)
{
        return !n->quoted && (n->text[0] == '\0' || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

bool scalar_is_flag(const struct yaml_node *n, bool *ret)
{
        return !n->quoted && succeeded(parse_bool(span_str(n->text), ret));
}

bool scalar_is_number(const struct yaml_node *n, int64_t *ret)
{
        return !n->quoted && succeeded(parse_i64(span_str(n->text), INT64_MIN, INT64_MAX, ret));
}

static bool has_control(const char *text)
{
        size_t len = strlen(text);
        uint32_t point = 0;
        for (size_t at = 0, taken; at < len; at += taken) {
                taken = utf8_decode(text + at, len - at, &point);
                if (taken == 0 || utf8_is_control(point))
                        return true;
        }
        return false;
}

struct fault *text_check(const struct document *d, const struct yaml_node *at)
{
        if (at->kind != YAML_SCALAR)
                return document_fault(d, at, "POLICY_VALUE", "a single value is wanted here");
        if (scalar_is_null(at))
                return document_fault(d, at, "POLICY_VALUE", "a value is wanted here, not null");
        size_t len = strlen(at->text);
        if (len == 0 || len > POLICY_TEXT_MAX)
                return document_fault(d, at, "POLICY_VALUE", "text of %zu bytes; 1 to %d are allowed", len,
                                      POLICY_TEXT_MAX);
        if (has_control(at->text))
                return document_fault(d, at, "POLICY_VALUE", "control characters are not allowed");
        return NULL;
}

static bool is_name_char(char c, bool inside)
{
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (inside && (c == '-' || c == '.'));
}

struct fault *name_check(const struct document *d, const struct yaml_node *at, size_t max)
{
        size_t len = at->kind == YAML_SCALAR ? strlen(at->text) : 0;
        bool ok = len > 0 && len <= max && !scalar_is_null(at);
        for (size_t i = 0; ok && i < len; i++)
                ok = is_name_char(at->text[i], i > 0 && i + 1 < len);
        if (ok)
                return NULL;
        return document_fault(d, at, "POLICY_NAME",
                              "\"%.80s\" is no name: a-z, 0-9 and, inside, - and . (at most %zu bytes)",
                              at->kind == YAML_SCALAR ? at->text : "", max);
}

/* ---- mappings ------------------------------------------------------------------------------------------------------ */
static const char *const yaml_kind_words[] = {
        [YAML_SCALAR] = "a single value", [YAML_SEQUENCE] = "a list", [YAML_MAPPING] = "a mapping"};

static bool is_one_of(const char *text, const char *const *words)
{
        for (; *words != NULL; words++)
                if (strcmp(text, *words) == 0)
                        return true;
        return false;
}

struct fault *fields_only(const struct document *d, const struct yaml_node *m, const char *what,
                          const char *const *allowed)
{
        if (m->kind != YAML_MAPPING)
                return document_fault(d, m, "POLICY_FIELD", "%s is not a mapping", what);
        for (size_t i = 0; i < m->count; i++) {
                if (is_one_of(m->keys[i]->text, allowed))
                        continue;
                AUTO(buf) struct buf words = BUF(FAULT_TEXT_MAX);
                for (const char *const *word = allowed; *word != NULL; word++)
                        TRY(buf_printf(&words, "%s%s", words.len == 0 ? "" : ", ", *word));
                return document_fault(d, m->keys[i], "POLICY_FIELD", "unknown field \"%.80s\" in %s: allowed are %s",
                                      m->keys[i]->text, what, buf_str(&words));
        }
        return NULL;
}

struct fault *field_want(const struct document *d, const struct yaml_node *m, const char *key, enum yaml_kind kind,
                         const struct yaml_node **ret)
{
        const struct yaml_node *n = yaml_get(m, key);
        if (n != NULL && n->kind != kind)
                return document_fault(d, n, "POLICY_FIELD", "%s must be %s", key, yaml_kind_words[kind]);
        *ret = n;
        return NULL;
}

struct fault *field_need(const struct document *d, const struct yaml_node *m, const char *key, enum yaml_kind kind,
                         const struct yaml_node **ret)
{
        TRY(field_want(d, m, key, kind, ret));
        if (*ret == NULL)
                return document_fault(d, m, "POLICY_FIELD", "%s is missing", key);
        return NULL;
}

struct fault *field_flag(const struct document *d, const struct yaml_node *m, const char *key, bool *ret)
{
        const struct yaml_node *n = yaml_get(m, key);
        if (n == NULL)
                return NULL;
        if (n->kind != YAML_SCALAR || !scalar_is_flag(n, ret))
                return document_fault(d, n, "POLICY_VALUE", "%s must be true or false", key);
        return NULL;
}

/* ---- documents ----------------------------------------------------------------------------------------------------- */
static struct fault *read_version(const struct document *d)
{
        const struct yaml_node *n;
        TRY(field_need(d, d->root, "apiVersion", YAML_SCALAR, &n));
        if (strcmp(n->text, VOUCHSAFE_API_VERSION) == 0)
                return NULL;
        return document_fault(d, n, "POLICY_VERSION", "apiVersion \"%.80s\" is not known here; this program reads %s",
                              n->text, VOUCHSAFE_API_VERSION);
}

static struct fault *read_kind(struct document *d)
{
        const struct yaml_node *n;
        TRY(field_need(d, d->root, "kind", YAML_SCALAR, &n));
        for (int kind = 0; kind < DOCUMENT_KIND_COUNT; kind++) {
                if (strcmp(n->text, kind_names[kind]) != 0)
                        continue;
                d->kind = (enum document_kind) kind;
                return NULL;
        }
        return document_fault(d, n, "POLICY_KIND",
                              "kind \"%.80s\" is not one of Profile, ReferenceSet, Guardrail, Workload, KeyRelease",
                              n->text);
}

static struct fault *read_metadata(struct document *d)
{
        static const char *const allowed[] = {"name", "owner", "revision", "description", NULL};
        const struct yaml_node *m, *n;
        TRY(field_need(d, d->root, "metadata", YAML_MAPPING, &m));
        TRY(fields_only(d, m, "metadata", allowed));

        TRY(field_need(d, m, "name", YAML_SCALAR, &n));
        bool is_rule = d->kind != DOCUMENT_PROFILE && d->kind != DOCUMENT_SET;
        TRY(name_check(d, n, is_rule ? POLICY_RULE_NAME_MAX : NAME_MAX_LEN));
        d->name = n->text;
        TRY(field_need(d, m, "owner", YAML_SCALAR, &n));
        TRY(name_check(d, n, NAME_MAX_LEN));
        d->owner = n->text;

        TRY(field_want(d, m, "revision", YAML_SCALAR, &n));
        if (n != NULL && (n->quoted || !succeeded(parse_u64(span_str(n->text), 1, INT64_MAX, &d->revision))))
                return document_fault(d, n, "POLICY_VALUE", "revision must be a number from 1");
        TRY(field_want(d, m, "description", YAML_SCALAR, &n));
        return n == NULL ? NULL : text_check(d, n);
}

static struct fault *read_document(struct document *d)
{
        static const char *const allowed[] = {"apiVersion", "kind", "metadata", "spec", NULL};
        if (d->root->kind != YAML_MAPPING)
                return document_fault(d, d->root, "POLICY_DOCUMENT", "a policy document is a mapping");
        TRY(read_version(d)); /* first: a newer language may have other fields */
        TRY(fields_only(d, d->root, "the document", allowed));
        TRY(read_kind(d));
        TRY(read_metadata(d));
        return field_need(d, d->root, "spec", YAML_MAPPING, &d->spec);
}

static struct fault *read_text(const struct source *source, struct documents *all)
{
        struct yaml *yaml;
        TRY(yaml_parse(source->name, buf_span(&source->text), &yaml));
        all->texts[all->text_count++] = yaml;
        for (size_t i = 0; i < yaml_documents(yaml); i++) {
                struct document d = {.yaml = yaml, .root = yaml_document(yaml, i), .sequence = all->count};
                if (d.root->kind == YAML_SCALAR && scalar_is_null(d.root))
                        continue; /* only comments between two separators */
                if (all->count == POLICY_DOCUMENTS_MAX)
                        return document_fault(&d, d.root, "POLICY_LIMIT", "more than %d documents",
                                              POLICY_DOCUMENTS_MAX);
                TRY(read_document(&d));
                if ((all->count & (all->count - 1)) == 0) /* doubles at powers of two */
                        all->items = alloc_resize(all->items, all->count == 0 ? 1 : all->count * 2, sizeof d);
                all->items[all->count++] = d;
        }
        return NULL;
}

static int by_kind_and_name(const void *a, const void *b)
{
        const struct document *left = a, *right = b;
        if (left->kind != right->kind)
                return left->kind < right->kind ? -1 : 1;
        int names = strcmp(left->name, right->name);
        return names != 0 ? names : (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static struct fault *refuse_duplicates(const struct documents *all)
{
        for (size_t i = 1; i < all->count; i++) {
                const struct document *first = &all->items[i - 1], *d = &all->items[i];
                if (first->kind == d->kind && strcmp(first->name, d->name) == 0)
                        return document_fault(d, d->root, "POLICY_DUPLICATE", "%s \"%s\" is there already: %s:%u",
                                              kind_names[d->kind], d->name, yaml_name(first->yaml), first->root->line);
        }
        return NULL;
}

struct fault *documents_read(const struct source *sources, size_t count, struct documents *ret)
{
        AUTO(documents) struct documents all = {0};
        all.texts = alloc_zero(count == 0 ? 1 : count, sizeof(struct yaml *));
        for (size_t i = 0; i < count; i++)
                TRY(read_text(&sources[i], &all));
        if (all.count > 1)
                qsort(all.items, all.count, sizeof *all.items, by_kind_and_name);
        TRY(refuse_duplicates(&all));
        *ret = all;
        all = (struct documents){0};
        return NULL;
}

void documents_clear(struct documents *d)
{
        for (size_t i = 0; i < d->text_count; i++)
                yaml_free(d->texts[i]);
        free(d->texts);
        free(d->items);
        *d = (struct documents){0};
}
