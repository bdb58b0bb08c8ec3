/* api: the issuer's endpoints (protocol.md §3; docs/api.md). Handlers of one `struct api`, run by httpd's workers.
 *
 * Every reply, also a refusal, carries the next nonce. Checks come cheapest first, and the order is a promise: what comes before a
 * valid nonce, a proof of possession and genuine evidence leaves a metric and a line in a bounded ring, never a row of the ledger.
 *
 *   challenge.c     GET  /v1/challenge
 *   enrol_keys.c    POST /v1/attestation-keys and …/activate
 *   credentials.c   POST /v1/credentials
 *   results.c       POST /v1/results
 *   bundle.c        GET  /v1/bundle
 *   release.c       POST /v1/keys/{name}/release
 *   keys.c          stored keys, for their owners (admin socket)
 *   admin.c         records, refusals, reload; health and metrics
 *   server.c        the listeners */
#pragma once

#include "issuer/api/bundle_holder.h"
#include "issuer/api/nonce.h"
#include "issuer/api/policy_holder.h"
#include "issuer/api/rate_limit.h"
#include "issuer/api/refusals.h"
#include "issuer/api/tls_holder.h"
#include "issuer/authority/authority.h"
#include "issuer/endorse/endorse.h"
#include "issuer/keystore/keystore.h"
#include "issuer/ledger/ledger.h"
#include "issuer/store/store.h"
#include "lib/net/local.h"

#define SERVE_TIMEOUT_MS 20000 /* longest that a request may wait for disk and signer */

struct api { /* everything is borrowed, and does not change while requests run */
        const struct clock *clock;
        const char *audience;
        const struct secret *master;
        struct policy_holder *holder;
        struct store *store;
        struct ledger *ledger;
        struct authority *authority;
        struct rate_limit *rates;
        struct refusals *refusals;
        struct keystore *keystore;             /* NULL: this issuer keeps no keys */
        const struct option_items *key_owners; /* of struct owner_config; NULL: none */
        struct endorse *endorse;               /* NULL: appraisals have what comes with the evidence, no more */
        struct bundle_holder *bundle;
        struct tls_holder *tls;      /* NULL: no HTTPS listener */
        struct tls_holder *keys_tls; /* for owners of stored keys; NULL: no listener */
        size_t connections_max;
        int64_t max_leaf_life_s, backdate_s;
        bool insecure_development;
        bool believes_own_results; /* verifier and authority are both here */
        bool appraises_nothing;    /* there is no verifier here */
        bool issues_nothing;       /* there is no authority here: no intermediate, no bundle */
        struct health_view health; /* set when the routes are made */
};

/* Handlers (httpd_handler): `self` is a struct api. */
struct fault *challenge_get(void *self, const struct httpd_request *q, struct httpd_response *r) MUST_USE;
struct fault *attestation_keys_post(void *self, const struct httpd_request *q, struct httpd_response *r) MUST_USE;
struct fault *activate_post(void *self, const struct httpd_request *q, struct httpd_response *r) MUST_USE;
struct fault *credentials_post(void *self, const struct httpd_request *q, struct httpd_response *r) MUST_USE;
struct fault *results_post(void *self, const struct httpd_request *q, struct httpd_response *r) MUST_USE;
struct fault *bundle_get(void *self, const struct httpd_request *q, struct httpd_response *r) MUST_USE;
struct fault *release_post(void *self, const struct httpd_request *q, struct httpd_response *r) MUST_USE;
