/* The cache over a real store: what stays, what replaces what, and no way back. */
#include "issuer/endorse/cache.h"

#include <stdio.h>
#include <sys/stat.h>

#include "tests/fakes/amd_pki.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"

#define NOW_S INT64_C(1795456800)
#define CRL   "kds:/vcek/v1/Milan/crl"

struct fixture {
        char dir[32], path[64];
        struct fake_clock time;
        struct store *store;
        struct cache *cache;
};

static int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        (void) snprintf(f->dir, sizeof f->dir, "%s", "/tmp/endorse-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        (void) snprintf(f->path, sizeof f->path, "%s/db", f->dir);
        fake_clock_init(&f->time, NOW_S * 1000, 5000);
        expect_ok(store_open_sqlite(f->path, &f->store));
        f->cache = cache_new(f->store, &f->time.clock, 16);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        cache_free(f->cache);
        store_close(f->store);
        static const char *const names[] = {"db", "db-wal", "db-shm"};
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                char path[64];
                (void) snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
                (void) unlink(path); /* not all are there */
        }
        assert_int_equal(rmdir(f->dir), 0);
        free(f);
        return 0;
}

/* A list that was issued `age_s` ago. */
static struct fault *offer(struct fixture *f, const char *path, int64_t age_s)
{
        AUTO(buf) struct buf der = BUF(1 << 20);
        struct amd_list list = amd_list(SNP_MILAN, clock_wall(&f->time.clock));
        list.from = wall_from_unix_s(NOW_S - age_s);
        amd_list_write(&list, &der);
        return cache_offer(f->cache, path, buf_span(&der), SPAN_NONE);
}

static int64_t age_of(struct fixture *f, const char *path)
{
        AUTO(entry) struct entry *e = NULL;
        expect_ok(cache_find(f->cache, path, &e));
        return e == NULL ? -1 : NOW_S - entry_endorsement(e)->issued_unix_s;
}

static void believe(struct fixture *f, const char *path)
{
        AUTO(entry) struct entry *e = NULL;
        expect_ok(cache_find(f->cache, path, &e));
        assert_non_null(e);
        cache_believe(f->cache, e);
}

static void keeps_over_restarts(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(age_of(f, CRL), -1);
        expect_ok(offer(f, CRL, 100));
        assert_int_equal(age_of(f, CRL), 100);
        cache_free(f->cache);
        store_close(f->store);
        expect_ok(store_open_sqlite(f->path, &f->store));
        f->cache = cache_new(f->store, &f->time.clock, 16);
        assert_int_equal(age_of(f, CRL), 100);
}

static void what_was_believed_is_not_taken_back(void **state)
{
        struct fixture *f = *state;
        expect_ok(offer(f, CRL, 100));
        expect_ok(offer(f, CRL, 200)); /* nobody has verified the first */
        assert_int_equal(age_of(f, CRL), 200);
        expect_ok(offer(f, CRL, 100));
        believe(f, CRL);
        expect_fault(offer(f, CRL, 101), FAULT_EXISTS, "endorsements.older");
        assert_int_equal(age_of(f, CRL), 100);
        expect_ok(offer(f, CRL, 100));
        expect_ok(offer(f, CRL, 99));
        assert_int_equal(age_of(f, CRL), 99);
        expect_ok(offer(f, CRL, 100)); /* the mark stands at what was believed */
}

static void nor_after_the_cache_was_emptied(void **state)
{
        struct fixture *f = *state;
        expect_ok(offer(f, CRL, 100));
        believe(f, CRL);
        for (int i = 0; i < 20; i++) { /* it holds 16 */
                char path[64];
                (void) snprintf(path, sizeof path, "kds:/vlek/v1/P%d/crl", i);
                fake_clock_advance_ms(&f->time, 1000);
                expect_ok(offer(f, path, 50));
        }
        fake_clock_advance_ms(&f->time, CACHE_LOOK_AGAIN_MS);
        assert_int_equal(age_of(f, CRL), -1);
        expect_fault(offer(f, CRL, 101), FAULT_DENIED, "endorsements.rollback");
        expect_ok(offer(f, CRL, 100));
}

static void an_entry_outlives_its_place(void **state)
{
        struct fixture *f = *state;
        AUTO(entry) struct entry *e = NULL;
        expect_ok(offer(f, CRL, 100));
        expect_ok(cache_find(f->cache, CRL, &e));
        expect_ok(offer(f, CRL, 50));
        assert_int_equal(NOW_S - entry_endorsement(e)->issued_unix_s, 100);
        assert_int_equal(age_of(f, CRL), 50);
}

static void another_writer_is_seen_after_a_while(void **state)
{
        struct fixture *f = *state;
        struct cache *other = cache_new(f->store, &f->time.clock, 16), *own = f->cache;
        expect_ok(offer(f, CRL, 100));
        assert_int_equal(age_of(f, CRL), 100);
        f->cache = other;
        expect_ok(offer(f, CRL, 50));
        f->cache = own;
        assert_int_equal(age_of(f, CRL), 100);
        fake_clock_advance_ms(&f->time, CACHE_LOOK_AGAIN_MS);
        assert_int_equal(age_of(f, CRL), 50);
        cache_free(other);
}

static void sums_and_due(void **state)
{
        struct fixture *f = *state;
        struct endorsement_sum sums[ENDORSEMENT_SORTS_MAX];
        AUTO(endorsement_list) struct endorsement_list none = {0}, due = {0}, all = {0}, rest = {0};
        expect_ok(offer(f, CRL, 100));
        expect_ok(offer(f, "kds:/vlek/v1/Milan/crl", 100));
        expect_ok(store_sum_endorsements(f->store, sums));
        assert_int_equal(sums[SORT_CRL].count, 2);
        assert_true(sums[SORT_CRL].ends_unix_s > NOW_S);
        assert_int_equal(sums[SORT_VCEK].count, 0);
        expect_ok(store_due_endorsements(f->store, clock_wall(&f->time.clock), &none));
        assert_int_equal(none.count, 0);
        expect_ok(store_due_endorsements(f->store, wall_from_unix_s(NOW_S + 86400), &due));
        assert_int_equal(due.count, 2);
        expect_ok(store_put_off_endorsement(f->store, CRL, NOW_S + 10 * 86400));
        endorsement_list_clear(&due);
        expect_ok(store_due_endorsements(f->store, wall_from_unix_s(NOW_S + 86400), &due));
        assert_int_equal(due.count, 1);
        struct endorsement *missing = NULL;
        expect_fault(store_find_endorsement(f->store, "kds:/vlek/v1/Genoa/crl", &missing), FAULT_NOT_FOUND,
                     "NO_ENDORSEMENT");
        expect_ok(store_list_endorsements(f->store, "", &all));
        assert_int_equal(all.count, 2);
        expect_ok(store_list_endorsements(f->store, CRL, &rest));
        assert_int_equal(rest.count, 1);
        assert_string_equal(rest.items[0]->path, "kds:/vlek/v1/Milan/crl");
}

#define WITH_CACHE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_CACHE(keeps_over_restarts),
                WITH_CACHE(what_was_believed_is_not_taken_back),
                WITH_CACHE(nor_after_the_cache_was_emptied),
                WITH_CACHE(an_entry_outlives_its_place),
                WITH_CACHE(another_writer_is_seen_after_a_while),
                WITH_CACHE(sums_and_due),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
