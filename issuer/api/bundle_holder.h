/* bundle_holder: the trust bundle in force. It changes while the issuer runs, when the signer's token keys rotate; whoever asks after that moment
 * gets the new one, with a higher sequence. Many threads ask; one of them renews, the others get the last one meanwhile. */
#pragma once

#include <stdatomic.h>

#include "issuer/api/bundle_state.h"
#include "issuer/authority/authority.h"

struct bundle_snapshot { /* immutable, counted */
        atomic_uint references;
        struct bundle_state state;
        int64_t from_unix_s, until_unix_s; /* of its token keys */
};
struct bundle_holder;
/* `authority` and `clock` are borrowed. Faults of bundle_state_load, and of the authority. */
struct fault *bundle_holder_new(const char *state_dir, struct authority *authority, int64_t refresh_hint_s,
                                const struct clock *clock, struct bundle_holder **ret) MUST_USE;
/* The one in force, the caller's to give back. Where a new one can't be made, the last one stays: "bundle_not_renewed", tried again after some seconds. */
struct bundle_snapshot *bundle_holder_get(struct bundle_holder *h);
uint64_t bundle_holder_sequence(struct bundle_holder *h);
void bundle_snapshot_free(struct bundle_snapshot *s); /* one reference */
DEFINE_AUTO(bundle_snapshot)
void bundle_holder_free(struct bundle_holder *h);
