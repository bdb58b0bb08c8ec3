#include "attester/evidence/reader_sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define DENY SCMP_ACT_ERRNO(EPERM)

/* A list of what is refused instead of what is allowed: the evidence libraries (tpm2-tss, OpenSSL) and libc choose their calls by
 * version, and a reader that dies on an upgrade is worse than one that may call getrusage. */
static const int denied[] = {
        SCMP_SYS(execve),
        SCMP_SYS(execveat),
        SCMP_SYS(ptrace),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(mount),
        SCMP_SYS(umount2),
        SCMP_SYS(pivot_root),
        SCMP_SYS(chroot),
        SCMP_SYS(fsopen),
        SCMP_SYS(fsmount),
        SCMP_SYS(fspick),
        SCMP_SYS(open_tree),
        SCMP_SYS(move_mount),
        SCMP_SYS(mount_setattr),
        SCMP_SYS(setns),
        SCMP_SYS(unshare),
        SCMP_SYS(init_module),
        SCMP_SYS(finit_module),
        SCMP_SYS(delete_module),
        SCMP_SYS(kexec_load),
        SCMP_SYS(kexec_file_load),
        SCMP_SYS(bpf),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(io_uring_enter),
        SCMP_SYS(io_uring_register),
        SCMP_SYS(userfaultfd),
        SCMP_SYS(keyctl),
        SCMP_SYS(add_key),
        SCMP_SYS(request_key),
        SCMP_SYS(reboot),
        SCMP_SYS(swapon),
        SCMP_SYS(swapoff),
        SCMP_SYS(acct),
        SCMP_SYS(settimeofday),
        SCMP_SYS(clock_settime),
        SCMP_SYS(adjtimex),
        SCMP_SYS(clock_adjtime),
        SCMP_SYS(sethostname),
        SCMP_SYS(setdomainname),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(pidfd_getfd),
        SCMP_SYS(mknod),
        SCMP_SYS(mknodat),
        SCMP_SYS(setuid),
        SCMP_SYS(setresuid),
        SCMP_SYS(setreuid),
};

static int fill(scmp_filter_ctx filter)
{
        const struct scmp_arg_cmp not_unix = {.arg = 0, .op = SCMP_CMP_NE, .datum_a = AF_UNIX};
        int rc = 0;
        for (size_t i = 0; rc == 0 && i < COUNT_OF(denied); i++) {
                rc = seccomp_rule_add(filter, DENY, denied[i], 0);
                if (rc == -EDOM || rc == -EINVAL)
                        rc = 0; /* this architecture has no such call */
        }
        if (rc == 0)
                rc = seccomp_rule_add(filter, DENY, SCMP_SYS(socket), 1, not_unix);
        if (rc == 0)
                rc = seccomp_rule_add(filter, DENY, SCMP_SYS(socketpair), 1, not_unix);
        if (rc == 0)
                rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
        return rc;
}

struct fault *reader_sandbox_enter(void)
{
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "give up new privileges");
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        if (filter == NULL)
                return fault(FAULT_INTERNAL, "SANDBOX", "make a system call filter");
        int rc = fill(filter);
        if (rc == 0)
                rc = seccomp_load(filter);
        seccomp_release(filter);
        return rc == 0 ? NULL : fault_errno(FAULT_INTERNAL, "SANDBOX", -rc, "load the system call filter");
}
