/* parts: what the files of this folder share. */
#pragma once

#include <pthread.h>

#include "issuer/endorse/endorse.h"

struct endorse {
        const struct issuer_config *config;
        const struct clock *clock;
        struct store *store;
        struct cache *cache;
        struct makers *makers; /* NULL: nobody is asked */
        struct fetch *fetch;   /* NULL with it */

        pthread_t renewer;
        bool is_started;
        pthread_mutex_t mu;
        pthread_cond_t wake;
        bool is_stopping; /* guarded by mu */
};

/* From the mirroring folder into the cache: *ret says whether it is there now. What is wrong with a file is logged. */
bool mirror_take(struct endorse *e, const char *path);

/* renew.c */
struct fault *prefetch_read(struct endorse *e) MUST_USE;
void *renew_run(void *endorse);
