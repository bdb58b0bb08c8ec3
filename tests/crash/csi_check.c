/* What must be so at every moment: content whole, of one generation, of this volume; mounts where they belong and nowhere else. */
#include "tests/crash/csi_world.h"

#include <dirent.h>
#include <sys/stat.h>

#include "csi/store/mountinfo.h"
#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "tests/crash/witness.h"

const char *const csi_ids[VOLUMES] = {"v1", "v2"};

char *csi_target(const struct csi_world *w, int v)
{
        return alloc_printf("%s/pod-%s/mount", w->kubelet, csi_ids[v]);
}

static bool is_mounted(const struct csi_world *w, int v)
{
        AUTO(mountinfo) struct mountinfo m = {0};
        AUTO_STRING char *path = csi_target(w, v);
        must_ok(mountinfo_read(&m), "mountinfo");
        size_t stacked = mountinfo_find(&m, path, NULL);
        must(stacked <= 1, "%s: %zu mounts", csi_ids[v], stacked);
        return stacked == 1;
}

void csi_check_mounts(const struct csi_world *w)
{
        AUTO(mountinfo) struct mountinfo m = {0};
        size_t ours = 0, mounted = 0, foreign = 0;
        must_ok(mountinfo_read(&m), "mountinfo");
        for (size_t i = 0; i < m.count; i++) {
                ours += strcmp(m.entries[i].source, TMPFS_SOURCE) == 0;
                foreign += strcmp(m.entries[i].source, "foreign") == 0;
        }
        for (int v = 0; v < VOLUMES; v++)
                mounted += is_mounted(w, v);
        must(ours == mounted, "%zu mounts of ours, %zu of them at targets", ours, mounted);
        must(foreign == 1, "%zu mounts of others where there was one", foreign);
}

/* ---- content ---- */

static void read_file(const char *top, const char *name, struct buf *out)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", top, name);
        struct stat st;
        must(stat(path, &st) == 0, "%s is not there", path);
        must((st.st_mode & 07777) == 0440 && st.st_gid == GROUP, "%s has mode %o, group %u", path,
             (unsigned) st.st_mode, (unsigned) st.st_gid);
        must_ok(file_read(path, out), path);
}

/* Frees `want`. */
static void must_hold(const char *top, const char *name, char *want)
{
        AUTO_STRING char *expected = want;
        AUTO(buf) struct buf got = BUF(STATUS_JSON_MAX);
        read_file(top, name, &got);
        must(strcmp(buf_str(&got), expected) == 0, "%s/%s holds \"%s\" instead of \"%s\"", top, name, buf_str(&got),
             expected);
}

/* The number between a text's known ends. */
static uint64_t number_in(struct span text, const char *before, const char *after)
{
        uint64_t number = 0;
        size_t ends = strlen(before) + strlen(after);
        must(text.len > ends && span_starts_with(text, span_str(before)), "no \"%s\" in a file", before);
        must_ok(parse_u64(span_slice(text, strlen(before), text.len - ends), 0, UINT32_MAX, &number), before);
        return number;
}

static void read_number(const char *top, const char *name, const char *before, const char *after, uint64_t *ret)
{
        AUTO(buf) struct buf text = BUF(256);
        read_file(top, name, &text);
        *ret = number_in(buf_span(&text), before, after);
}

static void check_status(const struct csi_world *w, int v, const char *top, uint64_t number, bool *ret_due)
{
        AUTO(buf) struct buf json = BUF(STATUS_JSON_MAX);
        AUTO(volume_status) struct volume_status s = {0};
        enum volume_state state;
        read_file(top, STATUS_FILE, &json);
        must_ok(volume_status_read(buf_span(&json), csi_ids[v], &s, &state), "status.json");
        struct volume_credential c = volume_status_leading(&s);
        char serial[16];
        (void) snprintf(serial, sizeof(serial), "%08x", (unsigned) number);
        must(s.count == 2 && strcmp(c.serial, serial) == 0, "%s: status.json is of serial %s, the files of %s",
             csi_ids[v], c.serial, serial);
        struct wall due = planner_renew_at(csi_ids[v], s.generation, c.issued_unix_s, c.not_after_unix_s);
        *ret_due = due.unix_ms <= w->witness->wall_ms;
}

