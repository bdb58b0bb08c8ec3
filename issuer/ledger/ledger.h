/* ledger: provenance. Every decision on genuine evidence is a record, written before the credential leaves (protocol.md §3).
 *
 * One transaction holds {nonce use, records, serials}; transactions that wait together share one commit with full sync (group
 * commit). A record is canonical JSON; its leaf hash is SHA-256(0x00 ‖ bytes) (RFC 6962 §2.1), its id the time in 10 hex digits and the first 22 of
 * that hash. Records are numbered without gaps. Evidence itself is not kept, only its digest. A nonce used twice is a unique conflict: the second request's
 * decision is itself committed as a denial with check "nonce.replayed". */
#pragma once

#include "lib/base/cancel.h"
#include "lib/crypt/hash.h"
#include "lib/wire/json.h"

struct store;
struct ledger;

struct ledger_entry {        /* one pod's decision */
        struct json *record; /* owned by the entry; the ledger adds nothing to it */
        size_t serial_count;
        char serials[8][40];    /* hex or jti: the credentials that this record stands for */
        int64_t expires_unix_s; /* of the longest-lived one; 0 for a denial */
        bool issued;
        char corrects[33]; /* id of the record that this one corrects; "": none */
        char ret_id[33];   /* filled by the commit */
};
struct ledger_commit {
        bool without_nonce; /* of our own making: nobody asked with one */
        uint8_t nonce_digest[SHA256_LEN];
        /* Who asked (any JSON): copied into the denial record that a replay leaves. Borrowed; NULL: nothing is said. */
        const struct json *requester;
        int64_t nonce_expires_unix_s;
        size_t count;
        struct ledger_entry *entries;
        /* AK clock to compare-and-set in the same transaction; has_ak false: none. A conflict (another request has moved it past) keeps the larger. */
        bool has_ak;
        bool clock_safe;
        struct span ak_name;
        uint64_t clock_ms;
        uint32_t reset_count, restart_count;
};
/* `store` is borrowed. Starts the committing thread. */
struct fault *ledger_open(struct store *store, const struct clock *clock, struct ledger **ret) MUST_USE;
/* Blocks until it is on disk. Once the committing thread has taken it, `cancel` no longer counts: what was asked for is done. FAULT_DENIED "nonce.replayed" on reuse: then one denial record for the replay was committed instead of
 * the entries. FAULT_UNAVAILABLE "STORE" when it can't be written, FAULT_EXHAUSTED "QUEUE_FULL", FAULT_INTERNAL
 * "RECORD_CONFLICT" for a record or serial that exists already: nothing was issued. */
struct fault *ledger_commit(struct ledger *l, struct ledger_commit *c, struct cancel *cancel) MUST_USE;
/* By serial, jti or record id: {"id","index","leaf_hash","time","record":{…}}, and "correction", of the same form, when a later record
 * takes back what this one says. NOT_FOUND "NO_RECORD"; a record whose
 * bytes no longer have the hash they were stored with, or whose id is not that hash's, is FAULT_DATA_LOSS "RECORD_TAMPERED". */
struct fault *ledger_find(struct ledger *l, const char *serial_or_id, struct json **ret) MUST_USE;
/* Counts for metrics: records on disk, and transactions (each one sync) since start. */
uint64_t ledger_records(struct ledger *l);
uint64_t ledger_transactions(struct ledger *l);
void ledger_close(struct ledger *l);
void ledger_leaf_hash(struct span record_bytes, uint8_t ret_hash[SHA256_LEN]);
/* Of a record that is committed at `now`. */
void ledger_record_id(struct span record_bytes, struct wall now, char ret_id[33]);
/* True when the id holds the head of that hash: behind the time, or, as in records of earlier times, all of it. */
bool ledger_id_fits(const char *id, const uint8_t leaf_hash[SHA256_LEN]);
