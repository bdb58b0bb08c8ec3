/* memcheck_calls: preloaded into programs that run under valgrind: system calls that Debian 12's valgrind (3.19) does not know.
 *
 * Valgrind answers ENOSYS to a system call without a wrapper, and the mount API by descriptors, openat2 and seccomp have none: a node plugin could not
 * mount. Here these calls leave the simulated processor and are made on the real one (VALGRIND_NON_SIMD_CALL), with their arguments as they
 * are. None of them writes to the caller's memory, so memcheck loses nothing but the descriptors that they return, which
 * --track-fds does not see.
 *
 * A filter that kills on anything it does not list (the issuer's signer) would kill valgrind's own calls: such a filter is taken and not
 * loaded; what filters and Landlock forbid is tested in ordinary builds. Landlock keeps its ENOSYS. None of this is in the programs. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

struct call {
        long number;
        unsigned long args[6];
};

/* On the real processor: no libc, no thread-local storage. */
static long make(long thread, const struct call *c)
{
        (void) thread;
        register unsigned long r10 __asm__("r10") = c->args[3];
        register unsigned long r8 __asm__("r8") = c->args[4];
        register unsigned long r9 __asm__("r9") = c->args[5];
        long result;
        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(c->number), "D"(c->args[0]), "S"(c->args[1]), "d"(c->args[2]), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return result;
}

static long natively(const struct call *c)
{
        /* a program that one under valgrind starts has this loaded as well, without valgrind */
        long result = RUNNING_ON_VALGRIND ? (long) VALGRIND_NON_SIMD_CALL1(make, c) : make(0, c);
        if (result >= 0 || result < -4095)
                return result;
        errno = (int) -result;
        return -1;
}

#define CALL(number, ...) natively(&(struct call){number, {__VA_ARGS__}})
#define WORD(x)           ((unsigned long) (x))

int fsopen(const char *name, unsigned flags)
{
        return (int) CALL(SYS_fsopen, WORD(name), flags);
}

int fsconfig(int fd, unsigned command, const char *key, const void *value, int aux)
{
        return (int) CALL(SYS_fsconfig, WORD(fd), command, WORD(key), WORD(value), WORD(aux));
}

int fsmount(int fd, unsigned flags, unsigned attributes)
{
        return (int) CALL(SYS_fsmount, WORD(fd), flags, attributes);
}

int open_tree(int dir, const char *path, unsigned flags)
{
        return (int) CALL(SYS_open_tree, WORD(dir), WORD(path), flags);
}

int move_mount(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
        return (int) CALL(SYS_move_mount, WORD(from_dir), WORD(from), WORD(to_dir), WORD(to), flags);
}

int mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr, size_t size)
{
        return (int) CALL(SYS_mount_setattr, WORD(dir), WORD(path), flags, WORD(attr), size);
}

/* The signer allows itself no descriptors and no processes: valgrind could not go on. Other limits are set. */
int setrlimit(__rlimit_resource_t which, const struct rlimit *limit)
{
        if (which == RLIMIT_NOFILE || which == RLIMIT_NPROC)
                return 0;
        int (*real)(__rlimit_resource_t, const struct rlimit *) =
                (int (*)(__rlimit_resource_t, const struct rlimit *)) dlsym(RTLD_NEXT, "setrlimit");
        return real(which, limit);
}

/* Only a filter that lists what is allowed has this: the others' own "kill", for a foreign architecture, is of the thread. */
static bool kills_the_process(const struct sock_fprog *program)
{
        for (unsigned short i = 0; i < program->len; i++)
                if (BPF_CLASS(program->filter[i].code) == BPF_RET && program->filter[i].k == SECCOMP_RET_KILL_PROCESS)
                        return true;
        return false;
}

static long filter(const struct call *c)
{
        const struct sock_fprog *program;
        memcpy(&program, &c->args[2], sizeof(c->args[2]));
        bool is_filter = c->args[0] == SECCOMP_SET_MODE_FILTER && program != NULL;
        return is_filter && kills_the_process(program) ? 0 : natively(c);
}

long syscall(long number, ...)
{
        struct call c = {.number = number};
        va_list args;
        va_start(args, number);
        for (int i = 0; i < 6; i++)
                c.args[i] = va_arg(args, unsigned long);
        va_end(args);
        if (number == SYS_seccomp)
                return filter(&c);
        if (number == SYS_openat2 || number == SYS_mlock2)
                return natively(&c);
        long (*real)(long, ...) = (long (*)(long, ...)) dlsym(RTLD_NEXT, "syscall");
        return real(number, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5]);
}
