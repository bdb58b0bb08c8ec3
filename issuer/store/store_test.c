#include "issuer/store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/fakes/expect.h"
#include "tests/fakes/sql.h"

static const struct wall now = {1795456800000};

struct fixture {
        char dir[32];
        char path[64];
        struct store *store;
};

static int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        snprintf(f->dir, sizeof(f->dir), "%s", "/tmp/store-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->path, sizeof(f->path), "%s/db", f->dir);
        expect_ok(store_open_sqlite(f->path, &f->store));
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        store_close(f->store);
        static const char *const names[] = {"db", "db-wal", "db-shm"};
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                char path[64];
                snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
                (void) unlink(path); /* not all are there */
        }
        assert_int_equal(rmdir(f->dir), 0);
        free(f);
        return 0;
}

static void reopen(struct fixture *f)
{
        store_close(TAKE(f->store));
        expect_ok(store_open_sqlite(f->path, &f->store));
}

/* ---- commits ---- */

static struct store_record record(const char *id, const char (*serials)[SERIAL_TEXT_MAX], size_t count)
{
        struct store_record r = {
                .body = span_str("{}"), .serials = serials, .serial_count = count, .expires_unix_s = 1795460000};
        memset(r.id, '0', RECORD_ID_LEN);
        memcpy(r.id, id, strlen(id));
        memset(r.leaf_hash, 7, sizeof(r.leaf_hash));
        return r;
}

static struct store_commit commit(uint8_t nonce, const struct store_record *records, size_t count,
                                  const struct store_record *replay)
{
        struct store_commit c = {
                .nonce_expires_unix_s = 1795457100, .records = records, .count = count, .replay = replay};
        c.nonce_digest[0] = nonce;
        return c;
}

