#include "issuer/verifier/snp/checks.h"

#include <inttypes.h>
#include <stdio.h>

#include "issuer/verifier/appraise.h"

#define NUMBER_TEXT_LEN 24
#define VMPL_TRUSTED    1 /* the guest's kernel, with or without a module below it; what is above is user space or less */

static const char *in_hex(uint64_t v, char text[NUMBER_TEXT_LEN])
{
        (void) snprintf(text, NUMBER_TEXT_LEN, "0x%" PRIx64, v); /* fits */
        return text;
}

static const char *in_decimal(uint64_t v, char text[NUMBER_TEXT_LEN])
{
        (void) snprintf(text, NUMBER_TEXT_LEN, "%" PRIu64, v); /* fits */
        return text;
}

/* ---- shape ---- */

static struct fault *check_signing_key(const struct snp_report *r, struct attestation_result *result)
{
        enum snp_signing_key key = snp_report_signing_key(r);
        char text[NUMBER_TEXT_LEN];

        TRY(appraise_hold(result, "snp.signing_key", key == SNP_SIGNED_BY_VCEK || key == SNP_SIGNED_BY_VLEK, ORIGIN_HW,
                          "VCEK (0) or VLEK (1)", in_decimal(key, text)));
        /* the chip's own key is off: whoever signed, it wasn't that */
        bool is_masked = (r->flags & SNP_FLAG_MASK_CHIP_KEY) != 0;
        return appraise_hold(result, "snp.mask_chip_key", !is_masked || key != SNP_SIGNED_BY_VCEK, ORIGIN_HW,
                             "a VCEK's report only where that key isn't masked", is_masked ? "masked" : "not masked");
}

static struct fault *check_processor(const struct snp_report *r, struct attestation_result *result)
{
        enum snp_product product;
        char got[40];

        if (r->version < SNP_VERSION_3)
                return NULL; /* it doesn't say */
        (void) snprintf(got, sizeof(got), "family 0x%02x model 0x%02x", r->cpu_family, r->cpu_model); /* fits */
        return appraise_hold(result, "snp.product", snp_report_product(r, &product), ORIGIN_HW,
                             "a processor of Milan, Genoa or Turin", got);
}

struct fault *snp_check_shape(const struct snp_report *r, struct attestation_result *result)
{
        char got[NUMBER_TEXT_LEN];

        TRY(appraise_hold(result, "snp.signature_algorithm", r->signature_algorithm == SNP_ALGORITHM_P384_SHA384,
                          ORIGIN_HW, "1: ECDSA P-384 with SHA-384", in_decimal(r->signature_algorithm, got)));
        TRY(appraise_hold(result, "snp.signature_padding", r->padding_is_zero, ORIGIN_HW,
                          "zeros beyond the signature's numbers", r->padding_is_zero ? NULL : "other bytes"));
        TRY(appraise_hold(result, "snp.reserved", r->reserved_is_zero, ORIGIN_HW, "zeros in reserved fields",
                          r->reserved_is_zero ? NULL : "other bytes"));
        TRY(appraise_hold(result, "snp.flags", (r->flags & SNP_FLAG_RESERVED) == 0, ORIGIN_HW, "reserved bits 0",
                          in_hex(r->flags, got)));
        TRY(check_signing_key(r, result));
        return check_processor(r, result);
}

/* ---- signer ---- */

static struct fault *check_product(const struct snp_report *r, const struct snp_chain *c,
                                   struct attestation_result *result)
{
        enum snp_product product;

        if (!snp_report_product(r, &product) || r->version < SNP_VERSION_3)
                product = c->product; /* version 2: the chain says it */
        return appraise_hold(result, "snp.product", product == c->product, ORIGIN_HW, snp_product_name(c->product),
                             snp_product_name(product));
}

static struct fault *check_certificate_tcb(const struct snp_report *r, const struct snp_chain *c,
                                           struct attestation_result *result)
{
        char wanted[SNP_TCB_TEXT_LEN + 1], got[SNP_TCB_TEXT_LEN + 1];

        snp_tcb_text(c->leaf.tcb, wanted);
        snp_tcb_text(r->reported_tcb, got);
        return appraise_hold(result, "snp.certificate_tcb", snp_tcb_eq(c->leaf.tcb, r->reported_tcb), ORIGIN_HW, wanted,
                             got);
}

