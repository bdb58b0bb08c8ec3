/* Stored keys in the SQLite store. What is destroyed is overwritten before its row goes: SQLite leaves deleted bytes in the file. */
#include "issuer/store/sqlite.h"

static struct fault *run(struct connection *c, enum statement which, const char *what)
{
        return sqlite_run(c, sqlite_statement(c, which), what);
}

/* Ends the transaction as `f` says. */
static struct fault *end(struct connection *c, struct fault *f)
{
        if (f == NULL)
                f = run(c, COMMIT, "commit a stored key");
        if (f != NULL && sqlite3_get_autocommit(c->db) == 0) {
                AUTO(fault)
                struct fault *ignored = run(c, ROLLBACK, "roll back"); /* the first fault is the one to tell */
                (void) ignored;
        }
        return f;
}

static struct fault *add_head(struct connection *c, const struct stored_key *k)
{
        sqlite3_stmt *s = sqlite_statement(c, ADD_KEY);
        bind_text(s, 1, k->id);
        bind_text(s, 2, k->name);
        bind_text(s, 3, k->owner);
        bind_text(s, 4, k->identity);
        bind_text(s, 5, k->algorithm);
        bind_int(s, 6, k->created_unix_s);
        TRY(sqlite_run(c, s, "add a stored key"));
        if (sqlite3_changes(c->db) != 1)
                return fault(FAULT_EXISTS, "KEY_EXISTS", "there is a key %s already", k->name);
        return NULL;
}

static struct fault *raise_newest(struct connection *c, const struct stored_key *k, uint32_t version)
{
        sqlite3_stmt *s = sqlite_statement(c, RAISE_KEY);
        bind_text(s, 1, k->id);
        bind_int(s, 2, version);
        TRY(sqlite_run(c, s, "raise a key's version"));
        if (sqlite3_changes(c->db) != 1)
                return fault(FAULT_ABORTED, "KEY_CHANGED", "key %s was rotated or destroyed meanwhile", k->name);
        return NULL;
}

static void bind_credential(sqlite3_stmt *s, int from, const struct key_version *v)
{
        bind_text(s, from, v->kek);
        bind_bytes(s, from + 1, buf_span(&v->wrapped));
        bind_bytes(s, from + 2, buf_span(&v->leaf));
        bind_bytes(s, from + 3, buf_span(&v->issuer));
        bind_int(s, from + 4, v->not_before_unix_s);
        bind_int(s, from + 5, v->not_after_unix_s);
        bind_text(s, from + 6, v->serial);
        bind_text(s, from + 7, v->record);
}

static struct fault *add_version(struct connection *c, const char *id, const struct key_version *v)
{
        sqlite3_stmt *s = sqlite_statement(c, ADD_KEY_VERSION);
        bind_text(s, 1, id);
        bind_int(s, 2, v->version);
        bind_int(s, 3, v->created_unix_s);
        bind_bytes(s, 4, buf_span(&v->spki));
        bind_bytes(s, 5, buf_span(&v->sealed));
        bind_credential(s, 6, v);
        return sqlite_run(c, s, "add a key's version");
}

struct fault *sqlite_write_key(struct connection *c, const struct stored_key *k, const struct key_version *v)
{
        TRY(run(c, BEGIN, "begin"));
        struct fault *f = v->version == 1 ? add_head(c, k) : raise_newest(c, k, v->version);
        return end(c, f != NULL ? f : add_version(c, k->id, v));
}

struct fault *sqlite_write_key_version(struct connection *c, const char *id, const struct key_version *v)
{
        sqlite3_stmt *s = sqlite_statement(c, CHANGE_KEY_VERSION);
        bind_text(s, 1, id);
        bind_int(s, 2, v->version);
        bind_credential(s, 3, v);
        TRY(sqlite_run(c, s, "change a key's version"));
        return sqlite3_changes(c->db) == 1 ? NULL : fault(FAULT_NOT_FOUND, "NO_KEY", "that version was destroyed");
}

static struct fault *destroy(struct connection *c, const char *id, uint32_t version)
{
        static const enum statement some[] = {BLANK_KEY_VERSIONS, DELETE_KEY_VERSIONS};
        for (size_t i = 0; i < COUNT_OF(some); i++) {
                sqlite3_stmt *s = sqlite_statement(c, some[i]);
                bind_text(s, 1, id);
                bind_int(s, 2, version);
                TRY(sqlite_run(c, s, "destroy a key's versions"));
        }
        if (sqlite3_changes(c->db) == 0)
                return fault(FAULT_NOT_FOUND, "NO_KEY", "the key has no version %u", version);
        if (version != 0)
                return NULL;
        sqlite3_stmt *s = sqlite_statement(c, DELETE_KEY);
        bind_text(s, 1, id);
        return sqlite_run(c, s, "destroy a key");
}

