/* The part of the sandbox that libseccomp makes. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/base/sandbox_parts.h"

#define REFUSE       SCMP_ACT_ERRNO(EPERM)
#define FAMILY_COUNT 64 /* above AF_MAX (46 in Linux 6): every number from here on is refused as well */

/* Nobody here needs them. Calls that an architecture does not have are skipped. */
static const int refused[] = {
        /* memory and state of other processes */
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(process_madvise),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(kcmp),
        /* namespaces, roots, mounts in the old way */
        SCMP_SYS(mount),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(fspick),
        SCMP_SYS(setns),
        SCMP_SYS(unshare),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(mknod),
        SCMP_SYS(mknodat),
        SCMP_SYS(swapon),
        SCMP_SYS(swapoff),
        SCMP_SYS(quotactl),
        SCMP_SYS(fanotify_init),
        /* kernel interfaces that are large and not ours */
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(delete_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(kexec_file_load),
        SCMP_SYS(bpf),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(io_uring_setup), /* would go round this filter */
        SCMP_SYS(io_uring_enter),
        SCMP_SYS(io_uring_register),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(modify_ldt),
        SCMP_SYS(ioperm),
        SCMP_SYS(iopl),
        SCMP_SYS(syslog),
        SCMP_SYS(uselib),
        SCMP_SYS(acct),
        SCMP_SYS(vhangup),
        SCMP_SYS(lookup_dcookie),
        SCMP_SYS(nfsservctl),
        /* the machine's clock, name and life */
        SCMP_SYS(reboot),
        SCMP_SYS(settimeofday),
        SCMP_SYS(clock_settime),
        SCMP_SYS(clock_adjtime),
        SCMP_SYS(adjtimex),
        SCMP_SYS(sethostname),
        SCMP_SYS(setdomainname),
        /* who we are */
        SCMP_SYS(setuid),
        SCMP_SYS(setreuid),
        SCMP_SYS(setresuid),
        SCMP_SYS(setfsuid),
        SCMP_SYS(setgid),
        SCMP_SYS(setregid),
        SCMP_SYS(setresgid),
        SCMP_SYS(setfsgid),
        SCMP_SYS(setgroups),
};
/* New programs and processes, and looking into them: a sanitizer's run time does both (leaks, symbols). */
static const int refused_to_ours[] = {
        SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(fork), SCMP_SYS(vfork),
};
static const int refused_without_mounts[] = {
        SCMP_SYS(umount2),   SCMP_SYS(fsopen),     SCMP_SYS(fsconfig),      SCMP_SYS(fsmount),
        SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(mount_setattr),
};

static int refuse_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
        int err = 0;
        for (size_t i = 0; err == 0 && i < count; i++) {
                err = seccomp_rule_add(filter, REFUSE, calls[i], 0);
                if (err == -EDOM || err == -EINVAL)
                        err = 0; /* this architecture has no such call */
        }
        return err;
}

/* One comparison an argument is what the library takes in a rule, so each family has its own. */
static int refuse_families(scmp_filter_ctx filter, unsigned families)
{
        int err = seccomp_rule_add(filter, REFUSE, SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
        for (unsigned family = 0; err == 0 && family < FAMILY_COUNT; family++) {
                bool is_open = (family == AF_UNIX && (families & SANDBOX_UNIX) != 0) ||
                               (family == AF_VSOCK && (families & SANDBOX_VSOCK) != 0) ||
                               ((family == AF_INET || family == AF_INET6) && (families & SANDBOX_INET) != 0);
                if (!is_open)
                        err = seccomp_rule_add(filter, REFUSE, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, family, 0));
        }
        if (err == 0) /* also those with bits that the kernel would cut off */
                err = seccomp_rule_add(filter, REFUSE, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GE, FAMILY_COUNT, 0));
        return err;
}

/* Threads yes, processes no. clone3 has its flags in memory, where a filter can't look: libc takes clone when it is not there. */
static int refuse_processes(scmp_filter_ctx filter)
{
        int err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        if (err == 0)
                err = seccomp_rule_add(filter, REFUSE, SCMP_SYS(clone), 1,
                                       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
        return err;
}

static int fill(scmp_filter_ctx filter, const struct sandbox_profile *p)
{
        int err = refuse_all(filter, refused, COUNT_OF(refused));
        if (err == 0 && !SANDBOX_IS_WEAK)
                err = refuse_all(filter, refused_to_ours, COUNT_OF(refused_to_ours));
        if (err == 0 && !SANDBOX_IS_WEAK)
                err = refuse_processes(filter);
        if (err == 0 && !p->mounts)
                err = refuse_all(filter, refused_without_mounts, COUNT_OF(refused_without_mounts));
        if (err == 0)
                err = refuse_families(filter, p->families);
        if (err == 0) /* typing on the terminal that somebody started us from */
                err = seccomp_rule_add(filter, REFUSE, SCMP_SYS(ioctl), 1,
                                       SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI));
        if (err == 0)
                err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        return err;
}

static struct fault *load(scmp_filter_ctx filter, int err)
{
        if (err == 0)
                err = seccomp_load(filter);
        seccomp_release(filter);
        return err == 0 ? NULL : fault_errno(FAULT_INTERNAL, "SANDBOX", -err, "load the system call filter");
}

struct fault *sandbox_filter(const struct sandbox_profile *p)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        if (filter == NULL)
                return fault(FAULT_INTERNAL, "SANDBOX", "no system call filter can be made");
        return load(filter, fill(filter, p));
}

struct fault *sandbox_allow_only(const struct sandbox_call *calls, size_t count)
{
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (filter == NULL)
                return fault(FAULT_INTERNAL, "SANDBOX", "no system call filter can be made");
        int err = 0;
        for (size_t i = 0; i < count && err == 0; i++)
                err = calls[i].without_exec ? seccomp_rule_add(filter, SCMP_ACT_ALLOW, (int) calls[i].number, 1,
                                                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))
                                            : seccomp_rule_add(filter, SCMP_ACT_ALLOW, (int) calls[i].number, 0);
        return load(filter, err);
}
