/* boot_log: the log of what was measured while a machine booted, as the kernel hands it out: a TPM's from securityfs, a TD's (CCEL) as an
 * ACPI table's data. It goes along with evidence whose registers it explains; its digests prove it, not who sent it.
 *
 * A machine without a log, with one that may not be read, or with one that is too long for a request still has its evidence: the log is
 * left out, which is said once, and a policy that wants what is in it will deny by name. It is sent whole or not at all, since a part of
 * a log explains no register; only the filler behind the end of a CCEL may go. The kernel calls such files empty: they are read
 * until they end. */
#pragma once

#include <stdbool.h>

#include "lib/base/span.h"

#define BOOT_LOG_MAX ((size_t) 160 * 1024) /* with a quote, and in base64, it still fits into an item */

struct boot_log {
        char *path; /* owned; "": none */
        size_t max;
        bool was_told; /* that it is left out */
};
/* `path` NULL: none; `max` 0: BOOT_LOG_MAX. */
struct boot_log boot_log_new(const char *path, size_t max);
/* Empty when there is none to send. The caller's. */
struct buf boot_log_read(struct boot_log *l);
void boot_log_clear(struct boot_log *l);
