/* The SQLite store: opening, the connections, and the table of functions. */
#include "issuer/store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#define READERS         4
#define BUSY_TIMEOUT_MS 5000
/* Of a new file. A record has 4 KiB: pages of that size would each hold its first words and send the rest to a page of its own. What is written
 * together lies together (clock_head), so a larger page is no dearer to write than the records on it. */
#define PAGE_LEN "16384"

struct sqlite_store {
        struct connection writer;
        struct connection readers[READERS];
        atomic_uint next_reader;
        char *path;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Nobody asks SQLite how much memory it has: it would count under a lock, at each block. Refused when it runs already; then it counts. */
static void configure(void)
{
        (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static struct fault *exec(sqlite3 *db, const char *sql)
{
        return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? NULL : sqlite_fault(db, sql);
}

static struct fault *connect_to(const char *path, struct connection *c)
{
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
        if (sqlite3_open_v2(path, &c->db, flags, NULL) != SQLITE_OK)
                return c->db == NULL ? fault(FAULT_UNAVAILABLE, "STORE", "open %s: no memory", path)
                                     : sqlite_fault(c->db, "open");
        (void) sqlite3_busy_timeout(c->db, BUSY_TIMEOUT_MS); /* can't fail */
        return exec(c->db, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; "
                           "PRAGMA page_size = " PAGE_LEN "; " /* of a file that is empty yet */
                           "PRAGMA temp_store = MEMORY" /* no file outside the folder of the database */);
}

/* WAL is kept in the file; where the file system can't have it, SQLite stays with the mode it had and says so. */
static struct fault *use_wal(sqlite3 *db)
{
        sqlite3_stmt *s = NULL;
        if (sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &s, NULL) != SQLITE_OK)
                return sqlite_fault(db, "turn the write-ahead log on");
        int code = sqlite3_step(s);
        const char *mode = code == SQLITE_ROW ? (const char *) sqlite3_column_text(s, 0) : NULL;
        struct fault *f = NULL;
        if (code != SQLITE_ROW)
                f = sqlite_fault(db, "turn the write-ahead log on");
        else if (mode == NULL || strcmp(mode, "wal") != 0)
                f = fault(FAULT_UNAVAILABLE, "STORE", "this file system can't hold a write-ahead log");
        (void) sqlite3_finalize(s); /* says the step's error again */
        TRY(f);
        return exec(db, "PRAGMA synchronous = FULL");
}

/* SQLite would create it with the umask's rights; records are nobody else's business. */
static struct fault *make_file(const char *path)
{
        AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return fault_errno(FAULT_UNAVAILABLE, "STORE", errno, "open");
        return NULL;
}

static struct fault *open_all(struct sqlite_store *s, const char *path)
{
        (void) pthread_once(&once, configure); /* fails only for a bad argument */
        TRY(make_file(path));
        TRY(connect_to(path, &s->writer));
        TRY(use_wal(s->writer.db));
        TRY(sqlite_schema_ensure(s->writer.db, path));
        TRY(sqlite_check(s->writer.db, path));
        TRY(sqlite_prepare(&s->writer));
        for (size_t i = 0; i < READERS; i++) {
                TRY(connect_to(path, &s->readers[i]));
                TRY(sqlite_prepare(&s->readers[i]));
                TRY(exec(s->readers[i].db, "PRAGMA query_only = ON"));
        }
        return NULL;
}

static struct connection *lock_writer(struct sqlite_store *s)
{
        pthread_mutex_lock(&s->writer.mu);
        return &s->writer;
}

/* The next idle reader, or, when all are busy, the one whose turn it is. */
static struct connection *lock_reader(struct sqlite_store *s)
{
        unsigned first = atomic_fetch_add(&s->next_reader, 1);
        for (unsigned i = 0; i < READERS; i++)
                if (pthread_mutex_trylock(&s->readers[(first + i) % READERS].mu) == 0)
                        return &s->readers[(first + i) % READERS];
        pthread_mutex_lock(&s->readers[first % READERS].mu);
        return &s->readers[first % READERS];
}

static struct fault *unlock(struct connection *c, struct fault *f)
{
        pthread_mutex_unlock(&c->mu);
        return f;
}

static struct fault *write_commits(void *self, struct store_commit *const *commits, size_t count, struct wall now)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_commits(c, commits, count, now));
}

static struct fault *use_nonce(void *self, const uint8_t digest[SHA256_LEN], int64_t expires_unix_s)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_nonce(c, digest, expires_unix_s));
}

static struct fault *sweep_nonces(void *self, int64_t before_unix_s, uint64_t *ret_deleted)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_sweep(c, before_unix_s, ret_deleted));
}

static struct fault *put_ak(void *self, const struct ak_record *r, uint64_t *ret_retired)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_ak(c, r, ret_retired));
}

static struct fault *delete_ak(void *self, struct span name)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_ak_delete(c, name));
}

