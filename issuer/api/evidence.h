/* evidence: from a request's CMW to an attestation result.
 *
 * A bare record is the evidence. A collection has the label CMW_PRIMARY_LABEL and beside it secondary items, each bound into the primary's
 * transcript by its digest, and themselves to the transcript without that field: the two can't be taken from different requests or machines
 * that did not cooperate. A TPM's quote is the one kind that may stand beside another. */
#pragma once

#include "issuer/api/intake.h"
#include "issuer/verifier/verifier.h"

struct evidence_set {                         /* borrows from the CMW */
        const struct cmw_item *primary, *tpm; /* tpm: the quote, be it primary or beside; NULL: none */
        const struct appraiser *appraiser;    /* of the primary */
};
/* FAULT_INVALID "evidence.missing", "evidence.count" (items beyond a primary and a quote), FAULT_DENIED "evidence.kind". */
struct fault *evidence_choose(const struct cmw *evidence, struct evidence_set *ret) MUST_USE;

struct evidence_call {
        struct api *api;
        const struct httpd_request *q;
        const struct intake *in;
        enum binding_purpose purpose;
        struct span nonce;
        const struct evidence_set *set;
        const struct ruleset *rules;
        const struct ak_record *ak; /* of the quote; NULL: none */
        struct wall now;
};
/* Refusals: those of verifier_appraise_with, and FAULT_UNAVAILABLE "endorsements.unavailable": what it needs can't be had now. */
struct fault *evidence_appraise(const struct evidence_call *c, struct attestation_result *ret) MUST_USE;
