/* An attestation result as an EAR: draft-ietf-rats-ear-03, JSON serialisation. Members of ours have names that nobody else's have. */
#include "issuer/verifier/verifier.h"

#define EAR_PROFILE "tag:ietf.org,2026:rats/ear#03"
#define DEVELOPER   "https://vouchsafe.dev"

const char *ear_status_name(enum ear_status s)
{
        switch (s) {
        case EAR_AFFIRMING:
                return "affirming";
        case EAR_WARNING:
                return "warning";
        case EAR_CONTRAINDICATED:
                return "contraindicated";
        case EAR_NONE:
                break;
        }
        return "none";
}

/* A claim of 0 says nothing and is left out. */
static struct json *vector_to_json(const struct trust_vector *v)
{
        const struct {
                const char *name;
                int8_t value;
        } rows[] = {
                {"instance-identity", v->instance_identity},
                {"configuration", v->configuration},
                {"executables", v->executables},
                {"file-system", v->file_system},
                {"hardware", v->hardware},
                {"runtime-opaque", v->runtime_opaque},
                {"storage-opaque", v->storage_opaque},
                {"sourced-data", v->sourced_data},
        };
        struct json *j = json_new_object();
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (rows[i].value != 0)
                        json_set_int(j, rows[i].name, rows[i].value);
        return j;
}

static struct json *appraisal_to_json(enum ear_status status, const struct trust_vector *vector)
{
        struct json *j = json_new_object();
        json_set_text(j, "ear_status", ear_status_name(status));
        json_set(j, "ear_trustworthiness_vector", vector_to_json(vector));
        return j;
}

static struct json *names_to_json(const char *const *names, size_t count)
{
        struct json *list = json_new_array();
        for (size_t i = 0; i < count; i++)
                json_push(list, json_new_text(span_str(names[i])));
        return list;
}

/* The first one's, with what was found on the whole. */
static struct json *submodule(const struct attestation_result *r)
{
        bool is_whole = r->submodule_count == 0;
        struct json *j = appraisal_to_json(is_whole ? r->status : r->submodules[0].status,
                                           is_whole ? &r->vector : &r->submodules[0].vector);
        json_set_text(j, "vouchsafe.dev/kind", r->kind);
        json_set_hex(j, "vouchsafe.dev/evidence-digest", SPAN_OF(r->evidence_digest));
        if (r->insecure_development)
                json_set_bool(j, "vouchsafe.dev/insecure-development", true);
        json_set(j, "vouchsafe.dev/facts", facts_to_json(&r->facts));
        if (r->concern_count > 0)
                json_set(j, "vouchsafe.dev/concerns", names_to_json(r->concerns, r->concern_count));
        if (r->not_checked_count > 0)
                json_set(j, "vouchsafe.dev/not-checked", names_to_json(r->not_checked, r->not_checked_count));
        if (r->checks != NULL)
                json_set(j, "vouchsafe.dev/checks", check_to_json(r->checks));
        return j;
}

struct json *attestation_result_to_ear(const struct attestation_result *r, const char *verifier_build, struct wall now)
{
        struct json *verifier = json_new_object();
        json_set_text(verifier, "developer", DEVELOPER);
        json_set_text(verifier, "build", verifier_build);
        struct json *submodules = json_new_object();
        for (size_t i = 0; i < r->submodule_count; i++)
                json_set(submodules, r->submodules[i].name,
                         appraisal_to_json(r->submodules[i].status, &r->submodules[i].vector));
        json_set(submodules, r->kind, submodule(r));

        struct json *j = json_new_object();
        json_set_text(j, "eat_profile", EAR_PROFILE);
        json_set_int(j, "iat", wall_unix_s(now));
        json_set(j, "ear_verifier_id", verifier);
        json_set(j, "submods", submodules);
        return j;
}
