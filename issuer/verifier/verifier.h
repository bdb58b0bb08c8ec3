/* verifier: evidence appraised. Pure functions: (bytes, endorsements, "now") → attestation result with reasons.
 *
 * One folder or file a kind behind `struct appraiser`; adding a kind is that and one row of the table in verifier.c. Everything comes in as
 * evidence and named parts, be it from a request, from the endorsement store, or from files that a person gives to `vouchsafe appraise`.
 * The result is ours in the shape of an EAR (draft-ietf-rats-ear-03): status, trustworthiness vector, and beside them facts for the policy
 * and the tree of every check made.
 *
 * Two sorts of checks. Those without which evidence proves nothing (shape, signatures, chains, dates, binding) end the appraisal: a fault
 * whose token is the failed check's name; the result is filled then as well. Those that are about a genuine machine in a state that few
 * want (debug, a migration agent, an old TCB) are *concerns*: they are recorded as failed checks, worsen the status, and the appraisal
 * goes on; whoever decides denies on any concern that the policy does not tolerate by name. */
#pragma once

#include "lib/base/clock.h"
#include "lib/crypt/binding.h"
#include "lib/crypt/tpm.h"
#include "lib/crypt/x509.h"
#include "lib/model/attestation_result.h"
#include "lib/model/evidence_parts.h"
#include "lib/wire/cmw.h"

/* An AK that enrolment has tied to its EK and node; from the store. */
struct ak_record {
        struct buf name;               /* TPM Name */
        struct buf public_area;        /* TPMT_PUBLIC */
        uint8_t ek_digest[SHA256_LEN]; /* SHA-256 of the EK's SPKI */
        uint8_t ek_root[SHA256_LEN];   /* of the SPKI of the root that its certificate led to; zeros: not known */
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

struct cca_keys; /* issuer/verifier/cca/keys.h */

#define PARTS_MAX 32
struct part {
        const char *name; /* "vcek", "chain", "pcrs", "tcb_info.json": see the kind's header */
        struct span bytes;
};
struct appraisal {
        const char *kind; /* EVIDENCE_* */
        struct span
                evidence; /* what the kind's root of trust signed: report, quote, TPMS_ATTEST, HCL report, COSE document, token, log */
        size_t part_count;
        struct part parts[PARTS_MAX];
        /* Freshness: what a 64-byte report data, and what a nonce field (TPM extraData, Nitro nonce) must hold. Empty: listed in not_checked. */
        struct span report_data, nonce;
        struct span transcript;          /* software: T itself */
        const struct ak_record *ak;      /* tpm: found by verifier_ak_name; NULL: unknown */
        const struct cca_keys *cca_keys; /* cca: of the configuration; NULL: none are configured */
        struct wall now;
        int64_t collateral_grace_s; /* past its end collateral still counts for so long, as the concern "collateral.grace"; 0: never */
        bool insecure_development; /* config admits the software kind */
};
/* FAULT_INVALID "evidence.parts" past PARTS_MAX. */
struct fault *appraisal_add_part(struct appraisal *in, const char *name, struct span bytes) MUST_USE;
struct span appraisal_part(const struct appraisal *in, const char *name); /* the first of that name; empty: none */

/* What an appraisal would like to have from the makers' services, found from the evidence itself (unchecked). `path` is canonical:
 * "kds:/vcek/v1/Milan/…", "pcs:/tdx/certification/v4/tcb?fmspc=…", "pcs-root:/IntelSGXRootCA.der"; the answer's body becomes
 * the part `part`, the issuer chain that comes in a header of it the part `chain_part`. */
#define NEEDS_MAX 8
struct need {
        const char *part;
        const char *chain_part; /* NULL: none */
        char path[400];
};
struct needs {
        size_t count;
        struct need items[NEEDS_MAX];
};
struct appraiser {
        const char *kind, *media_type;
        struct fault *(*appraise)(const struct appraisal *in, struct attestation_result *result);
        struct fault *(*needs)(const struct appraisal *in, struct needs *ret); /* NULL: none ever */
        /* The bytes of a CMW item; NULL: they are evidence_parts' JSON, and `parts` says which names are taken from a peer. */
        struct fault *(*unpack)(struct span value, struct evidence_parts *ret);
        const char *const *parts; /* NULL-terminated; NULL: none */
};
const struct appraiser *verifier_find(const char *media_type); /* NULL: "evidence.kind" is the caller's refusal */
const struct appraiser *verifier_find_kind(const char *kind);  /* NULL: none */
/* FAULT_INVALID "evidence.format". */
struct fault *verifier_unpack(const struct appraiser *a, const struct cmw_item *item,
                              struct evidence_parts *ret) MUST_USE;
/* An appraisal of those parts; it borrows from them. */
void verifier_begin(const struct appraiser *a, const struct evidence_parts *from, struct appraisal *ret);
struct fault *verifier_needs(const struct appraisal *in, struct needs *ret) MUST_USE;
/* Which AK signed, from the evidence itself (unchecked): the key to look its record up. Evidence of a kind without AK leaves `ret_name`
 * empty. FAULT_INVALID "evidence.format". */
struct fault *verifier_ak_name(const struct cmw_item *evidence, struct buf *ret_name) MUST_USE;
/* Refusals (FAULT_DENIED unless said): "evidence.kind", "evidence.format" (FAULT_INVALID), "evidence.insecure_development",
 * "software.signature", "software.claim"; "tpm.ak_unknown" (not enrolled: enrol and come again), "tpm.ak", "ek.expired", "tpm.structure",
 * "tpm.magic", "tpm.type", "tpm.extra_data", "tpm.hash", "tpm.scheme", "tpm.signature", "tpm.qualified_signer", "tpm.selection",
 * "tpm.pcr_digest", "tpm.reset_count", "tpm.clock", "tpm.safe"; "ak.attributes", "ak.algorithm". `ret` must be zeroed; it is filled in
 * either case and cleared by the caller. Facts are there only when it held. */
struct fault *verifier_appraise(const struct appraisal *in, struct attestation_result *ret) MUST_USE;
/* The same with a second item of evidence (NULL: none), of another kind and bound to the first by the caller: a TPM's quote beside a CPU's
 * report. Facts, concerns and collateral of both; a submodule each. */
struct fault *verifier_appraise_with(const struct appraisal *in, const struct appraisal *second,
                                     struct attestation_result *ret) MUST_USE;

/* EK of an enrolment: certificate chain to the configured roots, purpose, key equal to the EK public area, template; AK: attributes,
 * algorithm, Name computed here. Refusals: "ek.missing", "ek.certificate", "ek.chain", "ek.expired", "ek.not_yet_valid", "ek.purpose",
 * "ek.signature", "ek.public", "ek.key", "ek.template", "ak.public", "ak.attributes", "ak.algorithm". `ret` gets everything but cluster,
 * node, the time of enrolment and the clock. Possession is not proved by this: that is the activation's part. */
struct fault *verifier_check_enrolment(const struct buf *ek_certificates, size_t count, struct span ek_public,
                                       struct span ak_public, const struct cert_list *ek_roots, struct wall now,
                                       struct ak_record **ret) MUST_USE;
