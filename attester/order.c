#include "attester/order.h"

void order_drop_keys(struct order *o)
{
        for (size_t i = 0; i < o->key_count; i++)
                key_free(o->keys[i].key);
        o->key_count = 0;
}

void order_free(struct order *o)
{
        if (o == NULL)
                return;
        order_drop_keys(o);
        free(o->volume);
        free(o->profile);
        free(o->pod_namespace);
        free(o->pod_name);
        free(o->pod_uid);
        free(o->service_account);
        secret_free(o->token);
        free(o);
}