static void finds_by_id_and_serial(void **state)
{
        struct fixture *f = *state;
        static const char serials[][SERIAL_TEXT_MAX] = {"aa01", "aa02"};
        struct store_record records[] = {record("a", serials, 2), record("b", NULL, 0)}, replay = record("r", NULL, 0);
        struct store_commit c = commit(1, records, 2, &replay), *all[] = {&c};
        expect_ok(store_write(f->store, all, 1, now));
        assert_null(c.ret_outcome);

        reopen(f);
        static const struct {
                const char *key;
                uint64_t index;
        } rows[] = {
                {"a0000000000000000000000000000000", 0},
                {"b0000000000000000000000000000000", 1},
                {"aa01", 0},
                {"aa02", 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(store_row) struct store_row row = {0};
                expect_ok(store_find_record(f->store, rows[i].key, &row));
                assert_int_equal(row.index, rows[i].index);
                assert_int_equal(row.time.unix_ms, now.unix_ms);
                assert_string_equal(buf_str(&row.body), "{}");
                assert_int_equal(row.leaf_hash[31], 7);
        }
        static const char *const unknown[] = {"", "a", "AA01", "aa01 ", "aa0", "r0000000000000000000000000000000"};
        for (size_t i = 0; i < COUNT_OF(unknown); i++) {
                struct store_row row = {0};
                expect_fault_row(store_find_record(f->store, unknown[i], &row), FAULT_NOT_FOUND, "NO_RECORD",
                                 unknown[i]);
        }
}

static uint64_t records_in(struct store *s)
{
        uint64_t count = 0;
        expect_ok(store_count_records(s, &count));
        return count;
}

static void a_used_nonce_fails_only_its_own_commit(void **state)
{
        struct fixture *f = *state;
        struct store_record r[] = {record("a", NULL, 0), record("b", NULL, 0), record("c", NULL, 0)};
        struct store_record replays[] = {record("d", NULL, 0), record("e", NULL, 0), record("f", NULL, 0)};
        struct store_commit first = commit(1, &r[0], 1, &replays[0]), again = commit(1, &r[1], 1, &replays[1]),
                            other = commit(2, &r[2], 1, &replays[2]), *all[] = {&first, &again, &other};
        expect_ok(store_write(f->store, all, 3, now));
        assert_null(first.ret_outcome);
        expect_fault(again.ret_outcome, FAULT_DENIED, "nonce.replayed");
        assert_null(other.ret_outcome);

        assert_int_equal(records_in(f->store), 3);
        AUTO(store_row) struct store_row denial = {0};
        expect_ok(store_find_record(f->store, replays[1].id, &denial));
        assert_int_equal(denial.index, 1);
        struct store_row none = {0};
        expect_fault(store_find_record(f->store, r[1].id, &none), FAULT_NOT_FOUND, "NO_RECORD");
}

static void a_conflict_leaves_no_gap_and_uses_the_nonce(void **state)
{
        struct fixture *f = *state;
        static const char serials[][SERIAL_TEXT_MAX] = {"aa01"};
        struct store_record first = record("a", serials, 1), same_id = record("a", NULL, 0);
        struct store_record pair[] = {record("b", NULL, 0), record("c", serials, 1)}, replay = record("r", NULL, 0),
                            last = record("d", NULL, 0);
        struct store_commit one = commit(1, &first, 1, &replay), two = commit(2, &same_id, 1, &replay),
                            three = commit(3, pair, 2, &replay), four = commit(4, &last, 1, &replay),
                            *all[] = {&one, &two, &three, &four};
        expect_ok(store_write(f->store, all, 4, now));
        assert_null(one.ret_outcome);
        expect_fault(two.ret_outcome, FAULT_INTERNAL, "RECORD_CONFLICT");
        expect_fault(three.ret_outcome, FAULT_INTERNAL, "RECORD_CONFLICT");
        assert_null(four.ret_outcome);

        assert_int_equal(records_in(f->store), 2);
        AUTO(store_row) struct store_row row = {0};
        expect_ok(store_find_record(f->store, last.id, &row));
        assert_int_equal(row.index, 1);
        expect_fault(store_use_nonce(f->store, three.nonce_digest, 1795457100, now), FAULT_EXISTS, "NONCE_USED");
}

/* ---- nonces ---- */

static void a_nonce_is_used_once(void **state)
{
        struct fixture *f = *state;
        const uint8_t a[SHA256_LEN] = {1}, b[SHA256_LEN] = {2};
        int64_t expires = wall_unix_s(now) + 300;
        expect_ok(store_use_nonce(f->store, a, expires, now));
        expect_fault(store_use_nonce(f->store, a, expires, now), FAULT_EXISTS, "NONCE_USED");
        expect_ok(store_use_nonce(f->store, b, expires, now));
        reopen(f);
        expect_fault(store_use_nonce(f->store, a, expires, now), FAULT_EXISTS, "NONCE_USED");
        expect_fault(store_use_nonce(f->store, (uint8_t[SHA256_LEN]){3}, wall_unix_s(now), now), FAULT_DENIED,
                     "NONCE_EXPIRED");
}

static void sweeping_takes_only_what_expired(void **state)
{
        struct fixture *f = *state;
        const uint8_t a[SHA256_LEN] = {1}, b[SHA256_LEN] = {2};
        expect_ok(store_use_nonce(f->store, a, wall_unix_s(now) + 10, now));
        expect_ok(store_use_nonce(f->store, b, wall_unix_s(now) + 11, now));
        uint64_t deleted = 7;
        expect_ok(store_sweep_nonces(f->store, (struct wall){now.unix_ms + 70000}, &deleted));
        assert_int_equal(deleted, 0); /* the grace of a minute is not over */
        expect_ok(store_sweep_nonces(f->store, (struct wall){now.unix_ms + 71000}, &deleted));
        assert_int_equal(deleted, 1);
        expect_fault(store_use_nonce(f->store, b, wall_unix_s(now) + 11, now), FAULT_EXISTS, "NONCE_USED");
}

/* ---- attestation keys ---- */

static struct ak_record *ak(const char *name)
{
        struct ak_record *r = NEW(struct ak_record);
        r->name = BUF(64);
        r->public_area = BUF(64);
        expect_ok(buf_append_str(&r->name, name));
        expect_ok(buf_append_str(&r->public_area, "public"));
        memset(r->ek_digest, 9, sizeof(r->ek_digest));
        r->enrolled_unix_s = 1795456800;
        r->ek_not_after_unix_s = 1895456800;
        return r;
}

static void keeps_attestation_keys(void **state)
{
        struct fixture *f = *state;
        struct ak_record *found = NULL;
        expect_fault(store_find_ak(f->store, SPAN("n1"), &found), FAULT_NOT_FOUND, "NO_AK");
        AUTO(ak_record) struct ak_record *r = ak("n1");
        expect_ok(store_put_ak(f->store, r, NULL));
        r->node = alloc_string("node-7");
        r->cluster = alloc_string("blue");
        r->ek_issuer = alloc_string("CN=maker");
        expect_ok(store_put_ak(f->store, r, NULL)); /* replaces */

        reopen(f);
        expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
        assert_string_equal(found->node, "node-7");
        assert_string_equal(found->cluster, "blue");
        assert_string_equal(found->ek_issuer, "CN=maker");
        assert_true(span_eq(buf_span(&found->name), SPAN("n1")));
        assert_true(span_eq(buf_span(&found->public_area), SPAN("public")));
        assert_int_equal(found->ek_digest[31], 9);
        assert_int_equal(found->enrolled_unix_s, 1795456800);
        assert_int_equal(found->ek_not_after_unix_s, 1895456800);
        assert_false(found->has_clock);
        ak_record_free(found);
}

static void lists_keys_in_pages_by_name(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_list) struct ak_list none = {0}, first = {0}, rest = {0};
        expect_ok(store_list_aks(f->store, SPAN_NONE, &none));
        assert_int_equal(none.count, 0);

        const int extra = 3;
        for (int i = AK_LIST_MAX + extra - 1; i >= 0; i--) {
                char name[16];
                snprintf(name, sizeof name, "k%05d", i);
                AUTO(ak_record) struct ak_record *r = ak(name);
                r->ek_digest[0] = (uint8_t) i; /* machines of their own */
                r->ek_digest[1] = (uint8_t) (i >> 8);
                expect_ok(store_put_ak(f->store, r, NULL));
        }
        expect_ok(store_list_aks(f->store, SPAN_NONE, &first));
        assert_int_equal(first.count, AK_LIST_MAX);
        assert_true(span_eq(buf_span(&first.records[0]->name), SPAN("k00000")));
        assert_int_equal(first.records[0]->ek_digest[31], 9);
        expect_ok(store_list_aks(f->store, buf_span(&first.records[AK_LIST_MAX - 1]->name), &rest));
        assert_int_equal(rest.count, extra);
        assert_true(span_eq(buf_span(&rest.records[extra - 1]->name), SPAN("k00514")));
}

