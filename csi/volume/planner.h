/* planner: what is to be done with a volume, and when to look again. Pure: facts and both clocks in, a plan out.
 *
 * Dates of credentials are wall time, waiting is boot time: a plan is made from what the wall clock says now and holds until the wall
 * clock is set; then everything is planned anew. protocol.md §6: life = notAfter - issue; renew at 2/3 of life minus a jitter of at most
 * 10 %: drawn from volume and generation, moved to where the fewest other renewals of this node are (slots.h) when the generation is
 * written, and read back from it after a restart, which so changes nothing. Renewals that failed are tried again per class:
 * what was refused is asked more rarely than what only failed; both faster when the credential lives only seconds. */
#pragma once

#include "csi/volume/slots.h"
#include "csi/volume/volumes.h"

enum renewal_class { RENEWAL_OK, RENEWAL_NOT_READY, RENEWAL_FAILED, RENEWAL_DENIED, RENEWAL_CLASS_COUNT };
const char *renewal_class_name(enum renewal_class c);
enum renewal_class renewal_class_of(enum fault_code code);

enum plan_action {
        PLAN_RENEW = 1 << 0,
        PLAN_BUNDLE = 1 << 1, /* a new generation with the newer trust bundle */
        PLAN_STATUS = 1 << 2, /* status.json says something else than is so */
        PLAN_REAP = 1 << 3,   /* readers of old generations had their time */
};

struct planner_facts {
        const char *id;
        uint64_t generation;
        int64_t issued_unix_s, not_after_unix_s;
        struct wall chosen;     /* for the next renewal; outside its window: as drawn */
        struct boot renewed_at; /* of the last success in this process; INT64_MIN: none */
        unsigned failures;      /* in a row */
        enum renewal_class last_class;
        struct boot failed_at;
        int64_t retry_after_ms;
        bool waits_for_token;
        bool bundle_is_old, status_is_old;
        enum volume_state status_state; /* what status.json says */
        bool has_old_generations;
        struct boot reap_at;
        struct boot hold_until; /* nothing but renewals before this: writing failed; INT64_MIN: no */
};
struct plan {
        enum volume_state state; /* FRESH, OVERDUE or EXPIRED */
        unsigned actions;
        struct boot wake_at;  /* now when there are actions; INT64_MAX: never */
        struct wall renew_at; /* the planned point, whether or not it has passed */
};
struct plan planner_plan(const struct planner_facts *f, struct wall wall, struct boot boot);

/* Where the next renewal may lie, with nothing planned in it. */
void planner_window(int64_t issued_unix_s, int64_t not_after_unix_s, struct renew_slots *ret);
/* As drawn. */
struct wall planner_renew_at(const char *id, uint64_t generation, int64_t issued_unix_s, int64_t not_after_unix_s);
/* Wait after so many failures in a row. */
int64_t planner_backoff_ms(const struct planner_facts *f);
/* How far apart the clocks are; a change of more than PLANNER_STEP_MS means that one was set. */
#define PLANNER_STEP_MS 1000
bool planner_clock_stepped(struct wall wall_then, struct boot boot_then, struct wall wall, struct boot boot);
