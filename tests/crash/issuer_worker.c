/* The worker of the issuer's crash runs: root made, signer started, requests recorded and then signed; restartable at any point.
 *
 * usage: crash-issuer DIR retry|look
 *
 * However it was ended before, it opens what it finds and checks it. "retry" then makes the request that was cut off again, with the same
 * nonce, which must be refused exactly when its record is there, and goes on; "look" ends then. Exit code 0: every invariant held;
 * 3: the signer was killed under it, which it noticed and left. */
#include "issuer/ledger/record.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "tests/crash/issuer_world.h"
#include "tests/crash/witness.h"

#define EXIT_SIGNER_GONE 3
#define TRUST_DOMAIN     "example.org"

static struct issuer_world world;

/* ---- the world ---- */

static void leave_without_signer(struct fault *f, const char *what)
{
        if (f != NULL && strcmp(fault_token(f), "SIGNER_GONE") == 0)
                _exit(EXIT_SIGNER_GONE);
        must_ok(f, what);
}

static void open_world(struct issuer_world *w, const char *dir)
{
        *w = (struct issuer_world){.dir = dir, .witness = witness_map(dir)};
        (void) snprintf(w->database, sizeof(w->database), "%s/ledger.db",
                        dir); /* fits: the injector's paths are short */
        (void) snprintf(w->root_certificate, sizeof(w->root_certificate), "%s/root.pem", dir);
        (void) snprintf(w->root_key, sizeof(w->root_key), "%s/root.key", dir);
        w->options = (struct authority_options){
                .trust_domain = TRUST_DOMAIN,
                .root_certificate = w->root_certificate,
                .root_key = w->root_key,
                .intermediate_life_ms = 3600000,
                .max_leaf_life_ms = 600000,
                .backdate_ms = 30000,
        };
        fake_clock_init(&w->now, START_MS, 1000000);
}

/* One root for ever, once it was shown. */
static void check_root(struct issuer_world *w)
{
        AUTO(cert_list) struct cert_list roots = {0};
        uint8_t digest[SHA256_LEN];
        must_ok(authority_roots(w->authority, &roots), "roots");
        cert_sha256(roots.certs[0], digest);
        must(!w->witness->has_root || memcmp(digest, w->witness->root, SHA256_LEN) == 0, "the root is another one");
        memcpy(w->witness->root, digest, SHA256_LEN);
        w->witness->has_root = true;
}

static void start_authority(struct issuer_world *w)
{
        must_ok(authority_init_root(&w->options, clock_wall(&clock_system)), "make the root");
        leave_without_signer(authority_start(&w->options, &w->authority), "start the signer");
        check_root(w);
        must_ok(key_generate(KEY_P256, &w->pod_key), "make a key");
}

static void open_ledger(struct issuer_world *w)
{
        must_ok(store_open_sqlite(w->database, &w->store), "open the store");
        must_ok(ledger_open(w->store, &w->now.clock, &w->ledger), "open the ledger");
}

static void close_ledger(struct issuer_world *w)
{
        ledger_close(TAKE(w->ledger));
        store_close(TAKE(w->store));
}

/* ---- one request ---- */

static struct json *record_of(const struct issuer_request_witness *r, int i)
{
        struct json *j = json_new_object();
        json_set_int(j, "v", 1);
        json_set_text(j, "decision", is_issued(i) ? "issued" : "denied");
        json_set_int(j, "number", i);
        if (r->has_serial)
                json_set_hex(j, "serial", SPAN_OF(r->serial));
        return j;
}

