#include "attester/probe.h"

#include "lib/base/file.h"
#include "lib/wire/json.h"

#define OUTPUT_MAX ((size_t) 64 * 1024)

struct fault *probe_write(const struct evidence_options *o, struct buf *out)
{
        AUTO(evidence_findings) struct evidence_findings found = {0};
        AUTO(json) struct json *document = json_new_object();
        struct json *kinds = json_new_array();
        json_set(document, "kinds", kinds);
        evidence_probe(o, &found);
        for (size_t i = 0; i < found.count; i++) {
                const struct evidence_finding *f = &found.items[i];
                struct json *row = json_new_object();
                json_set_text(row, "kind", f->kind);
                json_set_bool(row, "available", f->why_not == NULL);
                if (f->why_not != NULL) {
                        json_set_text(row, "check", fault_token(f->why_not));
                        json_set_text(row, "reason", fault_text(f->why_not));
                }
                json_push(kinds, row);
        }
        if (found.choice != NULL)
                json_set_text(document, "auto", found.choice);
        return json_write(document, out);
}

struct fault *probe_run(const struct evidence_options *o)
{
        AUTO(buf) struct buf text = BUF(OUTPUT_MAX);
        TRY(probe_write(o, &text));
        TRY(buf_append_byte(&text, '\n'));
        return fd_write_all(STDOUT_FILENO, buf_span(&text));
}
