/* Every statement of the SQLite store, and the few calls that bind, step and read them. */
#include "issuer/store/sqlite.h"

#include <assert.h>

#define AK_COLUMNS                                                                                                     \
        "public_area, ek_digest, ek_issuer, cluster, node, enrolled, ek_not_after, has_clock, clock_ms, reset_count, " \
        "restart_count, clock_safe, ek_root"

#define KEY_COLUMNS            "id, name, owner, identity, algorithm, created, newest"
#define KEY_CREDENTIAL_COLUMNS "kek, wrapped, leaf, issuer, not_before, not_after, serial, record"
#define ENDORSEMENT_COLUMNS    "path, sort, fetched, issued, ends, due, number"

const char *const sqlite_statements[STATEMENT_COUNT] = {
        [BEGIN] = "BEGIN IMMEDIATE",
        [COMMIT] = "COMMIT",
        [ROLLBACK] = "ROLLBACK",
        [SAVEPOINT] = "SAVEPOINT one",
        [RELEASE] = "RELEASE one",
        [ROLLBACK_TO] = "ROLLBACK TO one",
        /* no row changed: it was there */
        [USE_NONCE] = "INSERT OR IGNORE INTO nonces(digest, expires) VALUES(?1, ?2)",
        [SWEEP_NONCES] = "DELETE FROM nonces WHERE digest IN (SELECT digest FROM nonces WHERE expires < ?1 LIMIT 4096)",
        /* numbered from 0 without gaps; under the write lock */
        [ADD_RECORD] = "INSERT INTO records(idx, id, leaf_hash, time, body) "
                       "VALUES((SELECT coalesce(max(idx) + 1, 0) FROM records), ?1, ?2, ?3, ?4)",
        [ADD_SERIAL] = "INSERT INTO serials(serial, idx, expires) VALUES(?1, ?2, ?3)",
        /* the clock of one that is there is MOVE_AK_CLOCK's */
        [PUT_AK] = "INSERT INTO attestation_keys(name, public_area, ek_digest, ek_issuer, cluster, node, enrolled, "
                   "ek_not_after, has_clock, clock_ms, reset_count, restart_count, clock_safe, ek_root) "
                   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0, 0, 0, ?9) "
                   "ON CONFLICT(name) DO UPDATE SET public_area = ?2, ek_digest = ?3, ek_issuer = ?4, cluster = ?5, "
                   "node = ?6, enrolled = ?7, ek_not_after = ?8, ek_root = ?9",
        /* the one that was just put stays, whatever the clock says; of the others the latest */
        [RETIRE_AKS] = "DELETE FROM attestation_keys WHERE ek_digest = ?1 AND name NOT IN (SELECT name FROM "
                       "attestation_keys WHERE ek_digest = ?1 ORDER BY name = ?2 DESC, enrolled DESC, name LIMIT ?3)",
        [MOVE_AK_CLOCK] =
                "UPDATE attestation_keys SET has_clock = 1, reset_count = ?2, restart_count = ?3, clock_ms = ?4, "
                "clock_safe = ?5 "
                "WHERE name = ?1 AND (has_clock = 0 OR (reset_count, restart_count, clock_ms) < (?2, ?3, ?4))",
        [ADD_CORRECTION] = "INSERT INTO corrections(idx, by) SELECT idx, ?2 FROM records WHERE id = ?1",
        [FIND_RECORD] = "SELECT idx, id, leaf_hash, time, body, (SELECT id FROM records WHERE idx = "
                        "(SELECT by FROM corrections c WHERE c.idx = r.idx)) FROM records r "
                        "WHERE id = ?1 OR idx = (SELECT idx FROM serials WHERE serial = ?1) LIMIT 1",
        [COUNT_RECORDS] = "SELECT coalesce(max(idx) + 1, 0) FROM records",
        [FIND_AK] = "SELECT " AK_COLUMNS " FROM attestation_keys WHERE name = ?1",
        [LIST_AKS] = "SELECT " AK_COLUMNS ", name FROM attestation_keys WHERE name > ?1 ORDER BY name LIMIT ?2",
        [DELETE_AK] = "DELETE FROM attestation_keys WHERE name = ?1",
        [RAISE_MARK] = "INSERT INTO marks(name, value) VALUES(?1, ?2) "
                       "ON CONFLICT(name) DO UPDATE SET value = ?2 WHERE value < ?2",
        [FIND_MARK] = "SELECT value FROM marks WHERE name = ?1",
        [PUT_ENDORSEMENT] = "INSERT OR REPLACE INTO endorsements(" ENDORSEMENT_COLUMNS ", body, chain) "
                            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        /* one at a time: each put adds one at most */
        [RETIRE_ENDORSEMENTS] = "DELETE FROM endorsements WHERE id = (SELECT id FROM endorsements WHERE path != ?2 "
                                "ORDER BY fetched LIMIT 1) AND (SELECT count(*) FROM endorsements) > ?1",
        [FIND_ENDORSEMENT] = "SELECT " ENDORSEMENT_COLUMNS ", body, chain FROM endorsements WHERE path = ?1",
        [LIST_ENDORSEMENTS] = "SELECT " ENDORSEMENT_COLUMNS " FROM endorsements WHERE path > ?1 ORDER BY path LIMIT ?2",
        [DUE_ENDORSEMENTS] =
                "SELECT " ENDORSEMENT_COLUMNS " FROM endorsements WHERE due > 0 AND due <= ?1 ORDER BY due LIMIT ?2",
        [PUT_OFF_ENDORSEMENT] = "UPDATE endorsements SET due = ?2 WHERE path = ?1",
        [SUM_ENDORSEMENTS] = "SELECT sort, count(*), coalesce(min(nullif(ends, 0)), 0) FROM endorsements GROUP BY sort",
        /* no row changed: the name is taken */
        [ADD_KEY] = "INSERT OR IGNORE INTO stored_keys(id, name, owner, identity, algorithm, created, newest) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1)",
        [RAISE_KEY] = "UPDATE stored_keys SET newest = ?2 WHERE id = ?1 AND newest = ?2 - 1",
        [ADD_KEY_VERSION] = "INSERT INTO key_versions(key, version, created, spki, sealed, " KEY_CREDENTIAL_COLUMNS ") "
                            "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        [CHANGE_KEY_VERSION] = "UPDATE key_versions SET kek = ?3, wrapped = ?4, leaf = ?5, issuer = ?6, "
                               "not_before = ?7, not_after = ?8, serial = ?9, record = ?10 "
                               "WHERE key = ?1 AND version = ?2",
        [BLANK_KEY_VERSIONS] = "UPDATE key_versions SET sealed = zeroblob(length(sealed)), "
                               "wrapped = zeroblob(length(wrapped)) WHERE key = ?1 AND (?2 = 0 OR version = ?2)",
        [DELETE_KEY_VERSIONS] = "DELETE FROM key_versions WHERE key = ?1 AND (?2 = 0 OR version = ?2)",
        [DELETE_KEY] = "DELETE FROM stored_keys WHERE id = ?1",
        [FIND_KEY] = "SELECT " KEY_COLUMNS " FROM stored_keys WHERE name = ?1",
        [LIST_KEYS] = "SELECT " KEY_COLUMNS " FROM stored_keys WHERE name > ?1 ORDER BY name LIMIT ?2",
        [LIST_KEY_VERSIONS] = "SELECT version, created, spki, sealed, " KEY_CREDENTIAL_COLUMNS " FROM key_versions "
                              "WHERE key = ?1 ORDER BY version LIMIT ?2",
};

