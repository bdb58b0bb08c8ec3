/* The envelope around any R (request.h). R is handed out as bytes: who parses it hashes exactly them. */
#include "lib/model/ear.h"
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

struct fault *envelope_write_result(struct span r, const char *result, struct buf *out)
{
        AUTO(json) struct json *j = json_new_object();
        json_set_base64url(j, "request", r);
        json_set_text(j, "result", result);
        return json_write(j, out);
}

static struct fault *read_vouched(const struct json *j, struct cmw *evidence, char **result)
{
        const struct json *cmw = json_get(j, "evidence");
        if (cmw != NULL && json_get(j, "result") != NULL)
                return fault(FAULT_INVALID, "EVIDENCE_AND_RESULT", "a request has evidence or a result, not both");
        if (json_get(j, "result") != NULL)
                return field_text(j, "result", EAR_MAX, result);
        return cmw != NULL ? cmw_parse(cmw, evidence) : NULL;
}

static struct fault *read_envelope(struct span body, const char *const *keys, struct buf *ret_r,
                                   struct cmw *ret_evidence, char **ret_result)
{
        if (body.len > BODY_MAX)
                return fault(FAULT_INVALID, "TOO_LARGE", "a body of %zu bytes where at most %u are allowed", body.len,
                             BODY_MAX);
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(body, &j));
        TRY(json_only_keys(j, keys));

        AUTO(buf) struct buf r = BUF(0);
        TRY(field_bytes(j, "request", BODY_MAX, &r));
        struct cmw evidence = {0};
        struct fault *f = read_vouched(j, &evidence, ret_result);
        if (f != NULL) {
                buf_wipe(&r);
                return f;
        }
        *ret_r = r;
        *ret_evidence = evidence;
        r = BUF(0);
        return NULL;
}

struct fault *envelope_read(struct span body, struct buf *ret_r, struct cmw *ret_evidence)
{
        return read_envelope(body, (const char *const[]){"request", "evidence", NULL}, ret_r, ret_evidence, NULL);
}

struct fault *envelope_read_either(struct span body, struct buf *ret_r, struct cmw *ret_evidence, char **ret_result)
{
        return read_envelope(body, (const char *const[]){"request", "evidence", "result", NULL}, ret_r, ret_evidence,
                             ret_result);
}
