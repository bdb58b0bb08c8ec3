/* Getting things from a host that a test commands: once at a time, within a budget, never waited for longer than told. */
#include "issuer/endorse/fetch.h"

#include <stdatomic.h>
#include <stdio.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "tests/fakes/amd_pki.h"
#include "tests/fakes/expect.h"
#undef BODY_MAX /* of requests: the fake has one of its own */
#include "tests/fakes/http_world.h"

#define CRL     "kds:/vcek/v1/Milan/crl"
#define CHAIN   "kds:/vcek/v1/Milan/cert_chain"
#define THREADS 12

/* ---- a host ---- */

static struct host {
        struct httpd *httpd;
        struct tls_server *tls;
        uint16_t port;
        pthread_mutex_t mu;
        pthread_cond_t changed;
        int status;   /* guarded by mu, as all below */
        bool is_held; /* requests wait */
        unsigned asked;
        int64_t retry_after_s;
} host = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct fault *answer(void *self UNUSED, const struct httpd_request *q UNUSED, struct httpd_response *r)
{
        struct amd_list list = amd_list(SNP_MILAN, clock_wall(&clock_system));
        pthread_mutex_lock(&host.mu);
        host.asked++;
        pthread_cond_broadcast(&host.changed);
        while (host.is_held)
                pthread_cond_wait(&host.changed, &host.mu);
        r->status = host.status;
        r->retry_after_s = host.retry_after_s;
        pthread_mutex_unlock(&host.mu);
        if (r->status == 200)
                amd_list_write(&list, &r->body);
        return NULL;
}

static void command(int status, int64_t retry_after_s, bool is_held)
{
        pthread_mutex_lock(&host.mu);
        host.status = status;
        host.retry_after_s = retry_after_s;
        host.is_held = is_held;
        pthread_cond_broadcast(&host.changed);
        pthread_mutex_unlock(&host.mu);
}

static unsigned asked(void)
{
        pthread_mutex_lock(&host.mu);
        unsigned n = host.asked;
        pthread_mutex_unlock(&host.mu);
        return n;
}

static void wait_asked(unsigned n)
{
        pthread_mutex_lock(&host.mu);
        while (host.asked < n)
                pthread_cond_wait(&host.changed, &host.mu);
        pthread_mutex_unlock(&host.mu);
}

static void host_start(void)
{
        static const struct httpd_route routes[] = {{"GET", "/base/*", 0, answer, NULL}};
        expect_ok(tls_server_new(buf_span(&http_world.chain_pem), http_world.key_pem, &host.tls));
        expect_ok(httpd_new(&(struct httpd_options){.name = "kds-test",
                                                    .routes = routes,
                                                    .route_count = COUNT_OF(routes),
                                                    .workers = 4,
                                                    .queue_max = 16,
                                                    .connections_max = 16,
                                                    .idle_timeout_ms = PATIENCE_MS,
                                                    .clock = &clock_system},
                            &host.httpd));
        host.asked = 0;
        host.port = 0;
        command(200, 0, false);
        expect_ok(httpd_listen_tls(host.httpd, "127.0.0.1:0", host.tls, &host.port));
        expect_ok(httpd_start(host.httpd));
}

/* ---- what asks it ---- */

static struct world {
        char dir[32], db[64], ca[64];
        struct store *store;
        struct cache *cache;
        struct makers *makers;
        struct fetch *fetch;
} w;

static int set_up(void **state UNUSED)
{
        log_set_level(LOG_ERROR);
        w = (struct world){0};
        (void) snprintf(w.dir, sizeof w.dir, "%s", "/tmp/fetch-XXXXXX");
        assert_non_null(mkdtemp(w.dir));
        (void) snprintf(w.db, sizeof w.db, "%s/db", w.dir);
        (void) snprintf(w.ca, sizeof w.ca, "%s/ca.pem", w.dir);
        AUTO_CLOSE int dir = -1;
        expect_ok(dir_open_make(w.dir, 0700, &dir));
        expect_ok(file_write_whole_at(dir, "ca.pem", buf_span(&http_world.ca_pem), 0600));
        host_start();
        AUTO_STRING char *url = alloc_printf("https://127.0.0.1:%u/base/", host.port);
        const struct makers_options makers = {
                .urls = {url, url, url}, .ca_file = w.ca, .connect_timeout_ms = PATIENCE_MS};
        expect_ok(store_open_sqlite(w.db, &w.store));
        w.cache = cache_new(w.store, &clock_system, 100);
        expect_ok(makers_new(&makers, &w.makers));
        return 0;
}

