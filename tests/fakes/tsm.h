/* tsm: the emulated configfs-tsm (tests/emulators/tsm) for a unit test: mounted in a folder below /tmp, commanded by text, gone with the test.
 *
 *     AUTO(tsm_emulator) struct tsm_emulator tsm = {0};
 *     if (!tsm_emulator_start(&tsm, "sev_guest"))
 *             skip();
 *     tsm_emulator_say(&tsm, "read-error=EBUSY*2\n");
 *     … .tsm_base = tsm.base … */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/auto.h"

struct tsm_emulator {
        char folder[64]; /* "": not there */
        char base[96], control[96];
        pid_t pid;
};
/* false: this machine has no FUSE. Aborts where the emulator itself is missing. */
bool tsm_emulator_start(struct tsm_emulator *t, const char *provider);
void tsm_emulator_say(const struct tsm_emulator *t, const char *text);
unsigned tsm_emulator_count(const struct tsm_emulator *t); /* instances that are there */
void tsm_emulator_clear(struct tsm_emulator *t);
DEFINE_AUTO_VALUE(tsm_emulator)
