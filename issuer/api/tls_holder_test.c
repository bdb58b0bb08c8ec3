/* The server's certificate while somebody else renews it, badly and well. */
#include "issuer/api/tls_holder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/crypt/x509_build.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

#define START_MS 1795456800000LL
#define NOW_S    (START_MS / 1000)

struct fixture {
        char dir[32];
        char paths[2][64];
        struct fake_clock time;
        struct tls_holder *holder;
};

static void put(const char *path, struct span text)
{
        AUTO_STRING char *fresh = alloc_printf("%s.new", path);
        FILE *file = fopen(fresh, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(rename(fresh, path), 0);
}

/* `which`: 1 the certificate, 2 its key, 3 both. */
static void put_pair(struct fixture *f, int64_t from_s, int64_t until_s, int which)
{
        static const char *const dns[] = {"issuer.example", NULL}, *const no_ip[] = {NULL};
        AUTO(key) struct key *key = NULL;
        AUTO(buf) struct buf der = BUF(CERT_MAX), pem = BUF(65536);
        AUTO(cert) struct cert *c = NULL;
        AUTO(secret) struct secret *key_pem = NULL;
        expect_ok(key_generate(KEY_P256, &key));
        struct tls_cert_spec spec = {"issuer", dns, no_ip, {7}, wall_from_unix_s(from_s), wall_from_unix_s(until_s),
                                     key};
        expect_ok(tls_cert_build(&spec, NULL, NULL, &der));
        expect_ok(cert_from_der(buf_span(&der), &c));
        expect_ok(cert_to_pem(c, &pem));
        expect_ok(key_to_pem_private(key, &key_pem));
        if ((which & 1) != 0)
                put(f->paths[0], buf_span(&pem));
        if ((which & 2) != 0) {
                put(f->paths[1], secret_span(key_pem));
                assert_int_equal(chmod(f->paths[1], 0600), 0);
        }
}

static int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        snprintf(f->dir, sizeof f->dir, "%s", "/tmp/tls-holder-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->paths[0], sizeof f->paths[0], "%s/tls.crt", f->dir);
        snprintf(f->paths[1], sizeof f->paths[1], "%s/tls.key", f->dir);
        fake_clock_init(&f->time, START_MS, 5000);
        put_pair(f, NOW_S - 60, NOW_S + 3600, 3);
        expect_ok(tls_holder_new(f->paths[0], f->paths[1], &f->time.clock, &f->holder));
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        tls_holder_free(f->holder);
        assert_true(folder_remove(f->dir));
        free(f);
        return 0;
}

static void follows_its_files(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *name;
                int64_t until_s; /* of what is written; 0: nothing is */
                int which;
                int64_t in_force_s;
                uint64_t failures;
        } rows[] = {
                {"nothing has changed", 0, 0, 3600, 0},
                {"both are new", 7200, 3, 7200, 0},
                {"the certificate alone is there yet", 9000, 1, 7200, 1},
                {"and still", 0, 0, 7200, 1},
                {"now with a key, of another", 9900, 2, 7200, 2},
                {"now both", 9900, 3, 9900, 2},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                if (rows[i].until_s != 0)
                        put_pair(f, NOW_S - 60, NOW_S + rows[i].until_s, rows[i].which);
                tls_holder_watch(f->holder);
                if (tls_holder_end_unix_s(f->holder) != NOW_S + rows[i].in_force_s ||
                    tls_holder_failures(f->holder) != rows[i].failures)
                        fail_msg("%s: ends %lld, failures %d", rows[i].name,
                                 (long long) (tls_holder_end_unix_s(f->holder) - NOW_S),
                                 (int) tls_holder_failures(f->holder));
        }
        assert_int_equal(unlink(f->paths[0]), 0);
        tls_holder_watch(f->holder);
        assert_int_equal(tls_holder_failures(f->holder), 3);
        tls_holder_watch(f->holder); /* gone and still gone: said once */
        assert_int_equal(tls_holder_failures(f->holder), 3);
        tls_holder_reload(f->holder); /* asked for */
        assert_int_equal(tls_holder_failures(f->holder), 4);
        assert_int_equal(tls_holder_end_unix_s(f->holder), NOW_S + 9900);
}

static void dates_decide_readiness(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *name;
                int64_t now_ms;
                const char *token; /* NULL: fine */
        } rows[] = {
                {"in its dates", START_MS, NULL},
                {"its last millisecond", START_MS + 3600000 - 1, NULL},
                {"its end", START_MS + 3600000, "TLS_EXPIRED"},
                {"its beginning", START_MS - 60000, NULL},
                {"a millisecond before", START_MS - 60001, "TLS_NOT_YET_VALID"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(fault) struct fault *bad = tls_holder_check_dates(f->holder, (struct wall){rows[i].now_ms});
                if ((bad == NULL) != (rows[i].token == NULL) ||
                    (bad != NULL &&
                     (strcmp(fault_token(bad), rows[i].token) != 0 || strstr(fault_text(bad), "2026-11-") == NULL)))
                        fail_msg("%s: %s", rows[i].name, bad != NULL ? fault_text(bad) : "fine");
        }
}

static void the_first_pair_must_be_good(void **state)
{
        struct fixture *f = *state;
        struct tls_holder *none = NULL;
        put_pair(f, NOW_S, NOW_S + 10, 1);
        expect_fault(tls_holder_new(f->paths[0], f->paths[1], &f->time.clock, &none), FAULT_INVALID, "TLS_IDENTITY");
        put(f->paths[0], SPAN("nothing"));
        expect_fault(tls_holder_new(f->paths[0], f->paths[1], &f->time.clock, &none), FAULT_INVALID, "NO_CERTIFICATE");
}

int main(void)
{
#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        log_set_level(LOG_ERROR);
        AUTO_CLOSE int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        log_set_fd(quiet);
        const struct CMUnitTest tests[] = {
                WITH_PAIR(follows_its_files),
                WITH_PAIR(dates_decide_readiness),
                WITH_PAIR(the_first_pair_must_be_good),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
