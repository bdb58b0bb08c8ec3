/* The reply to a credential request (reply.h). */
#include "lib/crypt/x509.h"
#include "lib/model/fields.h"
#include "lib/model/reply.h"
#include "lib/model/spiffe_id.h"
#include "lib/wire/problem.h"

/* ---- writing ----------------------------------------------------------------------------------------------------- */
struct json *issued_credential_write(const struct issued_credential *c)
{
        struct json *j = json_new_object();
        json_set_text(j, "slot", c->slot);
        json_set_text(j, "type", c->type);
        json_set_text(j, "identity", c->identity);
        if (c->chain_count > 0)
                field_set_bytes_list(j, "chain", c->chain, c->chain_count);
        if (c->token != NULL)
                json_set_text(j, "token", c->token);
        json_set_int(j, "not_before", c->not_before_unix_s);
        json_set_int(j, "not_after", c->not_after_unix_s);
        json_set_text(j, "record", c->record);
        return j;
}

static struct json *result_to_json(const struct pod_result *r)
{
        struct json *j = json_new_object();
        json_set_text(j, "volume", r->volume);
        if (r->problem != NULL) {
                json_set(j, "problem", problem_write(r->problem));
                return j;
        }
        struct json *credentials = json_new_array();
        for (size_t i = 0; i < r->credential_count; i++)
                json_push(credentials, issued_credential_write(&r->credentials[i]));
        json_set(j, "credentials", credentials);
        return j;
}

struct fault *issue_reply_write(const struct issue_reply *r, struct buf *out)
{
        struct json *results = json_new_array();
        for (size_t i = 0; i < r->result_count; i++)
                json_push(results, result_to_json(&r->results[i]));

        AUTO(json) struct json *j = json_new_object();
        json_set_int(j, "v", WIRE_VERSION);
        json_set_int(j, "time", r->time_unix_s);
        json_set_base64url(j, "nonce", buf_span(&r->nonce));
        json_set_text(j, "policy", r->policy);
        json_set_int(j, "bundle", (int64_t) r->bundle_sequence);
        json_set(j, "results", results);
        return json_write(j, out);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */
/* What fills the slot: a chain or a token, as the type says, and not the other one. */
static struct fault *read_content(const struct json *o, struct issued_credential *c)
{
        bool is_x509 = strcmp(c->type, SLOT_TYPE_X509) == 0;
        if (!is_x509 && strcmp(c->type, SLOT_TYPE_WIT) != 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "a credential of type \"%s\" is not known here", c->type);
        if (json_get(o, is_x509 ? "token" : "chain") != NULL)
                return fault(FAULT_INVALID, "BAD_FIELD", "a credential of type \"%s\" has what belongs to another",
                             c->type);
        if (!is_x509)
                return field_text(o, "token", TOKEN_MAX, &c->token);

        TRY(field_bytes_list(o, "chain", REPLY_CHAIN_MAX, CERT_MAX, c->chain, &c->chain_count));
        return c->chain_count > 0 ? NULL : fault(FAULT_INVALID, "BAD_FIELD", "member \"chain\" is empty");
}

struct fault *issued_credential_read(const struct json *o, struct issued_credential *c)
{
        TRY(field_name_into(o, "slot", c->slot));
        TRY(field_text_into(o, "type", sizeof c->type, c->type));
        TRY(field_text(o, "identity", SPIFFE_ID_MAX, &c->identity));
        TRY(spiffe_id_check(span_str(c->identity)));
        TRY(read_content(o, c));
        TRY(field_time(o, "not_before", &c->not_before_unix_s));
        TRY(field_time(o, "not_after", &c->not_after_unix_s));
        if (c->not_after_unix_s <= c->not_before_unix_s)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"not_after\" is not later than \"not_before\"");
        return field_text_into(o, "record", sizeof c->record, c->record);
}

static struct fault *read_problem(const struct json *o, struct fault **ret)
{
        const struct json *problem = NULL;
        int64_t status = 0;
        TRY(json_need_object(o, "problem", &problem));
        TRY_AS(json_need_int(problem, "status", 400, 599, &status), "problem");
        *ret = problem_read((int) status, problem);
        return NULL;
}

static struct fault *read_result(const struct json *o, struct pod_result *r)
{
        TRY(field_text_into(o, "volume", sizeof r->volume, r->volume));
        bool has_problem = json_get(o, "problem") != NULL, has_credentials = json_get(o, "credentials") != NULL;
        if (has_problem == has_credentials)
                return fault(FAULT_INVALID, "BAD_FIELD", "a result has either \"credentials\" or a \"problem\"");
        if (has_problem)
                return read_problem(o, &r->problem);

        const struct json *array = NULL;
        TRY(json_need_array(o, "credentials", SLOTS_MAX, &array));
        for (size_t i = 0; i < json_count(array); i++) {
                struct issued_credential *c = &r->credentials[r->credential_count++];
                TRY_AS(issued_credential_read(json_at(array, i), c), "credentials[%zu]", i);
                for (size_t earlier = 0; earlier < i; earlier++)
                        if (strcmp(r->credentials[earlier].slot, c->slot) == 0)
                                return fault(FAULT_INVALID, "DUPLICATE_SLOT", "credentials[%zu]: slot %s again", i,
                                             c->slot);
        }
        return NULL;
}

static struct fault *read_results(const struct json *j, struct issue_reply *r)
{
        const struct json *array = NULL;
        TRY(json_need_array(j, "results", REQUEST_PODS_MAX, &array));
        r->results = alloc_zero(json_count(array), sizeof *r->results);
        for (size_t i = 0; i < json_count(array); i++) {
                struct pod_result *result = &r->results[r->result_count++];
                TRY_AS(read_result(json_at(array, i), result), "results[%zu]", i);
                for (size_t earlier = 0; earlier < i; earlier++)
                        if (strcmp(r->results[earlier].volume, result->volume) == 0)
                                return fault(FAULT_INVALID, "DUPLICATE_VOLUME", "results[%zu]: volume %s again", i,
                                             result->volume);
        }
        return NULL;
}

static struct fault *read_reply(struct span body, struct issue_reply *r)
{
        AUTO(json) struct json *j = NULL;
        int64_t sequence = 0;
        TRY(json_parse(body, &j));
        TRY(field_version(j));
        TRY(field_time(j, "time", &r->time_unix_s));
        TRY(field_bytes(j, "nonce", NONCE_MAX, &r->nonce));
        TRY(field_text(j, "policy", DIGEST_TEXT_MAX, &r->policy));
        TRY(json_need_int(j, "bundle", 0, INT64_MAX, &sequence));
        r->bundle_sequence = (uint64_t) sequence;
        return read_results(j, r);
}

struct fault *issue_reply_read(struct span body, struct issue_reply *ret)
{
        AUTO(issue_reply) struct issue_reply r = {0};
        TRY(read_reply(body, &r));
        *ret = r;
        r = (struct issue_reply){0};
        return NULL;
}

void issued_credential_clear(struct issued_credential *c)
{
        free(c->identity);
        for (size_t i = 0; i < c->chain_count; i++)
                buf_clear(&c->chain[i]);
        free(c->token);
}

void issue_reply_clear(struct issue_reply *r)
{
        for (size_t i = 0; i < r->result_count; i++) {
                fault_free(r->results[i].problem);
                for (size_t c = 0; c < r->results[i].credential_count; c++)
                        issued_credential_clear(&r->results[i].credentials[c]);
        }
        free(r->results);
        buf_clear(&r->nonce);
        free(r->policy);
        *r = (struct issue_reply){0};
}