/* `e` is the caller's to keep while `c` lives; its record to free. */
static void fill_commit(struct issuer_world *w, int i, struct ledger_entry *e, struct ledger_commit *c)
{
        struct issuer_request_witness *r = &w->witness->requests[i];
        if (is_issued(i) && !r->has_serial) {
                authority_serial(r->serial);
                r->has_serial = true;
        }
        *e = (struct ledger_entry){.record = record_of(r, i), .issued = is_issued(i), .serial_count = r->has_serial};
        if (r->has_serial) {
                hex_string(SPAN_OF(r->serial), e->serials[0]);
                e->expires_unix_s = START_MS / 1000 + 600;
        }
        *c = (struct ledger_commit){
                .nonce_expires_unix_s = START_MS / 1000 + NONCE_LIFE_S,
                .count = 1,
                .entries = e,
                .has_ak = i == 2,
                .ak_name = SPAN(AK_NAME),
                .clock_safe = true,
                .clock_ms = AK_CLOCK_AFTER,
        };
        issuer_nonce((uint64_t) i, c->nonce_digest);
        AUTO(buf) struct buf bytes = BUF(RECORD_MAX);
        must_ok(json_write(e->record, &bytes), "write a record");
        ledger_record_id(buf_span(&bytes), clock_wall(&w->now.clock), r->id);
        r->asked = true;
}

static void sign(struct issuer_world *w, struct issuer_request_witness *r)
{
        int64_t now_s = wall_unix_s(clock_wall(&clock_system));
        struct leaf_order order = {
                .identity = "spiffe://" TRUST_DOMAIN "/ns/a/sa/b",
                .spki = key_spki(w->pod_key),
                .not_before_unix_s = now_s - 30,
                .not_after_unix_s = now_s + 300,
        };
        memcpy(order.serial, r->serial, sizeof(order.serial));
        AUTO(leaf_issued) struct leaf_issued issued = {0};
        leave_without_signer(authority_issue(w->authority, &order, 1, NULL, &issued), "sign");
        AUTO(cert) struct cert *leaf = NULL;
        must_ok(cert_from_der(buf_span(&issued.leaf), &leaf), "read the leaf");
        struct span serial = cert_serial(leaf);
        must(span_eq(serial, span_slice(SPAN_OF(r->serial), sizeof(r->serial) - serial.len, serial.len)),
             "the leaf has another serial");
        r->delivered = true;
}

static void request(struct issuer_world *w, int i)
{
        struct issuer_request_witness *r = &w->witness->requests[i];
        bool was_there = r->asked && issuer_check_request(w, i);
        struct ledger_entry entry;
        struct ledger_commit commit;
        fill_commit(w, i, &entry, &commit);
        w->witness->replays_asked += was_there;
        struct fault *f = ledger_commit(w->ledger, &commit, NULL);
        json_free(entry.record);
        if (was_there) {
                must_fail(f, "nonce.replayed", "the same nonce again");
                w->witness->replays_answered++;
                return; /* the client comes again with another nonce */
        }
        must_ok(f, "commit");
        r->acknowledged = true;
        if (r->has_serial)
                sign(w, r);
}

/* Three requests in one transaction, as the ledger's thread writes them when they wait together. */
static void request_group(struct issuer_world *w)
{
        struct prepared prepared[GROUP_COUNT] = {0};
        struct ledger_entry entries[GROUP_COUNT]; /* what is prepared borrows their serials */
        struct store_commit *commits[GROUP_COUNT];
        bool was_there = w->witness->requests[GROUP_FIRST].asked && issuer_check_request(w, GROUP_FIRST);
        const uint8_t attempt[REPLAY_ATTEMPT_LEN] = {(uint8_t) w->witness->replays_asked};
        for (int g = 0; g < GROUP_COUNT; g++) {
                struct ledger_commit commit;
                fill_commit(w, GROUP_FIRST + g, &entries[g], &commit);
                must_ok(prepared_make(&commit, attempt, clock_wall(&w->now.clock), &prepared[g]), "prepare");
                json_free(entries[g].record);
                commits[g] = &prepared[g].commit;
        }
        if (!was_there) {
                must_ok(store_write(w->store, commits, GROUP_COUNT, clock_wall(&w->now.clock)), "write a group");
                for (int g = 0; g < GROUP_COUNT; g++) {
                        must(commits[g]->ret_outcome == NULL, "%d of a group was refused", g);
                        w->witness->requests[GROUP_FIRST + g].acknowledged = true;
                }
        }
        for (int g = 0; g < GROUP_COUNT; g++)
                prepared_clear(&prepared[g]);
}

