/* ek_root: under which of the configured roots an endorsement key was found genuine.
 *
 * An attestation key is trusted because of a TPM maker's root. The root's identity (SHA-256 of its key) is kept with the key at enrolment, and
 * whoever takes a root out of tpm.ek-roots takes back every key that came by it: at the next reload such a key is refused ("ek.root"). Its
 * attester enrols again, which works when another configured root vouches for the same TPM. */
#pragma once

#include "lib/crypt/x509.h"

/* Of a chain that the verifier has accepted under `roots`. "ek.chain" when no root alone accepts it. */
struct fault *ek_root_find(const struct buf *certificates, size_t count, const struct cert_list *roots, struct wall now,
                           uint8_t ret[SHA256_LEN]) MUST_USE;
