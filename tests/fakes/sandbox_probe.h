/* sandbox_probe: tries what a sandbox should refuse, in a child that has entered it, and compares what each call said. */
#pragma once

#include "tests/fakes/expect.h"

enum probe {
        PROBE_SOCKET_UNIX,
        PROBE_SOCKET_INET,
        PROBE_SOCKET_INET6,
        PROBE_SOCKET_NETLINK,
        PROBE_SOCKET_PACKET,
        PROBE_SOCKET_VSOCK,
        PROBE_SOCKET_HIGH_BITS, /* AF_INET with a bit that the kernel cuts off */
        PROBE_LISTEN,           /* on a TCP port */
        PROBE_CONNECT,          /* to a TCP port where nobody listens: ECONNREFUSED when it may */
        PROBE_ABSTRACT,         /* connect to an abstract socket of the test's */
        PROBE_THREAD,
        PROBE_FORK,
        PROBE_NAMESPACE, /* clone into a new user namespace */
        PROBE_EXEC,
        PROBE_PTRACE,
        PROBE_PEEK, /* process_vm_readv of the parent */
        PROBE_SETUID,
        PROBE_SETGROUPS,
        PROBE_UNSHARE,
        PROBE_CHROOT,
        PROBE_MOUNT_OLD,
        PROBE_MOUNT_NEW, /* fsopen, fsmount of a tmpfs */
        PROBE_BPF,
        PROBE_KEYRING,
        PROBE_USERFAULTFD,
        PROBE_IO_URING,
        PROBE_MODULE,
        PROBE_CLOCK,
        PROBE_PERF,
        PROBE_MKNOD,
        PROBE_READ_INSIDE, /* `inside`, a folder: a file in it */
        PROBE_WRITE_INSIDE,
        PROBE_READ_OUTSIDE, /* `outside` */
        PROBE_WRITE_OUTSIDE,
        PROBE_RAISE_CAPABILITY,
        PROBE_COUNT,
};
#define PROBE_DONE 0
struct probe_row {
        enum probe what;
        int error; /* errno, or PROBE_DONE */
};
struct probe_place {
        char inside[128], outside[128]; /* folders, with a file "there" in each that everybody may read */
};

/* Folders for `place`, of uid `owner`. */
void probe_place_make(struct probe_place *place, uid_t owner);
void probe_place_clear(struct probe_place *place);
/* In a child with uid `uid` (0: as we are) that enters the sandbox: each row is tried and its outcome asserted. Returns its effective capabilities. */
uint64_t probe_rows(struct fault *(*enter)(void *arg), void *arg, uid_t uid, const struct probe_place *place,
                    const struct probe_row *rows, size_t count);
/* What every role is refused. */
extern const struct probe_row probe_never[];
extern const size_t probe_never_count;