struct fault *sqlite_fault(sqlite3 *db, const char *what)
{
        int code = sqlite3_errcode(db) & 0xff;
        if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
                return fault(FAULT_DATA_LOSS, "STORE_CORRUPT", "%s: %s", what, sqlite3_errmsg(db));
        return fault(FAULT_UNAVAILABLE, "STORE", "%s: %s", what, sqlite3_errmsg(db));
}

struct fault *sqlite_prepare(struct connection *c)
{
        for (size_t i = 0; i < STATEMENT_COUNT; i++)
                if (sqlite3_prepare_v3(c->db, sqlite_statements[i], -1, SQLITE_PREPARE_PERSISTENT, &c->statements[i],
                                       NULL) != SQLITE_OK)
                        return sqlite_fault(c->db, "prepare a statement");
        return NULL;
}

sqlite3_stmt *sqlite_statement(struct connection *c, enum statement which)
{
        sqlite3_stmt *s = c->statements[which];
        (void) sqlite3_reset(s);          /* tells the last step's error again, which was dealt with then */
        (void) sqlite3_clear_bindings(s); /* can't fail */
        return s;
}

void bind_bytes(sqlite3_stmt *s, int at, struct span v)
{
        int code = sqlite3_bind_blob64(s, at, v.len > 0 ? (const void *) v.data : "", v.len, SQLITE_STATIC);
        assert(code == SQLITE_OK);
        (void) code;
}

void bind_text(sqlite3_stmt *s, int at, const char *v)
{
        int code = v == NULL ? sqlite3_bind_null(s, at) : sqlite3_bind_text(s, at, v, -1, SQLITE_STATIC);
        assert(code == SQLITE_OK);
        (void) code;
}

void bind_int(sqlite3_stmt *s, int at, int64_t v)
{
        int code = sqlite3_bind_int64(s, at, v);
        assert(code == SQLITE_OK);
        (void) code;
}

struct fault *sqlite_run(struct connection *c, sqlite3_stmt *s, const char *what)
{
        int code = sqlite3_step(s);
        struct fault *f = code == SQLITE_DONE ? NULL : sqlite_fault(c->db, what);
        (void) sqlite3_reset(s); /* says the same error again */
        return f;
}

struct fault *sqlite_row(struct connection *c, sqlite3_stmt *s, const char *what, bool *ret)
{
        int code = sqlite3_step(s);
        if (code != SQLITE_ROW && code != SQLITE_DONE) {
                struct fault *f = sqlite_fault(c->db, what);
                (void) sqlite3_reset(s); /* says the same error again */
                return f;
        }
        *ret = code == SQLITE_ROW;
        return NULL;
}

struct span column_bytes(sqlite3_stmt *s, int at)
{
        const void *data = sqlite3_column_blob(s, at); /* before the size: the order that SQLite documents */
        return span_make(data, (size_t) sqlite3_column_bytes(s, at));
}
