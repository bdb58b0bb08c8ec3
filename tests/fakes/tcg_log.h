/* tcg_log: measured-boot logs made for tests and emulators, crypto-agile with SHA-256 and SHA-384 (a CCEL: SHA-384 alone). Events are hashed as
 * firmware does; any digest can be another. Library-like: buffers are large enough for what tests write.
 *
 *     struct buf log = tcg_log_new(false);
 *     tcg_log_add(&log, false, 7, 4, SPAN("\0\0\0\0"));
 */
#pragma once

#include "lib/crypt/hash.h"

struct buf tcg_log_new(bool is_ccel);
/* The digests are those of `data`. */
void tcg_log_add(struct buf *log, bool is_ccel, uint32_t index, uint32_t type, struct span data);
/* The digests are those of `measured`: a program, or a text without its label. */
void tcg_log_add_measured(struct buf *log, bool is_ccel, uint32_t index, uint32_t type, struct span data,
                          struct span measured);
/* UEFI_VARIABLE_DATA, measured whole. */
void tcg_log_add_variable(struct buf *log, bool is_ccel, uint32_t index, const uint8_t guid[16], const char *name,
                          struct span value);
