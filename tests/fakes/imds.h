/* imds: the metadata service of an Azure VM's host at 127.0.0.1, with the answers of azure_machine.h, that misbehaves on command. One connection at a time, each
 * with one request. No cmocka in it, it aborts on its own mistakes. */
#pragma once

#include <pthread.h>

#include "lib/base/span.h"

enum imds_mode {
        IMDS_FINE,
        IMDS_BUSY,    /* 429 */
        IMDS_FAILING, /* 500 */
        IMDS_MISSING, /* 404 */
        IMDS_RUBBISH, /* 200 with a page */
        IMDS_HUGE,    /* 200 with more than any answer has */
        IMDS_SILENT,  /* nothing, until the client goes */
        IMDS_MODE_COUNT
};
/* "fine", "busy", …; IMDS_MODE_COUNT for another word. */
enum imds_mode imds_mode_by_name(const char *name);
/* Listens at a port of its choice, and answers the next connection. */
int imds_listen(uint16_t *ret_port);
void imds_answer(int fd, enum imds_mode mode, unsigned retry_after_s);

/* As a thread of a test. */
struct imds {
        char url[64];
        int listener;
        pthread_t thread;
        pthread_mutex_t mu;
        /* guarded by mu */
        enum imds_mode mode;
        unsigned left, asked; /* requests that mode is for (then all is fine); requests so far */
};
void imds_start(struct imds *i);
void imds_say(struct imds *i, enum imds_mode mode, unsigned times);
/* Requests since the last call of this or imds_say. */
unsigned imds_asked(struct imds *i);
void imds_stop(struct imds *i);
