/* TPM 2.0 quotes (CMW_TPM_QUOTE). In order: what costs little first, then the signature, then what it vouches for. Nothing from the
 * evidence becomes a fact before the last check has held. TPM 2.0 library specification, part 2: 10.12 (attestation structures). */
#include "issuer/verifier/appraise.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/model/tpm_evidence.h"

#define NUMBER_TEXT_LEN 64
#define PCR_NAME_LEN    32
#define NAME_LEN        34 /* of a SHA-256 Name */

struct state {
        const struct appraisal *in;
        struct attestation_result *result;
        struct tpm_evidence evidence;
        struct tpm_public ak;
        struct tpm_quote quote; /* spans point into evidence.attest */
        enum hash_alg signature_hash;
};

/* ---- who signed ---- */

/* The record's public area is what enrolment tied to an EK; the evidence only says which record it means. */
static struct fault *check_ak(struct state *s)
{
        const struct ak_record *known = s->in->ak;
        TRY(appraise_hold(s->result, "tpm.ak_unknown", known != NULL, ORIGIN_VERIFIER, "an enrolled attestation key",
                          known != NULL ? "one" : "none"));
        TRY(appraise_hold(s->result, "tpm.ak", span_eq(buf_span(&known->public_area), buf_span(&s->evidence.ak_public)),
                          ORIGIN_VERIFIER, "the public area that was enrolled", NULL));
        TRY(appraise_call(s->result, "tpm.ak", ORIGIN_VERIFIER,
                          tpm_public_read(buf_span(&known->public_area), &s->ak)));
        TRY(appraise_call(s->result, "ak.attributes", ORIGIN_HW, ak_check_public(&s->ak)));

        char end[WALL_TEXT_LEN + 1];
        wall_format(wall_from_unix_s(known->ek_not_after_unix_s), end);
        return appraise_hold(s->result, "ek.expired", wall_unix_s(s->in->now) <= known->ek_not_after_unix_s, ORIGIN_HW,
                             "an endorsement certificate that is valid", end);
}

/* ---- what was signed ---- */

static struct fault *check_binding(struct state *s)
{
        uint8_t wanted[SHA256_LEN];
        TRY(appraise_call(s->result, "tpm.structure", ORIGIN_HW,
                          tpm_quote_read(buf_span(&s->evidence.attest), &s->quote)));
        binding_extra_data(s->in->transcript, wanted);
        return appraise_bytes(s->result, "tpm.extra_data", ORIGIN_HW, SPAN_OF(wanted), s->quote.extra_data);
}

static struct fault *check_signature(struct state *s)
{
        struct fault *f = tpm_signature_verify(&s->ak, buf_span(&s->evidence.attest), buf_span(&s->evidence.signature),
                                               &s->signature_hash);
        /* malformed is as good as false: it is nobody's signature */
        return appraise_call(s->result, "tpm.signature", ORIGIN_HW, fault_recode(f, FAULT_DENIED));
}

/* Our attestation keys are primaries of the endorsement hierarchy: their qualified name is H(handle ‖ Name) (part 1, 26.5). Under another
 * hierarchy's key the TPM would scramble the clock (part 1, 36.7). */
static struct fault *check_qualified_signer(struct state *s)
{
        static const uint8_t endorsement[4] = {0x40, 0x00, 0x00, 0x0b};                 /* TPM_RH_ENDORSEMENT */
        uint8_t input[sizeof(endorsement) + NAME_LEN], wanted[NAME_LEN] = {0x00, 0x0b}; /* TPM_ALG_SHA256 */
        AUTO(buf) struct buf name = BUF(NAME_LEN);
        TRY(tpm_name(buf_span(&s->in->ak->public_area), &name));
        memcpy(input, endorsement, sizeof(endorsement));
        memcpy(input + sizeof(endorsement), name.data, NAME_LEN); /* ak_check_public: the name is SHA-256's */
        sha256(SPAN_OF(input), wanted + 2);
        return appraise_bytes(s->result, "tpm.qualified_signer", ORIGIN_HW, SPAN_OF(wanted), s->quote.qualified_signer);
}

/* ---- the registers ---- */

static uint32_t quoted_pcrs(const struct tpm_quote *q, enum hash_alg bank)
{
        for (size_t i = 0; i < q->bank_count; i++)
                if (q->banks[i].bank == bank)
                        return q->banks[i].pcrs;
        return 0;
}

/* The values that came are of exactly the registers and banks that were quoted: no more, no less, and at least one. */
static struct fault *check_selection(struct state *s)
{
        uint32_t any = 0;
        for (size_t i = 0; i < s->quote.bank_count; i++)
                TRY(appraise_hold(s->result, "tpm.hash", s->quote.banks[i].bank != HASH_SHA1, ORIGIN_HW,
                                  "a bank of SHA-256 or better", hash_name(s->quote.banks[i].bank)));
        for (unsigned bank = 0; bank < HASH_ALG_COUNT; bank++) {
                uint32_t quoted = quoted_pcrs(&s->quote, (enum hash_alg) bank);
                uint32_t supplied = tpm_evidence_pcrs(&s->evidence, (enum hash_alg) bank);
                any |= quoted;
                if (quoted == 0 && supplied == 0)
                        continue;
                char wanted[NUMBER_TEXT_LEN], got[NUMBER_TEXT_LEN];
                (void) snprintf(wanted, sizeof(wanted), "%s:0x%06x", hash_name((enum hash_alg) bank),
                                supplied); /* fits */
                (void) snprintf(got, sizeof(got), "%s:0x%06x", hash_name((enum hash_alg) bank), quoted);
                TRY(appraise_hold(s->result, "tpm.selection", quoted == supplied, ORIGIN_HW, wanted, got));
        }
        return appraise_hold(s->result, "tpm.selection", any != 0, ORIGIN_HW, "at least one register",
                             any != 0 ? NULL : "none");
}

