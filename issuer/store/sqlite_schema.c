/* The schema, its versions and the way from one to the next, and the look for torn pages at start. */
#include "issuer/store/sqlite.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#define SCHEMA_VERSION 4
#define APPLICATION_ID 0x76736866 /* "vshf": SQLite's application_id, so that another program's file is told apart */
#define TEXT_OF(x)     TEXT_OF_(x)
#define TEXT_OF_(x)    #x
/* Below this size every page is looked at when the store opens (quick_check reads about 1 GB/s). */
#define CHECK_ALL_BELOW (64LL * 1024 * 1024)

static const char schema[] = "BEGIN IMMEDIATE;"
                             "CREATE TABLE nonces("
                             "  digest BLOB PRIMARY KEY,"
                             "  expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
                             "CREATE INDEX nonces_by_expiry ON nonces(expires);"
                             "CREATE TABLE records("
                             "  idx INTEGER PRIMARY KEY,"
                             "  id TEXT NOT NULL UNIQUE,"
                             "  leaf_hash BLOB NOT NULL,"
                             "  time INTEGER NOT NULL," /* of the commit, Unix milliseconds */
                             "  body BLOB NOT NULL) STRICT;"
                             "CREATE TABLE serials("
                             "  serial TEXT PRIMARY KEY,"
                             "  idx INTEGER NOT NULL REFERENCES records(idx),"
                             "  expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
                             "CREATE INDEX serials_by_expiry ON serials(expires);"
                             "CREATE TABLE attestation_keys("
                             "  name BLOB PRIMARY KEY,"
                             "  public_area BLOB NOT NULL,"
                             "  ek_digest BLOB NOT NULL,"
                             "  ek_issuer TEXT,"
                             "  cluster TEXT,"
                             "  node TEXT,"
                             "  enrolled INTEGER NOT NULL,"
                             "  ek_not_after INTEGER NOT NULL,"
                             "  has_clock INTEGER NOT NULL,"
                             "  clock_safe INTEGER NOT NULL,"
                             "  clock_ms INTEGER NOT NULL,"
                             "  reset_count INTEGER NOT NULL,"
                             "  restart_count INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
                             "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";"
                                                                                "PRAGMA user_version = 1;"
                                                                                "COMMIT;";

/* From version n + 1 to the next, each a transaction of its own. A file of an older vouchsafe goes the rest of the way. */
static const char *const steps[] = {
        "BEGIN IMMEDIATE;"
        "ALTER TABLE attestation_keys ADD COLUMN ek_root BLOB;" /* NULL: enrolled before it was kept */
        "CREATE INDEX attestation_keys_by_ek ON attestation_keys(ek_digest);"
        "CREATE TABLE marks("
        "  name TEXT PRIMARY KEY,"
        "  value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE corrections("
        "  idx INTEGER PRIMARY KEY REFERENCES records(idx),"     /* of the record that is corrected */
        "  by INTEGER NOT NULL REFERENCES records(idx)) STRICT;" /* by this one */
        "PRAGMA user_version = 2;"
        "COMMIT;",
        "BEGIN IMMEDIATE;"
        "CREATE TABLE endorsements("
        "  id INTEGER PRIMARY KEY,"
        "  path TEXT NOT NULL UNIQUE,"
        "  sort INTEGER NOT NULL,"
        "  fetched INTEGER NOT NULL," /* these four: Unix seconds */
        "  issued INTEGER NOT NULL,"
        "  ends INTEGER NOT NULL,"
        "  due INTEGER NOT NULL,"
        "  number INTEGER NOT NULL,"
        "  body BLOB NOT NULL,"
        "  chain BLOB NOT NULL) STRICT;"
        "CREATE INDEX endorsements_by_age ON endorsements(fetched);"
        "CREATE INDEX endorsements_by_due ON endorsements(due) WHERE due > 0;"
        "CREATE INDEX endorsements_by_sort ON endorsements(sort, ends);"
        "PRAGMA user_version = 3;"
        "COMMIT;",
        "BEGIN IMMEDIATE;"
        "CREATE TABLE stored_keys("
        "  id TEXT PRIMARY KEY,"
        "  name TEXT NOT NULL UNIQUE,"
        "  owner TEXT NOT NULL,"
        "  identity TEXT NOT NULL,"
        "  algorithm TEXT NOT NULL,"
        "  created INTEGER NOT NULL," /* as the other times here: Unix seconds */
        "  newest INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "CREATE TABLE key_versions("
        "  key TEXT NOT NULL REFERENCES stored_keys(id),"
        "  version INTEGER NOT NULL,"
        "  created INTEGER NOT NULL,"
        "  spki BLOB NOT NULL,"
        "  sealed BLOB NOT NULL,"
        "  kek TEXT NOT NULL,"
        "  wrapped BLOB NOT NULL,"
        "  leaf BLOB NOT NULL,"
        "  issuer BLOB NOT NULL,"
        "  not_before INTEGER NOT NULL,"
        "  not_after INTEGER NOT NULL,"
        "  serial TEXT NOT NULL,"
        "  record TEXT NOT NULL,"
        "  PRIMARY KEY(key, version)) STRICT;"
        "PRAGMA user_version = 4;"
        "COMMIT;",
};
_Static_assert(COUNT_OF(steps) == SCHEMA_VERSION - 1, "a step for each version after the first");

/* The single number that `sql` answers. */
static struct fault *ask_number(sqlite3 *db, const char *sql, int64_t *ret)
{
        sqlite3_stmt *s = NULL;
        if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
                return sqlite_fault(db, sql);
        struct fault *f = NULL;
        if (sqlite3_step(s) == SQLITE_ROW)
                *ret = sqlite3_column_int64(s, 0);
        else
                f = sqlite_fault(db, sql);
        (void) sqlite3_finalize(s); /* says the step's error again */
        return f;
}

static struct fault *run_step(sqlite3 *db, const char *sql, const char *what)
{
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
                return NULL;
        struct fault *f = sqlite_fault(db, what);
        (void) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL); /* may have ended by itself */
        return f;
}