static void start(int64_t interval_ms, int64_t burst, unsigned waiters)
{
        const struct fetch_options o = {.clock = &clock_system,
                                        .cache = w.cache,
                                        .makers = w.makers,
                                        .budgets = {{interval_ms, burst}, {interval_ms, burst}, {interval_ms, burst}},
                                        .timeout_ms = PATIENCE_MS,
                                        .absent_for_ms = 60000,
                                        .waiters_max = waiters};
        expect_ok(fetch_start(&o, &w.fetch));
}

static int tear_down(void **state UNUSED)
{
        command(200, 0, false);
        fetch_stop(w.fetch);
        makers_free(w.makers);
        cache_free(w.cache);
        store_close(w.store);
        httpd_stop(host.httpd, 0);
        tls_server_free(host.tls);
        static const char *const names[] = {"db", "db-wal", "db-shm", "ca.pem"};
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                char path[64];
                (void) snprintf(path, sizeof path, "%s/%s", w.dir, names[i]);
                (void) unlink(path); /* not all are there */
        }
        assert_int_equal(rmdir(w.dir), 0);
        return 0;
}

static struct boot in_ms(int64_t ms)
{
        return (struct boot){clock_boot(&clock_system).ms + ms};
}

static bool is_there(const char *path)
{
        AUTO(entry) struct entry *e = NULL;
        expect_ok(cache_find(w.cache, path, &e));
        return e != NULL;
}

/* ---- */

static void *want(void *ret)
{
        *(struct fault **) ret = fetch_wait(w.fetch, CRL, in_ms(PATIENCE_MS));
        return NULL;
}

static void many_want_it_and_it_is_asked_for_once(void **state UNUSED)
{
        pthread_t threads[THREADS];
        struct fault *faults[THREADS];
        start(0, 1, THREADS);
        command(200, 0, /* is_held= */ true);
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, want, &faults[i]), 0);
        wait_asked(1);
        command(200, 0, false);
        for (size_t i = 0; i < THREADS; i++) {
                pthread_join(threads[i], NULL);
                expect_ok(faults[i]);
        }
        assert_true(is_there(CRL));
        assert_int_equal(fetch_counted(w.fetch, FETCH_FETCHED), asked());
        assert_true(asked() <= 2); /* a thread that came when all was over asks again */
}

static void a_404_is_remembered(void **state UNUSED)
{
        start(0, 1, 4);
        command(404, 0, false);
        for (int i = 0; i < 3; i++)
                expect_fault(fetch_wait(w.fetch, CRL, in_ms(PATIENCE_MS)), FAULT_NOT_FOUND, "endorsements.absent");
        assert_int_equal(asked(), 1);
        assert_int_equal(fetch_counted(w.fetch, FETCH_ABSENT), 1);
}

static void trouble_tells_when_to_come_again(void **state UNUSED)
{
        static const int statuses[] = {429, 500, 503, 302, 403};
        for (size_t i = 0; i < COUNT_OF(statuses); i++) {
                char path[64];
                start(0, 1, 4);
                (void) snprintf(path, sizeof path, "kds:/vlek/v1/P%zu/crl", i);
                command(statuses[i], 30, false);
                unsigned before = asked();
                for (int n = 0; n < 3; n++) {
                        AUTO(fault) struct fault *f = fetch_wait(w.fetch, path, in_ms(2000));
                        assert_string_equal(fault_token(f), "endorsements.unavailable");
                        assert_int_equal(fault_code(f), FAULT_UNAVAILABLE);
                        assert_in_range(fault_retry_after_ms(f), 29000, 60000);
                }
                assert_int_equal(asked() - before, 1); /* and nobody is asked before */
                struct fetch_status s = fetch_status(w.fetch, MAKER_KDS);
                assert_int_equal(s.failures, 1);
                assert_int_equal(s.wanted, 1);
                assert_in_range(s.pause_ms, 29000, 38000);
                fetch_stop(TAKE(w.fetch));
        }
}

