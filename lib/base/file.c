#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/parse.h"
#include "lib/base/random.h"

#define READ_STEP 16384

/* The token and code that an errno has here. */
static struct fault *file_fault(int err, const char *what, const char *name)
{
        switch (err) {
        case ENOENT:
                return fault_errno(FAULT_NOT_FOUND, "NO_FILE", err, "%s %s", what, name);
        case ENOSPC:
        case EDQUOT:
                return fault_errno(FAULT_EXHAUSTED, "DISK_FULL", err, "%s %s", what, name);
        case EFBIG:
                return fault_errno(FAULT_EXHAUSTED, "TOO_LARGE", err, "%s %s", what, name);
        case EROFS:
                return fault_errno(FAULT_UNAVAILABLE, "READ_ONLY", err, "%s %s", what, name);
        case ELOOP:
                return fault_errno(FAULT_INVALID, "NOT_A_FILE", err, "%s %s", what, name);
        case ENOTDIR:
                return fault_errno(FAULT_INVALID, "NOT_A_DIRECTORY", err, "%s %s", what, name);
        default:
                return fault_errno(FAULT_INTERNAL, "FILE_IO", err, "%s %s", what, name);
        }
}

static ssize_t read_some(int fd, void *where, size_t len)
{
        ssize_t got;
        do
                got = read(fd, where, len);
        while (got < 0 && errno == EINTR);
        return got;
}

/* One byte more than the limit is asked for, so that a file of exactly the limit is told from a longer one. */
static struct fault *read_whole(int fd, const char *name, struct buf *out)
{
        size_t before = out->len;
        for (;;) {
                size_t room = out->limit - out->len;
                uint8_t one_more;
                uint8_t *where = &one_more;
                size_t len = room > READ_STEP ? READ_STEP : room;
                if (room > 0)
                        TRY_AS(buf_grow(out, len, &where), "read %s", name);
                ssize_t got = read_some(fd, where, room > 0 ? len : 1);
                int err = errno;
                if (room > 0)
                        buf_truncate(out, out->len - len + (got > 0 ? (size_t) got : 0));
                if (got == 0)
                        return NULL;
                if (got < 0 || room == 0) {
                        buf_truncate(out, before);
                        return got < 0 ? file_fault(err, "read", name)
                                       : fault(FAULT_EXHAUSTED, "TOO_LARGE",
                                               "read %s: longer than the %zu bytes allowed", name, out->limit);
                }
        }
}

/* A name is one component: what lies deeper is reached through a directory fd of its own. */
static struct fault *check_name(const char *name)
{
        if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return fault(FAULT_INVALID, "BAD_NAME", "\"%.255s\" is not the name of a file in a directory", name);
        return NULL;
}

struct fault *file_read_at(int dir, const char *name, struct buf *out)
{
        TRY(check_name(name));
        /* O_NONBLOCK: opening a FIFO must not wait for its writer */
        AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        if (fd < 0 && errno == ENXIO)
                return fault(FAULT_INVALID, "NOT_A_FILE", "open %s: not a regular file", name);
        if (fd < 0)
                return file_fault(errno, "open", name);
        if (fstat(fd, &st) != 0)
                return file_fault(errno, "stat", name);
        if (!S_ISREG(st.st_mode))
                return fault(FAULT_INVALID, "NOT_A_FILE", "open %s: not a regular file", name);
        return read_whole(fd, name, out);
}