static void a_key_that_was_forgotten_begins_anew(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *r = ak("n1"), *other = ak("n2"), *found = NULL, *none = NULL;
        r->has_clock = r->clock_safe = true;
        r->reset_count = 5;
        r->clock_ms = 1000;
        expect_ok(store_put_ak(f->store, r, NULL));
        expect_ok(store_put_ak(f->store, other, NULL));
        expect_fault(store_delete_ak(f->store, SPAN("n")), FAULT_NOT_FOUND, "NO_AK");
        expect_fault(store_delete_ak(f->store, SPAN_NONE), FAULT_NOT_FOUND, "NO_AK");
        expect_ok(store_delete_ak(f->store, SPAN("n1")));
        expect_fault(store_delete_ak(f->store, SPAN("n1")), FAULT_NOT_FOUND, "NO_AK");
        reopen(f);
        expect_fault(store_find_ak(f->store, SPAN("n1"), &none), FAULT_NOT_FOUND, "NO_AK");
        r->reset_count = 0;
        r->clock_ms = 3;
        expect_ok(store_put_ak(f->store, r, NULL));
        expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
        assert_int_equal(found->reset_count, 0);
        assert_int_equal(found->clock_ms, 3);
        AUTO(ak_list) struct ak_list left = {0};
        expect_ok(store_list_aks(f->store, SPAN_NONE, &left));
        assert_int_equal(left.count, 2);
}

/* Enrolling again must not wind a key's clock back: that is how an older state of a TPM would come to be taken. */
static void a_key_put_again_keeps_the_later_clock(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *name;
                uint32_t reset;
                uint64_t clock, want_clock;
        } rows[] = {
                {"first", 5, 1000, 1000},
                {"earlier", 5, 999, 1000},
                {"later", 5, 1001, 1001},
                {"older boot", 4, 9999, 1001},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(ak_record) struct ak_record *r = ak("n1"), *found = NULL;
                r->has_clock = r->clock_safe = true;
                r->reset_count = rows[i].reset;
                r->clock_ms = rows[i].clock;
                expect_ok(store_put_ak(f->store, r, NULL));
                expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
                if (!found->has_clock || !found->clock_safe || found->reset_count != 5 ||
                    found->clock_ms != rows[i].want_clock)
                        fail_msg("%s", rows[i].name);
        }
}

