#include "issuer/endorse/pace.h"

int64_t pace_wait_ms(const struct pace *p, struct boot now)
{
        int64_t budget = p->paid_until_ms - (p->burst - 1) * p->interval_ms - now.ms, pause = p->not_before_ms - now.ms;
        int64_t wait = budget > pause ? budget : pause;
        return wait > 0 ? wait : 0;
}

void pace_spend(struct pace *p, struct boot now)
{
        p->paid_until_ms = (p->paid_until_ms > now.ms ? p->paid_until_ms : now.ms) + p->interval_ms;
}

void pace_fine(struct pace *p)
{
        p->failures = 0;
        p->not_before_ms = 0;
}

void pace_trouble(struct pace *p, struct boot now, int64_t retry_after_ms, uint32_t random)
{
        int64_t pause = PACE_PAUSE_FIRST_MS;
        for (unsigned i = 0; i < p->failures && pause < PACE_PAUSE_MAX_MS; i++)
                pause *= 2;
        if (pause > PACE_PAUSE_MAX_MS)
                pause = PACE_PAUSE_MAX_MS;
        if (retry_after_ms > PACE_RETRY_AFTER_MAX_MS)
                retry_after_ms = PACE_RETRY_AFTER_MAX_MS;
        if (retry_after_ms > pause)
                pause = retry_after_ms;
        pause += (int64_t) (random % 1024) * pause / 4096;
        p->failures++;
        p->not_before_ms = now.ms + pause;
}
