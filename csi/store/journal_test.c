#include "csi/store/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "csi/store/shred.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/crypt/hash.h"
#include "tests/fakes/expect.h"

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"

static char dir[64];

static int set_up(void **state)
{
        (void) state;
        log_set_level(LOG_ERROR);
        (void) snprintf(dir, sizeof(dir), "/tmp/vouchsafe-test-XXXXXX");
        assert_non_null(mkdtemp(dir));
        return 0;
}

static int tear_down(void **state)
{
        (void) state;
        expect_ok(shred_tree(AT_FDCWD, dir));
        return 0;
}

static struct volume_spec sample(const char *id)
{
        struct volume_spec s = {
                .target_path = alloc_string("/var/lib/kubelet/pods/u/volumes/kubernetes.io~csi/v/mount"),
                .profile = alloc_string("default"),
                .pod_namespace = alloc_string("ns"),
                .pod_name = alloc_string("pod"),
                .pod_uid = alloc_string("u"),
                .service_account = alloc_string("sa"),
                .has_group = true,
                .group = 2000,
                .file_mode = 0440,
                .selinux_context = alloc_string("system_u:object_r:container_file_t:s0:c1,c2"),
        };
        (void) snprintf(s.id, sizeof(s.id), "%s", id);
        return s;
}

struct taken {
        size_t count;
        struct journal_record last;
};

static void take(void *arg, struct journal_record *r)
{
        struct taken *t = arg;
        t->count++;
        journal_record_clear(&t->last);
        t->last = *r;
        *r = (struct journal_record){0};
}

static void write_file(const char *name, struct span bytes)
{
        AUTO_STRING char *path = alloc_printf("%s/volumes/%s", dir, name);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        expect_ok(fd_write_all(fd, bytes));
}

static bool exists(const char *below)
{
        AUTO_STRING char *path = alloc_printf("%s/volumes/%s", dir, below);
        return access(path, F_OK) == 0;
}

static void remembers(void **state)
{
        (void) state;
        AUTO(volume_spec) struct volume_spec s = sample("csi-1");
        for (int round = 0; round < 2; round++) {
                AUTO(journal) struct journal *j = NULL;
                struct taken t = {0};
                expect_ok(journal_open(dir, &j));
                if (round == 0) {
                        expect_ok(journal_put(j, &s, false));
                        expect_ok(journal_put(j, &s, true)); /* replaces */
                }
                expect_ok(journal_load(j, take, &t));
                assert_int_equal(t.count, 1);
                assert_string_equal(t.last.spec.id, "csi-1");
                assert_string_equal(t.last.spec.target_path, s.target_path);
                assert_string_equal(t.last.spec.selinux_context, s.selinux_context);
                assert_int_equal(t.last.spec.group, 2000);
                assert_true(t.last.spec.has_group && t.last.uses_token);
                assert_int_equal(t.last.spec.file_mode, 0440);
                assert_string_equal(t.last.boot_id, journal_boot_id(j));
                assert_int_equal(journal_quarantined(j), 0);
                if (round == 1) {
                        expect_ok(journal_remove(j, "csi-1"));
                        expect_ok(journal_remove(j, "csi-1"));
                        expect_ok(journal_remove(j, "../x"));
                        expect_ok(journal_load(j, take, &t));
                        assert_int_equal(t.count, 1);
                }
                journal_record_clear(&t.last);
        }
}

/* `record` in an envelope with the right checksum. */
static struct buf sealed(const char *record, const char *version)
{
        struct buf out = BUF(JOURNAL_RECORD_MAX);
        uint8_t digest[SHA256_LEN];
        char hex[2 * SHA256_LEN + 1];
        sha256(span_str(record), digest);
        hex_string(SPAN_OF(digest), hex);
        expect_ok(buf_printf(&out, "{\"checksum\":\"%s\",\"record\":%s,\"version\":%s}\n", hex, record, version));
        return out;
}

