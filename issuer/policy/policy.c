/* The compiled policy as an object: what others may ask of it, and its end. */
#include "issuer/policy/program.h"

#include <stdlib.h>

const char *policy_digest(const struct policy *p)
{
        return p->digest;
}

uint64_t policy_revision(const struct policy *p)
{
        return p->revision;
}

size_t policy_document_count(const struct policy *p)
{
        return p->document_count;
}

const char *policy_warning(const struct policy *p, size_t index)
{
        return index < p->warning_count ? p->warnings[index] : NULL;
}

int64_t policy_collateral_grace_s(const struct policy *p)
{
        int64_t longest_s = 0;
        for (size_t i = 0; i < p->guardrail_count; i++)
                if (p->guardrails[i].grace_s > longest_s)
                        longest_s = p->guardrails[i].grace_s;
        return longest_s;
}

size_t policy_profile_count(const struct policy *p)
{
        return p->profile_count;
}

const struct profile_shape *policy_profile(const struct policy *p, size_t index)
{
        return index < p->profile_count ? &p->profiles[index].shape : NULL;
}

const struct profile_shape *policy_find_profile(const struct policy *p, const char *name)
{
        for (size_t i = 0; i < p->profile_count; i++)
                if (strcmp(p->profiles[i].shape.name, name) == 0)
                        return &p->profiles[i].shape;
        return NULL;
}

struct policy *policy_ref(struct policy *p)
{
        atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
        return p;
}

void policy_free(struct policy *p)
{
        if (p == NULL || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1)
                return;
        for (size_t i = 0; i < p->workload_count; i++)
                for (size_t j = 0; j < p->workloads[i].claim_count; j++)
                        json_free(p->workloads[i].claims[j].value);
        map_free(p->name_index);
        arena_free(p->arena);
        free(p);
}
