/* attestation_result: what an appraisal found, in the shape of an EAR (draft-ietf-rats-ear): status and trustworthiness vector, a submodule
 * for each part of a composite machine, and beside them facts for the policy and the tree of every check made.
 *
 * One type for every way that a result comes in: from the verifier in this process, or as a verifier's signed token (ear.h). Policy, ledger
 * and credentials see this and never ask which it was. Plain data, one thread. */
#pragma once

#include "lib/crypt/hash.h"
#include "lib/model/evidence_parts.h"
#include "lib/model/facts.h"

/* AR4SI trustworthiness claims (draft-ietf-rats-ar4si §2.3.4), 0 = no claim. */
#define TRUST_RECOGNISED_INSTANCE   2
#define TRUST_UNRECOGNISED_INSTANCE 97
#define TRUST_GENUINE_HARDWARE      2
#define TRUST_HARDWARE_VULNERABLE   32
#define TRUST_HARDWARE_FORBIDDEN    96
#define TRUST_UNRECOGNISED_HARDWARE 97
#define TRUST_ENCRYPTED_MEMORY      2
#define TRUST_VISIBLE_MEMORY        96
#define TRUST_SECRETS_IN_CLEAR      96
struct trust_vector {
        int8_t instance_identity, configuration, executables, file_system, hardware, runtime_opaque, storage_opaque,
                sourced_data;
};
enum ear_status { EAR_NONE = 0, EAR_AFFIRMING = 2, EAR_WARNING = 32, EAR_CONTRAINDICATED = 96 };
const char *ear_status_name(enum ear_status s); /* "affirming", …: also what the fact verifier.status says */
/* FAULT_INVALID "BAD_FIELD". */
struct fault *ear_status_by_name(struct span name, enum ear_status *ret) MUST_USE;
/* The tier that a vector amounts to: the worst of its claims'. */
enum ear_status trust_vector_status(const struct trust_vector *v);
#define CONCERNS_MAX    16
#define NOT_CHECKED_MAX 16
#define COLLATERAL_MAX  16
#define SUBMODULES_MAX  4
#define RESULT_KEPT_MAX (CONCERNS_MAX + NOT_CHECKED_MAX + SUBMODULES_MAX + 1)
struct collateral { /* an endorsement that the verdict rests on */
        char name[EVIDENCE_PART_NAME_MAX + 1];
        uint8_t digest[SHA256_LEN];
        int64_t not_after_unix_s; /* 0: no end of its own */
};
struct submodule {
        const char *name; /* "sev-snp", "tpm": a literal, or kept by the result */
        enum ear_status status;
        struct trust_vector vector;
};
struct attestation_result {
        const char *kind;       /* EVIDENCE_*: a literal, or kept */
        enum ear_status status; /* the worst of all submodules */
        struct trust_vector vector;
        size_t submodule_count; /* 0: the whole is the only one */
        struct submodule submodules[SUBMODULES_MAX];
        struct facts facts;
        struct check *checks;  /* root "evidence" */
        enum ear_status worst; /* of the concerns: verifier_appraise puts it into the status at the end */
        size_t concern_count;
        const char
                *concerns[CONCERNS_MAX]; /* names of failed checks that did not end the appraisal; literals, or kept */
        size_t not_checked_count;
        const char *not_checked
                [NOT_CHECKED_MAX]; /* names of checks that nothing was given for: "freshness"; literals, or kept */
        size_t collateral_count;
        struct collateral collateral[COLLATERAL_MAX];
        int64_t not_after_unix_s; /* earliest end of the collateral; 0: none has one. Credentials don't outlive it */
        uint8_t evidence_digest[SHA256_LEN];
        bool insecure_development;
        /* tpm: what the caller must store under compare-and-set once the nonce is consumed */
        bool has_clock;
        bool clock_safe;
        uint64_t clock_ms;
        uint32_t reset_count, restart_count;
        /* texts that the result owns: it was read from a token */
        size_t kept_count;
        char *kept[RESULT_KEPT_MAX];
};
/* Copies a text that lives as long as the result. */
const char *attestation_result_keep(struct attestation_result *r, struct span text);
void attestation_result_clear(struct attestation_result *r);
DEFINE_AUTO_VALUE(attestation_result)
