/* token: what an Arm CCA attestation token says (RMM specification A7.2; draft-ffm-rats-cca-token): CBOR tag 399 around a map of two COSE_Sign1,
 * platform and realm. Read only: cca.c says whether to believe it. Spans point into the token. */
#pragma once

#include "lib/crypt/cose.h"

#define CCA_COMPONENTS_MAX 32
#define CCA_REMS           4
#define CCA_CHALLENGE_LEN  64

struct cca_component {                                  /* a piece of firmware */
        struct span type, measurement, version, signer; /* type, version: text, may be empty */
};
struct cca_platform {
        struct span profile, challenge, implementation_id, instance_id, config, hash_alg;
        uint64_t lifecycle;
        size_t component_count;
        struct cca_component components[CCA_COMPONENTS_MAX];
};
struct cca_realm {
        struct span challenge, personalization, public_key, public_key_hash_alg, hash_alg, initial;
        struct span extensible[CCA_REMS];
};
struct cca_token {
        struct cose_sign1 platform, realm;
};
/* FAULT_INVALID "cca.structure": each half once, nothing else. */
struct fault *cca_token_read(struct span bytes, struct cca_token *ret) MUST_USE;
/* FAULT_INVALID "cca.platform_claims", "cca.realm_claims": a claim of another type or length, twice, or a needed one missing. Claims that we
 * don't know are passed over. */
struct fault *cca_platform_read(struct span payload, struct cca_platform *ret) MUST_USE;
struct fault *cca_realm_read(struct span payload, struct cca_realm *ret) MUST_USE;
