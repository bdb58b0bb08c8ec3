/* issuer: the HTTPS side of the attester: one warm connection, the nonce in hand, what profiles look like (protocol.md §3).
 *
 * Warm means a live connection and a usable nonce: then a request is one round trip. Otherwise a challenge is fetched first. A nonce is
 * used for one request only, and dropped when it is old. What evidence is bound to (audience, own TLS key, exporter) comes from
 * configuration and the connection itself, never from a reply's text. One thread at a time. */
#pragma once

#include "lib/crypt/binding.h"
#include "lib/model/reply.h"
#include "lib/model/request.h"
#include "lib/net/http.h"
#include "lib/wire/cmw.h"

struct issuer;
struct issuer_options {
        const char *url, *audience, *ca_file, *pin, *server_name;
        const struct clock *clock;
        const struct issuer *key_of; /* shows the same TLS client key as that one does; NULL: a key of its own */
};
struct fault *issuer_new(const struct issuer_options *o, struct issuer **ret) MUST_USE;

/* Makes sure that a connection, a nonce and the profiles are there. */
struct fault *issuer_prepare(struct issuer *i, struct cancel *cancel) MUST_USE;
/* Of the challenge in hand; NULL: no such profile. */
const struct profile_shape *issuer_profile(const struct issuer *i, const char *name);
const char *issuer_policy(const struct issuer *i);
const char *issuer_audience(const struct issuer *i);
struct span issuer_nonce(const struct issuer *i);
/* The transcript's fields for the request bytes R as they would be sent now. Spans are borrowed until the next call. */
struct fault *issuer_binding(struct issuer *i, enum binding_purpose purpose, struct span r,
                             struct binding *ret) MUST_USE;
/* Sends R and evidence (may be NULL) over the connection that `binding` names, and spends the nonce. A problem document becomes its fault. FAULT_ABORTED
 * "CONNECTION_CHANGED": nothing was sent, prepare again. */
struct fault *issuer_post(struct issuer *i, const char *path, struct span r, const struct cmw *evidence,
                          const struct binding *binding, struct cancel *cancel, struct http_reply *ret) MUST_USE;
/* The same with a verifier's result instead of evidence. */
struct fault *issuer_post_result(struct issuer *i, const char *path, struct span r, const char *result,
                                 struct cancel *cancel, struct http_reply *ret) MUST_USE;
struct span issuer_client_spki(const struct issuer *i);
/* Forgets nonce and profiles: the next prepare asks again. */
void issuer_forget(struct issuer *i);
/* When the policy of a reply isn't the challenge's, the profiles are asked for again. */
void issuer_saw_policy(struct issuer *i, const char *policy);
/* GET of the bundle; status 304 leaves the body empty. */
struct fault *issuer_get_bundle(struct issuer *i, const char *etag, struct cancel *cancel,
                                struct http_reply *ret) MUST_USE;
void issuer_free(struct issuer *i);
DEFINE_AUTO(issuer)
