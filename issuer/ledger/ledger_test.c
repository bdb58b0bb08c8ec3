#include "issuer/ledger/ledger.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

#include "issuer/store/store.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/sql.h"

#define START_MS INT64_C(1795456800000)

struct fixture {
        char dir[32];
        char path[64];
        struct fake_clock time;
        struct store *store;
        struct ledger *ledger;
};

static void open_ledger(struct fixture *f)
{
        expect_ok(store_open_sqlite(f->path, &f->store));
        expect_ok(ledger_open(f->store, &f->time.clock, &f->ledger));
}

static void close_ledger(struct fixture *f)
{
        ledger_close(TAKE(f->ledger));
        store_close(TAKE(f->store));
}

static int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        snprintf(f->dir, sizeof(f->dir), "%s", "/tmp/ledger-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->path, sizeof(f->path), "%s/db", f->dir);
        fake_clock_init(&f->time, START_MS, 5000);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        close_ledger(f);
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

/* One pod's decision, unlike any other by `number`. */
static struct ledger_entry entry(uint64_t number)
{
        struct ledger_entry e = {
                .record = json_new_object(), .serial_count = 1, .expires_unix_s = 1795460400, .issued = true};
        json_set_text(e.record, "decision", "issued");
        json_set_int(e.record, "number", (int64_t) number);
        snprintf(e.serials[0], sizeof(e.serials[0]), "%032llx", (unsigned long long) number);
        return e;
}

static struct fault *commit_one(struct ledger *l, uint64_t nonce, uint64_t number, char ret_id[33])
{
        struct ledger_entry e = entry(number);
        struct ledger_commit c = {.nonce_expires_unix_s = 1795457100, .count = 1, .entries = &e};
        memcpy(c.nonce_digest, &nonce, sizeof(nonce));
        struct fault *f = ledger_commit(l, &c, NULL);
        memcpy(ret_id, e.ret_id, sizeof(e.ret_id));
        json_free(e.record);
        return f;
}

static void an_id_is_the_time_and_the_hash_of_rfc_6962(void **state UNUSED)
{
        /* sha256(00), sha256(00 ‖ "{}") by another implementation */
        static const struct {
                const char *bytes, *id;
        } rows[] = {
                {"", "6b047f2000"
                     "6e340b9cffb37a989ca544"},
                {"{}", "6b047f2000"
                       "28a3a18f6cd6406b086e9f"},
        };
        char id[33];
        ledger_record_id(span_str(rows[0].bytes), (struct wall){START_MS}, id);
        assert_string_equal(id, rows[0].id);
        ledger_record_id(span_str(rows[1].bytes), (struct wall){START_MS}, id);
        assert_string_equal(id, rows[1].id);
}

static void finds_what_it_committed(void **state)
{
        struct fixture *f = *state;
        open_ledger(f);
        char id[33];
        expect_ok(commit_one(f->ledger, 1, 7, id));
        assert_int_equal(ledger_records(f->ledger), 1);

        close_ledger(f);
        open_ledger(f);
        assert_int_equal(ledger_records(f->ledger), 1);
        const char *const keys[] = {id, "00000000000000000000000000000007"};
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
                AUTO(json) struct json *found = NULL;
                expect_ok(ledger_find(f->ledger, keys[i], &found));
                assert_true(span_eq_str(json_text(json_get(found, "id")), id));
                assert_int_equal(json_int(json_get(found, "index")), 0);
                assert_true(span_eq_str(json_text(json_get(found, "time")), "2026-11-23T18:00:00Z"));
                assert_int_equal(json_int(json_get(json_get(found, "record"), "number")), 7);
        }
        struct json *none = NULL;
        expect_fault(ledger_find(f->ledger, "0000000000000000000000000000008", &none), FAULT_NOT_FOUND, "NO_RECORD");
}

static void the_same_decision_has_the_same_id(void **state)
{
        struct fixture *f = *state;
        open_ledger(f);
        char first[33], second[33];
        expect_ok(commit_one(f->ledger, 1, 7, first));
        expect_fault(commit_one(f->ledger, 2, 7, second), FAULT_INTERNAL, "RECORD_CONFLICT");
        assert_string_equal(first, second);
        assert_int_equal(ledger_records(f->ledger), 1);
}

