#include "issuer/authority/signer_sandbox.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lib/base/sandbox.h"

/* Reading and writing descriptors that are open already, memory, time, random numbers, locks within the process, and the end. Memory that can be
 * executed is refused. */
static const struct sandbox_call allowed[] = {
        {SYS_read, false},
        {SYS_write, false},
        {SYS_pread64, false},
        {SYS_close, false},
        {SYS_brk, false},
        {SYS_munmap, false},
        {SYS_mremap, false},
        {SYS_madvise, false},
        {SYS_mlock, false},
        {SYS_mlock2, false},
        {SYS_munlock, false},
        {SYS_futex, false},
        {SYS_getrandom, false},
        {SYS_getpid, false},
        {SYS_gettid, false},
        {SYS_clock_gettime, false},
        {SYS_gettimeofday, false},
        {SYS_sched_yield, false},
        {SYS_rt_sigreturn, false},
        {SYS_rt_sigprocmask, false},
        {SYS_restart_syscall, false},
        {SYS_exit, false},
        {SYS_exit_group, false},
        {SYS_mmap, true},
        {SYS_mprotect, true},
#if SANDBOX_IS_WEAK
        {SYS_sigaltstack, false}, /* the sanitizers' own */
#endif
};

static struct fault *limit(int resource, rlim_t most)
{
        const struct rlimit l = {most, most};
        return setrlimit((__rlimit_resource_t) resource, &l) == 0
                       ? NULL
                       : fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "set a limit of the signer");
}

struct fault *signer_sandbox_prepare(pid_t parent)
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

struct fault *signer_sandbox_enter(void)
{
        TRY(limit(RLIMIT_NOFILE, 0)); /* open ones stay open */
        TRY(sandbox_drop_capabilities(/* kept= */ 0));
        return sandbox_allow_only(allowed, COUNT_OF(allowed));
}