#define RECORD(boot, mode, group, more, volume)                                                                        \
        "{\"boot_id\":" boot ",\"file_mode\":" mode ",\"group\":" group more                                           \
        ",\"pod_name\":\"p\",\"pod_namespace\":\"n\",\"pod_uid\":\"u\",\"profile\":\"d\",\"service_account\":\"s\","   \
        "\"target_path\":\"/t\",\"uses_token\":false,\"volume\":" volume "}"
#define GOOD RECORD("\"" BOOT "\"", "288", "5", "", "\"v1\"")

static const struct bad {
        const char *name, *record, *version;
        enum fault_code code;
        const char *token;
} bads[] = {
        {"newer version", GOOD, "2", FAULT_PRECONDITION, "NEWER_VERSION"},
        {"much newer version", GOOD, "9223372036854775807", FAULT_PRECONDITION, "NEWER_VERSION"},
        {"version 0", GOOD, "0", FAULT_INVALID, "BAD_FIELD"},
        {"version as text", GOOD, "\"1\"", FAULT_INVALID, "BAD_FIELD"},
        {"unknown member", RECORD("\"" BOOT "\"", "288", "5", ",\"later\":1", "\"v1\""), "1", FAULT_INVALID,
         "UNKNOWN_FIELD"},
        {"mode past 0660", RECORD("\"" BOOT "\"", "433", "5", "", "\"v1\""), "1", FAULT_INVALID, "BAD_FIELD"},
        {"group -1", RECORD("\"" BOOT "\"", "288", "-1", "", "\"v1\""), "1", FAULT_INVALID, "BAD_FIELD"},
        {"group too large", RECORD("\"" BOOT "\"", "288", "4294967295", "", "\"v1\""), "1", FAULT_INVALID, "BAD_FIELD"},
        {"boot id one too long", RECORD("\"" BOOT "0\"", "288", "5", "", "\"v1\""), "1", FAULT_INVALID, "BAD_FIELD"},
        {"boot id a number", RECORD("1", "288", "5", "", "\"v1\""), "1", FAULT_INVALID, "BAD_FIELD"},
        {"id with a slash", RECORD("\"" BOOT "\"", "288", "5", "", "\"a/b\""), "1", FAULT_INVALID, "BAD_VOLUME_ID"},
        {"id with a dot first", RECORD("\"" BOOT "\"", "288", "5", "", "\".v\""), "1", FAULT_INVALID, "BAD_VOLUME_ID"},
        {"empty id", RECORD("\"" BOOT "\"", "288", "5", "", "\"\""), "1", FAULT_INVALID, "BAD_VOLUME_ID"},
        {"record is an array", "[]", "1", FAULT_INVALID, "BAD_FIELD"},
        {"record is empty", "{}", "1", FAULT_INVALID, "BAD_FIELD"},
};

static void refuses(void **state)
{
        (void) state;
        AUTO(journal_record) struct journal_record good = {0};
        AUTO(buf) struct buf bytes = sealed(GOOD, "1");
        expect_ok(journal_record_read(buf_span(&bytes), &good));
        assert_string_equal(good.spec.id, "v1");
        assert_string_equal(good.boot_id, BOOT);
        for (size_t i = 0; i < COUNT_OF(bads); i++) {
                struct journal_record r = {0};
                AUTO(buf) struct buf b = sealed(bads[i].record, bads[i].version);
                expect_fault_row(journal_record_read(buf_span(&b), &r), bads[i].code, bads[i].token, bads[i].name);
        }
}

static void refuses_every_torn_length_and_flipped_byte(void **state)
{
        (void) state;
        AUTO(buf) struct buf bytes = sealed(GOOD, "1");
        for (size_t len = 0; len + 2 < bytes.len; len++) {
                struct journal_record r = {0};
                AUTO(fault) struct fault *f = journal_record_read(span_make(bytes.data, len), &r);
                assert_non_null(f);
        }
        for (size_t i = 0; i + 1 < bytes.len; i++) {
                AUTO(journal_record) struct journal_record r = {0};
                bytes.data[i] ^= 1;
                AUTO(fault) struct fault *f = journal_record_read(buf_span(&bytes), &r);
                assert_non_null(f);
                bytes.data[i] ^= 1;
        }
}

