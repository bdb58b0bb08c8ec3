/* acquirer: what the volumes need from the attester, as a seam. csi/link implements it over proto/attester.proto; tests/fakes has a fake.
 *
 * acquire blocks until credentials are here, `cancel` trips, or it fails; many calls at once are fine. watch blocks until the bundle's sequence differs
 * from `known` (or cancel). Everything in `struct acquired` was verified by the attester. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/base/secret.h"

#define ACQUIRED_MAX 8

struct acquire_order {
        const char *volume, *profile;
        const char *pod_namespace, *pod_name, *pod_uid, *service_account;
        const struct secret *token; /* may be NULL */
        bool renewal;
};
struct acquired_credential {
        char *slot, *type, *identity, *serial, *record;
        struct secret *private_key_pem;
        struct secret *private_key_jwk; /* wit; NULL: none */
        struct buf chain_pem;           /* x509 */
        char *token;                    /* wit */
        int64_t not_before_unix_s, not_after_unix_s, issued_unix_s;
};
struct trust_bundle {
        uint64_t sequence;
        struct buf roots_pem, json;
        int64_t refresh_hint_s;
};
struct acquired {
        size_t count;
        struct acquired_credential credentials[ACQUIRED_MAX];
        struct trust_bundle bundle;
        char *evidence_kind, *policy;
        bool insecure_development;
};
struct acquirer {
        struct fault *(*acquire)(void *self, const struct acquire_order *order, struct cancel *cancel,
                                 struct acquired *ret);
        struct fault *(*watch)(void *self, uint64_t known, struct cancel *cancel, struct trust_bundle *ret);
        void *self;
};
void acquired_clear(struct acquired *a);
void trust_bundle_clear(struct trust_bundle *b);
DEFINE_AUTO_VALUE(acquired)
DEFINE_AUTO_VALUE(trust_bundle)
