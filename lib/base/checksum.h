/* checksum: SHA-256 for names and checksums, in programs that need no other cryptography (libmd, which is tiny).
 *
 * The node plugin computes kubelet's volume handles and the checksums of its journal, and no more: libcrypto would be a quarter of its
 * memory. What trust depends on, and what is long, goes through lib/crypt/hash. */
#pragma once

#include "lib/base/span.h"

#define CHECKSUM_LEN 32

void checksum_sha256(struct span bytes, uint8_t ret_digest[CHECKSUM_LEN]);
