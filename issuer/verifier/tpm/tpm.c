#include "issuer/verifier/tpm/tpm.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_TEXT_LEN 64
#define NAME_LEN        34 /* of a SHA-256 Name */
#define NAME_BYTES_MAX  66
#define EVIDENCE_JSON   '{' /* no TPMS_ATTEST begins so */

struct state {
        struct tpm_check check;
        struct tpm_ak *ak; /* the check borrows its public part */
        struct span area;  /* its TPMT_PUBLIC; empty: not known */
        const char *trust; /* "enrolled", "certificate", "anchor" */
};

/* ---- who signed ---- */

/* The record's public area is what enrolment tied to an EK; the evidence only says which record it means. */
static struct fault *check_enrolled(struct state *s)
{
        const struct ak_record *known = s->check.in->ak;
        struct attestation_result *r = s->check.result;
        TRY(appraise_hold(r, "tpm.ak", span_eq(buf_span(&known->public_area), s->area), ORIGIN_VERIFIER,
                          "the public area that was enrolled", NULL));
        TRY(appraise_call(r, "ak.attributes", ORIGIN_HW, ak_check_public(&s->ak->public)));
        s->trust = "enrolled";

        char end[WALL_TEXT_LEN + 1];
        wall_format(wall_from_unix_s(known->ek_not_after_unix_s), end);
        return appraise_hold(r, "ek.expired", wall_unix_s(s->check.in->now) <= known->ek_not_after_unix_s, ORIGIN_HW,
                             "an endorsement certificate that is valid", end);
}

static struct fault *check_ak(struct state *s)
{
        const struct appraisal *in = s->check.in;
        TRY(appraise_call(s->check.result, "tpm.ak", ORIGIN_SELF, tpm_ak_read(in, &s->ak)));
        s->area = tpm_ak_area(in);
        if (in->ak != NULL) {
                TRY(check_enrolled(s));
        } else {
                TRY(tpm_ak_trust(in, s->ak, s->check.result, &s->trust));
                if (s->ak->knows_public)
                        TRY(appraise_call(s->check.result, "ak.attributes", ORIGIN_HW, ak_check_any(&s->ak->public)));
                else
                        appraise_not_checked(s->check.result, "ak.attributes");
        }
        s->check.ak = s->ak->public; /* given back before the check is cleared */
        s->check.knows_public = s->ak->knows_public;
        return NULL;
}

/* ---- the key's place in the TPM ---- */

/* H(handle ‖ Name) for a primary key of that hierarchy (part 1, 26.5). */
static void qualified_name(uint32_t hierarchy, const struct buf *name, enum hash_alg alg, struct buf *ret)
{
        AUTO(buf) struct buf input = BUF(sizeof(hierarchy) + NAME_BYTES_MAX);
        uint8_t digest[HASH_MAX_LEN];
        struct fault *f = buf_append_u32be(&input, hierarchy);
        if (f == NULL)
                f = buf_append(&input, buf_span(name));
        hash(alg, buf_span(&input), digest);
        if (f == NULL)
                f = buf_append(ret, span_make(name->data, 2)); /* the algorithm */
        if (f == NULL)
                f = buf_append(ret, span_make(digest, hash_len(alg)));
        fault_free(f); /* can't be: all of it fits */
}

/* Our attestation keys are primaries of the endorsement hierarchy. Under another hierarchy's key the TPM would scramble the clock (part 1,
 * 36.7). Others' keys may be children of any key: then their place can't be told from here. */
static struct fault *check_qualified_signer(struct state *s)
{
        static const uint32_t hierarchies[] = {0x4000000b, 0x40000001, 0x4000000c}; /* endorsement, owner, platform */
        const struct tpm_check *c = &s->check;
        AUTO(buf) struct buf name = BUF(NAME_BYTES_MAX);
        if (!c->knows_public) {
                appraise_not_checked(c->result, "tpm.qualified_signer");
                return NULL;
        }
        TRY(tpm_name(s->area, &name));
        for (size_t i = 0; i < COUNT_OF(hierarchies); i++) {
                AUTO(buf) struct buf wanted = BUF(NAME_BYTES_MAX);
                qualified_name(hierarchies[i], &name, c->ak.name_alg, &wanted);
                if (c->in->ak != NULL)
                        return appraise_bytes(c->result, "tpm.qualified_signer", ORIGIN_HW, buf_span(&wanted),
                                              c->quote.qualified_signer);
                if (span_eq(buf_span(&wanted), c->quote.qualified_signer))
                        return appraise_hold(c->result, "tpm.qualified_signer", true, ORIGIN_HW, NULL, NULL);
        }
        appraise_not_checked(c->result, "tpm.qualified_signer");
        return NULL;
}

/* ---- the clock ---- */

