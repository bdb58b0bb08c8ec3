#include "attester/evidence/tsm_instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"

#define LINE_MAX_LEN 64
#define READ_STEP    4096
#define NAME_RANDOM  8

/* ---- what errors mean ---- */

struct fault *tsm_fault(int error, const char *file)
{
        static const struct {
                int error;
                enum fault_code code;
                const char *token;
        } rows[] = {
                {EBUSY, FAULT_UNAVAILABLE, "tee.busy"}, /* a race, or the last quote is still being made (TDX) */
                {EINTR, FAULT_UNAVAILABLE, "tee.busy"},
                {EAGAIN, FAULT_UNAVAILABLE, "tee.busy"}, /* configfs' own word for a generation that ran on */
                {ENOMEM, FAULT_UNAVAILABLE, "tee.busy"},
                {ETIMEDOUT, FAULT_UNAVAILABLE, "tee.timeout"},
                {EIO, FAULT_UNAVAILABLE, "tee.host"},
                {EBADMSG, FAULT_UNAVAILABLE, "tee.host"},
                {ENODATA, FAULT_UNAVAILABLE, "tee.host"}, /* NSM: the queue gave back what was not put in */
                {ENXIO, FAULT_UNAVAILABLE, "tee.gone"},   /* the provider has been unloaded */
                {ENODEV, FAULT_UNAVAILABLE, "tee.gone"},
                {ENOTTY, FAULT_PRECONDITION, "tee.lost"}, /* SEV: the channel's key was wiped after an accident */
                {EACCES, FAULT_PRECONDITION, "tee.permission"},
                {EPERM, FAULT_PRECONDITION, "tee.permission"},
                {EFBIG, FAULT_UNAVAILABLE, "tee.blob"},
                {EINVAL, FAULT_INTERNAL, "tee.refused"},
                {ENOENT, FAULT_NOT_FOUND, "tee.attribute"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (rows[i].error == error)
                        return fault_errno(rows[i].code, rows[i].token, error, "%s", file);
        return fault_errno(FAULT_INTERNAL, "tee.fault", error, "%s", file);
}

struct fault *tsm_device_open(const char *path, int *ret_fd)
{
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
                return fault(FAULT_PRECONDITION, "tee.missing", "there is no %s", path);
        if (fd < 0)
                return tsm_fault(errno, path);
        *ret_fd = fd;
        return NULL;
}

/* ---- making and removing ---- */

static struct fault *open_base(const char *base, int *ret)
{
        int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return fault(FAULT_PRECONDITION, "tee.missing", "%s: the kernel has no such folder", base);
        if (fd < 0)
                return tsm_fault(errno, base);
        *ret = fd;
        return NULL;
}

static struct fault *make_folder(struct tsm_instance *i)
{
        uint8_t random[NAME_RANDOM];
        char text[2 * NAME_RANDOM + 1], name[sizeof i->name];
        random_bytes(random, sizeof random);
        hex_string(SPAN_OF(random), text);
        (void) snprintf(name, sizeof name, TSM_PREFIX "%d-%s", (int) getpid(), text); /* fits */
        if (mkdirat(i->base, name, 0700) < 0)
                return errno == ENXIO ? fault(FAULT_PRECONDITION, "tee.missing", "no provider of reports is registered")
                                      : tsm_fault(errno, "mkdir");
        memcpy(i->name, name, sizeof name);
        return NULL;
}

struct fault *tsm_instance_make(const char *base, struct tsm_instance *ret)
{
        AUTO(tsm_instance) struct tsm_instance i = TSM_INSTANCE;
        TRY(open_base(base, &i.base));
        TRY(make_folder(&i));
        i.dir = openat(i.base, i.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        /* Until the lock is held, another process' sweep may take it for left behind. */
        if (i.dir < 0 || flock(i.dir, LOCK_EX | LOCK_NB) < 0)
                return fault(FAULT_UNAVAILABLE, "tee.busy", "the new instance was taken away");
        *ret = i;
        i = TSM_INSTANCE; /* what was given away is not removed */
        return NULL;
}

void tsm_instance_clear(struct tsm_instance *i)
{
        if (i->name[0] != '\0')
                (void) unlinkat(i->base, i->name, AT_REMOVEDIR); /* one that stays is swept at the next start */
        if (i->dir >= 0)
                (void) close(i->dir); /* read only */
        if (i->base >= 0)
                (void) close(i->base);
        *i = TSM_INSTANCE;
}

static void remove_if_left(int base, const char *name)
{
        AUTO_CLOSE int dir = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (dir >= 0 && flock(dir, LOCK_EX | LOCK_NB) == 0)
                (void) unlinkat(base, name, AT_REMOVEDIR); /* it is in nobody's way */
}

void tsm_sweep(const char *base)
{
        DIR *d = opendir(base);
        if (d == NULL)
                return;
        for (const struct dirent *e; (e = readdir(d)) != NULL;) /* NOLINT(concurrency-mt-unsafe): `d` is ours */
                if (strncmp(e->d_name, TSM_PREFIX, strlen(TSM_PREFIX)) == 0)
                        remove_if_left(dirfd(d), e->d_name);
        (void) closedir(d);
}

/* ---- its files ---- */

struct fault *tsm_instance_write(const struct tsm_instance *i, const char *file, struct span bytes)
{
        int fd = openat(i->dir, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return tsm_fault(errno, file);
        ssize_t written = write(fd, bytes.data, bytes.len); /* in one piece: each write of a text counts */
        int error = written < 0 ? errno : (size_t) written != bytes.len ? EIO : 0;
        if (close(fd) < 0 && error == 0)
                error = errno;
        return error == 0 ? NULL : tsm_fault(error, file);
}

struct fault *tsm_instance_read(const struct tsm_instance *i, const char *file, struct buf *out)
{
        AUTO_CLOSE int fd = openat(i->dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return tsm_fault(errno, file);
        uint8_t step[READ_STEP];
        for (;;) {
                ssize_t got = read(fd, step, sizeof step);
                if (got < 0)
                        return tsm_fault(errno, file);
                if (got == 0)
                        return NULL;
                if (out->len + (size_t) got > out->limit)
                        return fault(FAULT_UNAVAILABLE, "tee.blob", "%s: more than %zu bytes", file, out->limit);
                TRY(buf_append(out, span_make(step, (size_t) got)));
        }
}

struct fault *tsm_instance_line(const struct tsm_instance *i, const char *file, struct buf *out)
{
        TRY(tsm_instance_read(i, file, out));
        if (out->len < 2 || out->data[out->len - 1] != '\n' || span_has_nul(buf_span(out)))
                return fault(FAULT_INTERNAL, "tee.fault", "%s: not a line of text", file);
        buf_truncate(out, out->len - 1);
        return NULL;
}

struct fault *tsm_instance_generation(const struct tsm_instance *i, uint64_t *ret)
{
        AUTO(buf) struct buf text = BUF(LINE_MAX_LEN);
        TRY(tsm_instance_line(i, "generation", &text));
        return fault_rename(fault_prefix(parse_u64(buf_span(&text), 0, UINT64_MAX, ret), "generation"), FAULT_INTERNAL,
                            "tee.fault");
}
