/* trace: a program run under ptrace(2) up to a chosen system call, and killed there.
 *
 * Calls that change something outside the process are told apart by a seccomp filter (table in trace.c); only those stop the program, so
 * that it runs at nearly its own speed. They are counted over all threads, and over a child that it forks (the issuer's signer), in the
 * order in which they come. Writes to stdout, stderr and to descriptors that are no files or sockets (eventfd) don't count. SIGKILL comes
 * before the kernel has done the call, or after it and before the program sees its answer. Needs Linux 5.3. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/span.h"

#define TRACE_POINTS_MAX 16384
#define TRACE_NOWHERE    SIZE_MAX

struct trace_point {
        int number;    /* of the system call */
        bool in_child; /* the signer's, and it alone is killed there */
};
struct trace_order {
        const char *const *argv;
        size_t point; /* 0 and up; TRACE_NOWHERE: let it run */
        bool after;
};
struct trace_result {
        size_t count; /* points passed */
        bool hit;
        int status; /* of the program, as of waitpid(2) */
        struct trace_point points[TRACE_POINTS_MAX];
};
/* The caller has no other children. Faults: FAULT_INTERNAL "TRACE". */
struct fault *trace_run(const struct trace_order *o, struct trace_result *ret) MUST_USE;
/* The name of a system call. The caller frees it. */
char *trace_name(int number);
