/* case: one crash, one restart, one verdict. A worker runs in a folder of its own and is killed at one point; started again on what is
 * left, it checks its invariants and finishes. In between it may be killed a second time. Afterwards the mount table must be what it was. */
#pragma once

#include "tests/crash/trace.h"

struct worker_kind {
        const char *name, *program;
        const char *modes[2]; /* what the restarted worker is to do */
        bool mounts;          /* needs a mount namespace, and somebody else's mount beside its own */
};
struct crash_case {
        size_t point; /* TRACE_NOWHERE: none, for the count */
        bool after;
        int mode;
        size_t second_point; /* in the restart; TRACE_NOWHERE: none */
        bool second_after;
};
/* Runs it in `top`/work; *ret_first tells the first run. FAULT_INTERNAL "CRASH" with what did not hold. Workers' words go to stderr. */
struct fault *case_run(const struct worker_kind *kind, const char *top, const struct crash_case *c,
                       struct trace_result *ret_first) MUST_USE;