static void an_ak_clock_only_moves_forward(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *r = ak("n1");
        expect_ok(store_put_ak(f->store, r, NULL));
        static const struct {
                const char *name;
                uint32_t reset, restart;
                uint64_t clock;
                uint32_t want_reset, want_restart;
                uint64_t want_clock;
        } rows[] = {
                {"first", 5, 0, 1000, 5, 0, 1000},
                {"later", 5, 0, 1001, 5, 0, 1001},
                {"earlier stays", 5, 0, 999, 5, 0, 1001},
                {"restart beats clock", 5, 1, 3, 5, 1, 3},
                {"older restart stays", 5, 0, 9999, 5, 1, 3},
                {"reset beats restart", 6, 0, 1, 6, 0, 1},
                {"older reset stays", 5, 9, 9999, 6, 0, 1},
                {"absurd clock is kept within bounds", 6, 0, UINT64_MAX, 6, 0, INT64_MAX},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char id[24];
                snprintf(id, sizeof(id), "%zu", i);
                struct store_record one = record(id, NULL, 0), replay = record("r", NULL, 0);
                struct store_commit c = commit((uint8_t) (i + 1), &one, 1, &replay), *all[] = {&c};
                c.has_ak = true;
                c.ak_name = SPAN("n1");
                c.reset_count = rows[i].reset;
                c.restart_count = rows[i].restart;
                c.clock_ms = rows[i].clock;
                c.clock_safe = true;
                expect_ok(store_write(f->store, all, 1, now));
                assert_null(c.ret_outcome);
                struct ak_record *found = NULL;
                expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
                assert_true(found->has_clock && found->clock_safe);
                if (found->reset_count != rows[i].want_reset || found->restart_count != rows[i].want_restart ||
                    found->clock_ms != rows[i].want_clock)
                        fail_msg("%s", rows[i].name);
                ak_record_free(found);
        }
}

/* One TPM can make any number of keys; the store keeps the latest few of each. */
static void a_tpm_has_few_keys(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *neighbour = ak("other tpm"), *still = NULL;
        memset(neighbour->ek_digest, 8, sizeof(neighbour->ek_digest));
        neighbour->enrolled_unix_s = 1;
        expect_ok(store_put_ak(f->store, neighbour, NULL));
        for (int i = 0; i < AKS_PER_EK_MAX + 3; i++) {
                char name[16];
                snprintf(name, sizeof name, "k%02d", i);
                AUTO(ak_record) struct ak_record *r = ak(name);
                uint64_t retired = 7;
                r->enrolled_unix_s += i == AKS_PER_EK_MAX + 2 ? -100 : i; /* the last one under a clock gone back */
                expect_ok(store_put_ak(f->store, r, &retired));
                assert_int_equal(retired, i < AKS_PER_EK_MAX ? 0 : 1);
        }
        static const struct {
                const char *name;
                bool is_there;
        } rows[] = {{"k00", false}, {"k01", false}, {"k02", false}, {"k03", true}, {"k09", true}, {"k10", true}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(ak_record) struct ak_record *found = NULL;
                AUTO(fault) struct fault *none = store_find_ak(f->store, span_str(rows[i].name), &found);
                if ((none == NULL) != rows[i].is_there)
                        fail_msg("%s", rows[i].name);
        }
        AUTO(ak_record) struct ak_record *again = ak("k05");
        uint64_t retired = 7;
        expect_ok(store_put_ak(f->store, again, &retired)); /* one that is there takes nobody's place */
        assert_int_equal(retired, 0);
        expect_ok(store_find_ak(f->store, SPAN("other tpm"), &still));
}

static void a_key_keeps_its_root(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *r = ak("n1"), *found = NULL;
        memset(r->ek_root, 5, sizeof(r->ek_root));
        expect_ok(store_put_ak(f->store, r, NULL));
        reopen(f);
        expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
        assert_memory_equal(found->ek_root, r->ek_root, sizeof(r->ek_root));
}

