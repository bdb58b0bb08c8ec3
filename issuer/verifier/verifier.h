/* verifier: evidence appraised. Pure functions: (bytes, endorsements, "now", limits) → attestation result with reasons.
 *
 * One file pair a kind behind `struct appraiser`; adding a kind is one file and one row of the table in verifier.c. The result is ours in the
 * shape of an EAR (draft-ietf-rats-ear-03): status, trustworthiness vector, and beside them facts for the policy and the
 * tree of every check made. A refusal is a fault whose token is the failed check's name; the result is filled then as well. */
#pragma once

#include "lib/base/clock.h"
#include "lib/crypt/binding.h"
#include "lib/crypt/tpm.h"
#include "lib/crypt/x509.h"
#include "lib/model/facts.h"
#include "lib/wire/cmw.h"

/* AR4SI trustworthiness claims (draft-ietf-rats-ar4si §2.3.4), 0 = no claim. */
#define TRUST_RECOGNISED_INSTANCE   2
#define TRUST_UNRECOGNISED_INSTANCE 97
#define TRUST_GENUINE_HARDWARE      2
#define TRUST_UNRECOGNISED_HARDWARE 97
#define TRUST_VISIBLE_MEMORY        96
#define TRUST_SECRETS_IN_CLEAR      96
struct trust_vector {
        int8_t instance_identity, configuration, executables, file_system, hardware, runtime_opaque, storage_opaque,
                sourced_data;
};
enum ear_status { EAR_NONE = 0, EAR_AFFIRMING = 2, EAR_WARNING = 32, EAR_CONTRAINDICATED = 96 };
const char *ear_status_name(enum ear_status s); /* "affirming", …: also what the fact verifier.status says */
struct attestation_result {
        const char *kind; /* EVIDENCE_* */
        enum ear_status status;
        struct trust_vector vector;
        struct facts facts;
        struct check *checks; /* root "evidence" */
        uint8_t evidence_digest[SHA256_LEN];
        bool insecure_development;
        /* tpm: what the caller must store under compare-and-set once the nonce is consumed */
        bool has_clock;
        bool clock_safe;
        uint64_t clock_ms;
        uint32_t reset_count, restart_count;
};
/* An AK that enrolment has tied to its EK and node; from the store. */
struct ak_record {
        struct buf name;               /* TPM Name */
        struct buf public_area;        /* TPMT_PUBLIC */
        uint8_t ek_digest[SHA256_LEN]; /* SHA-256 of the EK's SPKI */
        char *ek_issuer;               /* of its certificate */
        char *cluster, *node;          /* from the attester's own token; NULL without one */
        int64_t enrolled_unix_s, ek_not_after_unix_s;
        bool has_clock; /* of the last quote that was accepted */
        bool clock_safe;
        uint64_t clock_ms;
        uint32_t reset_count, restart_count;
};
void ak_record_free(struct ak_record *r);
DEFINE_AUTO(ak_record)

struct appraisal {
        const struct cmw_item *evidence;
        struct span transcript;     /* T, rebuilt by the caller from what it saw itself */
        const struct ak_record *ak; /* tpm: found by verifier_ak_name; NULL: unknown */
        struct wall now;
        bool insecure_development; /* config admits the software kind */
};
struct appraiser {
        const char *kind, *media_type;
        struct fault *(*appraise)(const struct appraisal *in, struct attestation_result *result);
};
const struct appraiser *verifier_find(const char *media_type); /* NULL: "evidence.kind" is the caller's refusal */
/* Which AK signed, from the evidence itself (unchecked): the key to look its record up. Evidence of a kind without AK leaves `ret_name`
 * empty. FAULT_INVALID "evidence.format". */
struct fault *verifier_ak_name(const struct cmw_item *evidence, struct buf *ret_name) MUST_USE;
/* Refusals (FAULT_DENIED unless said): "evidence.kind", "evidence.format" (FAULT_INVALID), "evidence.insecure_development",
 * "software.signature", "software.claim"; "tpm.ak_unknown" (not enrolled: enrol and come again), "tpm.ak", "ek.expired", "tpm.structure",
 * "tpm.magic", "tpm.type", "tpm.extra_data", "tpm.hash", "tpm.scheme", "tpm.signature", "tpm.qualified_signer", "tpm.selection",
 * "tpm.pcr_digest", "tpm.reset_count", "tpm.clock", "tpm.safe"; "ak.attributes", "ak.algorithm". `ret` must be zeroed; it is filled in
 * either case and cleared by the caller. Facts are there only when it held. */
struct fault *verifier_appraise(const struct appraisal *in, struct attestation_result *ret) MUST_USE;
struct json *attestation_result_to_ear(const struct attestation_result *r, const char *verifier_build, struct wall now);
void attestation_result_clear(struct attestation_result *r);
DEFINE_AUTO_VALUE(attestation_result)

/* EK of an enrolment: certificate chain to the configured roots, purpose, key equal to the EK public area, template; AK: attributes,
 * algorithm, Name computed here. Refusals: "ek.missing", "ek.certificate", "ek.chain", "ek.expired", "ek.not_yet_valid", "ek.purpose",
 * "ek.signature", "ek.public", "ek.key", "ek.template", "ak.public", "ak.attributes", "ak.algorithm". `ret` gets everything but cluster,
 * node, the time of enrolment and the clock. Possession is not proved by this: that is the activation's part. */
struct fault *verifier_check_enrolment(const struct buf *ek_certificates, size_t count, struct span ek_public,
                                       struct span ak_public, const struct cert_list *ek_roots, struct wall now,
                                       struct ak_record **ret) MUST_USE;