static struct fault *find_record(void *self, const char *serial_or_id, struct store_row *ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_record(c, serial_or_id, ret));
}

static struct fault *count_records(void *self, uint64_t *ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_count(c, ret));
}

static struct fault *find_ak(void *self, struct span name, struct ak_record **ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_ak(c, name, ret));
}

static struct fault *list_aks(void *self, struct span after, struct ak_list *ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_aks(c, after, ret));
}

static struct fault *raise_mark(void *self, const char *name, int64_t value)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_mark(c, name, value));
}

static struct fault *find_mark(void *self, const char *name, int64_t *ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_mark(c, name, ret));
}

static struct fault *put_endorsement(void *self, const struct endorsement *e, uint64_t count_max)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_endorsement(c, e, count_max));
}

static struct fault *put_off_endorsement(void *self, const char *path, int64_t due_unix_s)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_put_off(c, path, due_unix_s));
}

static struct fault *find_endorsement(void *self, const char *path, struct endorsement **ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_endorsement(c, path, ret));
}

static struct fault *list_endorsements(void *self, const char *after, struct endorsement_list *ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_endorsements(c, after, ret));
}

static struct fault *due_endorsements(void *self, int64_t now_unix_s, struct endorsement_list *ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_due(c, now_unix_s, ret));
}

static struct fault *sum_endorsements(void *self, struct endorsement_sum ret[ENDORSEMENT_SORTS_MAX])
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_sum(c, ret));
}

static struct fault *put_key(void *self, const struct stored_key *k, const struct key_version *v)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_key(c, k, v));
}

static struct fault *change_key_version(void *self, const char *id, const struct key_version *v)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_key_version(c, id, v));
}

static struct fault *destroy_key(void *self, const char *id, uint32_t version)
{
        struct connection *c = lock_writer(self);
        return unlock(c, sqlite_write_key_destroy(c, id, version));
}

static struct fault *find_key(void *self, const char *name, struct stored_key **ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_key(c, name, ret));
}

static struct fault *list_keys(void *self, const char *after, struct stored_key_list *ret)
{
        struct connection *c = lock_reader(self);
        return unlock(c, sqlite_read_keys(c, after, ret));
}

static struct fault *room(void *self, uint64_t *ret_bytes)
{
        const struct sqlite_store *s = self;
        struct statvfs disk;
        if (statvfs(s->path, &disk) != 0)
                return fault_errno(FAULT_UNAVAILABLE, "STORE", errno, "look at the disk of %s", s->path);
        *ret_bytes = (uint64_t) disk.f_bavail * disk.f_frsize;
        return NULL;
}

static void disconnect(struct connection *c)
{
        for (size_t i = 0; i < STATEMENT_COUNT; i++)
                (void) sqlite3_finalize(c->statements[i]); /* says the last step's error again */
        (void) sqlite3_close_v2(c->db);                    /* fails only by misuse */
        (void) pthread_mutex_destroy(&c->mu);              /* nobody holds it */
}

static void close_all(void *self)
{
        struct sqlite_store *s = self;
        for (size_t i = 0; i < READERS; i++)
                disconnect(&s->readers[i]);
        disconnect(&s->writer); /* last: it folds the write-ahead log into the file */
        free(s->path);
        free(s);
}

static const struct store_backend sqlite_backend = {
        .name = "sqlite",
        .write = write_commits,
        .find_record = find_record,
        .count_records = count_records,
        .use_nonce = use_nonce,
        .sweep_nonces = sweep_nonces,
        .put_ak = put_ak,
        .find_ak = find_ak,
        .list_aks = list_aks,
        .delete_ak = delete_ak,
        .raise_mark = raise_mark,
        .find_mark = find_mark,
        .put_endorsement = put_endorsement,
        .find_endorsement = find_endorsement,
        .list_endorsements = list_endorsements,
        .due_endorsements = due_endorsements,
        .put_off_endorsement = put_off_endorsement,
        .sum_endorsements = sum_endorsements,
        .put_key = put_key,
        .find_key = find_key,
        .list_keys = list_keys,
        .change_key_version = change_key_version,
        .destroy_key = destroy_key,
        .room = room,
        .close = close_all,
};

struct fault *store_open_sqlite(const char *path, struct store **ret)
{
        struct sqlite_store *s = NEW(struct sqlite_store);
        s->path = alloc_string(path);
        pthread_mutex_init(&s->writer.mu, NULL); /* default attributes: can't fail */
        for (size_t i = 0; i < READERS; i++)
                pthread_mutex_init(&s->readers[i].mu, NULL);
        struct fault *f = open_all(s, path);
        if (f != NULL) {
                close_all(s);
                return fault_prefix(f, "store %s", path);
        }
        struct store *store = NEW(struct store);
        *store = (struct store){&sqlite_backend, s};
        *ret = store;
        return NULL;
}
