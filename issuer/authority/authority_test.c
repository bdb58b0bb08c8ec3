#include "issuer/authority/authority.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/wire/json.h"
#include "tests/fakes/expect.h"

struct fixture {
        char dir[32];
        char certificate[64], key[64];
        struct authority_options options;
        struct authority *authority;
        struct key *pod_key;
};

static int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        snprintf(f->dir, sizeof(f->dir), "%s", "/tmp/authority-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->certificate, sizeof(f->certificate), "%s/root.pem", f->dir);
        snprintf(f->key, sizeof(f->key), "%s/root.key", f->dir);
        f->options = (struct authority_options){.trust_domain = "example.org",
                                                .root_certificate = f->certificate,
                                                .root_key = f->key,
                                                .intermediate_life_ms = 3600000,
                                                .max_leaf_life_ms = 600000,
                                                .backdate_ms = 30000};
        expect_ok(authority_init_root(&f->options, clock_wall(&clock_system)));
        expect_ok(authority_start(&f->options, &f->authority));
        expect_ok(key_generate(KEY_P256, &f->pod_key));
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        authority_stop(f->authority);
        key_free(f->pod_key);
        assert_int_equal(unlink(f->certificate), 0);
        assert_int_equal(unlink(f->key), 0);
        assert_int_equal(rmdir(f->dir), 0);
        free(f);
        return 0;
}

static struct leaf_order good_order(const struct fixture *f)
{
        int64_t now_s = wall_unix_s(clock_wall(&clock_system));
        struct leaf_order o = {.identity = "spiffe://example.org/ns/a/sa/b",
                               .spki = key_spki(f->pod_key),
                               .not_before_unix_s = now_s - 30,
                               .not_after_unix_s = now_s + 300};
        authority_serial(o.serial);
        return o;
}

static void verify(const struct fixture *f, const struct leaf_issued *issued, const struct leaf_order *o)
{
        AUTO(cert) struct cert *leaf = NULL;
        expect_ok(cert_from_der(buf_span(&issued->leaf), &leaf));
        AUTO(cert_list) struct cert_list through = {1, {NULL}}, roots = {0};
        expect_ok(cert_from_der(buf_span(&issued->issuer), &through.certs[0]));
        expect_ok(authority_roots(f->authority, &roots));
        expect_ok(cert_verify(leaf, &through, &roots, CERT_PURPOSE_WORKLOAD, clock_wall(&clock_system)));
        assert_string_equal(cert_uri(leaf, 0), o->identity);
        assert_int_equal(wall_unix_s(cert_not_after(leaf)), o->not_after_unix_s);
}

static void issues_leaves_that_verify(void **state)
{
        struct fixture *f = *state;
        struct leaf_order o = good_order(f);
        AUTO(leaf_issued) struct leaf_issued issued = {0};
        expect_ok(authority_issue(f->authority, &o, 1, NULL, &issued));
        verify(f, &issued, &o);

        AUTO(buf) struct buf intermediate = BUF(CERT_MAX);
        int64_t end_s = 0;
        expect_ok(authority_intermediate(f->authority, &intermediate, &end_s));
        assert_true(span_eq(buf_span(&intermediate), buf_span(&issued.issuer)));
        assert_true(end_s > o.not_after_unix_s);
        assert_false(authority_is_dead(f->authority));
}

#define MANY 150 /* more than one call holds */
static void issues_many_at_once(void **state)
{
        struct fixture *f = *state;
        static const char *const dns[LEAF_DNS_MAX] = {"a.example.org", "b.example.org", "c.example.org",
                                                      "d.example.org", "e.example.org", "f.example.org",
                                                      "g.example.org", "h.example.org"};
        char long_identity[1800] = "spiffe://example.org/";
        memset(long_identity + strlen(long_identity), 'a', sizeof(long_identity) - strlen(long_identity) - 1);
        struct leaf_order orders[MANY];
        for (size_t i = 0; i < MANY; i++) {
                orders[i] = good_order(f);
                orders[i].identity = long_identity;
                orders[i].dns = dns;
                orders[i].dns_count = LEAF_DNS_MAX;
        }
        struct leaf_issued issued[MANY];
        expect_ok(authority_issue(f->authority, orders, MANY, NULL, issued));
        for (size_t i = 0; i < MANY; i++) {
                if (i % 49 == 0)
                        verify(f, &issued[i], &orders[i]);
                leaf_issued_clear(&issued[i]);
        }
}

