/* Endorsements in the SQLite store. */
#include "issuer/store/sqlite.h"

struct fault *sqlite_write_endorsement(struct connection *c, const struct endorsement *e, uint64_t count_max)
{
        sqlite3_stmt *s = sqlite_statement(c, PUT_ENDORSEMENT);
        bind_text(s, 1, e->path);
        bind_int(s, 2, e->sort);
        bind_int(s, 3, e->fetched_unix_s);
        bind_int(s, 4, e->issued_unix_s);
        bind_int(s, 5, e->ends_unix_s);
        bind_int(s, 6, e->due_unix_s);
        bind_int(s, 7, e->number);
        bind_bytes(s, 8, buf_span(&e->body));
        bind_bytes(s, 9, buf_span(&e->chain));
        TRY(sqlite_run(c, s, "keep an endorsement"));

        s = sqlite_statement(c,
                             RETIRE_ENDORSEMENTS); /* a crash in between leaves one too many until the next one comes */
        bind_int(s, 1, (int64_t) count_max);
        bind_text(s, 2, e->path);
        return sqlite_run(c, s, "retire an endorsement");
}

struct fault *sqlite_write_put_off(struct connection *c, const char *path, int64_t due_unix_s)
{
        sqlite3_stmt *s = sqlite_statement(c, PUT_OFF_ENDORSEMENT);
        bind_text(s, 1, path);
        bind_int(s, 2, due_unix_s);
        return sqlite_run(c, s, "put an endorsement's renewal off");
}

static struct endorsement *copy_head(sqlite3_stmt *s)
{
        struct endorsement *e = NEW(struct endorsement);
        struct span path = column_bytes(s, 0);
        e->path = alloc_printf("%.*s", (int) path.len, (const char *) path.data);
        e->sort = (int) sqlite3_column_int64(s, 1);
        e->fetched_unix_s = sqlite3_column_int64(s, 2);
        e->issued_unix_s = sqlite3_column_int64(s, 3);
        e->ends_unix_s = sqlite3_column_int64(s, 4);
        e->due_unix_s = sqlite3_column_int64(s, 5);
        e->number = sqlite3_column_int64(s, 6);
        e->body = BUF(ENDORSEMENT_MAX);
        e->chain = BUF(ENDORSEMENT_MAX);
        return e;
}

static struct fault *copy_whole(sqlite3_stmt *s, struct endorsement **ret)
{
        AUTO(endorsement) struct endorsement *e = copy_head(s);
        TRY(buf_append(&e->body, column_bytes(s, 7)));
        TRY(buf_append(&e->chain, column_bytes(s, 8)));
        *ret = TAKE(e);
        return NULL;
}

struct fault *sqlite_read_endorsement(struct connection *c, const char *path, struct endorsement **ret)
{
        sqlite3_stmt *s = sqlite_statement(c, FIND_ENDORSEMENT);
        bind_text(s, 1, path);
        bool found = false;
        TRY(sqlite_row(c, s, "find an endorsement", &found));
        struct fault *f =
                found ? copy_whole(s, ret) : fault(FAULT_NOT_FOUND, "NO_ENDORSEMENT", "%s is not there", path);
        (void) sqlite3_reset(s); /* nothing failed */
        return f;
}

/* All rows that the statement, bound already, answers. */
static struct fault *read_list(struct connection *c, sqlite3_stmt *s, struct endorsement_list *ret)
{
        AUTO(endorsement_list) struct endorsement_list list = {0};
        bind_int(s, 2, ENDORSEMENT_LIST_MAX);
        bool found = true;
        struct fault *f = NULL;
        while (f == NULL && found && list.count < ENDORSEMENT_LIST_MAX) {
                f = sqlite_row(c, s, "list endorsements", &found);
                if (f == NULL && found)
                        list.items[list.count++] = copy_head(s);
        }
        (void) sqlite3_reset(s); /* says the step's error again */
        TRY(f);
        *ret = list;
        list.count = 0; /* they are the caller's */
        return NULL;
}

struct fault *sqlite_read_endorsements(struct connection *c, const char *after, struct endorsement_list *ret)
{
        sqlite3_stmt *s = sqlite_statement(c, LIST_ENDORSEMENTS);
        bind_text(s, 1, after);
        return read_list(c, s, ret);
}

struct fault *sqlite_read_due(struct connection *c, int64_t now_unix_s, struct endorsement_list *ret)
{
        sqlite3_stmt *s = sqlite_statement(c, DUE_ENDORSEMENTS);
        bind_int(s, 1, now_unix_s);
        return read_list(c, s, ret);
}

struct fault *sqlite_read_sum(struct connection *c, struct endorsement_sum ret[ENDORSEMENT_SORTS_MAX])
{
        struct endorsement_sum sums[ENDORSEMENT_SORTS_MAX] = {0};
        sqlite3_stmt *s = sqlite_statement(c, SUM_ENDORSEMENTS);
        bool found = true;
        struct fault *f = NULL;
        while (f == NULL && found) {
                f = sqlite_row(c, s, "count endorsements", &found);
                int64_t sort = f == NULL && found ? sqlite3_column_int64(s, 0) : -1;
                if (sort >= 0 && sort < ENDORSEMENT_SORTS_MAX)
                        sums[sort] = (struct endorsement_sum){(uint64_t) sqlite3_column_int64(s, 1),
                                                              sqlite3_column_int64(s, 2)};
        }
        (void) sqlite3_reset(s); /* says the step's error again */
        TRY(f);
        memcpy(ret, sums, sizeof sums);
        return NULL;
}
