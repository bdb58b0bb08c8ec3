/* csi_world: two volumes of csi/volume on real mounts, with an acquirer and a clock that outlive the process. */
#pragma once

#include "csi/volume/table.h"
#include "tests/fakes/acquirer.h"
#include "tests/fakes/clock.h"

#define VOLUMES   2
#define CALLS_MAX 256
#define LIFE_S    600
#define GROUP     2000
#define START_MS  INT64_C(1795456800000)

struct csi_witness {
        bool started;
        unsigned step; /* of the script: done so far */
        bool moved;    /* the step has moved the clock */
        int64_t wall_ms, boot_ms;
        uint64_t bundle;
        unsigned calls;               /* that the acquirer has answered */
        uint8_t volume_of[CALLS_MAX]; /* whose credential each one was */
        struct csi_volume_witness {
                bool asked, published, leaving, gone;
                unsigned shown; /* number of the content seen after an acknowledged step */
        } volumes[VOLUMES];
};
struct csi_world {
        const char *dir;
        char state[128], kubelet[128];
        struct csi_witness *witness;
        struct fake_clock now;
        struct fake_acquirer fake;
        struct acquirer acquirer;
        struct volumes *volumes;
};
extern const char *const csi_ids[VOLUMES];

char *csi_target(const struct csi_world *w, int v); /* the caller frees it */

/* ---- csi_check.c: invariants ---- */
/* Of the mount table and of what is mounted, whatever has happened. */
void csi_check_mounts(const struct csi_world *w);
/* Is it mounted? Then *ret_number is of the acquire that its content came from, *ret_due whether it is due for renewal. */
bool csi_check_volume(const struct csi_world *w, int v, unsigned *ret_number, bool *ret_due);
/* As many journal records as mounts, and no other file. */
void csi_check_journal(const struct csi_world *w, size_t want);
/* Nothing in the volume but one generation. */
void csi_check_reaped(const struct csi_world *w, int v);
