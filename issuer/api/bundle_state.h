/* bundle_state: the trust bundle as it is served, and its sequence.
 *
 * The sequence must grow whenever the set of roots and token keys changes, also over restarts: a file in state-dir, `bundle.json`, holds the
 * last sequence and the digest of what it stood for; something else takes a higher number before it is served. Immutable after that.
 *
 * That number is the time in Unix seconds, or the last one and one more where the clock says less. So a state-dir that was brought back from a
 * backup does not give a number twice to different roots, and an issuer whose file is gone stays above what attesters have seen. */
#pragma once

#include "lib/model/bundle.h"

#define BUNDLE_BYTES_MAX (256u * 1024)

struct bundle_state {
        uint64_t sequence;
        struct buf json; /* of the bundle endpoint */
        char etag[72];   /* quoted */
};
/* `state_dir` is an open directory; `token_keys` an array of JWKs (bundle.h), copied. "BUNDLE_STATE" when the file is there and can't be understood: a sequence must not start anew. */
struct fault *bundle_state_load(int state_dir, const struct cert_list *roots, const struct json *token_keys,
                                int64_t refresh_hint_s, struct wall now, struct bundle_state *ret) MUST_USE;
/* Whether an If-None-Match header has this entity tag (RFC 9110 §13.1.2, weak comparison). */
bool bundle_state_matches(const struct bundle_state *b, const char *if_none_match);
void bundle_state_clear(struct bundle_state *b);
DEFINE_AUTO_VALUE(bundle_state)
