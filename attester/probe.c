#include "attester/probe.h"

#include "attester/evidence/reader_client.h"
#include "lib/base/file.h"
#include "lib/wire/json.h"

#define OUTPUT_MAX     ((size_t) 64 * 1024)
#define READER_WAIT_MS 2000

static void say_why(struct json *into, const struct fault *why)
{
        json_set_text(into, "check", fault_token(why));
        json_set_text(into, "reason", fault_text(why));
}

static struct json *row_of(const struct evidence_finding *f, bool is_readers)
{
        struct json *row = json_new_object();
        json_set_text(row, "kind", f->kind);
        json_set_bool(row, "available", is_readers || f->why_not == NULL);
        if (is_readers)
                json_set_text(row, "by", "reader");
        else if (f->why_not != NULL)
                say_why(row, f->why_not);
        return row;
}

static void ask_reader(const struct evidence_options *o, struct json *document, struct reader_kinds *ret)
{
        AUTO(fault) struct fault *none = evidence_reader_kinds(o, READER_WAIT_MS, ret);
        if (none == NULL)
                return;
        struct json *reader = json_new_object();
        say_why(reader, none);
        json_set(document, "reader", reader);
}

struct fault *probe_write(const struct evidence_options *o, struct buf *out)
{
        AUTO(evidence_findings) struct evidence_findings found = {0};
        AUTO(json) struct json *document = json_new_object();
        struct reader_kinds readers = {0};
        struct json *kinds = json_new_array();
        json_set(document, "kinds", kinds);
        evidence_probe(o, &found);
        if (o->reader_socket != NULL)
                ask_reader(o, document, &readers);
        for (size_t i = 0; i < found.count; i++)
                json_push(kinds, row_of(&found.items[i], reader_kinds_has(&readers, found.items[i].kind)));
        const char *choice = readers.count > 0 ? readers.names[0] : found.choice;
        if (choice != NULL)
                json_set_text(document, "auto", choice);
        return json_write(document, out);
}

struct fault *probe_run(const struct evidence_options *o)
{
        AUTO(buf) struct buf text = BUF(OUTPUT_MAX);
        TRY(probe_write(o, &text));
        TRY(buf_append_byte(&text, '\n'));
        return fd_write_all(STDOUT_FILENO, buf_span(&text));
}