/* ---- marks, corrections, room ---- */

static void marks_only_rise(void **state)
{
        struct fixture *f = *state;
        static const struct {
                int64_t raised, kept;
        } rows[] = {{7, 7}, {6, 7}, {7, 7}, {8, 8}, {-1, 8}};
        int64_t kept = -1;
        expect_ok(store_find_mark(f->store, "revision", &kept));
        assert_int_equal(kept, 0);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                expect_ok(store_raise_mark(f->store, "revision", rows[i].raised));
                reopen(f);
                expect_ok(store_find_mark(f->store, "revision", &kept));
                assert_int_equal(kept, rows[i].kept);
        }
        expect_ok(store_find_mark(f->store, "another", &kept));
        assert_int_equal(kept, 0);
}

static void a_correction_is_found_with_what_it_corrects(void **state)
{
        struct fixture *f = *state;
        static const char serials[][SERIAL_TEXT_MAX] = {"aa01"};
        struct store_record issued = record("a", serials, 1), replay = record("r", NULL, 0),
                            correction = record("c", NULL, 0), twice = record("d", NULL, 0);
        correction.corrects = twice.corrects = issued.id;
        struct store_commit one = commit(1, &issued, 1, &replay), two = {.without_nonce = true},
                            three = {.without_nonce = true};
        two.records = &correction;
        three.records = &twice;
        two.count = three.count = 1;
        struct store_commit *all[] = {&one, &two, &three};
        expect_ok(store_write(f->store, all, 3, now));
        assert_null(one.ret_outcome);
        assert_null(two.ret_outcome);
        expect_fault(three.ret_outcome, FAULT_INTERNAL, "RECORD_CONFLICT"); /* a record is taken back once */
        const char *const keys[] = {"aa01", issued.id};
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
                AUTO(store_row) struct store_row row = {0};
                expect_ok(store_find_record(f->store, keys[i], &row));
                assert_string_equal(row.id, issued.id);
                assert_string_equal(row.correction, correction.id);
        }
        AUTO(store_row) struct store_row itself = {0};
        expect_ok(store_find_record(f->store, correction.id, &itself));
        assert_string_equal(itself.correction, "");
        assert_int_equal(itself.index, 1);
}

static void says_whether_it_can_write(void **state)
{
        struct fixture *f = *state;
        uint64_t bytes = 0;
        expect_ok(store_room(f->store, &bytes));
        assert_true(bytes > 0);
        expect_ok(store_check_writable(f->store, now));
        expect_ok(store_check_writable(f->store,
                                       (struct wall){now.unix_ms - 5000})); /* nor does a clock gone back matter */
}

/* ---- files of an older vouchsafe ---- */

static void brings_the_first_schema_up_to_date(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *r = ak("n1"), *found = NULL;
        static const uint8_t no_root[SHA256_LEN];
        static const char serials[][SERIAL_TEXT_MAX] = {"aa01"};
        struct store_record one = record("a", serials, 1), replay = record("r", NULL, 0);
        struct store_commit c = commit(1, &one, 1, &replay), *all[] = {&c};
        memset(r->ek_root, 5, sizeof(r->ek_root));
        expect_ok(store_put_ak(f->store, r, NULL));
        expect_ok(store_write(f->store, all, 1, now));
        store_close(TAKE(f->store));
        sql_exec(f->path, "DROP INDEX attestation_keys_by_ek; ALTER TABLE attestation_keys DROP COLUMN ek_root; "
                          "DROP TABLE marks; DROP TABLE corrections; DROP TABLE endorsements; DROP TABLE key_versions; "
                          "DROP TABLE stored_keys; PRAGMA user_version = 1");
        expect_ok(store_open_sqlite(f->path, &f->store));
        reopen(f);
        expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
        assert_memory_equal(found->ek_root, no_root, sizeof no_root); /* no root's: it must be enrolled again */
        AUTO(store_row) struct store_row row = {0};
        expect_ok(store_find_record(f->store, "aa01", &row));
        expect_ok(store_raise_mark(f->store, "revision", 3));
}

/* ---- files that are not ours, or no longer whole ---- */

