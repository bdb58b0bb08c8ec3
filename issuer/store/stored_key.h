/* stored_key: what the store keeps of a Key store's key: public data, sealed bytes, and the certificate of each version. Plain data.
 *
 * Nothing here can be used without the KEK: `wrapped` is a data key under it, `sealed` the private key under the data key, and both are
 * tied to id, name, owner, identity, algorithm, version and public key (issuer/keystore/seal.h), so that a row which was changed or
 * moved does not open. */
#pragma once

#include "lib/base/auto.h"
#include "lib/base/span.h"

#define STORED_KEY_ID_LEN 32 /* hex */
#define STORED_KEYS_MAX   64 /* of a page of a list */
#define KEY_VERSIONS_MAX  16 /* alive at the same time */
#define KEK_ID_LEN        16 /* hex */
#define KEY_BLOB_MAX      ((size_t) 16 * 1024)
#define KEY_SERIAL_MAX    40 /* of a serial, with its NUL */

struct key_version {
        uint32_t version;
        int64_t created_unix_s;
        struct buf spki;
        char kek[KEK_ID_LEN + 1]; /* which KEK the data key is wrapped with */
        struct buf wrapped, sealed;
        /* The credential computed for it: leaf and the intermediate that signed it, DER. Empty: none yet. */
        struct buf leaf, issuer;
        int64_t not_before_unix_s, not_after_unix_s;
        char serial[KEY_SERIAL_MAX];
        char record[33];
};
struct stored_key {
        char id[STORED_KEY_ID_LEN + 1]; /* random: a key made anew under an old name is another key */
        char *name, *owner, *identity;
        char algorithm[16];
        int64_t created_unix_s;
        uint32_t newest; /* the highest version that ever was: numbers are not used again */
        size_t version_count;
        struct key_version versions[KEY_VERSIONS_MAX]; /* ascending; of a list: none */
};
void key_version_clear(struct key_version *v);
DEFINE_AUTO_VALUE(key_version)
void stored_key_free(struct stored_key *k);
DEFINE_AUTO(stored_key)
struct stored_key_list {
        size_t count;
        struct stored_key *items[STORED_KEYS_MAX];
};
void stored_key_list_clear(struct stored_key_list *l);
DEFINE_AUTO_VALUE(stored_key_list)
