/* tsm_instance: a folder of our own in configfs-tsm: made, written, read, removed. What its errors mean (tsm.h has the list). */
#pragma once

#include "attester/evidence/tsm.h"

struct tsm_instance {
        int base, dir; /* -1: not open */
        char name[64]; /* "": not made */
};
#define TSM_INSTANCE ((struct tsm_instance){.base = -1, .dir = -1})
/* FAULT_PRECONDITION "tee.missing" where the kernel has no such folder, or no provider. */
struct fault *tsm_instance_make(const char *base, struct tsm_instance *ret) MUST_USE;
void tsm_instance_clear(struct tsm_instance *i);
DEFINE_AUTO_VALUE(tsm_instance)

/* A file that isn't there is FAULT_NOT_FOUND "tee.attribute". */
struct fault *tsm_instance_write(const struct tsm_instance *i, const char *file, struct span bytes) MUST_USE;
struct fault *tsm_instance_read(const struct tsm_instance *i, const char *file, struct buf *out) MUST_USE;
/* A line of text without its end, no longer than `out`'s limit. */
struct fault *tsm_instance_line(const struct tsm_instance *i, const char *file, struct buf *out) MUST_USE;
struct fault *tsm_instance_generation(const struct tsm_instance *i, uint64_t *ret) MUST_USE;

/* errno of a report's file. */
struct fault *tsm_fault(int error, const char *file) MUST_USE NEVER_NULL;
/* A device that is another way to a report. FAULT_PRECONDITION "tee.missing" when there is none, else tsm_fault. */
struct fault *tsm_device_open(const char *path, int *ret_fd) MUST_USE;
