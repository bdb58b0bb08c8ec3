#include "lib/model/evidence_parts.h"

#include <stdio.h>

static const char *const no_names[] = {NULL};

struct evidence_parts evidence_parts_new(void)
{
        return (struct evidence_parts){.evidence = BUF(EVIDENCE_ITEM_MAX)};
}

struct span evidence_parts_find(const struct evidence_parts *e, const char *name)
{
        for (size_t i = 0; i < e->count; i++)
                if (strcmp(e->parts[i].name, name) == 0)
                        return buf_span(&e->parts[i].bytes);
        return (struct span){0};
}

/* An empty part of that name. */
static struct fault *open_part(struct evidence_parts *e, const char *name, struct buf **ret)
{
        if (strlen(name) > EVIDENCE_PART_NAME_MAX || evidence_parts_find(e, name).len != 0)
                return fault(FAULT_INVALID, "EVIDENCE_PARTS", "the name of a part is too long, or given twice");
        if (e->count == EVIDENCE_PARTS_MAX)
                return fault(FAULT_INVALID, "EVIDENCE_PARTS", "more than %d parts", EVIDENCE_PARTS_MAX);
        struct evidence_part *p = &e->parts[e->count++];
        (void) snprintf(p->name, sizeof(p->name), "%s", name); /* fits */
        p->bytes = BUF(EVIDENCE_ITEM_MAX);
        *ret = &p->bytes;
        return NULL;
}

struct fault *evidence_parts_add(struct evidence_parts *e, const char *name, struct span bytes)
{
        if (bytes.len == 0)
                return NULL;
        struct buf *part = NULL;
        TRY(open_part(e, name, &part));
        return buf_append(part, bytes);
}

struct fault *evidence_parts_write(const struct evidence_parts *e, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_base64url(j, "evidence", buf_span(&e->evidence));
        if (e->count > 0) {
                struct json *parts = json_new_object();
                for (size_t i = 0; i < e->count; i++)
                        json_set_base64url(parts, e->parts[i].name, buf_span(&e->parts[i].bytes));
                json_set(j, "parts", parts);
        }
        return json_write(j, out);
}

static struct fault *read_part(const struct json *parts, const char *name, struct evidence_parts *ret)
{
        if (json_get(parts, name) == NULL)
                return NULL;
        struct buf *part = NULL;
        TRY(open_part(ret, name, &part));
        TRY(json_need_base64url(parts, name, part));
        if (part->len == 0)
                return fault(FAULT_INVALID, "EVIDENCE_PARTS", "part %s is empty", name);
        return NULL;
}

struct fault *evidence_parts_read(struct span text, const char *const *names, struct evidence_parts *ret)
{
        static const char *const members[] = {"evidence", "parts", NULL};
        if (names == NULL)
                names = no_names;
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(text, &j));
        TRY(json_only_keys(j, members));
        TRY(json_need_base64url(j, "evidence", &ret->evidence));
        if (ret->evidence.len == 0)
                return fault(FAULT_INVALID, "EVIDENCE_PARTS", "the evidence is empty");
        const struct json *parts = NULL;
        TRY(json_want_object(j, "parts", &parts));
        if (parts == NULL)
                return NULL;
        TRY(json_only_keys(parts, names));
        for (size_t i = 0; names[i] != NULL; i++)
                TRY(read_part(parts, names[i], ret));
        return NULL;
}

void evidence_parts_clear(struct evidence_parts *e)
{
        buf_clear(&e->evidence);
        for (size_t i = 0; i < e->count; i++)
                buf_clear(&e->parts[i].bytes);
        e->count = 0;
}