struct fault *sqlite_schema_ensure(sqlite3 *db, const char *path)
{
        int64_t version = 0, application = 0, tables = 0;
        TRY(ask_number(db, "PRAGMA user_version", &version));
        TRY(ask_number(db, "PRAGMA application_id", &application));
        TRY(ask_number(db, "SELECT count(*) FROM sqlite_schema", &tables));

        if (tables == 0 && version == 0 && application == 0) {
                TRY(run_step(db, schema, "create the tables"));
                application = APPLICATION_ID;
                version = 1;
        }
        if (application != APPLICATION_ID)
                return fault(FAULT_PRECONDITION, "STORE_FOREIGN", "%s is a database of another program", path);
        if (version > SCHEMA_VERSION)
                return fault(FAULT_PRECONDITION, "STORE_SCHEMA",
                             "%s has schema version %" PRId64 ", written by a newer vouchsafe; this one knows up to %d",
                             path, version, SCHEMA_VERSION);
        if (version < 1)
                return fault(FAULT_DATA_LOSS, "STORE_CORRUPT", "%s has no schema version", path);
        for (; version < SCHEMA_VERSION; version++)
                TRY(run_step(db, steps[version - 1], "bring the tables up to date"));
        return NULL;
}

/* SQLite itself would notice only when it reads such a page. */
static struct fault *check_length(sqlite3 *db, const char *path, int64_t *ret_size)
{
        int64_t pages = 0, page_size = 0;
        TRY(ask_number(db, "PRAGMA page_count", &pages));
        TRY(ask_number(db, "PRAGMA page_size", &page_size));
        struct stat st;
        if (stat(path, &st) != 0)
                return fault_errno(FAULT_UNAVAILABLE, "STORE", errno, "look at %s", path);
        *ret_size = pages * page_size;
        /* pages may still be in the write-ahead log alone; then it is not empty */
        AUTO_STRING char *log_path = alloc_printf("%s-wal", path);
        struct stat log_st;
        bool has_log = stat(log_path, &log_st) == 0 && log_st.st_size > 0;
        if (!has_log && st.st_size < *ret_size)
                return fault(FAULT_DATA_LOSS, "STORE_CORRUPT",
                             "%s ends after %lld bytes where %" PRId64 " were written", path, (long long) st.st_size,
                             *ret_size);
        return NULL;
}

struct fault *sqlite_check(sqlite3 *db, const char *path)
{
        int64_t size = 0;
        TRY(check_length(db, path, &size));
        if (size >= CHECK_ALL_BELOW)
                return NULL;

        sqlite3_stmt *s = NULL;
        if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL) != SQLITE_OK)
                return sqlite_fault(db, "check the pages");
        struct fault *f = NULL;
        int code = sqlite3_step(s);
        const char *said = code == SQLITE_ROW ? (const char *) sqlite3_column_text(s, 0) : NULL;
        if (code != SQLITE_ROW)
                f = sqlite_fault(db, "check the pages");
        else if (said == NULL || strcmp(said, "ok") != 0)
                f = fault(FAULT_DATA_LOSS, "STORE_CORRUPT", "%s is damaged: %s", path, said == NULL ? "?" : said);
        (void) sqlite3_finalize(s); /* says the step's error again */
        return f;
}
