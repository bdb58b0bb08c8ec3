/* tpm: TPM 2.0 quotes. Evidence is the TPMS_ATTEST; parts:
 *
 *     sig       TPMT_SIGNATURE, or the bare signature (RSA; ECDSA raw or DER)
 *     pcrs      values of the quoted registers (eventlog/registers.h)
 *     ak        the attestation key: TPMT_PUBLIC, TPM2B_PUBLIC, PEM or DER public key, certificate
 *     chain     certificates from the key's towards a root (its own may be among them)
 *     anchors   never a peer's: CA certificates, or attestation keys that are trusted by themselves
 *     eventlog  measured-boot log that leads to the quoted registers
 *
 * An attestation key is trusted because it was enrolled (struct ak_record), because an authority that is built in or an anchor certified
 * it, or because it is an anchor; one that only says so of itself proves nothing. Then the quote must be its, and hold what was asked.
 * Refusals: see verifier.h, and here "tpm.ak_untrusted", "tpm.ak", "tpm.anchors", "ak.certificate", "ak.chain", "ak.expired",
 * "ak.not_yet_valid", "ak.signature", "ak.purpose"; "evidence.parts" when there is no signature or no key; those of eventlog.h.
 * Not checked, when nothing was given for it: "freshness", "tpm.pcr_values", "tpm.qualified_signer", "ak.attributes". */
#pragma once

#include "issuer/verifier/appraise.h"
#include "issuer/verifier/eventlog/registers.h"
#include "issuer/verifier/memo.h"

/* A quote of a key that is trusted already: shape, freshness, signature, registers, log. For Azure's vTPM as well. */
struct tpm_check {
        const struct appraisal *in; /* its evidence is not looked at */
        struct attestation_result *result;
        struct span attest, signature;
        struct tpm_public ak; /* owned. Of a key of which only the public part is known: `key`, everything else 0 */
        bool knows_public;    /* the TPMT_PUBLIC is known: attributes, scheme, Name */
        bool needs_pcrs;      /* their values must be there */
        /* results */
        struct tpm_quote quote; /* spans into `attest` */
        enum hash_alg signature_hash;
        struct registers *pcrs; /* owned; NULL: not given */
};
struct fault *tpm_check_shape(struct tpm_check *c) MUST_USE;     /* tpm.structure, tpm.magic, tpm.type */
struct fault *tpm_check_freshness(struct tpm_check *c) MUST_USE; /* tpm.extra_data */
struct fault *tpm_check_signature(struct tpm_check *c) MUST_USE; /* tpm.hash, tpm.scheme, tpm.signature */
struct fault *tpm_check_pcrs(struct tpm_check *c) MUST_USE;      /* tpm.hash, tpm.selection, tpm.pcr_digest */
/* The log against the quoted registers; sets facts. */
struct fault *tpm_check_eventlog(const struct tpm_check *c) MUST_USE;
void tpm_set_quote_facts(const struct tpm_check *c);
void tpm_check_clear(struct tpm_check *c);

/* The attestation key of the part `ak`, and the certificates that came with it: immutable once it is read. */
struct tpm_ak {
        struct memo_value memo;
        struct tpm_public public;
        bool knows_public;
        struct cert *certificate; /* NULL: has none */
        struct cert_list chain;   /* what else came */
        const char *trust;        /* of one that is remembered: "certificate" or "anchor", a literal */
        struct cert_window valid; /* its chain; of an anchor: always */
};
/* One that was trusted before, if all parts are the same and its chain is valid now (memo.h); else it is read anew. */
struct fault *tpm_ak_read(const struct appraisal *in, struct tpm_ak **ret) MUST_USE;
struct span tpm_ak_area(const struct appraisal *in); /* its TPMT_PUBLIC, in the part; empty: not known */
/* Not enrolled: a certificate's chain, or an anchor. Sets facts of the certificate. What held is remembered, with the dates between which
 * it does; none of these authorities has a revocation list. `ret_trust`: "certificate" or "anchor". */
struct fault *tpm_ak_trust(const struct appraisal *in, struct tpm_ak *ak, struct attestation_result *r,
                           const char **ret_trust) MUST_USE;
void tpm_ak_free(struct tpm_ak *ak); /* gives it back */
DEFINE_AUTO(tpm_ak)

/* ak_known.c: the memo */
struct tpm_ak *tpm_ak_known(const struct appraisal *in); /* NULL: not there, or not valid now */
void tpm_ak_keep(const struct appraisal *in, struct tpm_ak *ak);
void tpm_ak_forget(void);

/* Which instance of Google's Compute Engine an attestation key's certificate is for (extension 1.3.6.1.4.1.11129.2.1.21): facts
 * tpm.gce-*, and none when it has no such extension or is not of a production machine. FAULT_DENIED "ak.certificate". */
struct fault *tpm_set_gce_facts(const struct cert *c, struct attestation_result *r) MUST_USE;

/* CMW_TPM_QUOTE into evidence and parts. */
struct fault *tpm_unpack(struct span value, struct evidence_parts *ret) MUST_USE;
