#include "tests/fakes/sandbox_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/sandbox.h"

#define ABSTRACT_NAME "vouchsafe-sandbox-probe"

static const char *const names[] = {
        "AF_UNIX socket",
        "AF_INET socket",
        "AF_INET6 socket",
        "AF_NETLINK socket",
        "AF_PACKET socket",
        "AF_VSOCK socket",
        "AF_INET socket with high bits",
        "listen on TCP",
        "connect over TCP",
        "abstract socket of others",
        "thread",
        "fork",
        "new namespace by clone",
        "exec",
        "ptrace",
        "process_vm_readv",
        "setuid",
        "setgroups",
        "unshare",
        "chroot",
        "mount",
        "fsmount",
        "bpf",
        "add_key",
        "userfaultfd",
        "io_uring",
        "module",
        "set the clock",
        "perf events",
        "mknod",
        "read inside",
        "write inside",
        "read outside",
        "write outside",
        "raise a capability",
};
_Static_assert(COUNT_OF(names) == PROBE_COUNT, "a name each");

const struct probe_row probe_never[] = {
        {PROBE_SOCKET_UNIX, PROBE_DONE},
        {PROBE_THREAD, PROBE_DONE},
        {PROBE_SOCKET_NETLINK, EPERM},
        {PROBE_SOCKET_PACKET, EPERM},
        {PROBE_SOCKET_VSOCK, EPERM},
        {PROBE_SOCKET_HIGH_BITS, EPERM},
        {PROBE_PEEK, EPERM},
        {PROBE_SETUID, EPERM},
        {PROBE_SETGROUPS, EPERM},
        {PROBE_UNSHARE, EPERM},
        {PROBE_CHROOT, EPERM},
        {PROBE_MOUNT_OLD, EPERM},
        {PROBE_BPF, EPERM},
        {PROBE_KEYRING, EPERM},
        {PROBE_USERFAULTFD, EPERM},
        {PROBE_IO_URING, EPERM},
        {PROBE_MODULE, EPERM},
        {PROBE_CLOCK, EPERM},
        {PROBE_PERF, EPERM},
        {PROBE_MKNOD, EPERM},
        {PROBE_RAISE_CAPABILITY, EPERM},
#if !SANDBOX_IS_WEAK
        {PROBE_FORK, EPERM},
        {PROBE_NAMESPACE, EPERM},
        {PROBE_EXEC, EPERM},
        {PROBE_PTRACE, EPERM},
#endif
};
const size_t probe_never_count = COUNT_OF(probe_never);

/* ---- the calls: each is 0 or an errno ---- */

static int outcome(long result)
{
        return result < 0 ? errno : PROBE_DONE;
}

static int try_socket(long family)
{
        int fd = (int) syscall(SYS_socket, family, SOCK_STREAM, 0);
        int said = outcome(fd);
        if (fd >= 0)
                close(fd);
        return said;
}

static int try_tcp(bool listens)
{
        AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(listens ? 0 : 1)};
        const struct sockaddr *address = (const struct sockaddr *) &to;
        if (fd < 0)
                return errno;
        return outcome(listens ? bind(fd, address, sizeof(to)) : connect(fd, address, sizeof(to)));
}

static struct sockaddr_un abstract_address(socklen_t *ret_len)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        memcpy(a.sun_path + 1, ABSTRACT_NAME, sizeof(ABSTRACT_NAME) - 1);
        *ret_len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + sizeof(ABSTRACT_NAME));
        return a;
}

static int try_abstract(void)
{
        AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t len;
        struct sockaddr_un a = abstract_address(&len);
        return fd < 0 ? errno : outcome(connect(fd, (const struct sockaddr *) &a, len));
}

static void *nothing(void *arg)
{
        return arg;
}

static int try_thread(void)
{
        pthread_t thread;
        int err = pthread_create(&thread, NULL, nothing, NULL);
        return err != 0 ? err : pthread_join(thread, NULL);
}

