#include "csi/store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "csi/store/shred.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/model/names.h"

#define SUFFIX     ".json"
#define QUARANTINE "quarantine"
#define NAME_ROOM  (VOLUME_ID_MAX + sizeof(SUFFIX))

struct journal {
        int dir, quarantine;
        char boot_id[JOURNAL_BOOT_ID_LEN + 1];
        atomic_uint_fast64_t quarantined;
};

void journal_free(struct journal *j)
{
        if (j == NULL)
                return;
        auto_close_cleanup(&j->quarantine);
        auto_close_cleanup(&j->dir);
        free(j);
}

const char *journal_boot_id(const struct journal *j)
{
        return j->boot_id;
}

uint64_t journal_quarantined(const struct journal *j)
{
        return atomic_load(&j->quarantined);
}

static struct fault *read_boot_id(char ret[JOURNAL_BOOT_ID_LEN + 1])
{
        AUTO(buf) struct buf text = BUF(256);
        TRY(file_read("/proc/sys/kernel/random/boot_id", &text));
        if (text.len < JOURNAL_BOOT_ID_LEN)
                return fault(FAULT_INTERNAL, "BAD_BOOT_ID", "the kernel's boot id has %zu characters", text.len);
        memcpy(ret, text.data, JOURNAL_BOOT_ID_LEN);
        ret[JOURNAL_BOOT_ID_LEN] = '\0';
        return NULL;
}

static struct fault *sweep_one(void *arg UNUSED, int dir, const char *name, unsigned char type UNUSED)
{
        if (strncmp(name, FILE_TEMP_PREFIX, strlen(FILE_TEMP_PREFIX)) == 0)
                (void) unlinkat(dir, name, 0); /* a later start tries again */
        return NULL;
}

struct fault *journal_open(const char *state_dir, struct journal **ret)
{
        AUTO(journal) struct journal *j = NEW(struct journal);
        j->dir = j->quarantine = -1;
        AUTO_CLOSE int state = -1;
        AUTO_STRING char *path = alloc_printf("%s/volumes", state_dir);
        AUTO_STRING char *quarantine = alloc_printf("%s/" QUARANTINE, path);
        TRY_AS(dir_open_make(state_dir, 0700, &state), "journal");
        TRY_AS(dir_open_make(path, 0700, &j->dir), "journal");
        TRY_AS(dir_open_make(quarantine, 0700, &j->quarantine), "journal");
        TRY_AS(read_boot_id(j->boot_id), "journal");
        TRY_AS(shred_walk(j->dir, sweep_one, NULL), "journal");
        *ret = TAKE(j);
        return NULL;
}

static void name_of(const char *id, char ret[NAME_ROOM])
{
        (void) snprintf(ret, NAME_ROOM, "%.*s" SUFFIX, VOLUME_ID_MAX, id); /* fits: journal_id_is_good */
}

struct fault *journal_put(struct journal *j, const struct volume_spec *spec, bool uses_token)
{
        char name[NAME_ROOM];
        AUTO(buf) struct buf bytes = BUF(JOURNAL_RECORD_MAX);
        struct journal_record r = {.spec = *spec, .uses_token = uses_token}; /* borrows */
        memcpy(r.boot_id, j->boot_id, sizeof(r.boot_id));
        if (!journal_id_is_good(spec->id))
                return fault(FAULT_INVALID, "BAD_VOLUME_ID", "volume id \"%.128s\" is no name for a file", spec->id);
        name_of(spec->id, name);
        TRY_AS(journal_record_write(&r, &bytes), "journal");
        /* no sync: what a record speaks of, a mount, goes with the machine as well, and one of another boot is dropped */
        TRY_AS(file_write_whole_at(j->dir, name, buf_span(&bytes), 0600), "journal");
        return NULL;
}

struct fault *journal_remove(struct journal *j, const char *id)
{
        char name[NAME_ROOM];
        if (!journal_id_is_good(id))
                return NULL; /* there can be none */
        name_of(id, name);
        /* no fsync: a record that comes back has no mount behind it and is dropped at the next start */
        if (unlinkat(j->dir, name, 0) != 0 && errno != ENOENT)
                return fault_errno(FAULT_UNAVAILABLE, "JOURNAL_IO", errno, "journal: remove %s", name);
        return NULL;
}

static struct fault *read_one(struct journal *j, const char *name, struct journal_record *ret)
{
        char wanted[NAME_ROOM];
        AUTO(buf) struct buf bytes = BUF(JOURNAL_RECORD_MAX);
        TRY(file_read_at(j->dir, name, &bytes));
        TRY(journal_record_read(buf_span(&bytes), ret));
        name_of(ret->spec.id, wanted);
        if (strcmp(name, wanted) != 0)
                return fault(FAULT_INVALID, "FOREIGN_RECORD", "record of volume %s", ret->spec.id);
        return NULL;
}

struct loading {
        struct journal *j;
        void (*take)(void *arg, struct journal_record *r);
        void *arg;
};

static struct fault *load_one(void *arg, int dir, const char *name, unsigned char type UNUSED)
{
        struct loading *l = arg;
        AUTO(journal_record) struct journal_record r = {0};
        struct stat st;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode))
                return NULL;
        AUTO(fault) struct fault *bad = read_one(l->j, name, &r);
        if (bad == NULL) {
                l->take(l->arg, &r);
                return NULL;
        }
        bool moved = renameat(dir, name, l->j->quarantine, name) == 0;
        atomic_fetch_add(&l->j->quarantined, 1);
        log_warn("journal_record_quarantined", KV("file", name), KV("moved", moved), KV("error", bad));
        return NULL;
}

struct fault *journal_load(struct journal *j, void (*take)(void *arg, struct journal_record *r), void *arg)
{
        struct loading l = {j, take, arg};
        TRY_AS(shred_walk(j->dir, load_one, &l), "journal");
        return NULL;
}
