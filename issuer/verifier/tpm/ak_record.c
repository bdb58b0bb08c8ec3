#include "issuer/verifier/verifier.h"

void ak_record_free(struct ak_record *r)
{
        if (r == NULL)
                return;
        buf_clear(&r->name);
        buf_clear(&r->public_area);
        free(r->ek_issuer);
        free(r->cluster);
        free(r->node);
        free(r);
}
