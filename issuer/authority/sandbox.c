#include "issuer/authority/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Reading and writing descriptors that are open already, memory, time, random numbers, locks within the process, and the end. */
static const int allowed[] = {
        SCMP_SYS(read),
        SCMP_SYS(write),
        SCMP_SYS(pread64),
        SCMP_SYS(close),
        SCMP_SYS(brk),
        SCMP_SYS(munmap),
        SCMP_SYS(mremap),
        SCMP_SYS(madvise),
        SCMP_SYS(mlock),
        SCMP_SYS(mlock2),
        SCMP_SYS(munlock),
        SCMP_SYS(futex),
        SCMP_SYS(getrandom),
        SCMP_SYS(getpid),
        SCMP_SYS(gettid),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(sched_yield),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(restart_syscall),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        SCMP_SYS(sigaltstack), /* the sanitizers' own */
#endif
};
/* Memory that can be executed is refused. */
static const int allowed_without_exec[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};

static struct fault *limit(int resource, rlim_t most)
{
        const struct rlimit l = {most, most};
        return setrlimit((__rlimit_resource_t) resource, &l) == 0
                       ? NULL
                       : fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "set a limit of the signer");
}

struct fault *sandbox_prepare(pid_t parent)
{
        if (prctl(PR_SET_NAME, "vouchsafe-signer") != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
            prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "shield the signer");
        if (getppid() != parent) /* it died before the death signal was asked for */
                return fault(FAULT_CANCELLED, "CANCELLED", "the issuer has ended");

        /* a terminal's Ctrl-C reaches the whole group; the signer ends when the issuer closes its socket */
        static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
        for (size_t i = 0; i < COUNT_OF(ignored); i++)
                (void) signal(ignored[i], SIG_IGN); /* can't fail for these */

        TRY(limit(RLIMIT_CORE, 0));
        return limit(RLIMIT_NPROC, 0);
}

static int add_rules(scmp_filter_ctx filter)
{
        int err = 0;
        for (size_t i = 0; i < COUNT_OF(allowed) && err == 0; i++)
                err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        for (size_t i = 0; i < COUNT_OF(allowed_without_exec) && err == 0; i++)
                err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_without_exec[i], 1,
                                       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        return err;
}

struct fault *sandbox_enter(void)
{
        TRY(limit(RLIMIT_NOFILE, 0)); /* open ones stay open */
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (filter == NULL)
                return fault(FAULT_INTERNAL, "SANDBOX", "no system call filter can be made");
        int err = add_rules(filter);
        if (err == 0)
                err = seccomp_load(filter);
        seccomp_release(filter);
        if (err != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", -err, "load the signer's system call filter");
        return NULL;
}
