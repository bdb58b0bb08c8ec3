/* checks: what a report must say, apart from who signed it. Private to this folder. */
#pragma once

#include "issuer/verifier/snp/chain.h"

/* Before anything is known about the signer: what no firmware writes. */
struct fault *snp_check_shape(const struct snp_report *r, struct attestation_result *result) MUST_USE;
/* The certificate is of this product, TCB and chip, and its key signed these bytes. */
struct fault *snp_check_signer(const struct snp_report *r, const struct snp_chain *c,
                               struct attestation_result *result) MUST_USE;
/* Content, once the signature holds: rules that hold on every machine, then concerns. */
struct fault *snp_check_content(const struct snp_report *r, struct attestation_result *result) MUST_USE;

/* facts.c */
void snp_set_facts(const struct snp_report *r, const struct snp_chain *c, struct attestation_result *result);
