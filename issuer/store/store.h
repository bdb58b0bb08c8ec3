/* store: where the issuer keeps what must survive: records, serials, used nonces, attestation keys.
 *
 * It stores bytes and refuses to know what they mean: the ledger makes records and their hashes, the verifier judges keys. What a database can do
 * is a table of functions (issuer/store/backend.h) with one file set a database; SQLite is the only place that sees sqlite3.h.
 * SQLite runs in WAL mode with synchronous=FULL: what was acknowledged is on disk. The schema carries a version; a newer one is refused
 * with a message ("STORE_SCHEMA"), somebody else's file is ("STORE_FOREIGN"), a torn one is ("STORE_CORRUPT").
 * Thread-safe: one writer connection behind a lock, readers of their own. */
#pragma once

#include "issuer/store/stored_key.h"
#include "issuer/verifier/verifier.h"

#define RECORD_ID_LEN   32
#define SERIAL_TEXT_MAX 40 /* with its NUL: 32 hex digits, or a jti */

struct store;
struct fault *store_open_sqlite(const char *path, struct store **ret) MUST_USE;
void store_close(struct store *s);

struct store_record {
        struct span body; /* canonical JSON */
        uint8_t leaf_hash[SHA256_LEN];
        char id[RECORD_ID_LEN + 1];
        size_t serial_count;
        const char (*serials)[SERIAL_TEXT_MAX];
        int64_t expires_unix_s; /* of the serials */
        const char *corrects;   /* id of the record that this one corrects; NULL: none */
};
struct store_commit {
        bool without_nonce; /* of our own making: nobody asked with one */
        uint8_t nonce_digest[SHA256_LEN];
        int64_t nonce_expires_unix_s;
        size_t count;
        const struct store_record *records;
        const struct store_record *replay; /* written instead of `records` when the nonce was used before */
        bool has_ak;                       /* move this AK's clock forward; one that is further already stays */
        struct span ak_name;
        bool clock_safe;
        uint64_t clock_ms;
        uint32_t reset_count, restart_count;
        /* Out. NULL: written. FAULT_DENIED "nonce.replayed": `replay` was written. FAULT_INTERNAL "RECORD_CONFLICT": a record or serial
         * exists already; nothing of this commit but the nonce's use was written. Owned by the caller. */
        struct fault *ret_outcome;
};
/* Writes several commits in one transaction with full sync. A fault (FAULT_UNAVAILABLE "STORE") means that nothing of any of them was
 * written; then outcomes are NULL. */
struct fault *store_write(struct store *s, struct store_commit *const *commits, size_t count, struct wall now) MUST_USE;

struct store_row {
        uint64_t index;
        char id[RECORD_ID_LEN + 1];
        uint8_t leaf_hash[SHA256_LEN];
        struct wall time;
        struct buf body;
        char correction[RECORD_ID_LEN + 1]; /* id of the record that corrects this one; "": none */
};
/* NOT_FOUND "NO_RECORD". */
struct fault *store_find_record(struct store *s, const char *serial_or_id, struct store_row *ret) MUST_USE;
void store_row_clear(struct store_row *r);
DEFINE_AUTO_VALUE(store_row)
struct fault *store_count_records(struct store *s, uint64_t *ret) MUST_USE;

/* FAULT_EXISTS "NONCE_USED" when it was used before. Single use of enrolment challenges and of nonces without a decision. One that
 * has expired is FAULT_DENIED "NONCE_EXPIRED": its row may have been swept. */
struct fault *store_use_nonce(struct store *s, const uint8_t digest[SHA256_LEN], int64_t expires_unix_s,
                              struct wall now) MUST_USE;
/* Deletes nonces that expired over a minute ago (a bounded number at a time); returns how many. The ledger does it between commits. */
struct fault *store_sweep_nonces(struct store *s, struct wall now, uint64_t *ret_deleted) MUST_USE;

/* Replaces by name, but for the clock: the later one of the two stays. An endorsement key has AKS_PER_EK_MAX keys at most: beyond that the
 * one that was enrolled longest ago goes; *ret_retired (may be NULL): how many went. */