static void a_replay_is_recorded_as_a_denial(void **state)
{
        struct fixture *f = *state;
        open_ledger(f);
        char id[33];
        expect_ok(commit_one(f->ledger, 1, 7, id));

        AUTO(json) struct json *who = json_new_object();
        json_set_text(who, "node", "node-7");
        for (uint64_t attempt = 0; attempt < 2; attempt++) {
                struct ledger_entry e = entry(8 + attempt);
                uint64_t nonce = 1;
                struct ledger_commit c = {
                        .nonce_expires_unix_s = 1795457100, .count = 1, .entries = &e, .requester = who};
                memcpy(c.nonce_digest, &nonce, sizeof(nonce));
                expect_fault(ledger_commit(f->ledger, &c, NULL), FAULT_DENIED, "nonce.replayed");
                struct json *none = NULL;
                expect_fault(ledger_find(f->ledger, e.serials[0], &none), FAULT_NOT_FOUND, "NO_RECORD");
                json_free(e.record);
        }
        assert_int_equal(ledger_records(f->ledger), 3);

        /* the denial itself, found by its place */
        AUTO_STRING char *denial_id = sql_text(f->path, "SELECT id FROM records WHERE idx = 1");
        AUTO(json) struct json *denial = NULL;
        expect_ok(ledger_find(f->ledger, denial_id, &denial));
        const struct json *record = json_get(denial, "record");
        assert_true(span_eq_str(json_text(json_get(record, "check")), "nonce.replayed"));
        assert_true(span_eq_str(json_text(json_get(record, "decision")), "denied"));
        assert_true(span_eq_str(json_text(json_get(json_get(record, "requester"), "node")), "node-7"));
}

static void a_changed_record_is_noticed(void **state)
{
        struct fixture *f = *state;
        open_ledger(f);
        char id[33];
        expect_ok(commit_one(f->ledger, 1, 7, id));
        sql_exec(f->path, "UPDATE records SET body = cast(replace(body, '7', '8') AS BLOB)");
        struct json *none = NULL;
        expect_fault(ledger_find(f->ledger, id, &none), FAULT_DATA_LOSS, "RECORD_TAMPERED");
}

static void another_record_under_an_id_is_noticed(void **state)
{
        struct fixture *f = *state;
        open_ledger(f);
        char id[33];
        expect_ok(commit_one(f->ledger, 1, 7, id));
        sql_exec(f->path, "UPDATE records SET id = substr(id, 1, 31) || 'x'");
        id[31] = 'x';
        struct json *none = NULL;
        expect_fault(ledger_find(f->ledger, id, &none), FAULT_DATA_LOSS, "RECORD_TAMPERED");
}

static void ids_of_earlier_times_are_the_hash_alone(void **state UNUSED)
{
        static const struct {
                const char *id;
                bool fits;
        } rows[] = {
                {"6b047f200028a3a18f6cd6406b086e9f", true},
                {"000000000028a3a18f6cd6406b086e9f", true},
                {"28a3a18f6cd6406b086e9ffda1f9b8a1", true},
                {"28a3a18f6cd6406b086e9ffda1f9b8a2", false},
                {"6b047f200028a3a18f6cd6406b086e9e", false},
                {"6b047f200018a3a18f6cd6406b086e9f", false},
                {"6b047f200028a3a18f6cd6406b086e9", false},
                {"6b047f200028a3a18f6cd6406b086e9f0", false},
                {"", false},
        };
        uint8_t leaf_hash[SHA256_LEN];
        ledger_leaf_hash(SPAN("{}"), leaf_hash);
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                assert_int_equal(ledger_id_fits(rows[i].id, leaf_hash), rows[i].fits);
}

static void what_cannot_be_written_is_not_issued(void **state)
{
        struct fixture *f = *state;
        open_ledger(f);
        char id[33];
        expect_ok(commit_one(f->ledger, 1, 7, id));
        /* a table gone stands for every way in which a commit can't be written */
        sql_exec(f->path, "DROP TABLE serials");
        expect_fault(commit_one(f->ledger, 2, 8, id), FAULT_UNAVAILABLE, "STORE");
        assert_int_equal(ledger_records(f->ledger), 1);
}