static struct fault *open_path(const char *path, int *ret_fd)
{
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat st;
        if (fd < 0)
                return file_fault(errno, "open", path);
        if (fstat(fd, &st) != 0)
                return file_fault(errno, "stat", path);
        if (S_ISDIR(st.st_mode))
                return fault(FAULT_INVALID, "NOT_A_FILE", "open %s: a directory", path);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

struct fault *file_read(const char *path, struct buf *out)
{
        AUTO_CLOSE int fd = -1;
        TRY(open_path(path, &fd));
        return read_whole(fd, path, out);
}

/* Reads into locked pages from the first byte; the copy gives back the pages that the secret does not need. */
struct fault *file_read_secret(const char *path, struct secret **ret)
{
        AUTO_CLOSE int fd = -1;
        TRY(open_path(path, &fd));
        AUTO(secret) struct secret *page = secret_new(SECRET_MAX);
        size_t len = 0;
        for (;;) {
                uint8_t one_more;
                bool is_full = len == SECRET_MAX;
                ssize_t got = is_full ? read_some(fd, &one_more, 1)
                                      : read_some(fd, secret_bytes(page) + len, SECRET_MAX - len);
                int err = errno;
                wipe(&one_more, 1);
                if (got < 0)
                        return file_fault(err, "read", path);
                if (got == 0)
                        break;
                if (is_full)
                        return fault(FAULT_EXHAUSTED, "TOO_LARGE", "read %s: longer than the %zu bytes allowed", path,
                                     SECRET_MAX);
                len += (size_t) got;
        }
        if (len == 0)
                return fault(FAULT_INVALID, "EMPTY_FILE", "read %s: the file is empty", path);
        *ret = secret_copy(span_slice(secret_span(page), 0, len));
        return NULL;
}

struct fault *fd_write_all(int fd, struct span bytes)
{
        while (bytes.len > 0) {
                ssize_t put = write(fd, bytes.data, bytes.len);
                if (put < 0 && errno == EINTR)
                        continue;
                if (put < 0)
                        return file_fault(errno, "write", "file");
                bytes = span_slice(bytes, (size_t) put, bytes.len - (size_t) put);
        }
        return NULL;
}

/* Unreadable until it is whole. */
static struct fault *write_temp(int dir, const char *temp, struct span bytes, mode_t mode, bool synced)
{
        AUTO_CLOSE int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0);
        if (fd < 0)
                return file_fault(errno, "create", temp);
        TRY(fd_write_all(fd, bytes));
        if (fchmod(fd, mode) != 0)
                return file_fault(errno, "chmod", temp);
        if (synced && fsync(fd) != 0)
                return file_fault(errno, "fsync", temp);
        return NULL;
}

static struct fault *write_at(int dir, const char *name, struct span bytes, mode_t mode, bool synced)
{
        TRY(check_name(name));
        uint8_t random[8];
        char hex[2 * sizeof(random) + 1];
        char temp[sizeof(FILE_TEMP_PREFIX) + sizeof(hex)];
        random_bytes(random, sizeof(random));
        hex_string(SPAN_OF(random), hex);
        (void) snprintf(temp, sizeof(temp), FILE_TEMP_PREFIX "%s", hex); /* fits */

        struct fault *f = write_temp(dir, temp, bytes, mode, synced);
        if (f == NULL && renameat(dir, temp, dir, name) != 0)
                f = file_fault(errno, "rename", temp);
        if (f != NULL) {
                (void) unlinkat(dir, temp, 0); /* may never have been made */
                return fault_prefix(f, "write %s", name);
        }
        if (synced && fsync(dir) != 0 && errno != EINVAL) /* EINVAL: a file system that has no such thing */
                return file_fault(errno, "fsync the directory of", name);
        return NULL;
}

struct fault *file_write_atomic_at(int dir, const char *name, struct span bytes, mode_t mode)
{
        return write_at(dir, name, bytes, mode, /* synced= */ true);
}

struct fault *file_write_whole_at(int dir, const char *name, struct span bytes, mode_t mode)
{
        return write_at(dir, name, bytes, mode, /* synced= */ false);
}

struct fault *dir_open_make(const char *path, mode_t mode, int *ret_fd)
{
        bool made = mkdir(path, mode) == 0;
        if (!made && errno != EEXIST)
                return file_fault(errno, "make directory", path);
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return file_fault(errno, "open directory", path);
        if (made && fchmod(fd, mode) != 0) /* the umask has no say */
                return file_fault(errno, "chmod", path);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}
