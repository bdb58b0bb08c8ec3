/* Logs of both forms against the very registers that they lead to, so that what is read from them is reached: the first byte chooses the form, and
 * whether the input is registers' JSON instead. */
#include "issuer/verifier/eventlog/eventlog.h"
#include "issuer/verifier/eventlog/registers.h"

#include <assert.h>

#include "tests/fakes/fuzz.h"

static void read_registers(struct span text)
{
        AUTO(registers) struct registers *pcrs = NULL, *rtmrs = NULL;
        AUTO(fault) struct fault *not_pcrs = registers_read_pcrs(text, &pcrs);
        AUTO(fault) struct fault *not_rtmrs = registers_read_rtmrs(text, &rtmrs);
        assert((not_pcrs == NULL) == (pcrs != NULL) && (not_rtmrs == NULL) == (rtmrs != NULL));
}

static void read_log(struct span log, enum eventlog_form form)
{
        static struct eventlog_replay replay;
        AUTO(attestation_result) struct attestation_result r = {.checks = check_new("evidence", false)};
        AUTO(fault) struct fault *f = eventlog_replay(log, form, &replay);
        if (f != NULL)
                return;
        struct span values[HASH_ALG_COUNT][TPM_PCR_COUNT] = {0};
        for (unsigned bank = 0; bank < HASH_ALG_COUNT; bank++)
                for (unsigned n = 0; n < (form == EVENTLOG_TPM ? TPM_PCR_COUNT : RTMR_COUNT); n++)
                        values[bank][n] = span_make(replay.values[bank][n], hash_len((enum hash_alg) bank));
        if (form == EVENTLOG_TPM) {
                f = eventlog_pcrs(log, values, &r);
        } else {
                uint8_t rtmr[RTMR_COUNT][SHA384_LEN];
                for (size_t i = 0; i < RTMR_COUNT; i++)
                        memcpy(rtmr[i], replay.values[HASH_SHA384][i], SHA384_LEN);
                f = eventlog_ccel(log, rtmr, &r);
        }
        /* its own registers can't differ */
        assert(f == NULL || strstr(fault_token(f), ".replay") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        struct span rest = span_make(data + 1, size - 1);
        if (data[0] % 3 == 2)
                read_registers(rest);
        else
                read_log(rest, data[0] % 3 == 0 ? EVENTLOG_TPM : EVENTLOG_CCEL);
        return 0;
}