static void a_tripped_cancel_withdraws(void **state)
{
        struct fixture *f = *state;
        open_ledger(f);
        AUTO(cancel) struct cancel cancel;
        cancel_init(&cancel, &f->time.clock, CANCEL_NO_DEADLINE);
        cancel_trip(&cancel);
        struct ledger_entry e = entry(9);
        struct ledger_commit c = {.nonce_expires_unix_s = 1795457100, .count = 1, .entries = &e};
        AUTO(fault) struct fault *over = ledger_commit(f->ledger, &c, &cancel);
        json_free(e.record);
        /* either it was taken at once and is written, or it was withdrawn and is not */
        struct json *found = NULL;
        AUTO(fault) struct fault *missing = ledger_find(f->ledger, e.serials[0], &found);
        json_free(found);
        assert_true((over == NULL) == (missing == NULL));
        if (over != NULL)
                assert_string_equal(fault_token(over), "CANCELLED");
}

/* ---- many at once ---- */

#define THREADS      8
#define COMMITS_EACH 40

struct worker {
        pthread_t thread;
        struct ledger *ledger;
        uint64_t first;
        unsigned failures;
};

static void *commit_many(void *arg)
{
        struct worker *w = arg;
        for (uint64_t i = 0; i < COMMITS_EACH; i++) {
                char id[33];
                AUTO(fault) struct fault *f = commit_one(w->ledger, w->first + i, w->first + i, id);
                w->failures += f != NULL;
        }
        return NULL;
}

static void threads_share_commits(void **state)
{
        struct fixture *f = *state;
        open_ledger(f);
        struct worker workers[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
                workers[i] = (struct worker){.ledger = f->ledger, .first = 1 + i * COMMITS_EACH};
                assert_int_equal(pthread_create(&workers[i].thread, NULL, commit_many, &workers[i]), 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
                pthread_join(workers[i].thread, NULL);
                assert_int_equal(workers[i].failures, 0);
        }
        assert_int_equal(ledger_records(f->ledger), THREADS * COMMITS_EACH);
        assert_true(ledger_transactions(f->ledger) < THREADS * COMMITS_EACH / 2);
        uint64_t stored = 0;
        expect_ok(store_count_records(f->store, &stored));
        assert_int_equal(stored, THREADS * COMMITS_EACH);
}

/* ---- killed in the middle ---- */

#define ACKNOWLEDGED 60

static _Noreturn void commit_until_killed(struct fixture *f, int out)
{
        struct store *store = NULL;
        struct ledger *ledger = NULL;
        if (store_open_sqlite(f->path, &store) != NULL || ledger_open(store, &clock_system, &ledger) != NULL)
                _exit(1);
        for (uint64_t i = 1;; i++) {
                char id[33];
                if (commit_one(ledger, i, i, id) != NULL || write(out, id, sizeof(id)) != sizeof(id))
                        _exit(2);
        }
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
        struct fixture *f = *state;
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
                commit_until_killed(f, ends[1]);
        close(ends[1]);

        char ids[4096][33];
        size_t count = 0;
        while (count < ACKNOWLEDGED && read(ends[0], ids[count], sizeof(ids[0])) == sizeof(ids[0]))
                count++;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (count < COUNT_OF(ids) && read(ends[0], ids[count], sizeof(ids[0])) == sizeof(ids[0]))
                count++;
        close(ends[0]);
        assert_true(count >= ACKNOWLEDGED);

        open_ledger(f);
        for (size_t i = 0; i < count; i++) {
                AUTO(json) struct json *found = NULL;
                expect_ok(ledger_find(f->ledger, ids[i], &found));
                assert_int_equal(json_int(json_get(found, "index")), i);
        }
        assert_in_range(ledger_records(f->ledger), count, count + 1);
        char id[33];
        expect_fault(commit_one(f->ledger, 1, 1000000, id), FAULT_DENIED, "nonce.replayed");
}

int main(void)
{
#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_id_is_the_time_and_the_hash_of_rfc_6962),
                /* first, as it forks: no thread is running yet */
                WITH_FILES(what_was_acknowledged_survives_a_kill),
                WITH_FILES(finds_what_it_committed),
                WITH_FILES(the_same_decision_has_the_same_id),
                WITH_FILES(a_replay_is_recorded_as_a_denial),
                WITH_FILES(a_changed_record_is_noticed),
                WITH_FILES(another_record_under_an_id_is_noticed),
                cmocka_unit_test(ids_of_earlier_times_are_the_hash_alone),
                WITH_FILES(what_cannot_be_written_is_not_issued),
                WITH_FILES(a_tripped_cancel_withdraws),
                WITH_FILES(threads_share_commits),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