struct fault *sqlite_write_key_destroy(struct connection *c, const char *id, uint32_t version)
{
        TRY(run(c, BEGIN, "begin"));
        return end(c, destroy(c, id, version));
}

/* ---- reading ---- */

static char *column_string(sqlite3_stmt *s, int at)
{
        struct span text = column_bytes(s, at);
        return alloc_printf("%.*s", (int) text.len, (const char *) text.data);
}

/* Faults where somebody wrote a longer text than we do. */
static struct fault *column_into(sqlite3_stmt *s, int at, size_t size, char *ret)
{
        struct span text = column_bytes(s, at);
        if (text.len >= size || span_has_nul(text))
                return fault(FAULT_DATA_LOSS, "STORE_CORRUPT", "a stored key's row is not as it was written");
        if (text.len > 0)
                memcpy(ret, text.data, text.len);
        ret[text.len] = '\0';
        return NULL;
}

static struct fault *column_buf(sqlite3_stmt *s, int at, struct buf *ret)
{
        *ret = BUF(KEY_BLOB_MAX);
        return buf_append(ret, column_bytes(s, at));
}

static struct fault *copy_head(sqlite3_stmt *s, struct stored_key **ret)
{
        AUTO(stored_key) struct stored_key *k = NEW(struct stored_key);
        k->name = column_string(s, 1);
        k->owner = column_string(s, 2);
        k->identity = column_string(s, 3);
        k->created_unix_s = sqlite3_column_int64(s, 5);
        k->newest = (uint32_t) sqlite3_column_int64(s, 6);
        TRY(column_into(s, 0, sizeof k->id, k->id));
        TRY(column_into(s, 4, sizeof k->algorithm, k->algorithm));
        *ret = TAKE(k);
        return NULL;
}

static struct fault *copy_version(sqlite3_stmt *s, struct key_version *v)
{
        v->version = (uint32_t) sqlite3_column_int64(s, 0);
        v->created_unix_s = sqlite3_column_int64(s, 1);
        TRY(column_buf(s, 2, &v->spki));
        TRY(column_buf(s, 3, &v->sealed));
        TRY(column_into(s, 4, sizeof v->kek, v->kek));
        TRY(column_buf(s, 5, &v->wrapped));
        TRY(column_buf(s, 6, &v->leaf));
        TRY(column_buf(s, 7, &v->issuer));
        v->not_before_unix_s = sqlite3_column_int64(s, 8);
        v->not_after_unix_s = sqlite3_column_int64(s, 9);
        TRY(column_into(s, 10, sizeof v->serial, v->serial));
        return column_into(s, 11, sizeof v->record, v->record);
}

static struct fault *read_versions(struct connection *c, struct stored_key *k)
{
        sqlite3_stmt *s = sqlite_statement(c, LIST_KEY_VERSIONS);
        bind_text(s, 1, k->id);
        bind_int(s, 2, KEY_VERSIONS_MAX);
        bool found = true;
        struct fault *f = NULL;
        while (f == NULL && found && k->version_count < KEY_VERSIONS_MAX) {
                f = sqlite_row(c, s, "read a key's versions", &found);
                if (f == NULL && found)
                        f = copy_version(s, &k->versions[k->version_count++]);
        }
        (void) sqlite3_reset(s); /* says the step's error again */
        return f;
}

struct fault *sqlite_read_key(struct connection *c, const char *name, struct stored_key **ret)
{
        AUTO(stored_key) struct stored_key *k = NULL;
        sqlite3_stmt *s = sqlite_statement(c, FIND_KEY);
        bind_text(s, 1, name);
        bool found = false;
        TRY(sqlite_row(c, s, "find a stored key", &found));
        struct fault *f =
                found ? copy_head(s, &k) : fault(FAULT_NOT_FOUND, "NO_KEY", "there is no key \"%.80s\"", name);
        (void) sqlite3_reset(s); /* nothing failed */
        TRY(f);
        TRY(read_versions(c, k));
        *ret = TAKE(k);
        return NULL;
}

struct fault *sqlite_read_keys(struct connection *c, const char *after, struct stored_key_list *ret)
{
        AUTO(stored_key_list) struct stored_key_list list = {0};
        sqlite3_stmt *s = sqlite_statement(c, LIST_KEYS);
        bind_text(s, 1, after);
        bind_int(s, 2, STORED_KEYS_MAX);
        bool found = true;
        struct fault *f = NULL;
        while (f == NULL && found && list.count < STORED_KEYS_MAX) {
                f = sqlite_row(c, s, "list stored keys", &found);
                if (f == NULL && found)
                        f = copy_head(s, &list.items[list.count]);
                if (f == NULL && found)
                        list.count++;
        }
        (void) sqlite3_reset(s); /* says the step's error again */
        TRY(f);
        *ret = list;
        list.count = 0; /* they are the caller's */
        return NULL;
}
