#include "tests/crash/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define OPTIONS                                                                                                        \
        (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | \
         PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)
#define SYSCALL_STOP (SIGTRAP | 0x80)

/* What changes something outside the process. */
static const int effects[] = {
        SCMP_SYS(fsopen),        SCMP_SYS(fsconfig),  SCMP_SYS(fsmount),   SCMP_SYS(move_mount), SCMP_SYS(open_tree),
        SCMP_SYS(mount_setattr), SCMP_SYS(mount),     SCMP_SYS(umount2),   SCMP_SYS(fsync),      SCMP_SYS(fdatasync),
        SCMP_SYS(rename),        SCMP_SYS(renameat),  SCMP_SYS(renameat2), SCMP_SYS(unlink),     SCMP_SYS(unlinkat),
        SCMP_SYS(symlink),       SCMP_SYS(symlinkat), SCMP_SYS(link),      SCMP_SYS(linkat),     SCMP_SYS(mkdir),
        SCMP_SYS(mkdirat),       SCMP_SYS(rmdir),     SCMP_SYS(chmod),     SCMP_SYS(fchmod),     SCMP_SYS(fchmodat),
        SCMP_SYS(chown),         SCMP_SYS(fchown),    SCMP_SYS(fchownat),  SCMP_SYS(truncate),   SCMP_SYS(ftruncate),
        SCMP_SYS(fallocate),
};
/* Those count when their descriptor is a file or a socket. */
static const int writes[] = {
        SCMP_SYS(write),    SCMP_SYS(pwrite64), SCMP_SYS(writev),  SCMP_SYS(pwritev),
        SCMP_SYS(pwritev2), SCMP_SYS(sendto),   SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg),
};

char *trace_name(int number)
{
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        return name != NULL ? name : alloc_printf("call %d", number);
}

/* ---- the program's side ---------------------------------------------------------------------------------------------- */

static int add_rules(scmp_filter_ctx filter)
{
        int err = 0;
        for (size_t i = 0; i < COUNT_OF(effects) && err == 0; i++)
                err = seccomp_rule_add(filter, SCMP_ACT_TRACE(0), effects[i], 0);
        for (size_t i = 0; i < COUNT_OF(writes) && err == 0; i++)
                err = seccomp_rule_add(filter, SCMP_ACT_TRACE(0), writes[i], 1, SCMP_A0(SCMP_CMP_GT, STDERR_FILENO));
        static const unsigned making[] = {O_CREAT, O_TRUNC};
        for (size_t i = 0; i < COUNT_OF(making) && err == 0; i++) {
                err = seccomp_rule_add(filter, SCMP_ACT_TRACE(0), SCMP_SYS(openat), 1,
                                       SCMP_A2(SCMP_CMP_MASKED_EQ, making[i], making[i]));
                if (err == 0)
                        err = seccomp_rule_add(filter, SCMP_ACT_TRACE(0), SCMP_SYS(open), 1,
                                               SCMP_A1(SCMP_CMP_MASKED_EQ, making[i], making[i]));
        }
        return err;
}

static _Noreturn void become(const char *const *argv)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        if (filter == NULL || add_rules(filter) != 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 ||
            raise(SIGSTOP) != 0)
                _exit(126); /* no words: the tracer says that it did not start */
        if (seccomp_load(filter) != 0)
                _exit(126);
        execv(argv[0], (char *const *) argv); /* only read */
        _exit(127);
}

/* ---- the tracer's side ----------------------------------------------------------------------------------------------- */

struct tracing {
        const struct trace_order *order;
        struct trace_result *result;
        pid_t leader, child; /* child: 0 while there is none */
        pid_t leaving;       /* waits for the end of the chosen call */
        bool killed;
};

/* ptrace(2) takes numbers in the place of pointers. */
static void *as_pointer(uintptr_t number)
{
        return (void *) number; /* NOLINT(performance-no-int-to-ptr): the system call's own shape */
}

static void go_on(enum __ptrace_request how, pid_t tid, int signal_number)
{
        (void) ptrace(how, tid, NULL, as_pointer((uintptr_t) signal_number)); /* ESRCH: it was killed meanwhile */
}

