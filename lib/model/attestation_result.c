#include "lib/model/attestation_result.h"

#include <assert.h>

static const struct {
        enum ear_status status;
        const char *name;
} statuses[] = {
        {EAR_NONE, "none"},
        {EAR_AFFIRMING, "affirming"},
        {EAR_WARNING, "warning"},
        {EAR_CONTRAINDICATED, "contraindicated"},
};

const char *ear_status_name(enum ear_status s)
{
        for (size_t i = 0; i < COUNT_OF(statuses); i++)
                if (statuses[i].status == s)
                        return statuses[i].name;
        return statuses[0].name;
}

struct fault *ear_status_by_name(struct span name, enum ear_status *ret)
{
        for (size_t i = 0; i < COUNT_OF(statuses); i++)
                if (span_eq_str(name, statuses[i].name)) {
                        *ret = statuses[i].status;
                        return NULL;
                }
        return fault(FAULT_INVALID, "BAD_FIELD", "no such status");
}

/* draft-ietf-rats-ar4si §2.3.2: negative values mirror the positive ones; -1, 0 and 1 say nothing about trust. */
static enum ear_status tier(int value)
{
        int size = value >= 0 ? value : -value - 1;

        if (size >= EAR_CONTRAINDICATED)
                return EAR_CONTRAINDICATED;
        if (size >= EAR_WARNING)
                return EAR_WARNING;
        return value >= EAR_AFFIRMING || value <= -EAR_AFFIRMING ? EAR_AFFIRMING : EAR_NONE;
}

enum ear_status trust_vector_status(const struct trust_vector *v)
{
        const int8_t claims[] = {v->instance_identity, v->configuration,  v->executables,    v->file_system,
                                 v->hardware,          v->runtime_opaque, v->storage_opaque, v->sourced_data};
        enum ear_status worst = EAR_NONE;

        for (size_t i = 0; i < COUNT_OF(claims); i++)
                if (tier(claims[i]) > worst)
                        worst = tier(claims[i]);
        return worst;
}

const char *attestation_result_keep(struct attestation_result *r, struct span text)
{
        assert(r->kept_count < RESULT_KEPT_MAX);
        return r->kept[r->kept_count++] = span_to_string(text);
}

void attestation_result_clear(struct attestation_result *r)
{
        facts_clear(&r->facts);
        check_free(r->checks);
        for (size_t i = 0; i < r->kept_count; i++)
                free(r->kept[i]);
        *r = (struct attestation_result){0};
}
