/* The writing half of the SQLite store: commits in one transaction, nonces, attestation keys. */
#include "issuer/store/sqlite.h"

static struct fault *run(struct connection *c, enum statement which, const char *what)
{
        return sqlite_run(c, sqlite_statement(c, which), what);
}

static struct fault *use_nonce(struct connection *c, const uint8_t digest[SHA256_LEN], int64_t expires_unix_s,
                               bool *ret_fresh)
{
        sqlite3_stmt *s = sqlite_statement(c, USE_NONCE);
        bind_bytes(s, 1, span_make(digest, SHA256_LEN));
        bind_int(s, 2, expires_unix_s);
        TRY(sqlite_run(c, s, "use a nonce"));
        *ret_fresh = sqlite3_changes(c->db) == 1;
        return NULL;
}

static struct fault *add_record(struct connection *c, const struct store_record *r, struct wall now)
{
        sqlite3_stmt *s = sqlite_statement(c, ADD_RECORD);
        bind_text(s, 1, r->id);
        bind_bytes(s, 2, span_make(r->leaf_hash, SHA256_LEN));
        bind_int(s, 3, now.unix_ms);
        bind_bytes(s, 4, r->body);
        TRY(sqlite_run(c, s, "add a record"));

        int64_t index = sqlite3_last_insert_rowid(c->db);
        for (size_t i = 0; i < r->serial_count; i++) {
                s = sqlite_statement(c, ADD_SERIAL);
                bind_text(s, 1, r->serials[i]);
                bind_int(s, 2, index);
                bind_int(s, 3, r->expires_unix_s);
                TRY(sqlite_run(c, s, "add a serial"));
        }
        if (r->corrects == NULL)
                return NULL;
        s = sqlite_statement(c, ADD_CORRECTION);
        bind_text(s, 1, r->corrects);
        bind_int(s, 2, index);
        return sqlite_run(c, s, "add a correction");
}

/* A TPM's clock counts milliseconds; one past 292 million years is stored as that. */
static int64_t clock_to_int(uint64_t clock_ms)
{
        return clock_ms > INT64_MAX ? INT64_MAX : (int64_t) clock_ms;
}

struct ak_clock {
        bool safe;
        uint64_t clock_ms;
        uint32_t reset_count, restart_count;
};

static struct fault *move_ak_clock(struct connection *c, struct span name, const struct ak_clock *clock)
{
        sqlite3_stmt *s = sqlite_statement(c, MOVE_AK_CLOCK);
        bind_bytes(s, 1, name);
        bind_int(s, 2, clock->reset_count);
        bind_int(s, 3, clock->restart_count);
        bind_int(s, 4, clock_to_int(clock->clock_ms));
        bind_int(s, 5, clock->safe);
        return sqlite_run(c, s, "move an attestation key's clock");
}

static struct fault *write_records(struct connection *c, const struct store_commit *commit, bool fresh, struct wall now)
{
        if (!fresh)
                return add_record(c, commit->replay, now);
        for (size_t i = 0; i < commit->count; i++)
                TRY(add_record(c, &commit->records[i], now));
        const struct ak_clock clock = {commit->clock_safe, commit->clock_ms, commit->reset_count,
                                       commit->restart_count};
        return commit->has_ak ? move_ak_clock(c, commit->ak_name, &clock) : NULL;
}

/* One commit inside the open transaction. A fault condemns the transaction; this commit's own failure is its outcome. */
static struct fault *write_one(struct connection *c, struct store_commit *commit, struct wall now)
{
        bool fresh = true;
        if (!commit->without_nonce)
                TRY(use_nonce(c, commit->nonce_digest, commit->nonce_expires_unix_s, &fresh));

        TRY(run(c, SAVEPOINT, "set a savepoint"));
        AUTO(fault) struct fault *failure = write_records(c, commit, fresh, now);
        if (failure != NULL) {
                if ((sqlite3_errcode(c->db) & 0xff) != SQLITE_CONSTRAINT)
                        return TAKE(failure);
                TRY(run(c, ROLLBACK_TO, "go back to the savepoint"));
                commit->ret_outcome = fault(FAULT_INTERNAL, "RECORD_CONFLICT", "%s", fault_text(failure));
        } else if (!fresh)
                commit->ret_outcome = fault(FAULT_DENIED, "nonce.replayed", "the nonce was used before");
        return run(c, RELEASE, "release the savepoint");
}

static struct fault *write_all(struct connection *c, struct store_commit *const *commits, size_t count, struct wall now)
{
        TRY(run(c, BEGIN, "begin"));
        for (size_t i = 0; i < count; i++)
                TRY(write_one(c, commits[i], now));
        return run(c, COMMIT, "commit");
}

