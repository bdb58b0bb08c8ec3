/* status: what a volume says of itself in status.json, for people, for relying tools, and for this driver's next start.
 *
 * It stands in the generation that it describes, so that the two can't disagree; after a restart the schedule is read from it. A
 * privileged pod could have written to it: it is read with bounds, and nothing worse than an early or late renewal of the pod's own
 * credential can come of it. */
#pragma once

#include "csi/volume/planner.h"

#define STATUS_VERSION  1
#define STATUS_JSON_MAX (64 * 1024)
#define STATUS_TEXT_MAX 4096

struct volume_credential {
        char *slot, *type, *identity, *serial, *record;
        int64_t not_before_unix_s, not_after_unix_s, issued_unix_s;
};
struct volume_problem {
        char *check, *detail; /* NULL: none */
        struct wall at;
};
/* What one generation is: fixed when it is written. */
struct volume_status {
        uint64_t generation, bundle;
        size_t count;
        struct volume_credential credentials[ACQUIRED_MAX];
        char *evidence_kind, *policy;
        bool insecure_development;
        struct wall renew_at; /* chosen; 0: none was */
};
void volume_status_clear(struct volume_status *s);
DEFINE_AUTO_VALUE(volume_status)
void volume_problem_clear(struct volume_problem *p);

void volume_status_of(const struct acquired *a, uint64_t generation, uint64_t bundle, struct volume_status *ret);
/* The credential that ends first: it sets the volume's schedule. Zeros when there is none. */
struct volume_credential volume_status_leading(const struct volume_status *s);

/* Pretty JSON; `renew_at` is what the plan says. */
struct fault *volume_status_write(const struct volume_status *s, const struct volume_spec *spec,
                                  enum volume_state state, struct wall renew_at, const struct volume_problem *problem,
                                  struct buf *out) MUST_USE;
/* FAULT_INVALID "BAD_JSON", "BAD_FIELD", "OTHER_VOLUME" (it is of another id); FAULT_PRECONDITION "NEWER_VERSION". *ret_state is what
 * it says. */
struct fault *volume_status_read(struct span json, const char *id, struct volume_status *ret,
                                 enum volume_state *ret_state) MUST_USE;
