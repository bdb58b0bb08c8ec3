/* The reading half of the SQLite store. */
#include "issuer/store/sqlite.h"

#define BODY_LIMIT (1u << 20)
#define AK_LIMIT   4096

static struct fault *damaged(const char *what)
{
        return fault(FAULT_DATA_LOSS, "STORE_CORRUPT", "%s in the store has the wrong size", what);
}

static struct fault *copy_row(sqlite3_stmt *s, struct store_row *ret)
{
        struct span id = column_bytes(s, 1), leaf_hash = column_bytes(s, 2);
        if (id.len != RECORD_ID_LEN || leaf_hash.len != SHA256_LEN)
                return damaged("a record");
        AUTO(buf) struct buf body = BUF(BODY_LIMIT);
        TRY(buf_append(&body, column_bytes(s, 4)));
        struct span correction = column_bytes(s, 5);
        if (correction.len != 0 && correction.len != RECORD_ID_LEN)
                return damaged("a record");

        *ret = (struct store_row){
                .index = (uint64_t) sqlite3_column_int64(s, 0),
                .time = {sqlite3_column_int64(s, 3)},
                .body = body,
        };
        body = BUF(0);
        memcpy(ret->id, id.data, RECORD_ID_LEN);
        memcpy(ret->leaf_hash, leaf_hash.data, SHA256_LEN);
        if (correction.len > 0) /* SQLite has no address for nothing */
                memcpy(ret->correction, correction.data, correction.len);
        return NULL;
}

struct fault *sqlite_read_record(struct connection *c, const char *serial_or_id, struct store_row *ret)
{
        sqlite3_stmt *s = sqlite_statement(c, FIND_RECORD);
        bind_text(s, 1, serial_or_id);
        bool found = false;
        TRY(sqlite_row(c, s, "find a record", &found));
        struct fault *f =
                found ? copy_row(s, ret)
                      : fault(FAULT_NOT_FOUND, "NO_RECORD", "no record has the id or serial %s", serial_or_id);
        (void) sqlite3_reset(s); /* nothing failed */
        return f;
}

struct fault *sqlite_read_count(struct connection *c, uint64_t *ret)
{
        sqlite3_stmt *s = sqlite_statement(c, COUNT_RECORDS);
        bool found = false;
        TRY(sqlite_row(c, s, "count the records", &found));
        *ret = found ? (uint64_t) sqlite3_column_int64(s, 0) : 0;
        (void) sqlite3_reset(s); /* nothing failed */
        return NULL;
}

static char *column_string(sqlite3_stmt *s, int at)
{
        const char *text = (const char *) sqlite3_column_text(s, at);
        return text == NULL ? NULL : alloc_string(text);
}

static struct fault *copy_ak(sqlite3_stmt *s, struct span name, struct ak_record **ret)
{
        AUTO(ak_record) struct ak_record *r = NEW(struct ak_record);
        r->name = BUF(AK_LIMIT);
        r->public_area = BUF(AK_LIMIT);
        TRY(buf_append(&r->name, name));
        TRY(buf_append(&r->public_area, column_bytes(s, 0)));
        struct span ek_digest = column_bytes(s, 1);
        if (ek_digest.len != SHA256_LEN)
                return damaged("an attestation key");
        memcpy(r->ek_digest, ek_digest.data, SHA256_LEN);
        r->ek_issuer = column_string(s, 2);
        r->cluster = column_string(s, 3);
        r->node = column_string(s, 4);
        r->enrolled_unix_s = sqlite3_column_int64(s, 5);
        r->ek_not_after_unix_s = sqlite3_column_int64(s, 6);
        r->has_clock = sqlite3_column_int64(s, 7) != 0;
        r->clock_ms = (uint64_t) sqlite3_column_int64(s, 8);
        r->reset_count = (uint32_t) sqlite3_column_int64(s, 9);
        r->restart_count = (uint32_t) sqlite3_column_int64(s, 10);
        r->clock_safe = sqlite3_column_int64(s, 11) != 0;
        struct span ek_root = column_bytes(s, 12);
        if (ek_root.len != 0 && ek_root.len != SHA256_LEN)
                return damaged("an attestation key");
        if (ek_root.len > 0) /* none: zeros, no root's */
                memcpy(r->ek_root, ek_root.data, ek_root.len);
        *ret = TAKE(r);
        return NULL;
}

struct fault *sqlite_read_aks(struct connection *c, struct span after, struct ak_list *ret)
{
        AUTO(ak_list) struct ak_list list = {0};
        sqlite3_stmt *s = sqlite_statement(c, LIST_AKS);
        bind_bytes(s, 1, after);
        bind_int(s, 2, AK_LIST_MAX);
        bool found = true;
        struct fault *f = NULL;
        while (f == NULL && found && list.count < AK_LIST_MAX) {
                f = sqlite_row(c, s, "list the attestation keys", &found);
                if (f == NULL && found)
                        f = copy_ak(s, column_bytes(s, 13), &list.records[list.count]);
                list.count += f == NULL && found;
        }
        (void) sqlite3_reset(s); /* says the step's error again */
        TRY(f);
        *ret = list;
        list.count = 0; /* they are the caller's */
        return NULL;
}

struct fault *sqlite_read_ak(struct connection *c, struct span name, struct ak_record **ret)
{
        sqlite3_stmt *s = sqlite_statement(c, FIND_AK);
        bind_bytes(s, 1, name);
        bool found = false;
        TRY(sqlite_row(c, s, "find an attestation key", &found));
        struct fault *f =
                found ? copy_ak(s, name, ret) : fault(FAULT_NOT_FOUND, "NO_AK", "this attestation key is not enrolled");
        (void) sqlite3_reset(s); /* nothing failed */
        return f;
}

struct fault *sqlite_read_mark(struct connection *c, const char *name, int64_t *ret)
{
        sqlite3_stmt *s = sqlite_statement(c, FIND_MARK);
        bind_text(s, 1, name);
        bool found = false;
        TRY(sqlite_row(c, s, "read a mark", &found));
        *ret = found ? sqlite3_column_int64(s, 0) : 0;
        (void) sqlite3_reset(s); /* nothing failed */
        return NULL;
}