/* Where the failure has not done it already. */
static void roll_back(struct connection *c)
{
        if (sqlite3_get_autocommit(c->db) != 0)
                return;
        /* an error here leaves the transaction open and the next BEGIN fails as loudly */
        AUTO(fault) struct fault *ignored = run(c, ROLLBACK, "roll back");
        (void) ignored;
}

struct fault *sqlite_write_commits(struct connection *c, struct store_commit *const *commits, size_t count,
                                   struct wall now)
{
        for (size_t i = 0; i < count; i++)
                commits[i]->ret_outcome = NULL;
        AUTO(fault) struct fault *failure = write_all(c, commits, count, now);
        if (failure == NULL)
                return NULL;

        roll_back(c);
        for (size_t i = 0; i < count; i++) {
                fault_free(commits[i]->ret_outcome);
                commits[i]->ret_outcome = NULL;
        }
        return fault(FAULT_UNAVAILABLE, "STORE", "write to the ledger: %s", fault_text(failure));
}

struct fault *sqlite_write_nonce(struct connection *c, const uint8_t digest[SHA256_LEN], int64_t expires_unix_s)
{
        bool fresh = false;
        TRY(use_nonce(c, digest, expires_unix_s, &fresh));
        return fresh ? NULL : fault(FAULT_EXISTS, "NONCE_USED", "the nonce was used before");
}

struct fault *sqlite_write_sweep(struct connection *c, int64_t before_unix_s, uint64_t *ret_deleted)
{
        sqlite3_stmt *s = sqlite_statement(c, SWEEP_NONCES);
        bind_int(s, 1, before_unix_s);
        TRY(sqlite_run(c, s, "sweep nonces"));
        *ret_deleted = (uint64_t) sqlite3_changes64(c->db);
        return NULL;
}

static struct fault *put_ak(struct connection *c, const struct ak_record *r)
{
        sqlite3_stmt *s = sqlite_statement(c, PUT_AK);
        bind_bytes(s, 1, buf_span(&r->name));
        bind_bytes(s, 2, buf_span(&r->public_area));
        bind_bytes(s, 3, span_make(r->ek_digest, SHA256_LEN));
        bind_text(s, 4, r->ek_issuer);
        bind_text(s, 5, r->cluster);
        bind_text(s, 6, r->node);
        bind_int(s, 7, r->enrolled_unix_s);
        bind_int(s, 8, r->ek_not_after_unix_s);
        bind_bytes(s, 9, span_make(r->ek_root, SHA256_LEN));
        return sqlite_run(c, s, "keep an attestation key");
}

/* One TPM may have several keys (its attester lost its state, or another took its place), but not any number of them. */
static struct fault *retire_aks(struct connection *c, const struct ak_record *r, uint64_t *ret_retired)
{
        sqlite3_stmt *s = sqlite_statement(c, RETIRE_AKS);
        bind_bytes(s, 1, span_make(r->ek_digest, SHA256_LEN));
        bind_bytes(s, 2, buf_span(&r->name));
        bind_int(s, 3, AKS_PER_EK_MAX);
        TRY(sqlite_run(c, s, "retire attestation keys"));
        *ret_retired = (uint64_t) sqlite3_changes64(c->db);
        return NULL;
}

struct fault *sqlite_write_ak(struct connection *c, const struct ak_record *r, uint64_t *ret_retired)
{
        const struct ak_clock clock = {r->clock_safe, r->clock_ms, r->reset_count, r->restart_count};
        TRY(run(c, BEGIN, "begin"));
        struct fault *failure = put_ak(c, r);
        if (failure == NULL && r->has_clock)
                failure = move_ak_clock(c, buf_span(&r->name), &clock);
        uint64_t retired = 0;
        if (failure == NULL)
                failure = retire_aks(c, r, &retired);
        if (failure == NULL)
                failure = run(c, COMMIT, "commit");
        if (failure != NULL)
                roll_back(c);
        else
                *ret_retired = retired;
        return failure;
}

struct fault *sqlite_write_mark(struct connection *c, const char *name, int64_t value)
{
        sqlite3_stmt *s = sqlite_statement(c, RAISE_MARK);
        bind_text(s, 1, name);
        bind_int(s, 2, value);
        return sqlite_run(c, s, "raise a mark");
}

struct fault *sqlite_write_ak_delete(struct connection *c, struct span name)
{
        sqlite3_stmt *s = sqlite_statement(c, DELETE_AK);
        bind_bytes(s, 1, name);
        TRY(sqlite_run(c, s, "forget an attestation key"));
        return sqlite3_changes(c->db) == 1 ? NULL
                                           : fault(FAULT_NOT_FOUND, "NO_AK", "this attestation key is not enrolled");
}
