/* control: what the emulator is told to do, in a file that is read anew for each operation.
 *
 *     read-error=EBUSY*2     the first two reports asked for fail so; without *n: all do
 *
 * One `key=value` a line. Counts begin again when the file's text changes. Keys:
 *   no-provider=1           mkdir answers ENXIO
 *   read-error, aux-error, mkdir-error, level-error = ERRNO[*n]
 *   drop-write=1[*n]        report data that is written is lost when the file is closed; nobody is told
 *   other-write=1[*n]       somebody else writes to the instance between our write and our read
 *   late-write=1[*n]        … and between the report and the reading of its table
 *   other-report=1[*n]      the report is over something else, and the generation does not tell
 *   blob=empty|zeros|short|long|huge|version0[*n]     what comes instead of the report
 *   aux=none|empty          no table of certificates, or an empty one
 *   floor=N                 privlevel_floor
 *   machine=Milan|Genoa|Turin, vlek=1, debug=1, chip=HEX (its first byte), tcb=HEX (16 digits), vmpl=N
 *   quote-version=4|5
 *   cpak=other, instance=other, image=other    of CCA: another platform's key, instance id, realm initial measurement */
#pragma once

#include <stdbool.h>
#include <stddef.h>

void control_use(const char *path);
/* The value, until the next call; NULL: nothing is said. Counts down. */
const char *control_take(const char *key);
bool control_is(const char *key, const char *value);
/* A positive errno for `key=ERRNO`; 0: none. */
int control_error(const char *key);
