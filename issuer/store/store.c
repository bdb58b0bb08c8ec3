#include "issuer/store/store.h"

#include "issuer/store/backend.h"

/* A nonce's row outlives it by this much, so that a request that was in time when it was checked still finds it. */
#define NONCE_GRACE_S 60

struct fault *store_write(struct store *s, struct store_commit *const *commits, size_t count, struct wall now)
{
        return s->backend->write(s->self, commits, count, now);
}

struct fault *store_find_record(struct store *s, const char *serial_or_id, struct store_row *ret)
{
        return s->backend->find_record(s->self, serial_or_id, ret);
}

void store_row_clear(struct store_row *r)
{
        buf_clear(&r->body);
}

struct fault *store_count_records(struct store *s, uint64_t *ret)
{
        return s->backend->count_records(s->self, ret);
}

struct fault *store_use_nonce(struct store *s, const uint8_t digest[SHA256_LEN], int64_t expires_unix_s,
                              struct wall now)
{
        if (wall_unix_s(now) >= expires_unix_s)
                return fault(FAULT_DENIED, "NONCE_EXPIRED", "the nonce expired %lld s ago",
                             (long long) (wall_unix_s(now) - expires_unix_s));
        return s->backend->use_nonce(s->self, digest, expires_unix_s);
}

struct fault *store_sweep_nonces(struct store *s, struct wall now, uint64_t *ret_deleted)
{
        return s->backend->sweep_nonces(s->self, wall_unix_s(now) - NONCE_GRACE_S, ret_deleted);
}

struct fault *store_put_ak(struct store *s, const struct ak_record *r, uint64_t *ret_retired)
{
        uint64_t retired = 0;
        TRY(s->backend->put_ak(s->self, r, &retired));
        if (ret_retired != NULL)
                *ret_retired = retired;
        return NULL;
}

struct fault *store_find_ak(struct store *s, struct span name, struct ak_record **ret)
{
        return s->backend->find_ak(s->self, name, ret);
}

struct fault *store_list_aks(struct store *s, struct span after, struct ak_list *ret)
{
        return s->backend->list_aks(s->self, after, ret);
}

void ak_list_clear(struct ak_list *l)
{
        while (l->count > 0)
                ak_record_free(l->records[--l->count]);
}

struct fault *store_delete_ak(struct store *s, struct span name)
{
        return s->backend->delete_ak(s->self, name);
}

struct fault *store_raise_mark(struct store *s, const char *name, int64_t value)
{
        return s->backend->raise_mark(s->self, name, value);
}

struct fault *store_find_mark(struct store *s, const char *name, int64_t *ret)
{
        return s->backend->find_mark(s->self, name, ret);
}

struct fault *store_put_endorsement(struct store *s, const struct endorsement *e, uint64_t count_max)
{
        return s->backend->put_endorsement(s->self, e, count_max);
}

struct fault *store_find_endorsement(struct store *s, const char *path, struct endorsement **ret)
{
        return s->backend->find_endorsement(s->self, path, ret);
}

struct fault *store_list_endorsements(struct store *s, const char *after, struct endorsement_list *ret)
{
        return s->backend->list_endorsements(s->self, after, ret);
}

struct fault *store_due_endorsements(struct store *s, struct wall now, struct endorsement_list *ret)
{
        return s->backend->due_endorsements(s->self, wall_unix_s(now), ret);
}

struct fault *store_put_off_endorsement(struct store *s, const char *path, int64_t due_unix_s)
{
        return s->backend->put_off_endorsement(s->self, path, due_unix_s);
}

struct fault *store_sum_endorsements(struct store *s, struct endorsement_sum ret[ENDORSEMENT_SORTS_MAX])
{
        return s->backend->sum_endorsements(s->self, ret);
}

void endorsement_free(struct endorsement *e)
{
        if (e == NULL)
                return;
        free(e->path);
        buf_clear(&e->body);
        buf_clear(&e->chain);
        free(e);
}

void endorsement_list_clear(struct endorsement_list *l)
{
        while (l->count > 0)
                endorsement_free(l->items[--l->count]);
}

struct fault *store_put_key(struct store *s, const struct stored_key *k, const struct key_version *v)
{
        return s->backend->put_key(s->self, k, v);
}

struct fault *store_find_key(struct store *s, const char *name, struct stored_key **ret)
{
        return s->backend->find_key(s->self, name, ret);
}

struct fault *store_list_keys(struct store *s, const char *after, struct stored_key_list *ret)
{
        return s->backend->list_keys(s->self, after, ret);
}

struct fault *store_change_key_version(struct store *s, const char *id, const struct key_version *v)
{
        return s->backend->change_key_version(s->self, id, v);
}

struct fault *store_destroy_key(struct store *s, const char *id, uint32_t version)
{
        return s->backend->destroy_key(s->self, id, version);
}

void key_version_clear(struct key_version *v)
{
        buf_clear(&v->spki);
        buf_clear(&v->wrapped);
        buf_clear(&v->sealed);
        buf_clear(&v->leaf);
        buf_clear(&v->issuer);
}

void stored_key_free(struct stored_key *k)
{
        if (k == NULL)
                return;
        free(k->name);
        free(k->owner);
        free(k->identity);
        for (size_t i = 0; i < k->version_count; i++)
                key_version_clear(&k->versions[i]);
        free(k);
}

void stored_key_list_clear(struct stored_key_list *l)
{
        while (l->count > 0)
                stored_key_free(l->items[--l->count]);
}

struct fault *store_room(struct store *s, uint64_t *ret_bytes)
{
        return s->backend->room(s->self, ret_bytes);
}

struct fault *store_check_writable(struct store *s, struct wall now)
{
        uint64_t bytes = 0;
        TRY(store_room(s, &bytes));
        if (bytes < STORE_ROOM_MIN)
                return fault(FAULT_UNAVAILABLE, "STORE_FULL", "the ledger's disk has %llu bytes left",
                             (unsigned long long) bytes);
        return store_raise_mark(s, "write-probe", now.unix_ms);
}

void store_close(struct store *s)
{
        if (s == NULL)
                return;
        s->backend->close(s->self);
        free(s);
}
