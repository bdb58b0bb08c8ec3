/* store: where the issuer keeps what must survive: records, serials, used nonces, attestation keys. The only place that sees SQLite (and, for
 * replicas, PostgreSQL later: a second implementation of the same functions table).
 *
 * SQLite in WAL mode with synchronous=FULL. The schema carries a version; a newer one is refused with a message. Thread-safe: one writer connection
 * behind a lock, readers of their own. */
#pragma once

#include "issuer/ledger/ledger.h"
#include "issuer/verifier/verifier.h"

struct store;
struct fault *store_open_sqlite(const char *path, struct store **ret) MUST_USE;
void store_close(struct store *s);

/* Writes several commits in one transaction with full sync; each commit's outcome is told apart (a used nonce fails only its own). */
struct store_commit_outcome {
        struct fault *fault; /* owned by the caller */
};
struct fault *store_write(struct store *s, struct ledger_commit **commits, size_t count, struct wall now,
                          struct store_commit_outcome *ret_outcomes) MUST_USE;
struct fault *store_find_record(struct store *s, const char *serial_or_id, struct json **ret) MUST_USE;
/* FAULT_EXISTS when it was used before. Single use of enrolment challenges and of nonces without a decision. */
struct fault *store_use_nonce(struct store *s, const uint8_t digest[SHA256_LEN], int64_t expires_unix_s, struct wall now) MUST_USE;
/* Deletes nonces that have expired; returns how many. */
struct fault *store_sweep_nonces(struct store *s, struct wall now, uint64_t *ret_deleted) MUST_USE;

struct fault *store_put_ak(struct store *s, const struct ak_record *r) MUST_USE; /* replaces by name */
struct fault *store_find_ak(struct store *s, struct span name, struct ak_record **ret) MUST_USE; /* NOT_FOUND "NO_AK" */
struct fault *store_count_records(struct store *s, uint64_t *ret) MUST_USE;
