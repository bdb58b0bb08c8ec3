/* tpm_ek: the endorsement key, and the certificates that its manufacturer left in NV (TCG EK Credential Profile 2.3).
 *
 * ECC P-256 (template L-2, certificate 0x01C0000A) is preferred to RSA 2048 (L-1, 0x01C00002): it is made in milliseconds where RSA
 * takes seconds. A certificate decides; without any, the key that the TPM can make. Padding after a certificate is cut off by
 * its DER length. CA certificates between, where the manufacturer stored them (0x01C00100..0x01C001FF), come along. */
#pragma once

#include "attester/evidence/source.h"
#include "attester/evidence/tpm_context.h"

#define EK_NV_RSA         0x01C00002u
#define EK_NV_ECC         0x01C0000Au
#define EK_NV_CHAIN_FIRST 0x01C00100u
#define EK_NV_CHAIN_LAST  0x01C001FFu

struct tpm_ek {
        struct tpm_object object;
        struct buf public; /* TPMT_PUBLIC */
        size_t certificate_count;
        struct buf certificates[EK_CHAIN_MAX]; /* DER, leaf first */
};
struct tpm_ek tpm_ek_new(struct tpm_context *t);
/* Made in the TPM. A kind whose certificate is not for the key of the default template is passed over; FAULT_INTERNAL "tee.fault" when
 * there is no other. */
struct fault *tpm_ek_load(struct tpm_context *t, struct cancel *cancel, struct tpm_ek *ret) MUST_USE;
void tpm_ek_clear(struct tpm_ek *ek);
DEFINE_AUTO_VALUE(tpm_ek)

/* The first DER SEQUENCE of `bytes`, whole, without what follows it. FAULT_INVALID "BAD_CERTIFICATE". */
struct fault *der_first(struct span bytes, struct span *ret) MUST_USE;
