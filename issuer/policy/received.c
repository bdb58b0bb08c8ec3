#include "issuer/policy/received.h"

#include "issuer/policy/inputs.h"

static struct fault *check_one(const struct fact *f)
{
        const struct policy_input *input = policy_input_find(f->name);

        if (input == NULL)
                return NULL;
        if (f->kind != input->kind || (input->kind == FACT_BYTES && input->len != 0 && f->value.len != input->len))
                return fault(FAULT_UNAUTHENTICATED, "ear.fact_type",
                             "attestation result: fact %s is of another type here", f->name);
        if (f->origin != input->origin)
                return fault(FAULT_UNAUTHENTICATED, "ear.fact_origin",
                             "attestation result: fact %s is of origin %s, not %s", f->name, origin_name(f->origin),
                             origin_name(input->origin));
        return NULL;
}

struct fault *policy_check_received(const struct facts *f)
{
        for (; f != NULL; f = f->base)
                for (size_t i = 0; i < f->count; i++)
                        TRY(check_one(&f->items[i]));
        return NULL;
}
