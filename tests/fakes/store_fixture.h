/* store_fixture: a store in a folder of its own, which is a test's `*state`, and what tests write into it. */
#pragma once

#include <stdio.h>

#include "issuer/store/store.h"
#include "tests/fakes/expect.h"

static const struct wall now = {1795456800000};

struct fixture {
        char dir[32];
        char path[64];
        struct store *store;
};

static inline int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        snprintf(f->dir, sizeof(f->dir), "%s", "/tmp/store-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->path, sizeof(f->path), "%s/db", f->dir);
        expect_ok(store_open_sqlite(f->path, &f->store));
        *state = f;
        return 0;
}

static inline int tear_down(void **state)
{
        struct fixture *f = *state;
        store_close(f->store);
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

static inline void reopen(struct fixture *f)
{
        store_close(TAKE(f->store));
        expect_ok(store_open_sqlite(f->path, &f->store));
}

static inline struct store_record record(const char *id, const char (*serials)[SERIAL_TEXT_MAX], size_t count)
{
        struct store_record r = {
                .body = span_str("{}"), .serials = serials, .serial_count = count, .expires_unix_s = 1795460000};
        memset(r.id, '0', RECORD_ID_LEN);
        memcpy(r.id, id, strlen(id));
        memset(r.leaf_hash, 7, sizeof(r.leaf_hash));
        return r;
}

static inline struct store_commit commit(uint8_t nonce, const struct store_record *records, size_t count,
                                         const struct store_record *replay)
{
        struct store_commit c = {
                .nonce_expires_unix_s = 1795457100, .records = records, .count = count, .replay = replay};
        c.nonce_digest[0] = nonce;
        return c;
}

static inline struct ak_record *ak(const char *name)
{
        struct ak_record *r = NEW(struct ak_record);
        r->name = BUF(64);
        r->public_area = BUF(64);
        expect_ok(buf_append_str(&r->name, name));
        expect_ok(buf_append_str(&r->public_area, "public"));
        memset(r->ek_digest, 9, sizeof(r->ek_digest));
        r->enrolled_unix_s = 1795456800;
        r->ek_not_after_unix_s = 1895456800;
        return r;
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
