/* The envelope around any R (request.h). R is handed out as bytes: who parses it hashes exactly them. */
#include "lib/model/fields.h"
#include "lib/model/request.h"
#include "lib/wire/cmw.h"

struct fault *envelope_write(struct span r, const struct cmw *evidence, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_base64url(j, "request", r);
        if (evidence != NULL)
                json_set(j, "evidence", cmw_to_json(evidence));
        return json_write(j, out);
}

struct fault *envelope_read(struct span body, struct buf *ret_r, struct cmw *ret_evidence)
{
        if (body.len > BODY_MAX)
                return fault(FAULT_INVALID, "TOO_LARGE", "a body of %zu bytes where at most %u are allowed", body.len,
                             BODY_MAX);
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(body, &j));
        TRY(json_only_keys(j, (const char *const[]){"request", "evidence", NULL}));

        AUTO(buf) struct buf r = BUF(0);
        TRY(field_bytes(j, "request", BODY_MAX, &r));
        struct cmw evidence = {0};
        const struct json *cmw = json_get(j, "evidence");
        if (cmw != NULL) {
                struct fault *f = cmw_parse(cmw, &evidence);
                if (f != NULL) {
                        buf_wipe(&r);
                        return f;
                }
        }
        *ret_r = r;
        *ret_evidence = evidence;
        r = BUF(0);
        return NULL;
}
