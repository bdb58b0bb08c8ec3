/* faulty_disk: a folder shown at another place (FUSE), whose changes can be made slow or fail, on command.
 *
 *     faulty_disk MOUNTPOINT BACKING CONTROL
 *
 * CONTROL is read anew for each change: "delay=MS" waits before it, "error=ENOSPC" (EROFS, EIO, EDQUOT) refuses it. Reading is never disturbed.
 * For tests; runs until unmounted. */
#define FUSE_USE_VERSION 35
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/auto.h"

static const char *control;
static int backing;

static const char *below(const char *path)
{
        return path[1] == '\0' ? "." : path + 1;
}

static int named(const char *name)
{
        static const struct {
                const char *name;
                int number;
        } known[] = {{"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"EIO", EIO}, {"EDQUOT", EDQUOT}};
        for (size_t i = 0; i < COUNT_OF(known); i++)
                if (strcmp(known[i].name, name) == 0)
                        return known[i].number;
        return EINVAL;
}

static useconds_t milliseconds(const char *digits)
{
        useconds_t us = 0;
        for (; *digits >= '0' && *digits <= '9'; digits++)
                us = us * 10 + (useconds_t) (*digits - '0') * 1000;
        return us;
}

/* What a change has to wait for, and whether it is refused: negative as FUSE wants it. */
static int disturb(void)
{
        char text[64] = "";
        AUTO_CLOSE int fd = open(control, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
        text[len < 0 ? 0 : len] = '\0';
        text[strcspn(text, "\n")] = '\0';
        if (strncmp(text, "delay=", 6) == 0)
                (void) usleep(milliseconds(text + 6));
        return strncmp(text, "error=", 6) == 0 ? -named(text + 6) : 0;
}

static int result(int r)
{
        return r < 0 ? -errno : 0;
}

#define CHANGE(call)                                                                                                   \
        do {                                                                                                           \
                int refused = disturb();                                                                               \
                return refused != 0 ? refused : result(call);                                                          \
        } while (0)

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *f UNUSED)
{
        return result(fstatat(backing, below(path), st, AT_SYMLINK_NOFOLLOW));
}

static int do_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t offset UNUSED,
                      struct fuse_file_info *f UNUSED, enum fuse_readdir_flags flags UNUSED)
{
        int fd = openat(backing, below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (dir == NULL)
                return -errno;
        for (struct dirent *e; (e = readdir(dir)) != NULL;)
                (void) fill(to, e->d_name, NULL, 0, 0); /* without offsets it is never full */
        (void) closedir(dir);
        return 0;
}

static int do_open(const char *path, struct fuse_file_info *f)
{
        int fd = openat(backing, below(path), f->flags | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        f->fh = (uint64_t) fd;
        return 0;
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *f)
{
        int refused = disturb();
        if (refused != 0)
                return refused;
        int fd = openat(backing, below(path), f->flags | O_CREAT | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        f->fh = (uint64_t) fd;
        return 0;
}

static int do_read(const char *path UNUSED, char *to, size_t size, off_t at, struct fuse_file_info *f)
{
        ssize_t got = pread((int) f->fh, to, size, at);
        return got < 0 ? -errno : (int) got;
}

static int do_write(const char *path UNUSED, const char *from, size_t size, off_t at, struct fuse_file_info *f)
{
        int refused = disturb();
        ssize_t put = refused != 0 ? 0 : pwrite((int) f->fh, from, size, at);
        return refused != 0 ? refused : put < 0 ? -errno : (int) put;
}

static int do_release(const char *path UNUSED, struct fuse_file_info *f)
{
        return result(close((int) f->fh));
}

static int do_fsync(const char *path UNUSED, int data UNUSED, struct fuse_file_info *f)
{
        CHANGE(fsync((int) f->fh));
}

static int do_mkdir(const char *path, mode_t mode)
{
        CHANGE(mkdirat(backing, below(path), mode));
}

static int do_unlink(const char *path)
{
        CHANGE(unlinkat(backing, below(path), 0));
}

static int do_rmdir(const char *path)
{
        CHANGE(unlinkat(backing, below(path), AT_REMOVEDIR));
}

static int do_rename(const char *from, const char *to, unsigned flags)
{
        CHANGE(renameat2(backing, below(from), backing, below(to), flags));
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *f UNUSED)
{
        CHANGE(fchmodat(backing, below(path), mode, 0));
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *f)
{
        (void) path;
        if (f == NULL)
                return -EOPNOTSUPP; /* by name: nobody here does */
        CHANGE(ftruncate((int) f->fh, size));
}

static int do_statfs(const char *path UNUSED, struct statvfs *st)
{
        return result(fstatvfs(backing, st));
}

int main(int argc, char **argv)
{
        static const struct fuse_operations operations = {
                .getattr = do_getattr,
                .readdir = do_readdir,
                .open = do_open,
                .create = do_create,
                .read = do_read,
                .write = do_write,
                .release = do_release,
                .fsync = do_fsync,
                .mkdir = do_mkdir,
                .unlink = do_unlink,
                .rmdir = do_rmdir,
                .rename = do_rename,
                .chmod = do_chmod,
                .truncate = do_truncate,
                .statfs = do_statfs,
        };
        if (argc != 4) {
                (void) fprintf(stderr, "usage: %s MOUNTPOINT BACKING CONTROL\n", argv[0]);
                return 2;
        }
        control = argv[3];
        backing = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (backing < 0) {
                perror(argv[2]);
                return 1;
        }
        char *words[] = {argv[0], "-f", "-o", "allow_other,default_permissions", argv[1], NULL};
        return fuse_main(5, words, &operations, NULL);
}