static void expect_refused(struct fixture *f, enum fault_code code, const char *token)
{
        struct store *s = NULL;
        expect_fault(store_open_sqlite(f->path, &s), code, token);
        assert_null(s);
}

static void refuses_a_newer_schema(void **state)
{
        struct fixture *f = *state;
        store_close(TAKE(f->store));
        sql_exec(f->path, "PRAGMA user_version = 5");
        expect_refused(f, FAULT_PRECONDITION, "STORE_SCHEMA");
        sql_exec(f->path, "PRAGMA user_version = 0");
        expect_refused(f, FAULT_DATA_LOSS, "STORE_CORRUPT");
}

static void refuses_another_programs_database(void **state)
{
        struct fixture *f = *state;
        store_close(TAKE(f->store));
        assert_int_equal(unlink(f->path), 0);
        sql_exec(f->path, "CREATE TABLE recipes(name TEXT)");
        expect_refused(f, FAULT_PRECONDITION, "STORE_FOREIGN");
}

static void refuses_a_torn_file(void **state)
{
        struct fixture *f = *state;
        for (int i = 0; i < 100; i++) {
                char id[24];
                snprintf(id, sizeof(id), "%d.", i);
                struct store_record one = record(id, NULL, 0), replay = record("r", NULL, 0);
                struct store_commit c = commit((uint8_t) i, &one, 1, &replay), *all[] = {&c};
                expect_ok(store_write(f->store, all, 1, now));
                assert_null(c.ret_outcome);
        }
        store_close(TAKE(f->store));
        struct stat st;
        assert_int_equal(stat(f->path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);

        assert_int_equal(truncate(f->path, st.st_size - 4096), 0);
        expect_refused(f, FAULT_DATA_LOSS, "STORE_CORRUPT");
}

static void refuses_a_damaged_page(void **state)
{
        struct fixture *f = *state;
        store_close(TAKE(f->store));
        static const char garbage[4096] = "not a page";
        int fd = open(f->path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 2 * 4096), sizeof(garbage));
        close(fd);
        expect_refused(f, FAULT_DATA_LOSS, "STORE_CORRUPT");
}

static void refuses_what_is_no_database(void **state)
{
        struct fixture *f = *state;
        store_close(TAKE(f->store));
        static const char text[] =
                "this is not a database, it is a letter of more than a hundred bytes, as SQLite looks "
                "at the first hundred bytes to tell";
        int fd = open(f->path, O_RDWR | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
        close(fd);
        expect_refused(f, FAULT_DATA_LOSS, "STORE_CORRUPT");
}

static void says_what_it_could_not_open(void **state UNUSED)
{
        struct store *s = NULL;
        AUTO(fault) struct fault *f = store_open_sqlite("/nonexistent/folder/db", &s);
        assert_non_null(f);
        assert_string_equal(fault_token(f), "STORE");
        assert_non_null(strstr(fault_text(f), "/nonexistent/folder/db"));
}

int main(void)
{
#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                WITH_STORE(finds_by_id_and_serial),
                WITH_STORE(a_used_nonce_fails_only_its_own_commit),
                WITH_STORE(a_conflict_leaves_no_gap_and_uses_the_nonce),
                WITH_STORE(a_nonce_is_used_once),
                WITH_STORE(sweeping_takes_only_what_expired),
                WITH_STORE(keeps_attestation_keys),
                WITH_STORE(lists_keys_in_pages_by_name),
                WITH_STORE(a_key_that_was_forgotten_begins_anew),
                WITH_STORE(an_ak_clock_only_moves_forward),
                WITH_STORE(a_key_put_again_keeps_the_later_clock),
                WITH_STORE(a_tpm_has_few_keys),
                WITH_STORE(a_key_keeps_its_root),
                WITH_STORE(marks_only_rise),
                WITH_STORE(a_correction_is_found_with_what_it_corrects),
                WITH_STORE(says_whether_it_can_write),
                WITH_STORE(brings_the_first_schema_up_to_date),
                WITH_STORE(refuses_a_newer_schema),
                WITH_STORE(refuses_another_programs_database),
                WITH_STORE(refuses_a_torn_file),
                WITH_STORE(refuses_a_damaged_page),
                WITH_STORE(refuses_what_is_no_database),
                cmocka_unit_test(says_what_it_could_not_open),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