/* ---- the script: each step may be begun again ---- */

static void use_enrolment_nonce(struct issuer_world *w)
{
        uint8_t digest[SHA256_LEN];
        issuer_nonce(ENROL_NONCE, digest);
        bool again = w->witness->enrol_asked;
        w->witness->enrol_asked = true;
        AUTO(fault)
        struct fault *f = store_use_nonce(w->store, digest, START_MS / 1000 + 10, clock_wall(&w->now.clock));
        must(f == NULL || (again && strcmp(fault_token(f), "NONCE_USED") == 0), "use a nonce: %s",
             f == NULL ? "" : fault_text(f));
        w->witness->enrol_answered = true;
        must_fail(store_use_nonce(w->store, digest, START_MS / 1000 + 10, clock_wall(&w->now.clock)), "NONCE_USED",
                  "the nonce again");
}

static void enrol(struct issuer_world *w)
{
        AUTO(ak_record) struct ak_record *ak = NEW(struct ak_record);
        ak->name = BUF(64);
        ak->public_area = BUF(64);
        must_ok(buf_append_str(&ak->name, AK_NAME), "name");
        must_ok(buf_append_str(&ak->public_area, "public"), "public area");
        ak->has_clock = true;
        ak->clock_safe = true;
        ak->clock_ms = AK_CLOCK_BEFORE;
        must_ok(store_put_ak(w->store, ak, NULL), "enrol");
        w->witness->ak_answered = true;
}

static void first(struct issuer_world *w)
{
        request(w, 0);
}
static void second(struct issuer_world *w)
{
        request(w, 1);
}
static void third(struct issuer_world *w)
{
        request(w, 2);
}
static void last(struct issuer_world *w)
{
        request(w, REQUESTS - 1);
}

/* Somebody plays the first request again. */
static void replay(struct issuer_world *w)
{
        struct ledger_entry entry;
        struct ledger_commit commit;
        fill_commit(w, 0, &entry, &commit);
        w->witness->replays_asked++;
        must_fail(ledger_commit(w->ledger, &commit, NULL), "nonce.replayed", "a replay");
        json_free(entry.record);
        w->witness->replays_answered++;
}

/* The enrolment's nonce has expired over a minute ago, the requests' ones have not. */
static void sweep(struct issuer_world *w)
{
        uint64_t deleted = 0;
        w->witness->swept = true;
        must_ok(store_sweep_nonces(w->store, (struct wall){START_MS + 100000}, &deleted), "sweep");
        must(deleted <= 1, "%llu nonces were swept", (unsigned long long) deleted);
}

/* A clean end folds the write-ahead log into the file. */
static void reopen(struct issuer_world *w)
{
        close_ledger(w);
        open_ledger(w);
}

static void (*const script[])(struct issuer_world *w) = {
        use_enrolment_nonce, enrol, first, second, third, request_group, replay, sweep, reopen, last, replay,
};

int main(int argc, char **argv)
{
        must(argc == 3, "usage: crash-issuer DIR retry|look");
        log_set_level(LOG_ERROR);
        (void) alarm(HANGS_AFTER_S);
        struct issuer_world *w = &world;
        open_world(w, argv[1]);
        bool again = w->witness->started;
        w->witness->started = true;
        start_authority(w);
        open_ledger(w);
        if (again)
                issuer_check(w);
        if (!again || strcmp(argv[2], "retry") == 0) {
                for (; w->witness->step < COUNT_OF(script); w->witness->step++)
                        script[w->witness->step](w);
                issuer_check(w);
        }
        close_ledger(w);
        authority_stop(w->authority);
        key_free(w->pod_key);
        return 0;
}
