#include "issuer/store/store.h"

#include "tests/fakes/store_fixture.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(finds_by_id_and_serial),
                WITH_STORE(a_used_nonce_fails_only_its_own_commit),
                WITH_STORE(a_conflict_leaves_no_gap_and_uses_the_nonce),
                WITH_STORE(a_nonce_is_used_once),
                WITH_STORE(sweeping_takes_only_what_expired),
                WITH_STORE(marks_only_rise),
                WITH_STORE(a_correction_is_found_with_what_it_corrects),
                WITH_STORE(says_whether_it_can_write),
        };
        return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