static void refuses_forbidden_orders(void **state)
{
        struct fixture *f = *state;
        static const char *const bad_dns[] = {"*.example.org"};
        static const struct {
                const char *token;
                const char *identity;
                int64_t more_life_s;
                bool bad_key, bad_serial, bad_name;
        } rows[] = {
                {"authority.trust_domain", .identity = "spiffe://example.com/a"},
                {"authority.reserved", .identity = "spiffe://example.org/vouchsafe/issuer"},
                {"authority.identity", .identity = "spiffe://example.org"},
                {"authority.lifetime", .more_life_s = 600},
                {"authority.not_after", .more_life_s = 3600},
                {"authority.not_after", .more_life_s = -300},
                {"authority.key", .bad_key = true},
                {"authority.serial", .bad_serial = true},
                {"authority.dns", .bad_name = true},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct leaf_order o[] = {good_order(f), good_order(f)};
                if (rows[i].identity != NULL)
                        o[1].identity = rows[i].identity;
                o[1].not_after_unix_s += rows[i].more_life_s;
                if (rows[i].bad_key)
                        o[1].spki.len--;
                if (rows[i].bad_serial)
                        memset(o[1].serial, 0, sizeof(o[1].serial));
                if (rows[i].bad_name) {
                        o[1].dns = bad_dns;
                        o[1].dns_count = 1;
                }
                struct leaf_issued none[2] = {0};
                expect_fault_row(authority_issue(f->authority, o, 2, NULL, none), FAULT_DENIED, rows[i].token,
                                 rows[i].token);
                assert_null(none[0].leaf.data);
        }
        struct leaf_order o = good_order(f);
        AUTO(leaf_issued) struct leaf_issued issued = {0};
        expect_ok(authority_issue(f->authority, &o, 1, NULL, &issued));
        struct leaf_issued none = {0};
        expect_fault(authority_issue(f->authority, &o, 1, NULL, &none), FAULT_DENIED, "authority.serial_reuse");
}

/* ---- many threads ---- */

#define THREADS 4
#define ROUNDS  20

static void *issue_often(void *arg)
{
        struct fixture *f = arg;
        for (int i = 0; i < ROUNDS; i++) {
                struct leaf_order o = good_order(f);
                AUTO(leaf_issued) struct leaf_issued issued = {0};
                AUTO(fault) struct fault *bad = authority_issue(f->authority, &o, 1, NULL, &issued);
                AUTO(cert) struct cert *leaf = NULL;
                if (bad == NULL)
                        bad = cert_from_der(buf_span(&issued.leaf), &leaf);
                /* the answer must be to this order, not to another thread's */
                if (bad != NULL || (o.serial[0] != 0 && !span_eq(cert_serial(leaf), SPAN_OF(o.serial))))
                        return arg;
        }
        return NULL;
}

static void threads_get_their_own_answers(void **state)
{
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, issue_often, *state), 0);
        for (size_t i = 0; i < THREADS; i++) {
                void *failed = NULL;
                pthread_join(threads[i], &failed);
                assert_null(failed);
        }
}

/* ---- the process ---- */