static void check_content(const struct csi_world *w, int v, unsigned *ret_number, bool *ret_due)
{
        AUTO_STRING char *top = csi_target(w, v);
        uint64_t n = 0, roots = 0;
        read_number(top, "tls.key", "key ", ".0\n", &n);
        read_number(top, "ca.crt", "roots ", "\n", &roots);
        unsigned number = (unsigned) n;
        must_hold(top, "tls.crt", alloc_printf("chain %u.0\n", number));
        must_hold(top, "credential-bundle.pem", alloc_printf("key %u.0\nchain %u.0\n", number, number));
        must_hold(top, "wit.jwt", alloc_printf("token.%u.1", number));
        must_hold(top, "wit.key.pem", alloc_printf("key %u.1\n", number));
        must_hold(top, "wit.key.jwk", alloc_printf("{}"));
        must_hold(top, "trust-bundle.json", alloc_printf("{\"spiffe_sequence\":%u}\n", (unsigned) roots));
        check_status(w, v, top, number, ret_due);
        must(number < CALLS_MAX && w->witness->volume_of[number] == v + 1, "%s shows what was issued to another",
             csi_ids[v]);
        *ret_number = number;
}

bool csi_check_volume(const struct csi_world *w, int v, unsigned *ret_number, bool *ret_due)
{
        const struct csi_volume_witness *known = &w->witness->volumes[v];
        bool mounted = is_mounted(w, v);
        must(mounted || !known->published || known->leaving, "%s was published and is not mounted", csi_ids[v]);
        must(!mounted || (known->asked && !known->gone), "%s is mounted and should not be", csi_ids[v]);
        AUTO_STRING char *path = csi_target(w, v);
        must(!known->gone || access(path, F_OK) != 0, "%s was unpublished and its directory is there", csi_ids[v]);
        *ret_number = 0;
        *ret_due = false;
        if (!mounted)
                return false;
        check_content(w, v, ret_number, ret_due);
        must(*ret_number >= known->shown, "%s went back from %u to %u", csi_ids[v], known->shown, *ret_number);
        return true;
}

/* ---- folders ---- */

/* Names of `path` that are neither "." nor "..", of that type. */
static size_t count_names(const char *path, unsigned char type)
{
        DIR *listing = opendir(path);
        size_t count = 0;
        must(listing != NULL, "%s can't be listed", path);
        for (const struct dirent *e = readdir(listing); e != NULL; e = readdir(listing))
                count += e->d_type == type && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        (void) closedir(listing);
        return count;
}

void csi_check_journal(const struct csi_world *w, size_t want)
{
        AUTO_STRING char *records = alloc_printf("%s/volumes", w->state);
        AUTO_STRING char *quarantine = alloc_printf("%s/quarantine", records);
        size_t count = count_names(records, DT_REG);
        must(count == want, "%zu files in the journal, %zu volumes", count, want);
        must(count_names(quarantine, DT_REG) == 0, "a record was quarantined");
}

void csi_check_reaped(const struct csi_world *w, int v)
{
        AUTO_STRING char *top = csi_target(w, v);
        AUTO_STRING char *data = alloc_printf("%s/..data", top);
        size_t generations = count_names(top, DT_DIR), links = count_names(top, DT_LNK);
        size_t files = count_names(data, DT_REG);
        must(generations == 1 && count_names(top, DT_REG) == 0, "%s: %zu generations stayed", csi_ids[v], generations);
        must(files == 9 && links == files + 1, "%s: %zu files, %zu links", csi_ids[v], files, links);
}
