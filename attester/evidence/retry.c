#include "attester/evidence/retry.h"

#include <string.h>

#include "attester/evidence/tsm.h"
#include "lib/base/log.h"

static bool is_worth_a_try(const struct fault *f, const char *also)
{
        return strcmp(fault_token(f), "tee.busy") == 0 || (also != NULL && strcmp(fault_token(f), also) == 0);
}

struct fault *evidence_retry(struct fault *(*attempt)(void *arg, struct cancel *cancel), void *arg, const char *also,
                             int64_t pause_ms, struct cancel *cancel)
{
        for (unsigned tries = 1;; tries++) {
                TRY(cancel_check(cancel));
                AUTO(fault) struct fault *f = attempt(arg, cancel);
                if (f == NULL || tries == TSM_TRIES || !is_worth_a_try(f, also))
                        return TAKE(f);
                log_debug("evidence_another_try", KV("why", f));
                TRY(cancel_sleep(cancel, pause_ms));
                pause_ms *= 2;
        }
}