/* The only child of this process. */
static pid_t signer_pid(void)
{
        AUTO_STRING char *path = alloc_printf("/proc/self/task/%d/children", (int) getpid());
        AUTO(buf) struct buf text = BUF(256);
        expect_ok(file_read(path, &text));
        while (text.len > 0 && text.data[text.len - 1] == ' ')
                buf_truncate(&text, text.len - 1);
        uint64_t pid = 0;
        expect_ok(parse_u64(buf_span(&text), 1, INT32_MAX, &pid));
        return (pid_t) pid;
}

static void the_signer_is_named_and_shut_in(void **state UNUSED)
{
        AUTO_STRING char *path = alloc_printf("/proc/%d/status", (int) signer_pid());
        AUTO(buf) struct buf text = BUF(65536);
        expect_ok(file_read(path, &text));
        static const char *const lines[] = {"Name:\tvouchsafe-signe", "NoNewPrivs:\t1", "Seccomp:\t2"};
        for (size_t i = 0; i < COUNT_OF(lines); i++)
                if (strstr(buf_str(&text), lines[i]) == NULL)
                        fail_msg("%s", lines[i]);
}

static void a_dead_signer_is_noticed(void **state)
{
        struct fixture *f = *state;
        log_set_level(LOG_ERROR);
        assert_int_equal(kill(signer_pid(), SIGKILL), 0);
        struct leaf_order o = good_order(f);
        struct leaf_issued none = {0};
        expect_fault(authority_issue(f->authority, &o, 1, NULL, &none), FAULT_UNAVAILABLE, "SIGNER_GONE");
        for (int i = 0; i < 500 && !authority_is_dead(f->authority); i++)
                nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL); /* for the reading thread, not for time */
        assert_true(authority_is_dead(f->authority));
        expect_fault(authority_issue(f->authority, &o, 1, NULL, &none), FAULT_UNAVAILABLE, "SIGNER_GONE");
}

static void a_stopped_signer_is_given_up(void **state)
{
        struct fixture *f = *state;
        pid_t signer = signer_pid();
        assert_int_equal(kill(signer, SIGSTOP), 0);
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + 20});
        struct leaf_order o = good_order(f);
        struct leaf_issued none = {0};
        expect_fault(authority_issue(f->authority, &o, 1, &cancel, &none), FAULT_DEADLINE, "DEADLINE");
        assert_int_equal(kill(signer, SIGCONT), 0);
        /* its late answer to the first order is nobody's; the second gets its own */
        struct leaf_order second = good_order(f);
        AUTO(leaf_issued) struct leaf_issued issued = {0};
        expect_ok(authority_issue(f->authority, &second, 1, NULL, &issued));
        verify(f, &issued, &second);
}

/* ---- an intermediate that can't be renewed ---- */

/* Real time and what a test adds to it, seen by the signer's process as well. */
static _Atomic int64_t *skew_ms;

static struct wall skewed_wall(void *self UNUSED)
{
        return (struct wall){clock_wall(&clock_system).unix_ms + *skew_ms};
}

static struct boot skewed_boot(void *self UNUSED)
{
        return (struct boot){clock_boot(&clock_system).ms + *skew_ms};
}

static const struct clock skewed = {skewed_wall, skewed_boot, NULL};

static void overwrite(const char *path, struct span text)
{
        assert_int_equal(chmod(path, 0600), 0);
        int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        expect_ok(fd_write_all(fd, text));
        close(fd);
}

static bool issues_now(struct authority *a, const struct fixture *f, int64_t *ret_end_s)
{
        struct leaf_order o = good_order(f);
        o.not_before_unix_s += *skew_ms / 1000;
        o.not_after_unix_s += *skew_ms / 1000;
        AUTO(buf) struct buf intermediate = BUF(CERT_MAX);
        AUTO(leaf_issued) struct leaf_issued issued = {0};
        AUTO(fault) struct fault *failed = authority_intermediate(a, &intermediate, ret_end_s);
        if (failed == NULL)
                failed = authority_issue(a, &o, 1, NULL, &issued);
        return failed == NULL && span_eq(buf_span(&intermediate), buf_span(&issued.issuer));
}

