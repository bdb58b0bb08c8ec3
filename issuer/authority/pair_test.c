#include "issuer/authority/pair.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/crypt/x509_build.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

#define NOW 1795456800

struct fixture {
        char dir[64];
        char certificate[96], key[96], staged[96];
        struct key *pair_key;
        struct buf pem;
};

static int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        snprintf(f->dir, sizeof(f->dir), "%s", FOLDER_TEMPLATE);
        assert_true(folder_make(f->dir));
        snprintf(f->certificate, sizeof(f->certificate), "%s/a.pem", f->dir);
        snprintf(f->key, sizeof(f->key), "%s/a.key", f->dir);
        snprintf(f->staged, sizeof(f->staged), "%s/a.key" PAIR_STAGED, f->dir);
        expect_ok(key_generate(KEY_P256, &f->pair_key));
        struct ca_spec spec = {.common_name = "a",
                               .uri = "spiffe://example.org",
                               .not_before = wall_from_unix_s(NOW),
                               .not_after = wall_from_unix_s(NOW + 3600),
                               .key = f->pair_key,
                               .path_len = 0};
        spec.serial[15] = 1;
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        f->pem = BUF(CERT_MAX * 2);
        expect_ok(ca_build(&spec, NULL, NULL, &der));
        expect_ok(cert_der_to_pem(buf_span(&der), &f->pem));
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        assert_true(folder_remove(f->dir));
        key_free(f->pair_key);
        buf_clear(&f->pem);
        free(f);
        return 0;
}

static void write_pair(struct fixture *f)
{
        expect_ok(pair_write(f->certificate, f->key, f->pair_key, buf_span(&f->pem)));
}

static bool find(struct fixture *f)
{
        bool found = false;
        expect_ok(pair_find(f->certificate, f->key, "HALF", &found));
        return found;
}

static void writes_both_or_none(void **state)
{
        struct fixture *f = *state;
        struct stat st;
        assert_false(find(f));
        write_pair(f);
        assert_true(find(f));
        assert_int_equal(stat(f->key, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0400);
        assert_int_equal(stat(f->certificate, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0444);
        assert_int_not_equal(access(f->staged, F_OK), 0);
}

static void goes_on_after_the_certificate(void **state)
{
        struct fixture *f = *state;
        write_pair(f);
        assert_int_equal(rename(f->key, f->staged), 0);
        assert_true(find(f));
        assert_int_equal(access(f->key, F_OK), 0);
        assert_int_not_equal(access(f->staged, F_OK), 0);
}

static void a_staged_key_alone_is_nobodys(void **state)
{
        struct fixture *f = *state;
        write_pair(f);
        assert_int_equal(rename(f->key, f->staged), 0);
        assert_int_equal(unlink(f->certificate), 0);
        assert_false(find(f));
        write_pair(f);
        assert_true(find(f));
        assert_int_not_equal(access(f->staged, F_OK), 0);
}

/* What stands under the staged key's name while the key is missing. */
static void refuses_what_no_end_explains(void **state)
{
        struct fixture *f = *state;
        AUTO(key) struct key *other = NULL;
        AUTO(secret) struct secret *other_pem = NULL;
        expect_ok(key_generate(KEY_P256, &other));
        expect_ok(key_to_pem_private(other, &other_pem));
        const struct {
                const char *name;
                struct span staged;
        } rows[] = {
                {"nothing", SPAN_NONE},
                {"another key", secret_span(other_pem)},
                {"a torn key", span_slice(secret_span(other_pem), 0, 40)},
                {"a certificate", buf_span(&f->pem)},
        };
        write_pair(f);
        assert_int_equal(unlink(f->key), 0);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                bool found = true;
                (void) unlink(f->staged); /* not there in the first row */
                AUTO_CLOSE int fd = rows[i].staged.len == 0 ? -1 : open(f->staged, O_WRONLY | O_CREAT, 0600);
                if (fd >= 0)
                        expect_ok(fd_write_all(fd, rows[i].staged));
                expect_fault_row(pair_find(f->certificate, f->key, "HALF", &found), FAULT_PRECONDITION, "HALF",
                                 rows[i].name);
                assert_int_not_equal(access(f->key, F_OK), 0);
        }
        bool found = true;
        write_pair(f);
        assert_int_equal(unlink(f->certificate), 0);
        expect_fault(pair_find(f->certificate, f->key, "HALF", &found), FAULT_PRECONDITION, "HALF");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(writes_both_or_none),
                TEST(goes_on_after_the_certificate),
                TEST(a_staged_key_alone_is_nobodys),
                TEST(refuses_what_no_end_explains),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