static struct fault *check_pcr_digest(struct state *s)
{
        uint8_t wanted[HASH_MAX_LEN];
        TRY(tpm_evidence_pcr_digest(&s->evidence, &s->quote, s->signature_hash, wanted));
        return appraise_bytes(s->result, "tpm.pcr_digest", ORIGIN_HW, span_make(wanted, hash_len(s->signature_hash)),
                              s->quote.pcr_digest);
}

/* ---- the clock ---- */

/* Counts first: a smaller pair is another TPM's state, or an old quote; a larger one is a reboot, after which the clock may have lost some
 * minutes. Within equal counts the clock never goes back, and once it was safe it stays so. That it is not safe yet (a while after a loss
 * of power) is no refusal: the counts order that boot, and a policy may ask for tpm.clock-safe. */
static struct fault *check_clock(struct state *s)
{
        const struct ak_record *last = s->in->ak;
        const struct tpm_quote *q = &s->quote;
        if (!last->has_clock)
                return NULL;

        char wanted[NUMBER_TEXT_LEN], got[NUMBER_TEXT_LEN];
        bool is_older = q->reset_count < last->reset_count ||
                        (q->reset_count == last->reset_count && q->restart_count < last->restart_count);
        (void) snprintf(wanted, sizeof(wanted), "at least %u.%u", last->reset_count, last->restart_count); /* fits */
        (void) snprintf(got, sizeof(got), "%u.%u", q->reset_count, q->restart_count);
        TRY(appraise_hold(s->result, "tpm.reset_count", !is_older, ORIGIN_HW, wanted, got));
        if (q->reset_count != last->reset_count || q->restart_count != last->restart_count)
                return NULL;

        (void) snprintf(wanted, sizeof(wanted), "at least %" PRIu64 " ms", last->clock_ms);
        (void) snprintf(got, sizeof(got), "%" PRIu64 " ms", q->clock_ms);
        TRY(appraise_hold(s->result, "tpm.clock", q->clock_ms >= last->clock_ms, ORIGIN_HW, wanted, got));
        return appraise_hold(s->result, "tpm.safe", q->safe || !last->clock_safe, ORIGIN_HW,
                             last->clock_safe ? "true, as before" : "any", q->safe ? "true" : "false");
}

/* ---- facts ---- */

static void set_pcr_facts(const struct state *s)
{
        for (size_t i = 0; i < s->quote.bank_count; i++) {
                enum hash_alg bank = s->quote.banks[i].bank;
                for (unsigned n = 0; n < TPM_PCR_COUNT; n++) {
                        if ((s->quote.banks[i].pcrs >> n & 1) == 0)
                                continue;
                        char name[PCR_NAME_LEN];
                        (void) snprintf(name, sizeof(name), "tpm.pcr.%s.%u", hash_name(bank), n); /* fits */
                        facts_set_bytes(&s->result->facts, name, ORIGIN_HW, s->evidence.values[bank][n]);
                }
        }
}

static void set_facts(const struct state *s)
{
        struct attestation_result *r = s->result;
        const struct ak_record *ak = s->in->ak;
        const struct tpm_quote *q = &s->quote;

        set_pcr_facts(s);
        facts_set_bytes(&r->facts, "tpm.ak", ORIGIN_HW, buf_span(&ak->name));
        facts_set_bytes(&r->facts, "tpm.ek", ORIGIN_HW, span_make(ak->ek_digest, SHA256_LEN));
        if (ak->ek_issuer != NULL)
                facts_set_text(&r->facts, "tpm.ek-issuer", ORIGIN_HW, span_str(ak->ek_issuer));
        facts_set_number(&r->facts, "tpm.reset-count", ORIGIN_HW, q->reset_count);
        facts_set_number(&r->facts, "tpm.restart-count", ORIGIN_HW, q->restart_count);
        facts_set_number(&r->facts, "tpm.firmware-version", ORIGIN_HW, q->firmware_version);
        facts_set_flag(&r->facts, "tpm.clock-safe", ORIGIN_HW, q->safe);
}

static void conclude(const struct state *s)
{
        struct attestation_result *r = s->result;
        set_facts(s);
        /* whether the registers hold what they should is the policy's question: no claim about executables here */
        r->vector.instance_identity = TRUST_RECOGNISED_INSTANCE;
        r->vector.hardware = TRUST_GENUINE_HARDWARE;
        r->status = EAR_AFFIRMING;
        r->has_clock = true;
        r->clock_safe = s->quote.safe;
        r->clock_ms = s->quote.clock_ms;
        r->reset_count = s->quote.reset_count;
        r->restart_count = s->quote.restart_count;
}

static struct fault *appraise(struct state *s)
{
        TRY(appraise_call(s->result, "evidence.format", ORIGIN_SELF, tpm_evidence_read(s->in->evidence, &s->evidence)));
        TRY(check_ak(s));
        TRY(check_binding(s));
        TRY(check_signature(s));
        TRY(check_qualified_signer(s));
        TRY(check_selection(s));
        TRY(check_pcr_digest(s));
        TRY(check_clock(s));
        conclude(s);
        return NULL;
}

struct fault *appraise_tpm(const struct appraisal *in, struct attestation_result *result)
{
        struct state s = {.in = in, .result = result, .evidence = tpm_evidence_new()};
        struct fault *f = appraise(&s);
        tpm_public_clear(&s.ak);
        tpm_evidence_clear(&s.evidence);
        return f;
}