static size_t times_told(int log)
{
        char text[8192] = "";
        ssize_t len = pread(log, text, sizeof(text) - 1, 0);
        assert_true(len >= 0);
        size_t count = 0;
        for (const char *at = text; (at = strstr(at, "\"intermediate_not_renewed\"")) != NULL; at++)
                count++;
        assert_int_equal(count > 0, strstr(text, "\"problem_token\":\"EMPTY_FILE\"") != NULL);
        return count;
}

static void goes_on_while_the_intermediate_lives(void **state)
{
        struct fixture *f = *state;
        struct authority *a = NULL;
        AUTO(buf) struct buf root_key = BUF(8192);
        AUTO_CLOSE int log = memfd_create("log", MFD_CLOEXEC);
        int64_t first_end_s = 0, end_s = 0;
        skew_ms = mmap(NULL, sizeof(*skew_ms), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(skew_ms != MAP_FAILED);
        f->options.clock = &skewed;
        expect_ok(file_read(f->key, &root_key));
        expect_ok(authority_start(&f->options, &a));
        assert_true(issues_now(a, f, &first_end_s));
        overwrite(f->key, SPAN_NONE);

        static const struct {
                const char *name;
                int64_t at_s;
                uint64_t failures;
                size_t told;
        } rows[] = {
                {"not due", 1700, 0, 0},
                {"due", 1810, 1, 1},
                {"again, within the minute", 1840, 2, 1},
                {"the minute is over", 1880, 3, 2},
                {"the next one", 1960, 4, 3},
        };
        log_set_fd(log);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                *skew_ms = rows[i].at_s * 1000;
                bool issues = issues_now(a, f, &end_s);
                if (!issues || authority_renewal_failures(a) != rows[i].failures || times_told(log) != rows[i].told ||
                    end_s != first_end_s)
                        fail_msg("%s: %d, failed %d, told %zu", rows[i].name, issues,
                                 (int) authority_renewal_failures(a), times_told(log));
        }
        *skew_ms = 3700 * 1000; /* it has ended */
        AUTO(buf) struct buf none = BUF(CERT_MAX);
        expect_fault(authority_intermediate(a, &none, &end_s), FAULT_PRECONDITION, "EMPTY_FILE");
        assert_false(issues_now(a, f, &end_s));
        overwrite(f->key, buf_span(&root_key));
        assert_true(issues_now(a, f, &end_s));
        assert_true(end_s > first_end_s);
        log_set_fd(STDERR_FILENO);
        authority_stop(a);
        (void) munmap(skew_ms, sizeof(*skew_ms)); /* it was mapped */
}

/* An intermediate that was made under a clock a day ahead has not begun when the clock is right again: it is replaced. */
static void a_clock_that_was_ahead_leaves_no_early_intermediate(void **state)
{
        struct fixture *f = *state;
        struct authority *a = NULL;
        int64_t ahead_end_s = 0, end_s = 0;
        static const struct {
                const char *name;
                int64_t at_s;
        } rows[] = {{"right", 0}, {"a day ahead", 86400}, {"right again", 0}, {"an hour back", -3600}, {"right", 0}};
        skew_ms = mmap(NULL, sizeof(*skew_ms), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(skew_ms != MAP_FAILED);
        f->options.clock = &skewed;
        expect_ok(authority_start(&f->options, &a));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                *skew_ms = rows[i].at_s * 1000;
                AUTO(buf) struct buf der = BUF(CERT_MAX);
                AUTO(cert) struct cert *intermediate = NULL;
                if (!issues_now(a, f, &end_s))
                        fail_msg("%s: nothing issued", rows[i].name);
                expect_ok(authority_intermediate(a, &der, &end_s));
                expect_ok(cert_from_der(buf_span(&der), &intermediate));
                int64_t now_s = wall_unix_s(clock_wall(&skewed));
                if (wall_unix_s(cert_not_before(intermediate)) > now_s || end_s <= now_s)
                        fail_msg("%s: an intermediate that is not valid now", rows[i].name);
                if (rows[i].at_s == 86400)
                        ahead_end_s = end_s;
        }
        assert_true(end_s < ahead_end_s);
        authority_stop(a);
        (void) munmap(skew_ms, sizeof(*skew_ms)); /* it was mapped */
}

