/* order: one volume's wish for credentials on its way through the attester, and the delivery that answers it.
 *
 * An order belongs to whoever holds it: the server makes it, the batch takes it, `done` is called exactly once, then it is freed. */
#pragma once

#include <stdatomic.h>

#include "lib/base/clock.h"
#include "lib/base/secret.h"
#include "lib/crypt/key.h"
#include "lib/model/reply.h"

struct order_key {
        char slot[NAME_MAX_LEN + 1];
        char type[16];
        struct key *key;
};
struct delivered {
        const struct issued_credential *credential;
        const struct key *key;
        char serial[2 * 20 + 1]; /* hex */
};
struct delivery {
        size_t count;
        struct delivered credentials[SLOTS_MAX];
        const char *evidence_kind, *policy;
        bool insecure_development;
        int64_t server_time_unix_s;
};
struct order {
        char *volume, *profile;
        char *pod_namespace, *pod_name, *pod_uid, *service_account;
        struct secret *token; /* may be NULL */
        bool renewal;
        struct boot deadline;
        atomic_bool cancelled;
        /* Exactly one of the two is given; both are borrowed. */
        void (*done)(struct order *o, const struct fault *failed, const struct delivery *delivery);
        void *context;
        uint64_t call;
        struct order *next; /* in the batch's queue */

        size_t key_count; /* of the attempt that is under way */
        struct order_key keys[SLOTS_MAX];
};
void order_drop_keys(struct order *o);
void order_free(struct order *o);
DEFINE_AUTO(order)