static void one_that_is_late_goes_on(void **state UNUSED)
{
        start(0, 1, 4);
        command(200, 0, /* is_held= */ true);
        expect_fault(fetch_wait(w.fetch, CRL, in_ms(50)), FAULT_UNAVAILABLE, "endorsements.unavailable");
        wait_asked(1);
        command(200, 0, false);
        expect_ok(fetch_wait(w.fetch, CRL, in_ms(PATIENCE_MS)));
        assert_true(is_there(CRL));
}

static void the_budget_is_kept(void **state UNUSED)
{
        start(3600 * 1000, 1, 4);
        expect_ok(fetch_wait(w.fetch, CRL, in_ms(PATIENCE_MS)));
        AUTO(fault) struct fault *f = fetch_wait(w.fetch, "kds:/vlek/v1/Milan/crl", in_ms(PATIENCE_MS));
        assert_string_equal(fault_token(f), "endorsements.unavailable"); /* at once: it could not be in time */
        assert_int_equal(asked(), 1);
        assert_true(fault_retry_after_ms(f) <= FETCH_RETRY_MAX_MS * 3 / 2);
        expect_ok(fetch_wait(w.fetch, "pcs-root:/IntelSGXRootCA.der", in_ms(PATIENCE_MS))); /* another host */
}

static void only_so_many_wait(void **state UNUSED)
{
        pthread_t thread;
        struct fault *first = NULL;
        start(0, 1, 1);
        command(200, 0, /* is_held= */ true);
        assert_int_equal(pthread_create(&thread, NULL, want, &first), 0);
        wait_asked(1);
        expect_fault(fetch_wait(w.fetch, CRL, in_ms(PATIENCE_MS)), FAULT_UNAVAILABLE, "endorsements.unavailable");
        command(200, 0, false);
        pthread_join(thread, NULL);
        expect_ok(first);
}

static void what_is_wanted_goes_first(void **state UNUSED)
{
        start(0, 1, 4);
        command(200, 0, /* is_held= */ true);
        fetch_begin(w.fetch, CRL, false);
        wait_asked(1);
        for (int i = 0; i < 50; i++) {
                char path[64];
                (void) snprintf(path, sizeof path, "kds:/vlek/v1/P%d/crl", i);
                fetch_begin(w.fetch, path, false);
        }
        fetch_begin(w.fetch, "kds:/vlek/v1/P7/crl", true); /* due, and then wanted */
        fetch_begin(w.fetch, "https://evil.example/crl", true);
        struct fetch_status s = fetch_status(w.fetch, MAKER_KDS);
        assert_int_equal(s.wanted, 1);
        assert_int_equal(s.background, 50);
        command(200, 0, false);
        expect_ok(fetch_wait(w.fetch, "kds:/vlek/v1/Wanted/crl", in_ms(PATIENCE_MS)));
        assert_true(asked() <= 6); /* the held one, the one before, this one, and what came since */
}

static void nonsense_is_not_kept(void **state UNUSED)
{
        start(0, 1, 4);
        expect_fault(fetch_wait(w.fetch, CHAIN, in_ms(PATIENCE_MS)), FAULT_UNAVAILABLE,
                     "endorsements.unavailable"); /* a list where a chain should be */
        assert_int_equal(fetch_counted(w.fetch, FETCH_REFUSED), 1);
        assert_false(is_there(CHAIN));
}

static void an_end_among_exchanges(void **state UNUSED)
{
        start(0, 1, 4);
        command(200, 0, /* is_held= */ true);
        fetch_begin(w.fetch, CRL, true);
        fetch_begin(w.fetch, "pcs-root:/IntelSGXRootCA.der", true);
        wait_asked(2);
        fetch_stop(TAKE(w.fetch)); /* cuts both off */
        assert_false(is_there(CRL));
}

#define WITH_HOST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_HOST(many_want_it_and_it_is_asked_for_once),
                WITH_HOST(a_404_is_remembered),
                WITH_HOST(trouble_tells_when_to_come_again),
                WITH_HOST(one_that_is_late_goes_on),
                WITH_HOST(the_budget_is_kept),
                WITH_HOST(only_so_many_wait),
                WITH_HOST(what_is_wanted_goes_first),
                WITH_HOST(nonsense_is_not_kept),
                WITH_HOST(an_end_among_exchanges),
        };
        return cmocka_run_group_tests(tests, http_world_make, http_world_drop);
}