static void says_why_it_does_not_start(void **state)
{
        struct fixture *f = *state;
        struct authority_options o = f->options;
        o.root_key = "/nonexistent/root.key";
        struct authority *none = NULL;
        AUTO(fault) struct fault *why = authority_start(&o, &none);
        assert_non_null(why);
        assert_null(none);
        assert_string_equal(fault_token(why), "NO_FILE");
        assert_non_null(strstr(fault_text(why), "/nonexistent/root.key"));
}

/* The two kinds of keys are told apart: a verifier alone issues nothing, an authority alone signs no results. */
static void each_role_has_its_own_keys(void **state)
{
        struct fixture *f = *state;
        AUTO_STRING char *path = alloc_printf("%s/verifier.key", f->dir);
        AUTO_STRING char *published = alloc_printf("%s.jwks", path);
        AUTO(cancel) struct cancel cancel;
        AUTO(json) struct json *claims = json_new_object();
        AUTO(buf) struct buf token = BUF(4096), intermediate = BUF(CERT_MAX);
        const struct authority_options o = {.result_key = path, .verifier = "https://v.example"};
        struct leaf_order order = good_order(f);
        struct leaf_issued issued;
        struct authority *verifier = NULL;
        int64_t end_s = 0;
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + 5000});
        expect_ok(authority_start(&o, &verifier));
        assert_non_null(authority_result_keys(verifier));
        expect_fault(authority_issue(verifier, &order, 1, &cancel, &issued), FAULT_DENIED, "authority.off");
        expect_fault(authority_intermediate(verifier, &intermediate, &end_s), FAULT_DENIED, "authority.off");
        expect_fault(authority_sign_result(verifier, claims, &cancel, &token), FAULT_DENIED, "authority.result");
        authority_stop(verifier);

        assert_null(authority_result_keys(f->authority));
        expect_fault(authority_sign_result(f->authority, claims, &cancel, &token), FAULT_DENIED, "authority.result");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(unlink(published), 0);
}

static void serials_are_positive_and_differ(void **state UNUSED)
{
        uint8_t first[16], second[16];
        for (int i = 0; i < 1000; i++) {
                authority_serial(first);
                authority_serial(second);
                assert_int_equal(first[0] & 0x80, 0);
                assert_memory_not_equal(first + CLOCK_HEAD_LEN, second + CLOCK_HEAD_LEN,
                                        sizeof(first) - CLOCK_HEAD_LEN);
                assert_true(memcmp(first, second, CLOCK_HEAD_LEN) <= 0); /* a later one does not come before */
        }
}

int main(void)
{
        log_set_level(LOG_WARN);
#define WITH_SIGNER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                WITH_SIGNER(issues_leaves_that_verify),
                WITH_SIGNER(issues_many_at_once),
                WITH_SIGNER(refuses_forbidden_orders),
                WITH_SIGNER(threads_get_their_own_answers),
                WITH_SIGNER(the_signer_is_named_and_shut_in),
                WITH_SIGNER(a_dead_signer_is_noticed),
                WITH_SIGNER(a_stopped_signer_is_given_up),
                WITH_SIGNER(goes_on_while_the_intermediate_lives),
                WITH_SIGNER(a_clock_that_was_ahead_leaves_no_early_intermediate),
                WITH_SIGNER(says_why_it_does_not_start),
                WITH_SIGNER(each_role_has_its_own_keys),
                cmocka_unit_test(serials_are_positive_and_differ),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
