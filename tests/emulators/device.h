/* device: a device node for a program that has none: open and ioctl of this process are ours where the path is the device's. One object of a device
 * (sev_guest.c, nsm.c, tdx_guest.c) and device.c make a shared object for LD_PRELOAD, or are linked into a unit test.
 *
 * With a sanitizer in the program, its run time is no longer first: ASAN_OPTIONS=verify_asan_link_order=0. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct emulated_device {
        const char *path;
        const char *variable; /* it is there while this environment variable is set */
        unsigned long request;
        int (*answer)(void *argument); /* to that ioctl: 0 or an errno */
};
extern const struct emulated_device emulated_device; /* the one device */

/* For unit tests: sets an environment variable; NULL: it is not set. */
void device_set(const char *variable, const char *value);
int device_open_real(const char *path, int flags, mode_t mode);
/* The text of the file that the environment variable names, "" when there is none: read at each call, what to do wrong. */
void device_says(const char *variable, char *ret, size_t size);
/* Sends all and reads until the other end is shut, over a Unix socket at `path`. -1: it can't. */
ssize_t device_ask(const char *path, const void *request, size_t request_len, void *ret, size_t size);
