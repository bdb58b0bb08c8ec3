/* file: files below a directory that is already open, without following links.
 *
 * Faults carry errno's text and a token by cause: FAULT_NOT_FOUND "NO_FILE", FAULT_EXHAUSTED "TOO_LARGE" or "DISK_FULL",
 * FAULT_UNAVAILABLE "READ_ONLY", FAULT_INVALID "NOT_A_DIRECTORY", FAULT_INTERNAL "FILE_IO". A `name` below a directory
 * is one component: one with a slash, "." and ".." are FAULT_INVALID "BAD_NAME". */
#pragma once

#include <sys/types.h>

#include "lib/base/secret.h"
#include "lib/base/span.h"

/* Whole file into `out` (whose limit bounds it); a symlink or a non-regular file is FAULT_INVALID "NOT_A_FILE". */
struct fault *file_read_at(int dir, const char *name, struct buf *out) MUST_USE;
/* By path, for files that the operator named (links are followed, pipes are fine). */
struct fault *file_read(const char *path, struct buf *out) MUST_USE;
/* The same into locked pages, at most SECRET_MAX; an empty file is FAULT_INVALID "EMPTY_FILE". */
struct fault *file_read_secret(const char *path, struct secret **ret) MUST_USE;
/* temp file, write, fsync, rename over `name`, fsync of the directory: after a crash the old or the new is there, whole.
 * A crash may also leave a temp file, unreadable, whose name starts with FILE_TEMP_PREFIX: the folder's owner may sweep. */
#define FILE_TEMP_PREFIX ".tmp-"
struct fault *file_write_atomic_at(int dir, const char *name, struct span bytes, mode_t mode) MUST_USE;
/* The same without a sync: safe from this process's death, not from the machine's. */
struct fault *file_write_whole_at(int dir, const char *name, struct span bytes, mode_t mode) MUST_USE;
/* Opens a directory, making it (one level, `mode`) when it is missing. */
struct fault *dir_open_make(const char *path, mode_t mode, int *ret_fd) MUST_USE;
/* Writes all, over short writes and EINTR. */
struct fault *fd_write_all(int fd, struct span bytes) MUST_USE;
