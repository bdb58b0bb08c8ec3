#include "issuer/verifier/eventlog/eventlog.h"

#include <stdio.h>

#include "issuer/verifier/eventlog/claims.h"
#include "issuer/verifier/eventlog/registers.h"

#define REGISTER_TEXT_LEN 32
#define BAD_REGISTERS_LEN 128

struct comparison {
        struct eventlog_replay replay;
        const struct eventlog_names *names;
        struct attestation_result *result;
};

static struct fault *compare_bank(const struct comparison *c, register_values values, enum hash_alg bank,
                                  struct eventlog_match *ret)
{
        char wanted[REGISTER_TEXT_LEN] = "every register", got[REGISTER_TEXT_LEN] = "equal";
        eventlog_compare(&c->replay, values, bank, ret);
        if (!ret->compared)
                return NULL;
        (void) snprintf(wanted, sizeof(wanted), "%s as replayed", hash_name(bank)); /* fits */
        if (ret->differing >= 0)
                (void) snprintf(got, sizeof(got), "register %d differs", ret->differing); /* fits */
        return appraise_hold(c->result, c->names->replay, ret->differing < 0, ORIGIN_MEASURED, wanted, got);
}

static void note_os_registers(const struct comparison *c, uint32_t went_on)
{
        char got[BAD_REGISTERS_LEN] = "PCRs that differ:";
        for (int n = 0; n < TPM_PCR_COUNT; n++)
                if ((went_on >> n & 1) != 0)
                        (void) snprintf(got + strlen(got), sizeof(got) - strlen(got), " %d", n); /* fits */
        appraise_concern(c->result, c->names->os_registers, went_on == 0, ORIGIN_MEASURED,
                         "PCRs above 7 that the log explains to their end", went_on == 0 ? NULL : got, EAR_WARNING);
}

/* Every bank that was given must fit; the weakest that is good enough says what is proven, because reference values are usually its. */
static struct fault *compare(struct comparison *c, register_values values)
{
        static const enum hash_alg preferred[] = {HASH_SHA256, HASH_SHA384, HASH_SHA512};
        int proving = -1;
        uint32_t proven = 0, went_on = 0;
        struct eventlog_match match;
        TRY(compare_bank(c, values, HASH_SHA1, &match));
        bool has_sha1 = match.compared;
        went_on = match.went_on;
        for (size_t i = 0; i < COUNT_OF(preferred); i++) {
                TRY(compare_bank(c, values, preferred[i], &match));
                went_on |= match.went_on;
                if (match.compared && proving < 0) {
                        proving = (int) preferred[i];
                        proven = match.equal;
                }
        }
        TRY(appraise_hold(c->result, c->names->hash, proving >= 0 || !has_sha1, ORIGIN_MEASURED,
                          "registers of SHA-256 or better", has_sha1 ? "those of SHA-1 alone" : NULL));
        TRY(appraise_hold(c->result, c->names->registers, proving >= 0, ORIGIN_MEASURED,
                          "registers that the log extends", proving >= 0 ? NULL : "none"));
        note_os_registers(c, went_on);
        eventlog_claims(&c->replay, (enum hash_alg) proving, proven, c->result);
        return NULL;
}

static struct fault *replay(struct span log, enum eventlog_form form, struct comparison *c)
{
        struct fault *f = eventlog_replay(log, form, &c->replay);
        if (f == NULL)
                return NULL;
        bool is_old = strcmp(fault_token(f), eventlog_names[EVENTLOG_TPM].sha1_only) == 0;
        return fault_rename(f, fault_code(f), is_old ? c->names->sha1_only : c->names->structure);
}

static struct fault *check(struct span log, enum eventlog_form form, register_values values,
                           struct attestation_result *r)
{
        struct comparison c = {.names = &eventlog_names[form], .result = r};
        TRY(appraise_call(r, c.names->structure, ORIGIN_SELF, replay(log, form, &c)));
        return compare(&c, values);
}

struct fault *eventlog_pcrs(struct span log, register_values values, struct attestation_result *r)
{
        return check(log, EVENTLOG_TPM, values, r);
}

struct fault *eventlog_ccel(struct span log, const uint8_t rtmr[RTMR_COUNT][SHA384_LEN], struct attestation_result *r)
{
        struct span values[HASH_ALG_COUNT][TPM_PCR_COUNT] = {0};
        for (size_t i = 0; i < RTMR_COUNT; i++)
                values[HASH_SHA384][i] = span_make(rtmr[i], SHA384_LEN);
        return check(log, EVENTLOG_CCEL, values, r);
}

struct fault *appraise_eventlog(const struct appraisal *in, struct attestation_result *r)
{
        AUTO(registers) struct registers *given = NULL;
        struct span pcrs = appraisal_part(in, "pcrs"), rtmrs = appraisal_part(in, "rtmrs");
        bool has_one = (pcrs.len == 0) != (rtmrs.len == 0);
        struct fault *missing = has_one ? NULL
                                        : fault(FAULT_UNAVAILABLE, "eventlog.registers",
                                                "a log is appraised against the part pcrs or the part rtmrs");
        TRY(appraise_call(r, "eventlog.registers", ORIGIN_VERIFIER, missing));
        TRY(appraise_call(r, "evidence.format", ORIGIN_VERIFIER,
                          pcrs.len > 0 ? registers_read_pcrs(pcrs, &given) : registers_read_rtmrs(rtmrs, &given)));
        TRY(check(in->evidence, pcrs.len > 0 ? EVENTLOG_TPM : EVENTLOG_CCEL, given->values, r));
        appraise_not_checked(r, "freshness");
        r->status = EAR_AFFIRMING;
        return NULL;
}