static bool is_file_or_socket(pid_t tid, uint64_t fd)
{
        char path[64], name[PATH_MAX];
        (void) snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int) tid, (int) fd); /* fits */
        ssize_t len = readlink(path, name, sizeof(name));
        return len > 0 && (name[0] == '/' || strncmp(name, "socket:", 7) == 0);
}

static bool counts(pid_t tid, const struct __ptrace_syscall_info *info)
{
        for (size_t i = 0; i < COUNT_OF(writes); i++)
                if ((int) info->seccomp.nr == writes[i])
                        return is_file_or_socket(tid, info->seccomp.args[0]);
        return true;
}

static void kill_at(struct tracing *t, pid_t tid)
{
        pid_t victim = tid == t->child ? t->child : t->leader;
        t->result->hit = true;
        t->killed = true;
        (void) kill(victim, SIGKILL); /* it is stopped, hence there */
}

static void on_call(struct tracing *t, pid_t tid)
{
        struct __ptrace_syscall_info info = {0};
        bool known = ptrace(PTRACE_GET_SYSCALL_INFO, tid, as_pointer(sizeof(info)), &info) > 0 &&
                     info.op == PTRACE_SYSCALL_INFO_SECCOMP;
        if (!known || t->killed || !counts(tid, &info)) {
                go_on(PTRACE_CONT, tid, 0);
                return;
        }
        struct trace_result *r = t->result;
        size_t index = r->count++;
        if (index < TRACE_POINTS_MAX)
                r->points[index] = (struct trace_point){(int) info.seccomp.nr, tid == t->child};
        if (index != t->order->point) {
                go_on(PTRACE_CONT, tid, 0);
                return;
        }
        if (!t->order->after) {
                kill_at(t, tid); /* the kernel leaves a call that it has not begun */
                go_on(PTRACE_CONT, tid, 0);
                return;
        }
        t->leaving = tid;
        go_on(PTRACE_SYSCALL, tid, 0);
}

static void on_stop(struct tracing *t, pid_t tid, int status)
{
        int event = status >> 16, signal_number = WSTOPSIG(status);
        if (event == PTRACE_EVENT_SECCOMP) {
                on_call(t, tid);
                return;
        }
        if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
                unsigned long pid = 0;
                (void) ptrace(PTRACE_GETEVENTMSG, tid, NULL, &pid); /* of a stopped tracee: can't fail */
                t->child = (pid_t) pid;
        }
        if (signal_number == SYSCALL_STOP && tid == t->leaving) {
                t->leaving = 0;
                kill_at(t, tid);
        }
        bool is_signal = event == 0 && signal_number != SYSCALL_STOP && signal_number != SIGSTOP;
        go_on(PTRACE_CONT, tid, is_signal ? signal_number : 0);
}

/* Until the last of them is gone. */
static void follow(struct tracing *t)
{
        int status;
        pid_t tid;
        while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
                if (tid < 0)
                        continue;
                if (WIFSTOPPED(status))
                        on_stop(t, tid, status);
                else if (tid == t->leader)
                        t->result->status = status;
        }
}

struct fault *trace_run(const struct trace_order *o, struct trace_result *ret)
{
        ret->count = 0;
        ret->hit = false;
        ret->status = 0;
        struct tracing t = {.order = o, .result = ret};
        (void) fflush(NULL); /* or the child would have what is buffered here as well */
        t.leader = fork();
        if (t.leader == 0)
                become(o->argv);
        int status = 0;
        if (t.leader < 0 || waitpid(t.leader, &status, __WALL) != t.leader || !WIFSTOPPED(status))
                return fault_errno(FAULT_INTERNAL, "TRACE", errno, "start %s", o->argv[0]);
        if (ptrace(PTRACE_SETOPTIONS, t.leader, NULL, as_pointer(OPTIONS)) != 0) {
                int err = errno;
                (void) kill(t.leader, SIGKILL);
                (void) waitpid(t.leader, NULL, __WALL);
                return fault_errno(FAULT_INTERNAL, "TRACE", err, "trace %s", o->argv[0]);
        }
        go_on(PTRACE_CONT, t.leader, 0);
        follow(&t);
        if (ret->count > TRACE_POINTS_MAX)
                return fault(FAULT_INTERNAL, "TRACE", "%zu calls, at most %d are followed", ret->count,
                             TRACE_POINTS_MAX);
        return NULL;
}
