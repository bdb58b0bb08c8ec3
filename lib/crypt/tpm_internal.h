/* tpm_internal: algorithm identifiers and the faults that the tpm files share. Private to lib/crypt.
 * TPM 2.0 library specification part 2, table 9 (TPM_ALG_ID). */
#pragma once

#include "lib/crypt/tpm.h"

#define TPM_ALG_RSA       0x0001
#define TPM_ALG_SHA1      0x0004
#define TPM_ALG_AES       0x0006
#define TPM_ALG_SHA256    0x000b
#define TPM_ALG_SHA384    0x000c
#define TPM_ALG_SHA512    0x000d
#define TPM_ALG_NULL      0x0010
#define TPM_ALG_RSASSA    0x0014
#define TPM_ALG_RSAES     0x0015
#define TPM_ALG_RSAPSS    0x0016
#define TPM_ALG_OAEP      0x0017
#define TPM_ALG_ECDSA     0x0018
#define TPM_ALG_ECDH      0x0019
#define TPM_ALG_ECC       0x0023
#define TPM_ALG_CFB       0x0043
#define TPM_ECC_NIST_P256 0x0003
#define TPM_ECC_NIST_P384 0x0004

#define TPM_NAME_MAX (2 + HASH_MAX_LEN)
#define TPM_DATA_MAX (2 + HASH_MAX_LEN) /* TPM2B_DATA: a TPMT_HA */

/* A hash we know; SHA-1 among them, which only a PCR bank may be. "TPM_ALGORITHM". */
struct fault *tpm_hash(uint16_t id, enum hash_alg *ret) MUST_USE;
/* A reader's fault becomes "TPM_STRUCTURE" naming the structure; one of another token stays; NULL stays NULL. */
struct fault *tpm_structure(struct fault *f, const char *what) MUST_USE;
