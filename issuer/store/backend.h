/* backend: what a database must be able to do for the store. Adding one is a file set and a store_open_ function; store.c hands calls
 * on. The meaning of every function is that of its namesake in store.h; all are thread-safe. */
#pragma once

#include "issuer/store/store.h"

struct store_backend {
        const char *name;
        struct fault *(*write)(void *self, struct store_commit *const *commits, size_t count, struct wall now);
        struct fault *(*find_record)(void *self, const char *serial_or_id, struct store_row *ret);
        struct fault *(*count_records)(void *self, uint64_t *ret);
        struct fault *(*use_nonce)(void *self, const uint8_t digest[SHA256_LEN], int64_t expires_unix_s);
        struct fault *(*sweep_nonces)(void *self, int64_t before_unix_s, uint64_t *ret_deleted);
        struct fault *(*put_ak)(void *self, const struct ak_record *r, uint64_t *ret_retired);
        struct fault *(*find_ak)(void *self, struct span name, struct ak_record **ret);
        struct fault *(*list_aks)(void *self, struct span after, struct ak_list *ret);
        struct fault *(*delete_ak)(void *self, struct span name);
        struct fault *(*raise_mark)(void *self, const char *name, int64_t value);
        struct fault *(*find_mark)(void *self, const char *name, int64_t *ret);
        struct fault *(*put_endorsement)(void *self, const struct endorsement *e, uint64_t count_max);
        struct fault *(*find_endorsement)(void *self, const char *path, struct endorsement **ret);
        struct fault *(*list_endorsements)(void *self, const char *after, struct endorsement_list *ret);
        struct fault *(*due_endorsements)(void *self, int64_t now_unix_s, struct endorsement_list *ret);
        struct fault *(*put_off_endorsement)(void *self, const char *path, int64_t due_unix_s);
        struct fault *(*sum_endorsements)(void *self, struct endorsement_sum ret[ENDORSEMENT_SORTS_MAX]);
        struct fault *(*put_key)(void *self, const struct stored_key *k, const struct key_version *v);
        struct fault *(*find_key)(void *self, const char *name, struct stored_key **ret);
        struct fault *(*list_keys)(void *self, const char *after, struct stored_key_list *ret);
        struct fault *(*change_key_version)(void *self, const char *id, const struct key_version *v);
        struct fault *(*destroy_key)(void *self, const char *id, uint32_t version);
        struct fault *(*room)(void *self, uint64_t *ret_bytes);
        void (*close)(void *self);
};
struct store {
        const struct store_backend *backend;
        void *self;
};
