#include "lib/base/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <libgen.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/base/log.h"
#include "lib/base/sandbox_parts.h"

/* ---- lists of paths ---- */

void sandbox_paths_add(struct sandbox_paths *paths, const char *path, unsigned access)
{
        paths->items = alloc_resize(paths->items, paths->count + 1, sizeof(*paths->items));
        paths->items[paths->count++] = (struct sandbox_path){alloc_string(path), access};
}

void sandbox_paths_add_folder_of(struct sandbox_paths *paths, const char *file, unsigned access)
{
        if (file == NULL)
                return;
        AUTO_STRING char *named = alloc_string(file);
        sandbox_paths_add(paths, dirname(named), access);
        AUTO_STRING char *real = realpath(file, NULL);
        if (real != NULL && strcmp(real, file) != 0)
                sandbox_paths_add(paths, dirname(real), access);
}

void sandbox_paths_add_common(struct sandbox_paths *paths)
{
        static const char *const read[] = {
                "/usr",
                "/lib",
                "/lib64",
                "/etc/ssl",
                "/etc/ld.so.cache",
                "/dev/urandom",
                "/dev/random",
                "/proc/self",
                "/sys/devices/system/cpu",
        };
        for (size_t i = 0; i < COUNT_OF(read); i++)
                sandbox_paths_add(paths, read[i], SANDBOX_READ);
        sandbox_paths_add(paths, "/dev/null", SANDBOX_DEVICE);
}

void sandbox_paths_clear(struct sandbox_paths *paths)
{
        for (size_t i = 0; i < paths->count; i++)
                free(paths->items[i].path);
        free(paths->items);
        *paths = (struct sandbox_paths){0};
}

/* ---- capabilities ---- */

/* Locked memory is limited for whoever has no CAP_IPC_LOCK: as much as may be had is asked for while somebody may still ask. */
static void keep_memory_lockable(void)
{
        struct rlimit l = {RLIM_INFINITY, RLIM_INFINITY};
        if (setrlimit(RLIMIT_MEMLOCK, &l) == 0 || getrlimit(RLIMIT_MEMLOCK, &l) != 0)
                return;
        l.rlim_cur = l.rlim_max;
        (void) setrlimit(RLIMIT_MEMLOCK, &l); /* secret.h counts what could not be locked */
}

/* The bounding set can be narrowed by CAP_SETPCAP alone; without it nothing in the set can be had either, as no program is started. */
static struct fault *narrow_bounding_set(uint64_t kept)
{
        for (int cap = 0; cap < 64; cap++) {
                if ((kept & SANDBOX_CAP(cap)) != 0)
                        continue;
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0 || errno == EINVAL || errno == EPERM)
                        continue; /* EINVAL: this kernel has no such capability */
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "narrow the capability bounding set");
        }
        return NULL;
}

static struct fault *set_capabilities(uint64_t kept)
{
        struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
        if (syscall(SYS_capget, &head, data) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "ask for capabilities");
        for (int word = 0; word < _LINUX_CAPABILITY_U32S_3; word++) {
                uint32_t mask = (uint32_t) (kept >> (32 * word));
                data[word].permitted &= mask;
                data[word].effective &= mask;
                data[word].inheritable = 0;
        }
        if (syscall(SYS_capset, &head, data) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "give up capabilities");
        return NULL;
}

struct fault *sandbox_drop_capabilities(uint64_t kept)
{
        keep_memory_lockable();
        const struct rlimit none = {0, 0};
        if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "forbid core dumps");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "give up new privileges");
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
                return fault_errno(FAULT_INTERNAL, "SANDBOX", errno, "clear ambient capabilities");
        TRY(narrow_bounding_set(kept));
        return set_capabilities(kept);
}

/* ---- all of it ---- */

/* The links of /proc/self/task are ".", ".." and one a thread. A sanitizer has threads of its own. */
static bool is_alone(void)
{
        struct stat st;
        return SANDBOX_IS_WEAK || stat("/proc/self/task", &st) != 0 || st.st_nlink <= 3;
}

struct fault *sandbox_enter(const struct sandbox_profile *p)
{
        assert(!(p->mounts && p->paths != NULL));
        if (!is_alone())
                return fault(FAULT_INTERNAL, "SANDBOX", "threads run already: they would stay outside");

        int landlock = 0;
        TRY_AS(sandbox_drop_capabilities(p->capabilities), "sandbox of %s", p->role);
        if (p->paths != NULL && !SANDBOX_IS_WEAK)
                TRY_AS(sandbox_landlock(p, &landlock), "sandbox of %s", p->role);
        TRY_AS(sandbox_filter(p), "sandbox of %s", p->role);

        /* It speaks for main(): what holds, in one line. */
        log_info("sandboxed", KV("role", p->role), KV("landlock", landlock), KV("files_bound", landlock > 0),
                 KV("mounts", p->mounts));
        if (SANDBOX_IS_WEAK)
                log_warn("sandbox_weakened",
                         KV("meaning", "built with a sanitizer: exec, ptrace and files are left to it"));
        return NULL;
}
