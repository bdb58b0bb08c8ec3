/* issuer_world: the issuer's ledger on its store, and the authority with its signer process, in a folder that outlives the process. */
#pragma once

#include "issuer/authority/authority.h"
#include "issuer/ledger/ledger.h"
#include "issuer/store/store.h"
#include "tests/fakes/clock.h"

#define REQUESTS        7
#define GROUP_FIRST     3 /* requests 3 to 5 share one transaction */
#define GROUP_COUNT     3
#define START_MS        INT64_C(1795456800000)
#define NONCE_LIFE_S    300
#define ENROL_NONCE     99
#define AK_NAME         "ak-1"
#define AK_CLOCK_BEFORE 1000
#define AK_CLOCK_AFTER  2000 /* once request 2 is recorded */

struct issuer_witness {
        bool started;
        unsigned step; /* of the script: done so far */
        bool has_root;
        uint8_t root[SHA256_LEN]; /* of the certificate that was shown first */
        struct issuer_request_witness {
                bool asked, acknowledged, delivered;
                bool has_serial;
                uint8_t serial[16];
                char id[33]; /* of the record */
        } requests[REQUESTS];
        unsigned replays_asked, replays_answered;
        bool enrol_asked, enrol_answered, ak_answered, swept;
};
struct issuer_world {
        const char *dir;
        char database[160], root_certificate[160], root_key[160];
        struct issuer_witness *witness;
        struct fake_clock now;
        struct authority_options options;
        struct authority *authority;
        struct key *pod_key;
        struct store *store;
        struct ledger *ledger;
};

/* Odd ones are denials: a record without a serial. */
static inline bool is_issued(int i)
{
        return i % 2 == 0;
}
void issuer_nonce(uint64_t number, uint8_t ret_digest[SHA256_LEN]);

/* ---- issuer_check.c: invariants ---- */
/* Is request `i` recorded, whole? It must be when it was acknowledged or its credential was delivered. */
bool issuer_check_request(const struct issuer_world *w, int i);
/* Of all requests, the count of records, the database's own structure, the attestation key, the files' modes. */
void issuer_check(const struct issuer_world *w);
