/* fake acquirer: credentials by script. Thread-safe; the struct must not move after fake_acquirer_init.
 *
 *     struct fake_acquirer a;
 *     fake_acquirer_init(&a, &time.clock, 600);
 *     fake_acquirer_fail(&a, FAULT_DENIED, "tpm.pcr", 0);
 *     fake_acquirer_hold(&a, true);           calls wait until released or cancelled
 */
#pragma once

#include <pthread.h>

#include "csi/volume/acquirer.h"

struct fake_acquirer {
        struct acquirer acquirer;
        const struct clock *clock;
        pthread_mutex_t mu;
        pthread_cond_t changed;
        /* guarded by mu */
        int64_t life_s;
        const char *types[ACQUIRED_MAX]; /* of the slots; x509 alone unless set */
        size_t count;
        enum fault_code fail_code; /* 0: succeed */
        const char *fail_token;
        int64_t retry_after_ms;
        bool hold, deaf; /* deaf: a held call does not hear its cancel */
        bool broken_key;
        size_t padding; /* bytes more in each chain */
        unsigned calls, renewals, waiting, cancelled, watches;
        char last_token[256]; /* "" for none */
        uint64_t bundle;
};

void fake_acquirer_init(struct fake_acquirer *a, const struct clock *clock, int64_t life_s);
void fake_acquirer_clear(struct fake_acquirer *a);
void fake_acquirer_fail(struct fake_acquirer *a, enum fault_code code, const char *token, int64_t retry_after_ms);
void fake_acquirer_succeed(struct fake_acquirer *a);
void fake_acquirer_hold(struct fake_acquirer *a, bool hold);
/* Returns when so many calls are waiting. */
void fake_acquirer_wait_waiting(struct fake_acquirer *a, unsigned count);
void fake_acquirer_set_bundle(struct fake_acquirer *a, uint64_t sequence);
/* Returns when the watcher has come back for the next bundle after the one set last. */
void fake_acquirer_wait_watched(struct fake_acquirer *a);
unsigned fake_acquirer_calls(struct fake_acquirer *a);
unsigned fake_acquirer_renewals(struct fake_acquirer *a);
