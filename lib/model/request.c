#include "lib/model/request.h"

#include "lib/crypt/binding.h"
#include "lib/model/fields.h"
#include "lib/model/request_head.h"

/* ---- pieces ------------------------------------------------------------------------------------------------------ */
static struct fault *read_credential(const struct json *o, struct credential_request *c)
{
        TRY(json_only_keys(o, (const char *const[]){"slot", "spki", "pop", NULL}));
        char slot[NAME_MAX_LEN + 1];
        TRY(field_name_into(o, "slot", slot));
        c->slot = alloc_string(slot);
        TRY(field_bytes(o, "spki", SPKI_MAX, &c->spki));
        return field_bytes(o, "pop", SIGNATURE_MAX, &c->pop);
}

static struct fault *read_credentials(const struct json *o, struct pod_request *pod)
{
        const struct json *array = NULL;
        TRY(json_need_array(o, "credentials", SLOTS_MAX, &array));
        if (json_count(array) == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"credentials\" is empty");
        for (size_t i = 0; i < json_count(array); i++) {
                struct credential_request *c = &pod->credentials[pod->credential_count++];
                TRY_AS(read_credential(json_at(array, i), c), "credentials[%zu]", i);
                for (size_t earlier = 0; earlier < i; earlier++)
                        if (strcmp(pod->credentials[earlier].slot, c->slot) == 0)
                                return fault(FAULT_INVALID, "DUPLICATE_SLOT", "credentials[%zu]: slot %s again", i,
                                             c->slot);
        }
        return NULL;
}

struct fault *pod_request_read(const struct json *o, struct pod_request *pod)
{
        TRY(field_text(o, "volume", VOLUME_ID_MAX, &pod->volume));
        char profile[NAME_MAX_LEN + 1];
        TRY(field_name_into(o, "profile", profile));
        pod->profile = alloc_string(profile);
        TRY(request_token_read(o, &pod->token));

        const struct json *node = NULL;
        TRY(json_need_object(o, "node", &node));
        TRY_AS(json_only_keys(node, (const char *const[]){"namespace", "name", "uid", "serviceAccount", NULL}), "node");
        TRY_AS(field_text(node, "namespace", POD_NAME_MAX, &pod->node.namespace), "node");
        TRY_AS(field_text(node, "name", POD_NAME_MAX, &pod->node.name), "node");
        TRY_AS(field_text(node, "uid", POD_NAME_MAX, &pod->node.uid), "node");
        return fault_prefix(field_text(node, "serviceAccount", POD_NAME_MAX, &pod->node.service_account), "node");
}

static struct fault *read_pod(const struct json *o, struct pod_request *pod)
{
        TRY(json_only_keys(o, (const char *const[]){"volume", "profile", "token", "node", "credentials", NULL}));
        TRY(pod_request_read(o, pod));
        return read_credentials(o, pod);
}

static struct fault *read_pods(const struct json *j, struct issue_request *r)
{
        const struct json *array = NULL;
        TRY(json_need_array(j, "pods", REQUEST_PODS_MAX, &array));
        if (json_count(array) == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"pods\" is empty");

        size_t credentials = 0;
        r->pods = alloc_zero(json_count(array), sizeof *r->pods);
        for (size_t i = 0; i < json_count(array); i++) {
                struct pod_request *pod = &r->pods[r->pod_count++];
                TRY_AS(read_pod(json_at(array, i), pod), "pods[%zu]", i);
                for (size_t earlier = 0; earlier < i; earlier++)
                        if (strcmp(r->pods[earlier].volume, pod->volume) == 0)
                                return fault(FAULT_INVALID, "DUPLICATE_VOLUME", "pods[%zu]: volume %s again", i,
                                             pod->volume);
                credentials += pod->credential_count;
        }
        if (credentials > REQUEST_CREDENTIALS_MAX)
                return fault(FAULT_INVALID, "TOO_MANY_CREDENTIALS", "%zu credentials where at most %d are allowed",
                             credentials, REQUEST_CREDENTIALS_MAX);
        return NULL;
}

/* ---- issue ------------------------------------------------------------------------------------------------------- */
void pod_request_write(const struct pod_request *pod, struct json *j)
{
        struct json *node = json_new_object();
        json_set_text(node, "namespace", pod->node.namespace);
        json_set_text(node, "name", pod->node.name);
        json_set_text(node, "uid", pod->node.uid);
        json_set_text(node, "serviceAccount", pod->node.service_account);
        json_set_text(j, "volume", pod->volume);
        json_set_text(j, "profile", pod->profile);
        if (pod->token != NULL)
                json_set_span(j, "token", secret_span(pod->token));
        json_set(j, "node", node);
}

static struct json *pod_to_json(const struct pod_request *pod)
{
        struct json *credentials = json_new_array();
        for (size_t i = 0; i < pod->credential_count; i++) {
                struct json *c = json_new_object();
                json_set_text(c, "slot", pod->credentials[i].slot);
                json_set_base64url(c, "spki", buf_span(&pod->credentials[i].spki));
                json_set_base64url(c, "pop", buf_span(&pod->credentials[i].pop));
                json_push(credentials, c);
        }

        struct json *j = json_new_object();
        pod_request_write(pod, j);
        json_set(j, "credentials", credentials);
        return j;
}

struct fault *issue_request_write(const struct issue_request *r, struct buf *out)
{
        AUTO(json) struct json *j = request_head_new("issue", r->audience, buf_span(&r->nonce));
        json_set_text(j, "policy", r->policy);
        struct json *pods = json_new_array();
        for (size_t i = 0; i < r->pod_count; i++)
                json_push(pods, pod_to_json(&r->pods[i]));
        json_set(j, "pods", pods);
        return json_write(j, out);
}

static struct fault *read_issue(struct span bytes, struct issue_request *r)
{
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(bytes, &j));
        static const char *const keys[] = {"v", "purpose", "audience", "nonce", "policy", "pods", NULL};
        TRY(request_head_read(j, "issue", keys, &r->audience, &r->nonce));
        TRY(field_text(j, "policy", DIGEST_TEXT_MAX, &r->policy));
        return read_pods(j, r);
}

struct fault *issue_request_read(struct span bytes, struct issue_request *ret)
{
        AUTO(issue_request) struct issue_request r = {0};
        TRY(read_issue(bytes, &r));
        *ret = r;
        r = (struct issue_request){0};
        return NULL;
}

void issue_request_clear(struct issue_request *r)
{
        for (size_t i = 0; i < r->pod_count; i++) {
                struct pod_request *pod = &r->pods[i];
                free(pod->volume);
                free(pod->profile);
                secret_free(pod->token);
                free(pod->node.namespace);
                free(pod->node.name);
                free(pod->node.uid);
                free(pod->node.service_account);
                for (size_t c = 0; c < pod->credential_count; c++) {
                        free(pod->credentials[c].slot);
                        buf_clear(&pod->credentials[c].spki);
                        buf_clear(&pod->credentials[c].pop);
                }
        }
        free(r->pods);
        free(r->audience);
        buf_clear(&r->nonce);
        free(r->policy);
        *r = (struct issue_request){0};
}