/* A report without chip id is bound to its chip by the VCEK alone; whether that is enough is the policy's question. */
static struct fault *check_chip_id(const struct snp_report *r, const struct snp_chain *c,
                                   struct attestation_result *result)
{
        bool is_zero = span_is_zero(SPAN_OF(r->chip_id));
        uint8_t wanted[SNP_CHIP_ID_LEN];

        if (c->leaf.is_vlek) {
                appraise_concern(result, "snp.vlek_chip_id", is_zero, ORIGIN_HW, "no chip id beside a VLEK",
                                 is_zero ? "none" : "one", EAR_WARNING);
                return NULL;
        }
        appraise_concern(result, "snp.chip_id_masked", !is_zero, ORIGIN_HW, "a chip id", is_zero ? "none" : "one",
                         EAR_WARNING);
        if (is_zero)
                return NULL;
        snp_certificate_chip_id(&c->leaf, wanted);
        return appraise_bytes(result, "snp.chip_id", ORIGIN_HW, SPAN_OF(wanted), SPAN_OF(r->chip_id));
}

struct fault *snp_check_signer(const struct snp_report *r, const struct snp_chain *c, struct attestation_result *result)
{
        TRY(check_product(r, c, result));
        TRY(check_certificate_tcb(r, c, result));
        TRY(check_chip_id(r, c, result));
        struct fault *f =
                key_verify(cert_key(c->leaf.cert), HASH_SHA384, SIGNATURE_RAW, r->signed_bytes, SPAN_OF(r->signature));
        return appraise_call(result, "snp.signature", ORIGIN_HW, f == NULL ? NULL : fault_recode(f, FAULT_DENIED));
}

/* ---- content ---- */

static struct fault *check_at_most(struct attestation_result *result, const char *name, struct snp_tcb lower,
                                   struct snp_tcb upper)
{
        char at_most[SNP_TCB_TEXT_LEN + 1], got[SNP_TCB_TEXT_LEN + 1], wanted[SNP_TCB_TEXT_LEN + 40];

        snp_tcb_text(upper, at_most);
        snp_tcb_text(lower, got);
        (void) snprintf(wanted, sizeof(wanted), "at most %s in each part", at_most); /* fits */
        return appraise_hold(result, name, snp_tcb_le(lower, upper), ORIGIN_HW, wanted, got);
}

static struct fault *check_rules(const struct snp_report *r, struct attestation_result *result)
{
        char got[NUMBER_TEXT_LEN];

        TRY(appraise_hold(result, "snp.vmpl_range", r->vmpl <= SNP_VMPL_MAX, ORIGIN_HW, "0 to 3: asked for by a guest",
                          in_decimal(r->vmpl, got)));
        TRY(appraise_hold(result, "snp.policy_bits",
                          (r->policy & SNP_POLICY_ONE) != 0 && (r->policy & SNP_POLICY_RESERVED) == 0, ORIGIN_HW,
                          "bit 17 set, reserved bits 0", in_hex(r->policy, got)));
        TRY(check_at_most(result, "snp.reported_tcb", r->reported_tcb, r->current_tcb));
        return check_at_most(result, "snp.committed_tcb", r->committed_tcb, r->current_tcb);
}

static void note_concerns(const struct snp_report *r, struct attestation_result *result)
{
        bool is_debug = (r->policy & SNP_POLICY_DEBUG) != 0, migrates = (r->policy & SNP_POLICY_MIGRATE_MA) != 0;
        char vmpl[NUMBER_TEXT_LEN];

        appraise_concern(result, "snp.debug", !is_debug, ORIGIN_HW, "a guest that can't be debugged",
                         is_debug ? "POLICY.DEBUG" : "none", EAR_CONTRAINDICATED);
        appraise_concern(result, "snp.migration_agent", !migrates, ORIGIN_HW, "no migration agent",
                         migrates ? "POLICY.MIGRATE_MA" : "none", EAR_WARNING);
        appraise_concern(result, "snp.vmpl", r->vmpl <= VMPL_TRUSTED, ORIGIN_HW, "0 or 1", in_decimal(r->vmpl, vmpl),
                         EAR_WARNING);
}

struct fault *snp_check_content(const struct snp_report *r, struct attestation_result *result)
{
        TRY(check_rules(r, result));
        note_concerns(r, result);
        return NULL;
}
