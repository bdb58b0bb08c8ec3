#include "csi/store/shred.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/file.h"

struct fault *shred_walk(int dir, struct fault *(*visit)(void *arg, int dir, const char *name, unsigned char type),
                         void *arg)
{
        int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a place in the listing of its own */
        DIR *listing = own < 0 ? NULL : fdopendir(own);
        if (listing == NULL) {
                int err = errno;
                auto_close_cleanup(&own);
                return fault_errno(FAULT_INTERNAL, "SHRED_FAILED", err, "list a directory");
        }
        struct fault *f = NULL;
        for (struct dirent *e = readdir(listing); e != NULL && f == NULL; e = readdir(listing)) {
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        f = visit(arg, dir, e->d_name, e->d_type);
        }
        (void) closedir(listing); /* read only: nothing to lose */
        return f;
}

/* Best effort: a file that can't be overwritten is unlinked all the same. */
static void overwrite(int dir, const char *name)
{
        static const uint8_t zeros[4096];
        AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0 || st.st_nlink > 1)
                return;
        for (off_t left = st.st_size; left > 0; left -= (off_t) sizeof(zeros)) {
                size_t len = left < (off_t) sizeof(zeros) ? (size_t) left : sizeof(zeros);
                AUTO(fault) struct fault *f = fd_write_all(fd, span_make(zeros, len));
                if (f != NULL)
                        return;
        }
}

static struct fault *shred_deep(int dir, const char *name, unsigned depth);

static struct fault *shred_child(void *arg, int dir, const char *name, unsigned char type UNUSED)
{
        const unsigned *depth = arg;
        return shred_deep(dir, name, *depth + 1);
}

static struct fault *shred_deep(int dir, const char *name, unsigned depth)
{
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                return errno == ENOENT ? NULL : fault_errno(FAULT_INTERNAL, "SHRED_FAILED", errno, "look at %s", name);
        if (S_ISREG(st.st_mode))
                overwrite(dir, name);
        if (S_ISDIR(st.st_mode)) {
                if (depth == SHRED_DEPTH_MAX)
                        return fault(FAULT_INTERNAL, "SHRED_FAILED", "%s is deeper than anything of ours", name);
                AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return fault_errno(FAULT_INTERNAL, "SHRED_FAILED", errno, "open %s", name);
                TRY(shred_walk(fd, shred_child, &depth));
        }
        if (unlinkat(dir, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT)
                return fault_errno(FAULT_INTERNAL, "SHRED_FAILED", errno, "remove %s", name);
        return NULL;
}

struct fault *shred_tree(int dir, const char *name)
{
        return shred_deep(dir, name, 0);
}
