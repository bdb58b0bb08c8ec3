#include "issuer/authority/token_keys.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

#define FIRST 1795456800
#define LIFE  1000

static char folder[32], path[64];

static int set_up(void **state UNUSED)
{
        (void) snprintf(folder, sizeof folder, "/tmp/token-keys-XXXXXX");
        assert_non_null(mkdtemp(folder));
        (void) snprintf(path, sizeof path, "%s/token.key", folder);
        return 0;
}

static int tear_down(void **state UNUSED)
{
        assert_true(folder_remove(folder));
        return 0;
}

static void write_file(struct span bytes)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        expect_ok(fd_write_all(fd, bytes));
        assert_int_equal(close(fd), 0);
}

static struct token_keys *made(void)
{
        struct token_keys *t = NULL;
        expect_ok(token_keys_make_file(path, FIRST, NULL));
        expect_ok(token_keys_load(path, LIFE, &t));
        return t;
}

static struct wall at(int64_t s)
{
        return wall_from_unix_s(FIRST + s);
}

static void is_made_once(void **state UNUSED)
{
        AUTO(buf) struct buf first = BUF(64), second = BUF(64);
        struct stat st;
        bool is_new = false;
        expect_ok(token_keys_make_file(path, FIRST, &is_new));
        assert_true(is_new);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_size, TOKEN_KEYS_FILE_LEN);
        expect_ok(file_read(path, &first));
        expect_ok(token_keys_make_file(path, FIRST + 1, &is_new));
        assert_false(is_new);
        expect_ok(file_read(path, &second));
        assert_true(span_eq(buf_span(&first), buf_span(&second)));
}

/* "0 1" of the numbers that are published. */
static void expect_shown(struct token_keys *t, int64_t s, const char *wanted, int64_t wanted_until)
{
        const struct token_key *shown[TOKEN_KEYS_SHOWN];
        size_t count = 0;
        int64_t until = 0;
        char got[64] = "";
        expect_ok(token_keys_shown(t, at(s), shown, &count, &until));
        for (size_t i = 0; i < count; i++)
                (void) snprintf(got + strlen(got), sizeof got - strlen(got), "%s%lld", i > 0 ? " " : "",
                                (long long) shown[i]->number);
        assert_string_equal(got, wanted);
        assert_int_equal(until, FIRST + wanted_until);
}

/* Each key is published for a whole life before its use, and for one after it. */
static void published_around_their_use(void **state UNUSED)
{
        static const struct {
                int64_t s, current; /* -1: none */
                const char *shown;
                int64_t until;
        } rows[] = {
                {-500, -1, "0", 0},       {-1, -1, "0", 0},         {0, 0, "0 1", 1000},      {999, 0, "0 1", 1000},
                {1000, 1, "0 1 2", 2000}, {1999, 1, "0 1 2", 2000}, {2000, 2, "1 2 3", 3000}, {0, 0, "0 1", 1000},
        };
        AUTO(token_keys) struct token_keys *t = made();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const struct token_key *k = NULL;
                print_message("%lld\n", (long long) rows[i].s);
                expect_shown(t, rows[i].s, rows[i].shown, rows[i].until);
                if (rows[i].current < 0) {
                        expect_fault(token_keys_current(t, at(rows[i].s), &k), FAULT_UNAVAILABLE,
                                     "authority.token_key");
                        continue;
                }
                expect_ok(token_keys_current(t, at(rows[i].s), &k));
                assert_int_equal(k->number, rows[i].current);
                assert_int_equal(strlen(k->id), TOKEN_KEY_ID_MAX);
        }
}

/* The same file gives the same keys, to another process as well; another file gives others. */
static void survive_a_restart(void **state UNUSED)
{
        AUTO(token_keys) struct token_keys *before = made(), *after = NULL, *other = NULL;
        const struct token_key *a = NULL, *b = NULL;
        AUTO(buf) struct buf signature = BUF(SIGNATURE_MAX);
        expect_ok(token_keys_load(path, LIFE, &after));
        for (int64_t s = 0; s < 5 * LIFE; s += LIFE) {
                expect_ok(token_keys_current(before, at(s), &a));
                expect_ok(token_keys_current(after, at(s), &b));
                assert_string_equal(a->id, b->id);
        }
        expect_ok(key_sign(a->key, HASH_SHA256, SIGNATURE_RAW, SPAN("x"), &signature));
        expect_ok(key_verify(b->key, HASH_SHA256, SIGNATURE_RAW, SPAN("x"), buf_span(&signature)));

        assert_int_equal(unlink(path), 0);
        other = made();
        expect_ok(token_keys_current(other, at(4 * LIFE), &b));
        assert_string_not_equal(a->id, b->id);
}

static void keys_differ(void **state UNUSED)
{
        AUTO(token_keys) struct token_keys *t = made();
        char ids[8][TOKEN_KEY_ID_MAX + 1];
        for (size_t i = 0; i < COUNT_OF(ids); i++) {
                const struct token_key *k = NULL;
                expect_ok(token_keys_current(t, at((int64_t) i * LIFE), &k));
                memcpy(ids[i], k->id, sizeof ids[i]);
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(ids[i], ids[j]);
        }
}

static void refuses_other_files(void **state UNUSED)
{
        uint8_t good[TOKEN_KEYS_FILE_LEN + 1] = "VSTOKEN1";
        struct token_keys *none = NULL;
        expect_fault(token_keys_load(path, LIFE, &none), FAULT_PRECONDITION, "NO_FILE");
        const struct {
                const char *name, *head;
                size_t len;
                uint8_t date; /* its highest byte */
        } rows[] = {
                {"empty", "VSTOKEN1", 0, 0},
                {"one byte short", "VSTOKEN1", TOKEN_KEYS_FILE_LEN - 1, 0},
                {"one byte long", "VSTOKEN1", TOKEN_KEYS_FILE_LEN + 1, 0},
                {"of a later form", "VSTOKEN2", TOKEN_KEYS_FILE_LEN, 0},
                {"a date that can't be", "VSTOKEN1", TOKEN_KEYS_FILE_LEN, 1},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                memcpy(good, rows[i].head, 8);
                good[8] = rows[i].date;
                write_file(span_make(good, rows[i].len));
                expect_fault_row(token_keys_load(path, LIFE, &none), FAULT_PRECONDITION, "TOKEN_KEY_FILE",
                                 rows[i].name);
        }
        assert_int_equal(unlink(path), 0);
        token_keys_free(made());
        assert_int_equal(chmod(path, 0604), 0);
        expect_fault(token_keys_load(path, LIFE, &none), FAULT_PRECONDITION, "TOKEN_KEY_MODE");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0);
        expect_fault(token_keys_load(path, LIFE, &none), FAULT_PRECONDITION, "NOT_A_FILE");
        assert_null(none);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(is_made_once), TEST(published_around_their_use), TEST(survive_a_restart),
                TEST(keys_differ),  TEST(refuses_other_files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
