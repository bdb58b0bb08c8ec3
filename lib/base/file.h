/* file: files below a directory that is already open, without following links.
 *
 * Faults carry errno's text and a token by cause: FAULT_NOT_FOUND "NO_FILE", FAULT_EXHAUSTED "TOO_LARGE" or "DISK_FULL",
 * FAULT_UNAVAILABLE "READ_ONLY", FAULT_INTERNAL "FILE_IO". */
#pragma once

#include <sys/types.h>

#include "lib/base/secret.h"
#include "lib/base/span.h"

/* Whole file into `out` (whose limit bounds it); a symlink or a non-regular file is FAULT_INVALID "NOT_A_FILE". */
struct fault *file_read_at(int dir, const char *name, struct buf *out) MUST_USE;
/* By path, for files that the operator named (links are followed). */
struct fault *file_read(const char *path, struct buf *out) MUST_USE;
struct fault *file_read_secret(const char *path, struct secret **ret) MUST_USE;
/* temp file, write, fsync, rename over `name`, fsync of the directory: after a crash the old or the new is there, whole. */
struct fault *file_write_atomic_at(int dir, const char *name, struct span bytes, mode_t mode) MUST_USE;
/* Opens a directory, making it (one level, `mode`) when it is missing. */
struct fault *dir_open_make(const char *path, mode_t mode, int *ret_fd) MUST_USE;
/* Writes all, over short writes and EINTR. */
struct fault *fd_write_all(int fd, struct span bytes) MUST_USE;
