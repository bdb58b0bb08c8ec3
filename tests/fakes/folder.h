/* folder: a temporary folder of a test, what is made in it, and its end with everything in it. */
#pragma once

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/auto.h"

#define FOLDER_TEMPLATE "/tmp/vouchsafe-test-XXXXXX"

/* `path` holds FOLDER_TEMPLATE and becomes the folder's path. */
static inline bool folder_make(char *path)
{
        return mkdtemp(path) != NULL;
}

/* `path` with everything above it, as mkdir -p. */
static inline bool folder_make_all(const char *path)
{
        AUTO_STRING char *part = alloc_string(path);
        for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(part, 0755) != 0 && errno != EEXIST)
                        return false;
                *slash = '/';
        }
        return mkdir(part, 0755) == 0 || errno == EEXIST;
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
        (void) st;
        (void) type;
        (void) at;
        return remove(path);
}

static inline bool folder_remove(const char *path)
{
        return nftw(path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0;
}
