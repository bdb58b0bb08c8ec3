/* mechanism: one way of getting credentials for a batch of orders (design.md §5). One file a mechanism; mechanism.c has the table. */
#pragma once

#include "attester/bundle_cache.h"
#include "attester/cert_cache.h"
#include "attester/evidence/source.h"
#include "attester/issuer.h"
#include "attester/order.h"

struct acquisition { /* what a mechanism works with */
        struct issuer *issuer,
                *verifier; /* verifier: who appraises by mechanism passport; it sees the issuer's client key */
        struct evidence_source *source;
        struct bundle_cache *bundles;
        struct cert_cache *certs;
        const char *node_token_file;
        const struct clock *clock;
        void (*quoted)(void *arg); /* after each quote */
        /* Ends an order: exactly one of failed and delivery is given, both borrowed. *o becomes NULL. */
        void (*answer)(void *arg, struct order **o, const struct fault *failed, const struct delivery *delivery);
        void *arg;
};
struct mechanism {
        const char *name; /* MECHANISM_* */
        /* One attempt for all orders together: those answered (acquisition.answer) become NULL in the array. A fault concerns all that are
         * left; see batch.c for which are worth another attempt. */
        struct fault *(*acquire)(const struct acquisition *a, struct order **orders, size_t count,
                                 struct cancel *cancel);
};
extern const struct mechanism mechanism_background_check, mechanism_passport, mechanism_key_release;
const struct mechanism *mechanism_find(const char *name); /* NULL: none */