static int try_clone(unsigned long flags)
{
        long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
        if (pid == 0)
                _exit(0);
        int said = outcome(pid);
        if (pid > 0)
                (void) waitpid((pid_t) pid, NULL, 0);
        return said;
}

static int try_exec(void)
{
        static char *const argv[] = {"/bin/true", NULL};
        return outcome(execv(argv[0], argv));
}

static int try_peek(void)
{
        char byte;
        struct iovec here = {&byte, 1}, there = {(void *) names, 1};
        return outcome(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static int try_fsmount(void)
{
        AUTO_CLOSE int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
        if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
                return errno;
        AUTO_CLOSE int mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
        return outcome(mount);
}

static int try_file(const char *folder, bool writes)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", folder, writes ? "new" : "there");
        AUTO_CLOSE int fd =
                writes ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : open(path, O_RDONLY | O_CLOEXEC);
        return outcome(fd);
}

static int try_raise(void)
{
        struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct all[_LINUX_CAPABILITY_U32S_3] = {{UINT32_MAX, UINT32_MAX, 0},
                                                                       {UINT32_MAX, UINT32_MAX, 0}};
        return outcome(syscall(SYS_capset, &head, all));
}

static int try_setting_clock(void)
{
        struct timespec t = {-1, 0}; /* never a time: EINVAL for those who may */
        return outcome(clock_settime(CLOCK_REALTIME, &t));
}

static int attempt(enum probe what, const struct probe_place *p)
{
        switch (what) {
        case PROBE_SOCKET_UNIX:
                return try_socket(AF_UNIX);
        case PROBE_SOCKET_INET:
                return try_socket(AF_INET);
        case PROBE_SOCKET_INET6:
                return try_socket(AF_INET6);
        case PROBE_SOCKET_NETLINK:
                return try_socket(AF_NETLINK);
        case PROBE_SOCKET_PACKET:
                return try_socket(AF_PACKET);
        case PROBE_SOCKET_VSOCK:
                return try_socket(AF_VSOCK);
        case PROBE_SOCKET_HIGH_BITS:
                return try_socket(AF_INET | (1L << 32));
        case PROBE_LISTEN:
                return try_tcp(true);
        case PROBE_CONNECT:
                return try_tcp(false);
        case PROBE_ABSTRACT:
                return try_abstract();
        case PROBE_THREAD:
                return try_thread();
        case PROBE_FORK:
                return try_clone(0);
        case PROBE_NAMESPACE:
                return try_clone(CLONE_NEWUSER);
        case PROBE_EXEC:
                return try_exec();
        case PROBE_PTRACE:
                return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        case PROBE_PEEK:
                return try_peek();
        case PROBE_SETUID:
                return outcome(syscall(SYS_setuid, getuid()));
        case PROBE_SETGROUPS:
                return outcome(syscall(SYS_setgroups, 0, NULL));
        case PROBE_UNSHARE:
                return outcome(unshare(CLONE_NEWNS));
        case PROBE_CHROOT:
                return outcome(chroot("/"));
        case PROBE_MOUNT_OLD:
                return outcome(mount("none", "/nowhere", "tmpfs", 0, NULL));
        case PROBE_MOUNT_NEW:
                return try_fsmount();
        case PROBE_BPF:
                return outcome(syscall(SYS_bpf, -1, NULL, 0));
        case PROBE_KEYRING:
                return outcome(syscall(SYS_add_key, NULL, NULL, NULL, 0, 0));
        case PROBE_USERFAULTFD:
                return outcome(syscall(SYS_userfaultfd, -1));
        case PROBE_IO_URING:
                return outcome(syscall(SYS_io_uring_setup, 0, NULL));
        case PROBE_MODULE:
                return outcome(syscall(SYS_init_module, NULL, 0, NULL));
        case PROBE_CLOCK:
                return try_setting_clock();
        case PROBE_PERF:
                return outcome(syscall(SYS_perf_event_open, NULL, 0, 0, -1, 0));
        case PROBE_MKNOD:
                return outcome(mknodat(AT_FDCWD, "/nowhere/node", S_IFIFO | 0600, 0));
        case PROBE_READ_INSIDE:
                return try_file(p->inside, false);
        case PROBE_WRITE_INSIDE:
                return try_file(p->inside, true);
        case PROBE_READ_OUTSIDE:
                return try_file(p->outside, false);
        case PROBE_WRITE_OUTSIDE:
                return try_file(p->outside, true);
        case PROBE_RAISE_CAPABILITY:
                return try_raise();
        case PROBE_COUNT:
                break;
        }
        return -1;
}

/* ---- the child ---- */

struct findings {
        bool entered;
        uint64_t capabilities;
        bool is_shielded; /* no new privileges, not dumpable */
        int said[64];     /* a row each */
};

static uint64_t effective_capabilities(void)
{
        struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
        if (syscall(SYS_capget, &head, data) != 0)
                return UINT64_MAX;
        return data[0].effective | data[0].permitted | (uint64_t) (data[1].effective | data[1].permitted) << 32;
}

static _Noreturn void run_child(struct fault *(*enter)(void *), void *arg, uid_t uid, const struct probe_place *place,
                                const struct probe_row *rows, size_t count, struct findings *found)
{
        if (uid != 0 && (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
                _exit(1);
        struct fault *f = enter(arg);
        if (f != NULL) {
                print_error("%s\n", fault_text(f));
                _exit(1);
        }
        found->entered = true;
        found->capabilities = effective_capabilities();
        found->is_shielded = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && prctl(PR_GET_DUMPABLE) == 0;
        for (size_t i = 0; i < count; i++)
                found->said[i] = attempt(rows[i].what, place);
        _exit(0);
}

static void listen_abstract(int *ret)
{
        socklen_t len;
        struct sockaddr_un a = abstract_address(&len);
        *ret = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(*ret >= 0);
        assert_int_equal(bind(*ret, (const struct sockaddr *) &a, len), 0);
        assert_int_equal(listen(*ret, 1), 0);
}

uint64_t probe_rows(struct fault *(*enter)(void *), void *arg, uid_t uid, const struct probe_place *place,
                    const struct probe_row *rows, size_t count)
{
        struct findings *found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(found != MAP_FAILED && count <= COUNT_OF(found->said));
        AUTO_CLOSE int abstract = -1;
        listen_abstract(&abstract);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
                run_child(enter, arg, uid, place, rows, count, found);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(found->entered);
        assert_int_equal(status, 0);
        assert_true(found->is_shielded);
        int wrong = 0;
        for (size_t i = 0; i < count; i++) {
                if (found->said[i] == rows[i].error)
                        continue;
                print_error("%s: errno %d, wanted %d\n", names[rows[i].what], found->said[i], rows[i].error);
                wrong++;
        }
        assert_int_equal(wrong, 0);
        uint64_t capabilities = found->capabilities;
        (void) munmap(found, sizeof(*found)); /* fails only for ranges that are none */
        return capabilities;
}

/* ---- places ---- */

static void make_folder(char *folder, size_t len, uid_t owner)
{
        snprintf(folder, len, "/tmp/vouchsafe-probe-XXXXXX");
        assert_non_null(mkdtemp(folder));
        AUTO_STRING char *path = alloc_printf("%s/there", folder);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fchmod(fd, 0644), 0);
        assert_int_equal(chmod(folder, 0755), 0);
        if (owner != 0)
                assert_int_equal(chown(folder, owner, owner), 0);
}

void probe_place_make(struct probe_place *place, uid_t owner)
{
        make_folder(place->inside, sizeof(place->inside), owner);
        make_folder(place->outside, sizeof(place->outside), owner);
}

static void remove_folder(const char *folder)
{
        static const char *const files[] = {"there", "new"};
        for (size_t i = 0; i < COUNT_OF(files); i++) {
                AUTO_STRING char *path = alloc_printf("%s/%s", folder, files[i]);
                (void) unlink(path); /* may never have been made */
        }
        assert_int_equal(rmdir(folder), 0);
}

void probe_place_clear(struct probe_place *place)
{
        remove_folder(place->inside);
        remove_folder(place->outside);
}
