#include "csi/volume/acquirer.h"

static void credential_clear(struct acquired_credential *c)
{
        free(c->slot);
        free(c->type);
        free(c->identity);
        free(c->serial);
        free(c->record);
        secret_free(c->private_key_pem);
        secret_free(c->private_key_jwk);
        buf_clear(&c->chain_pem);
        if (c->token != NULL)
                wipe(c->token, strlen(c->token)); /* no secret by itself, but whoever has the key needs only this */
        free(c->token);
        *c = (struct acquired_credential){0};
}

void trust_bundle_clear(struct trust_bundle *b)
{
        buf_clear(&b->roots_pem);
        buf_clear(&b->json);
        *b = (struct trust_bundle){0};
}

void acquired_clear(struct acquired *a)
{
        for (size_t i = 0; i < ACQUIRED_MAX; i++)
                credential_clear(&a->credentials[i]);
        trust_bundle_clear(&a->bundle);
        free(a->evidence_kind);
        free(a->policy);
        *a = (struct acquired){0};
}