/* Counts first: a smaller pair is another TPM's state, or an old quote; a larger one is a reboot, after which the clock may have lost some
 * minutes. Within equal counts the clock never goes back, and once it was safe it stays so. That it is not safe yet (a while after a loss
 * of power) is no refusal: the counts order that boot, and a policy may ask for tpm.clock-safe. */
static struct fault *check_clock(struct state *s)
{
        const struct ak_record *last = s->check.in->ak;
        const struct tpm_quote *q = &s->check.quote;
        if (last == NULL || !last->has_clock)
                return NULL;

        char wanted[NUMBER_TEXT_LEN], got[NUMBER_TEXT_LEN];
        bool is_older = q->reset_count < last->reset_count ||
                        (q->reset_count == last->reset_count && q->restart_count < last->restart_count);
        (void) snprintf(wanted, sizeof(wanted), "at least %u.%u", last->reset_count, last->restart_count); /* fits */
        (void) snprintf(got, sizeof(got), "%u.%u", q->reset_count, q->restart_count);
        TRY(appraise_hold(s->check.result, "tpm.reset_count", !is_older, ORIGIN_HW, wanted, got));
        if (q->reset_count != last->reset_count || q->restart_count != last->restart_count)
                return NULL;

        (void) snprintf(wanted, sizeof(wanted), "at least %" PRIu64 " ms", last->clock_ms);
        (void) snprintf(got, sizeof(got), "%" PRIu64 " ms", q->clock_ms);
        TRY(appraise_hold(s->check.result, "tpm.clock", q->clock_ms >= last->clock_ms, ORIGIN_HW, wanted, got));
        return appraise_hold(s->check.result, "tpm.safe", q->safe || !last->clock_safe, ORIGIN_HW,
                             last->clock_safe ? "true, as before" : "any", q->safe ? "true" : "false");
}

/* ---- what it all says ---- */

static struct fault *set_facts(const struct state *s)
{
        const struct tpm_check *c = &s->check;
        const struct ak_record *record = c->in->ak;
        struct facts *f = &c->result->facts;
        tpm_set_quote_facts(c);
        facts_set_text(f, "tpm.ak-trust", ORIGIN_VERIFIER, span_str(s->trust));
        if (s->ak->knows_public) {
                AUTO(buf) struct buf name = BUF(NAME_BYTES_MAX);
                TRY(tpm_name(s->area, &name));
                facts_set_bytes(f, "tpm.ak", ORIGIN_HW, buf_span(&name));
        }
        if (record == NULL)
                return NULL;
        facts_set_bytes(f, "tpm.ek", ORIGIN_HW, span_make(record->ek_digest, SHA256_LEN));
        if (record->ek_issuer != NULL)
                facts_set_text(f, "tpm.ek-issuer", ORIGIN_HW, span_str(record->ek_issuer));
        return NULL;
}

static struct fault *conclude(const struct state *s)
{
        struct attestation_result *r = s->check.result;
        const struct tpm_quote *q = &s->check.quote;
        TRY(set_facts(s));
        /* whether the registers hold what they should is the policy's question: no claim about executables here */
        r->vector.instance_identity = TRUST_RECOGNISED_INSTANCE;
        bool is_anchor = strcmp(s->trust, "anchor") == 0; /* nobody says that a TPM holds it */
        r->vector.hardware = is_anchor ? 0 : TRUST_GENUINE_HARDWARE;
        r->status = EAR_AFFIRMING;
        r->has_clock = true;
        r->clock_safe = q->safe;
        r->clock_ms = q->clock_ms;
        r->reset_count = q->reset_count;
        r->restart_count = q->restart_count;
        return NULL;
}

static struct fault *appraise(struct state *s)
{
        struct tpm_check *c = &s->check;
        TRY(appraise_hold(c->result, "evidence.parts", c->signature.len > 0, ORIGIN_SELF, "a signature (the part sig)",
                          c->signature.len > 0 ? NULL : "none"));
        TRY(check_ak(s));
        TRY(tpm_check_shape(c));
        TRY(tpm_check_freshness(c));
        TRY(tpm_check_signature(c));
        TRY(check_qualified_signer(s));
        TRY(tpm_check_pcrs(c));
        TRY(check_clock(s));
        TRY(tpm_check_eventlog(c));
        return conclude(s);
}

struct fault *appraise_tpm(const struct appraisal *in, struct attestation_result *result)
{
        struct state s = {.check = {.in = in,
                                    .result = result,
                                    .attest = in->evidence,
                                    .signature = appraisal_part(in, "sig"),
                                    .needs_pcrs = in->ak != NULL || in->transcript.len > 0}};
        struct fault *f = appraise(&s);
        s.check.ak = (struct tpm_public){0};
        tpm_check_clear(&s.check);
        tpm_ak_free(s.ak);
        return f;
}
