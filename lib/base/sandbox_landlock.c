/* The part of the sandbox that Landlock makes. The numbers are the kernel's (Documentation/userspace-api/landlock.rst): the C library's headers are older than the
 * kernels that we run on, so those that came later stand here; which of them hold is asked at run time. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/base/sandbox_parts.h"

#define CREATE_VERSION    1u /* LANDLOCK_CREATE_RULESET_VERSION */
#define RULE_PATH_BENEATH 1  /* LANDLOCK_RULE_PATH_BENEATH */

/* LANDLOCK_ACCESS_FS_… */
#define FS_EXECUTE     (UINT64_C(1) << 0)
#define FS_WRITE_FILE  (UINT64_C(1) << 1)
#define FS_READ_FILE   (UINT64_C(1) << 2)
#define FS_READ_DIR    (UINT64_C(1) << 3)
#define FS_REMOVE_DIR  (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_DIR    (UINT64_C(1) << 7)
#define FS_MAKE_REG    (UINT64_C(1) << 8)
#define FS_MAKE_SOCK   (UINT64_C(1) << 9)
#define FS_MAKE_SYM    (UINT64_C(1) << 12)
#define FS_TRUNCATE    (UINT64_C(1) << 14) /* version 3 */
#define FS_IOCTL_DEV   (UINT64_C(1) << 15) /* version 5 */
#define FS_OF_FILES    (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#define NET_BIND_TCP    (UINT64_C(1) << 0) /* version 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)

#define SCOPE_ABSTRACT_SOCKETS (UINT64_C(1) << 0) /* version 6 */

struct ruleset_attr {
        uint64_t handled_fs, handled_net, scoped;
};
struct path_beneath {
        uint64_t allowed;
        int32_t parent;
} __attribute__((packed));

/* Everything that this kernel can refuse. */
static uint64_t handled_fs(int version)
{
        int bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
        return (UINT64_C(1) << bits) - 1;
}

static uint64_t rights(unsigned access)
{
        uint64_t r = 0;
        if ((access & SANDBOX_READ) != 0)
                r |= FS_READ_FILE | FS_READ_DIR;
        if ((access & SANDBOX_WRITE) != 0)
                r |= FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_MAKE_DIR |
                     FS_MAKE_SYM | FS_REMOVE_FILE | FS_REMOVE_DIR;
        if ((access & SANDBOX_SOCKET) != 0)
                r |= FS_READ_DIR | FS_MAKE_SOCK | FS_REMOVE_FILE;
        if ((access & SANDBOX_DEVICE) != 0)
                r |= FS_READ_FILE | FS_WRITE_FILE | FS_IOCTL_DEV;
        return r;
}

static struct fault *allow(int ruleset, const struct sandbox_path *p, uint64_t handled)
{
        struct stat st;
        AUTO_CLOSE int fd = open(p->path, O_PATH | O_CLOEXEC);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
                return NULL;
        if (fd < 0 || fstat(fd, &st) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "open %s", p->path);
        struct path_beneath rule = {rights(p->access) & handled, fd};
        if (!S_ISDIR(st.st_mode))
                rule.allowed &= FS_OF_FILES;
        if (rule.allowed != 0 && syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "Landlock rule for %s", p->path);
        return NULL;
}

struct fault *sandbox_landlock(const struct sandbox_profile *p, int *ret_version)
{
        int version = (int) syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
        if (version <= 0) { /* ENOSYS: not built in, EOPNOTSUPP: switched off at boot */
                *ret_version = 0;
                return NULL;
        }

        struct ruleset_attr attr = {.handled_fs = handled_fs(version)};
        size_t len = version >= 6 ? sizeof(attr) : version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
        if (version >= 4)
                attr.handled_net = (p->listens ? 0 : NET_BIND_TCP) | (p->connects ? 0 : NET_CONNECT_TCP);
        if (version >= 6)
                attr.scoped = SCOPE_ABSTRACT_SOCKETS;
        AUTO_CLOSE int ruleset = (int) syscall(SYS_landlock_create_ruleset, &attr, len, 0);
        if (ruleset < 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "make a Landlock ruleset");
        for (size_t i = 0; i < p->paths->count; i++)
                TRY(allow(ruleset, &p->paths->items[i], attr.handled_fs));
        if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "enter the Landlock ruleset");
        *ret_version = version;
        return NULL;
}