static void quarantines(void **state)
{
        (void) state;
        AUTO(journal) struct journal *j = NULL;
        AUTO(volume_spec) struct volume_spec s = sample("csi-good");
        AUTO(buf) struct buf other = sealed(GOOD, "1"), newer = sealed(GOOD, "7");
        AUTO_STRING char *big = alloc_zero(1, JOURNAL_RECORD_MAX + 2);
        memset(big, ' ', JOURNAL_RECORD_MAX + 1);
        struct taken t = {0};
        expect_ok(journal_open(dir, &j));
        expect_ok(journal_put(j, &s, false));
        write_file("csi-torn.json", SPAN("{\"checksum\":"));
        write_file("csi-empty.json", SPAN(""));
        write_file("csi-other.json", buf_span(&other)); /* says v1 */
        write_file("v1.json", buf_span(&newer));
        write_file("notes.txt", SPAN("hello"));
        write_file("csi-big.json", span_str(big));
        write_file(".tmp-0123", SPAN("half"));
        AUTO_STRING char *link = alloc_printf("%s/volumes/csi-link.json", dir);
        assert_int_equal(symlink("csi-good.json", link), 0);

        expect_ok(journal_load(j, take, &t));
        assert_int_equal(t.count, 1);
        assert_string_equal(t.last.spec.id, "csi-good");
        assert_int_equal(journal_quarantined(j), 8);
        assert_true(exists("quarantine/csi-torn.json") && exists("quarantine/csi-other.json") &&
                    exists("quarantine/v1.json") && exists("quarantine/notes.txt"));
        assert_false(exists("csi-torn.json"));
        assert_true(exists("csi-good.json"));
        journal_record_clear(&t.last);

        journal_free(j);
        j = NULL;
        write_file(".tmp-4567", SPAN("half"));
        expect_ok(journal_open(dir, &j));
        assert_false(exists(".tmp-4567")); /* a crash's leftover, swept */
        expect_ok(journal_load(j, take, &t));
        assert_int_equal(journal_quarantined(j), 0);
        journal_record_clear(&t.last);
        expect_ok(journal_remove(j, "csi-good"));
}

static void refuses_ids(void **state)
{
        (void) state;
        static const char *const ids[] = {"", ".", "..", "a/b", "../x", "a b", "a\nb", "\xc3\xa9"};
        AUTO(journal) struct journal *j = NULL;
        expect_ok(journal_open(dir, &j));
        for (size_t i = 0; i < COUNT_OF(ids); i++) {
                AUTO(volume_spec) struct volume_spec s = sample(ids[i]);
                expect_fault_row(journal_put(j, &s, false), FAULT_INVALID, "BAD_VOLUME_ID", ids[i]);
        }
        char longest[130];
        memset(longest, 'a', sizeof(longest));
        longest[128] = '\0';
        assert_true(journal_id_is_good(longest));
        longest[128] = 'a';
        longest[129] = '\0';
        assert_false(journal_id_is_good(longest));
}

static void says_when_it_cannot_be_opened(void **state)
{
        (void) state;
        struct journal *j = NULL;
        expect_fault(journal_open("/proc/nonexistent/state", &j), FAULT_NOT_FOUND, "NO_FILE");
        assert_null(j);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(remembers),
                cmocka_unit_test(refuses),
                cmocka_unit_test(refuses_every_torn_length_and_flipped_byte),
                cmocka_unit_test(quarantines),
                cmocka_unit_test(refuses_ids),
                cmocka_unit_test(says_when_it_cannot_be_opened),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
