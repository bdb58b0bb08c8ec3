/* folder: a temporary folder of a test, and its end with everything in it. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER_TEMPLATE "/tmp/vouchsafe-test-XXXXXX"

/* `path` holds FOLDER_TEMPLATE and becomes the folder's path. */
static inline bool folder_make(char *path)
{
        return mkdtemp(path) != NULL;
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