#define AKS_PER_EK_MAX 8
struct fault *store_put_ak(struct store *s, const struct ak_record *r, uint64_t *ret_retired) MUST_USE;
struct fault *store_find_ak(struct store *s, struct span name, struct ak_record **ret) MUST_USE; /* NOT_FOUND "NO_AK" */
#define AK_LIST_MAX 512
struct ak_list {
        size_t count;
        struct ak_record *records[AK_LIST_MAX];
};
/* By name, those after the name `after` (empty: from the first). A full list may have more behind it. */
struct fault *store_list_aks(struct store *s, struct span after, struct ak_list *ret) MUST_USE;
void ak_list_clear(struct ak_list *l);
DEFINE_AUTO_VALUE(ak_list)
/* The key with its clock: enrolled anew, it begins with the clock that it has then. NOT_FOUND "NO_AK". */
struct fault *store_delete_ak(struct store *s, struct span name) MUST_USE;

/* Marks: numbers by name that only rise, over restarts. One that was never raised is 0. */
struct fault *store_raise_mark(struct store *s, const char *name, int64_t value) MUST_USE;
struct fault *store_find_mark(struct store *s, const char *name, int64_t *ret) MUST_USE;

/* Endorsements: what makers of TEEs have said, by canonical path (issuer/endorse). Bytes as they came; the numbers beside them are what was
 * read in those bytes, and prove nothing. */
struct endorsement {
        char *path;
        int sort;               /* issuer/endorse/sort.h */
        struct buf body, chain; /* chain: PEM, empty where there is none. Lists leave both empty */
        int64_t fetched_unix_s, issued_unix_s, ends_unix_s, due_unix_s; /* 0: unsaid; due: to be fetched again */
        int64_t number;                                                 /* Intel's evaluation number; 0: none */
};
void endorsement_free(struct endorsement *e);
DEFINE_AUTO(endorsement)
#define ENDORSEMENT_MAX       ((size_t) 1 << 20) /* body or chain */
#define ENDORSEMENT_SORTS_MAX 16
#define ENDORSEMENT_LIST_MAX  64
struct endorsement_list {
        size_t count;
        struct endorsement *items[ENDORSEMENT_LIST_MAX];
};
void endorsement_list_clear(struct endorsement_list *l);
DEFINE_AUTO_VALUE(endorsement_list)
struct endorsement_sum { /* of one sort */
        uint64_t count;
        int64_t ends_unix_s; /* the earliest; 0: none has an end */
};
/* Replaces by path. Past `count_max` those that came longest ago go. */
struct fault *store_put_endorsement(struct store *s, const struct endorsement *e, uint64_t count_max) MUST_USE;
struct fault *store_find_endorsement(struct store *s, const char *path,
                                     struct endorsement **ret) MUST_USE; /* NOT_FOUND "NO_ENDORSEMENT" */
/* By path, those after `after` (empty: from the first). */
struct fault *store_list_endorsements(struct store *s, const char *after, struct endorsement_list *ret) MUST_USE;
/* Those due at `now`, the longest first. */
struct fault *store_due_endorsements(struct store *s, struct wall now, struct endorsement_list *ret) MUST_USE;
struct fault *store_put_off_endorsement(struct store *s, const char *path, int64_t due_unix_s) MUST_USE;
struct fault *store_sum_endorsements(struct store *s, struct endorsement_sum ret[ENDORSEMENT_SORTS_MAX]) MUST_USE;

/* Stored keys (issuer/keystore). A version and, when it is the first, the key: one transaction. FAULT_EXISTS "KEY_EXISTS": the name is taken;
 * FAULT_ABORTED "KEY_CHANGED": version `v->version` is not the next one. */
struct fault *store_put_key(struct store *s, const struct stored_key *k, const struct key_version *v) MUST_USE;
struct fault *store_find_key(struct store *s, const char *name,
                             struct stored_key **ret) MUST_USE; /* NOT_FOUND "NO_KEY" */
/* By name, those after `after` (empty: from the first), without their versions. */
struct fault *store_list_keys(struct store *s, const char *after, struct stored_key_list *ret) MUST_USE;
/* What may change of a version: KEK and wrapped data key, and the credential. NOT_FOUND "NO_KEY". */
struct fault *store_change_key_version(struct store *s, const char *id, const struct key_version *v) MUST_USE;
/* One version, or (0) the key with all of them. NOT_FOUND "NO_KEY". */
struct fault *store_destroy_key(struct store *s, const char *id, uint32_t version) MUST_USE;

#define STORE_ROOM_MIN (1u << 20)                                        /* of one large commit and its log */
struct fault *store_room(struct store *s, uint64_t *ret_bytes) MUST_USE; /* free on its disk */
/* Writes a little, in full sync. FAULT_UNAVAILABLE: "STORE_FULL" with less room than STORE_ROOM_MIN, "STORE" when it can't be written. */
struct fault *store_check_writable(struct store *s, struct wall now) MUST_USE;
