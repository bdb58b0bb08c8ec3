/* mounts: a mount namespace of the test's own, with an empty tmpfs to play in. Nothing of it is seen outside or outlives the process. */
#pragma once

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Once a process, before it has threads. NULL, or why this machine can't (the test is to be skipped with it). `ret_dir` is the folder. */
static inline const char *mounts_enter(char ret_dir[64])
{
        if (geteuid() != 0)
                return "needs root";
        if (unshare(CLONE_NEWNS) != 0)
                return "needs a mount namespace";
        (void) snprintf(ret_dir, 64, "/tmp/vouchsafe-test-XXXXXX");
        if (mkdtemp(ret_dir) == NULL)
                return "can't make a folder";
        /* in a chroot "/" is no mount and can't be made private (EINVAL); the folder's own mount can */
        bool is_private = mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
        if (!is_private && errno != EINVAL)
                return "can't make mounts private";
        if (mount("test", ret_dir, "tmpfs", 0, "mode=0755") != 0 || mount("none", ret_dir, NULL, MS_PRIVATE, NULL) != 0)
                return "can't mount a tmpfs";
        return NULL;
}

static inline void mounts_leave(const char *dir)
{
        if (dir[0] == '\0')
                return;
        (void) umount2(dir, MNT_DETACH); /* goes with the namespace otherwise */
        (void) rmdir(dir);
}
