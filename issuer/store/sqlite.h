/* sqlite: what the files of the SQLite store share. Private to this folder.
 *
 * A connection owns its prepared statements and is used under its lock by one thread at a time. Statements live in one table
 * (sqlite_statements.c), the schema in another place (sqlite_schema.c). */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "issuer/store/backend.h"

enum statement {
        BEGIN,
        COMMIT,
        ROLLBACK,
        SAVEPOINT,
        RELEASE,
        ROLLBACK_TO,
        USE_NONCE,
        SWEEP_NONCES,
        ADD_RECORD,
        ADD_SERIAL,
        PUT_AK,
        RETIRE_AKS,
        ADD_CORRECTION,
        MOVE_AK_CLOCK,
        FIND_RECORD,
        COUNT_RECORDS,
        FIND_AK,
        LIST_AKS,
        DELETE_AK,
        RAISE_MARK,
        FIND_MARK,
        PUT_ENDORSEMENT,
        RETIRE_ENDORSEMENTS,
        FIND_ENDORSEMENT,
        LIST_ENDORSEMENTS,
        DUE_ENDORSEMENTS,
        PUT_OFF_ENDORSEMENT,
        SUM_ENDORSEMENTS,
        ADD_KEY,
        RAISE_KEY,
        ADD_KEY_VERSION,
        CHANGE_KEY_VERSION,
        BLANK_KEY_VERSIONS,
        DELETE_KEY_VERSIONS,
        DELETE_KEY,
        FIND_KEY,
        LIST_KEYS,
        LIST_KEY_VERSIONS,
        STATEMENT_COUNT
};
extern const char *const sqlite_statements[STATEMENT_COUNT];

struct connection {
        sqlite3 *db;
        sqlite3_stmt *statements[STATEMENT_COUNT];
        pthread_mutex_t mu; /* held by whoever uses the connection */
};

/* FAULT_DATA_LOSS "STORE_CORRUPT" for a torn or foreign file, FAULT_UNAVAILABLE "STORE" for everything else. */
struct fault *sqlite_fault(sqlite3 *db, const char *what) MUST_USE;
/* Creates the schema in an empty file; "STORE_SCHEMA" for a newer version, "STORE_FOREIGN" for somebody else's database. */
struct fault *sqlite_schema_ensure(sqlite3 *db, const char *path) MUST_USE;
/* Looks for torn pages: all of a small file, of a large one the table ends. */
struct fault *sqlite_check(sqlite3 *db, const char *path) MUST_USE;
struct fault *sqlite_prepare(struct connection *c) MUST_USE;

/* The statement, reset, with no bindings. */
sqlite3_stmt *sqlite_statement(struct connection *c, enum statement which);
/* Binding can only fail by our own mistake (index, size), so it asserts. */
void bind_bytes(sqlite3_stmt *s, int at, struct span v); /* must live until the statement is reset */
void bind_text(sqlite3_stmt *s, int at, const char *v);  /* NULL binds NULL; must live as well */
void bind_int(sqlite3_stmt *s, int at, int64_t v);
/* Steps a statement that answers no row, and resets it. */
struct fault *sqlite_run(struct connection *c, sqlite3_stmt *s, const char *what) MUST_USE;
/* True when a row is there; the caller resets the statement after reading it. */
struct fault *sqlite_row(struct connection *c, sqlite3_stmt *s, const char *what, bool *ret) MUST_USE;
struct span column_bytes(sqlite3_stmt *s, int at);

/* The two halves of the backend; `c` is locked by the caller. */
struct fault *sqlite_write_commits(struct connection *c, struct store_commit *const *commits, size_t count,
                                   struct wall now) MUST_USE;
struct fault *sqlite_write_nonce(struct connection *c, const uint8_t digest[SHA256_LEN],
                                 int64_t expires_unix_s) MUST_USE;
struct fault *sqlite_write_sweep(struct connection *c, int64_t before_unix_s, uint64_t *ret_deleted) MUST_USE;
struct fault *sqlite_write_ak(struct connection *c, const struct ak_record *r, uint64_t *ret_retired) MUST_USE;
struct fault *sqlite_write_ak_delete(struct connection *c, struct span name) MUST_USE;
struct fault *sqlite_write_mark(struct connection *c, const char *name, int64_t value) MUST_USE;
/* sqlite_endorsements.c */
struct fault *sqlite_write_endorsement(struct connection *c, const struct endorsement *e, uint64_t count_max) MUST_USE;
struct fault *sqlite_write_put_off(struct connection *c, const char *path, int64_t due_unix_s) MUST_USE;
struct fault *sqlite_read_endorsement(struct connection *c, const char *path, struct endorsement **ret) MUST_USE;
struct fault *sqlite_read_endorsements(struct connection *c, const char *after, struct endorsement_list *ret) MUST_USE;
struct fault *sqlite_read_due(struct connection *c, int64_t now_unix_s, struct endorsement_list *ret) MUST_USE;
struct fault *sqlite_read_sum(struct connection *c, struct endorsement_sum ret[ENDORSEMENT_SORTS_MAX]) MUST_USE;
/* sqlite_keys.c */
struct fault *sqlite_write_key(struct connection *c, const struct stored_key *k, const struct key_version *v) MUST_USE;
struct fault *sqlite_write_key_version(struct connection *c, const char *id, const struct key_version *v) MUST_USE;
struct fault *sqlite_write_key_destroy(struct connection *c, const char *id, uint32_t version) MUST_USE;
struct fault *sqlite_read_key(struct connection *c, const char *name, struct stored_key **ret) MUST_USE;
struct fault *sqlite_read_keys(struct connection *c, const char *after, struct stored_key_list *ret) MUST_USE;
struct fault *sqlite_read_record(struct connection *c, const char *serial_or_id, struct store_row *ret) MUST_USE;
struct fault *sqlite_read_count(struct connection *c, uint64_t *ret) MUST_USE;
struct fault *sqlite_read_ak(struct connection *c, struct span name, struct ak_record **ret) MUST_USE;
struct fault *sqlite_read_aks(struct connection *c, struct span after, struct ak_list *ret) MUST_USE;
struct fault *sqlite_read_mark(struct connection *c, const char *name, int64_t *ret) MUST_USE;
