/* `init` makes what is missing and nothing else; half a pair is never completed. */
#include "issuer/api/init.h"

#include <sys/stat.h>

#include "tests/fakes/issuer.h"

struct fixture {
        char folder[64];
        char *name;
        struct issuer_config config;
};

static int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        (void) snprintf(f->folder, sizeof f->folder, "/tmp/issuer-init-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        f->name = alloc_string("issuer.example");
        f->config = (struct issuer_config){.audience = alloc_string(ISSUER_AUDIENCE),
                                           .trust_domain = alloc_string("demo.example"),
                                           .state_dir = alloc_string(f->folder),
                                           .tls_names = {1, &f->name},
                                           .intermediate_life_ms = INTERMEDIATE_LIFE_MAX_MS,
                                           .max_leaf_life_ms = 3600000,
                                           .token_key_life_ms = 86400000,
                                           .backdate_ms = 30000};
        expect_ok(issuer_config_finish(&f->config));
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        struct issuer_config *own = NEW(struct issuer_config);
        f->config.tls_names = (struct option_texts){0};
        *own = f->config;
        options_free(&issuer_program, own);
        fake_issuer_remove(f->folder);
        free(f->name);
        free(f);
        return 0;
}

static struct buf bytes_of(const char *path)
{
        struct buf b = BUF(1 << 16);
        expect_ok(file_read(path, &b));
        return b;
}

static void a_second_run_changes_nothing(void **state)
{
        struct fixture *f = *state;
        const struct wall now = clock_wall(&clock_system);
        AUTO_STRING char *master = alloc_printf("%s/%s", f->folder, MASTER_FILE);
        expect_ok(issuer_init(&f->config, now));
        const char *const files[] = {f->config.root_certificate,
                                     f->config.root_key,
                                     f->config.tls_certificate,
                                     f->config.tls_key,
                                     f->config.tls_ca_certificate,
                                     f->config.tls_ca_key,
                                     master};
        struct buf before[COUNT_OF(files)];
        for (size_t i = 0; i < COUNT_OF(files); i++)
                before[i] = bytes_of(files[i]);
        expect_ok(issuer_init(&f->config, now));
        for (size_t i = 0; i < COUNT_OF(files); i++) {
                AUTO(buf) struct buf after = bytes_of(files[i]);
                struct stat st;
                assert_true(span_eq(buf_span(&before[i]), buf_span(&after)));
                buf_clear(&before[i]);
                assert_int_equal(stat(files[i], &st), 0);
                bool is_secret = i % 2 == 1 || i == COUNT_OF(files) - 1;
                if (is_secret && (st.st_mode & 0077) != 0)
                        fail_msg("%s has mode %04o", files[i], (unsigned) st.st_mode & 07777);
        }
}

static void half_a_pair_is_not_completed(void **state)
{
        struct fixture *f = *state;
        const struct wall now = clock_wall(&clock_system);
        const char *const halves[] = {f->config.tls_certificate, f->config.tls_key, f->config.tls_ca_certificate,
                                      f->config.tls_ca_key};
        expect_ok(issuer_init(&f->config, now));
        for (size_t i = 0; i < COUNT_OF(halves); i++) {
                AUTO_STRING char *away = alloc_printf("%s.away", halves[i]);
                assert_int_equal(rename(halves[i], away), 0);
                expect_fault(issuer_init(&f->config, now), FAULT_PRECONDITION, "PAIR_INCOMPLETE");
                assert_int_not_equal(access(halves[i], F_OK), 0);
                assert_int_equal(rename(away, halves[i]), 0);
        }
}

static void the_nonce_secret_has_its_length(void **state)
{
        struct fixture *f = *state;
        AUTO(secret) struct secret *master = NULL;
        AUTO_STRING char *path = alloc_printf("%s/%s", f->folder, MASTER_FILE);
        expect_ok(issuer_init(&f->config, clock_wall(&clock_system)));
        expect_ok(init_read_master(&f->config, &master));
        assert_int_equal(secret_len(master), MASTER_LEN);
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(truncate(path, MASTER_LEN - 1), 0);
        struct secret *shorter = NULL;
        expect_fault(init_read_master(&f->config, &shorter), FAULT_INVALID, "BAD_FILE");
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                WITH_FOLDER(a_second_run_changes_nothing),
                WITH_FOLDER(half_a_pair_is_not_completed),
                WITH_FOLDER(the_nonce_secret_has_its_length),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
