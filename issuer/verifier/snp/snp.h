/* snp: evidence of AMD SEV-SNP appraised (kind "sev-snp"; the Azure kind hands its report on to here).
 *
 * Evidence is the ATTESTATION_REPORT as firmware made it. Parts, PEM or DER alike; several of one name are fine:
 *     vcek, vlek  the certificate of the key that signed
 *     chain       ASK, ASVK, ARK in any order; without it the program's own are used, with it none but these. A root is never believed for coming
 *     auxblob     the host's certificate table: a hint
 *     crl         AMD's revocation list of the product (it can list an ASK or ASVK)
 *     anchors     further trusted roots, and authorities below them: from configuration, never from a peer
 * A peer may send vcek, vlek, chain and auxblob.
 *
 * Checks that end the appraisal, in their order. Shape: snp.structure, snp.version, snp.signature_algorithm, snp.signature_padding, snp.reserved,
 * snp.flags, snp.signing_key, snp.mask_chip_key, snp.product. Certificate (chain.h): snp.parts, snp.certificate (nothing to look at:
 * FAULT_UNAVAILABLE), snp.auxblob, snp.certificate_format, snp.certificate_key, snp.certificate_extensions, snp.certificate_kind, snp.chain_format,
 * snp.anchors, snp.chain, snp.chain_algorithm, snp.chain_signature, snp.root, snp.product, snp.expired, snp.not_yet_valid. Revocation: snp.crl
 * (unreadable, or not signed by the root), snp.crl_not_yet_valid, snp.revoked. The report against it: snp.product, snp.certificate_tcb,
 * snp.chip_id, snp.signature. Binding: snp.report_data. Content: snp.vmpl_range, snp.policy_bits, snp.reported_tcb, snp.committed_tcb.
 *
 * Concerns: snp.debug (contraindicated), snp.migration_agent, snp.vmpl (above 1), snp.crl_stale, snp.chip_id_masked (a VCEK's report without chip
 * id), snp.vlek_chip_id (a VLEK's report with one). Not checked: "freshness" without report_data asked for, "snp.crl" without a list.
 * Facts: issuer/policy/inputs_snp.c. */
#pragma once

#include "issuer/verifier/verifier.h"

#define SNP_PART_VCEK    "vcek"
#define SNP_PART_VLEK    "vlek"
#define SNP_PART_CHAIN   "chain"
#define SNP_PART_AUXBLOB "auxblob"
#define SNP_PART_CRL     "crl"
#define SNP_PART_ANCHORS "anchors"
extern const char *const snp_peer_parts[]; /* NULL-terminated */

struct fault *appraise_snp(const struct appraisal *in, struct attestation_result *result) MUST_USE;
/* "kds:" paths: the VCEK unless one that fits is there, chain, crl. A version 2 report without any certificate doesn't say its product:
 * both that it can be are asked for, and AMD answers 404 for the other. Evidence that can't be read needs nothing. */
struct fault *needs_snp(const struct appraisal *in, struct needs *ret) MUST_USE;
