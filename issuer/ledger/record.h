/* record: a ledger commit turned into the bytes and hashes that the store keeps. Pure but for the random attempt number of a replay,
 * which comes in as an argument. Runs in the caller's thread, so that the committing thread only writes. */
#pragma once

#include "issuer/ledger/ledger.h"
#include "issuer/store/store.h"

#define RECORD_MAX         (256u * 1024)
#define REPLAY_ATTEMPT_LEN 8

struct prepared {
        struct store_commit commit; /* its spans point into the rest */
        size_t count;
        struct buf *bodies; /* [count], and the replay's at [count] */
        struct store_record *records;
};
/* Fills the entries' ret_id as well. "TOO_LARGE" for a record over RECORD_MAX. */
struct fault *prepared_make(struct ledger_commit *c, const uint8_t attempt[REPLAY_ATTEMPT_LEN], struct wall now,
                            struct prepared *ret) MUST_USE;
void prepared_clear(struct prepared *p);
DEFINE_AUTO_VALUE(prepared)
