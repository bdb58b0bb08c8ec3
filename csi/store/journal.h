/* journal: what must be remembered of a volume when this process dies, one record each.
 *
 * `<state_dir>/volumes/<volume id>.json`, written whole or not at all, with a version and a checksum. No secrets, no tokens. A record
 * says that a volume may be at its target; whether it is, the mount table says, and what is in it, its own status.json. So nothing
 * need be written when a credential is renewed. A record that is torn, foreign or of a newer version is moved to `quarantine/` beside
 * it and counted: one bad file never keeps a node from starting. */
#pragma once

#include "csi/volume/volumes.h"

#define JOURNAL_VERSION     1
#define JOURNAL_RECORD_MAX  (32 * 1024)
#define JOURNAL_BOOT_ID_LEN 36

struct journal_record {
        struct volume_spec spec;
        bool uses_token; /* a renewal without a token must wait for one */
        char boot_id[JOURNAL_BOOT_ID_LEN + 1];
};
void journal_record_clear(struct journal_record *r);
DEFINE_AUTO_VALUE(journal_record)

/* One record's bytes. Reading: FAULT_INVALID "BAD_JSON", "BAD_FIELD", "UNKNOWN_FIELD", "BAD_CHECKSUM", "BAD_VOLUME_ID"; FAULT_PRECONDITION
 * "NEWER_VERSION". */
struct fault *journal_record_write(const struct journal_record *r, struct buf *out) MUST_USE;
struct fault *journal_record_read(struct span bytes, struct journal_record *ret) MUST_USE;

struct journal;
/* Makes the folders, sweeps temporary files of a crash. */
struct fault *journal_open(const char *state_dir, struct journal **ret) MUST_USE;
struct fault *journal_put(struct journal *j, const struct volume_spec *spec, bool uses_token) MUST_USE;
struct fault *journal_remove(struct journal *j, const char *id) MUST_USE; /* missing is fine */
/* Calls `take` for every good record; it may TAKE the record's parts. Records of another boot come too: compare boot_id. */
struct fault *journal_load(struct journal *j, void (*take)(void *arg, struct journal_record *r), void *arg) MUST_USE;
const char *journal_boot_id(const struct journal *j);
uint64_t journal_quarantined(const struct journal *j); /* since journal_open */
void journal_free(struct journal *j);
DEFINE_AUTO(journal)

/* What an id must look like to be a file's name: 1 to VOLUME_ID_MAX of [A-Za-z0-9_.-], not starting with a dot. */
bool journal_id_is_good(const char *id);
