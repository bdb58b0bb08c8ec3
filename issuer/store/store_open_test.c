#include "issuer/store/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/fakes/sql.h"
#include "tests/fakes/store_fixture.h"

#define PAGE_LEN 16384 /* of a new file */

/* ---- files of an older vouchsafe ---- */

static void a_file_keeps_the_pages_it_was_made_with(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *r = ak("n1"), *found = NULL;
        expect_ok(store_put_ak(f->store, r, NULL));
        store_close(TAKE(f->store));
        AUTO_STRING char *of_a_new_file = sql_text(f->path, "PRAGMA page_size");
        assert_string_equal(of_a_new_file, "16384");
        sql_exec(f->path, "PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM");
        expect_ok(store_open_sqlite(f->path, &f->store));
        reopen(f);
        expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
        store_close(TAKE(f->store));
        AUTO_STRING char *of_an_old_one = sql_text(f->path, "PRAGMA page_size");
        assert_string_equal(of_an_old_one, "4096");
}

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

        assert_int_equal(truncate(f->path, st.st_size - PAGE_LEN), 0);
        expect_refused(f, FAULT_DATA_LOSS, "STORE_CORRUPT");
}

static void refuses_a_damaged_page(void **state)
{
        struct fixture *f = *state;
        store_close(TAKE(f->store));
        static const char garbage[PAGE_LEN] = "not a page";
        int fd = open(f->path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 2 * PAGE_LEN), sizeof(garbage));
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
        const struct CMUnitTest tests[] = {
                WITH_STORE(a_file_keeps_the_pages_it_was_made_with),
                WITH_STORE(brings_the_first_schema_up_to_date),
                WITH_STORE(refuses_a_newer_schema),
                WITH_STORE(refuses_another_programs_database),
                WITH_STORE(refuses_a_torn_file),
                WITH_STORE(refuses_a_damaged_page),
                WITH_STORE(refuses_what_is_no_database),
                cmocka_unit_test(says_what_it_could_not_open),
        };
        return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
