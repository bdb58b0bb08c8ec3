#include "csi/volume/planner.h"

#include <assert.h>
#include <stdio.h>

#include "lib/base/checksum.h"

#define MS_PER_S        1000
#define RETRY_FLOOR_MS  250
#define RETRY_AFTER_MAX (10 * 60 * MS_PER_S)
#define RENEW_GAP_MAX_MS                                                                                               \
        (30 * MS_PER_S) /* between two successes: an issuer whose clock is off must not be asked in a loop */
#define RENEW_GAP_MIN_MS MS_PER_S

static const struct class_row {
        const char *name;
        int64_t base_ms, cap_ms; /* first wait, doubled up to the cap */
} classes[] = {
        [RENEWAL_OK] = {"ok", 0, 0},
        [RENEWAL_NOT_READY] = {"not_ready", 1 * MS_PER_S, 30 * MS_PER_S},
        [RENEWAL_FAILED] = {"failed", 5 * MS_PER_S, 5 * 60 * MS_PER_S},
        [RENEWAL_DENIED] = {"denied", 30 * MS_PER_S, 15 * 60 * MS_PER_S},
};
_Static_assert(COUNT_OF(classes) == RENEWAL_CLASS_COUNT, "a row for each class");

const char *renewal_class_name(enum renewal_class c)
{
        return classes[c].name;
}

enum renewal_class renewal_class_of(enum fault_code code)
{
        switch (code) {
        case FAULT_DENIED:
        case FAULT_UNAUTHENTICATED:
        case FAULT_INVALID:
                return RENEWAL_DENIED;
        case FAULT_PRECONDITION: /* this machine can't attest just now */
        case FAULT_EXHAUSTED:    /* a queue is full */
        case FAULT_ABORTED:
        case FAULT_CANCELLED:
                return RENEWAL_NOT_READY;
        default:
                return RENEWAL_FAILED;
        }
}

/* 0 to 65535, the same for ever for the same volume, number and purpose. */
static int64_t spread(const char *purpose, const char *id, uint64_t number)
{
        char text[256];
        uint8_t digest[CHECKSUM_LEN];
        int len = snprintf(text, sizeof(text), "%s/%llu/%s", purpose, (unsigned long long) number, id);
        assert(len > 0 && (size_t) len < sizeof(text));
        checksum_sha256(span_make(text, (size_t) len), digest);
        return (int64_t) digest[0] << 8 | digest[1];
}

static int64_t life_ms_of(int64_t issued_unix_s, int64_t not_after_unix_s)
{
        int64_t life_s = not_after_unix_s - issued_unix_s;
        return life_s > 0 ? life_s * MS_PER_S : 0;
}

static int64_t clamp(int64_t v, int64_t min, int64_t max)
{
        return v < min ? min : v > max ? max : v;
}

void planner_window(int64_t issued_unix_s, int64_t not_after_unix_s, struct renew_slots *ret)
{
        int64_t life_ms = life_ms_of(issued_unix_s, not_after_unix_s);
        struct wall latest = {issued_unix_s * MS_PER_S + life_ms / 3 * 2};
        renew_slots_init(ret, (struct wall){latest.unix_ms - life_ms / 10}, latest);
}

struct wall planner_renew_at(const char *id, uint64_t generation, int64_t issued_unix_s, int64_t not_after_unix_s)
{
        int64_t life_ms = life_ms_of(issued_unix_s, not_after_unix_s);
        int64_t jitter_ms = life_ms / 10 * spread("renew", id, generation) / UINT16_MAX;
        return (struct wall){issued_unix_s * MS_PER_S + life_ms / 3 * 2 - jitter_ms};
}

/* What was chosen, as long as it lies where the protocol wants it: it may have been read from a file of seconds. */
static struct wall renew_at_of(const struct planner_facts *f)
{
        int64_t life_ms = life_ms_of(f->issued_unix_s, f->not_after_unix_s);
        int64_t latest_ms = f->issued_unix_s * MS_PER_S + life_ms / 3 * 2;
        bool is_chosen = f->chosen.unix_ms <= latest_ms && f->chosen.unix_ms > latest_ms - life_ms / 10 - MS_PER_S;
        return is_chosen ? f->chosen : planner_renew_at(f->id, f->generation, f->issued_unix_s, f->not_after_unix_s);
}

int64_t planner_backoff_ms(const struct planner_facts *f)
{
        if (f->failures == 0)
                return 0;
        const struct class_row *row = &classes[f->last_class];
        int64_t life_ms = life_ms_of(f->issued_unix_s, f->not_after_unix_s);
        int64_t base = life_ms > 0 && life_ms / 20 < row->base_ms ? life_ms / 20 : row->base_ms;
        int64_t cap = life_ms > 0 && life_ms / 10 < row->cap_ms ? life_ms / 10 : row->cap_ms;
        unsigned doublings = f->failures - 1 < 20 ? f->failures - 1 : 20;
        int64_t full = clamp(base << doublings, RETRY_FLOOR_MS, cap < RETRY_FLOOR_MS ? RETRY_FLOOR_MS : cap);
        int64_t wait =
                full / 2 + full / 2 * spread("retry", f->id, f->generation << 8 | (f->failures & 0xff)) / UINT16_MAX;
        int64_t asked = clamp(f->retry_after_ms, 0, RETRY_AFTER_MAX);
        return wait > asked ? wait : asked;
}

bool planner_clock_stepped(struct wall wall_then, struct boot boot_then, struct wall wall, struct boot boot)
{
        int64_t moved = (wall.unix_ms - wall_then.unix_ms) - (boot.ms - boot_then.ms);
        return moved > PLANNER_STEP_MS || moved < -PLANNER_STEP_MS;
}

/* When the wall clock will show `then`, on boot time. */
static struct boot boot_at(struct wall then, struct wall wall, struct boot boot)
{
        int64_t at;
        if (__builtin_add_overflow(boot.ms, then.unix_ms - wall.unix_ms, &at))
                return (struct boot){INT64_MAX};
        return (struct boot){at};
}

static struct boot later(struct boot a, struct boot b)
{
        return a.ms > b.ms ? a : b;
}

/* When a renewal may be tried: the planned point, then the wait that its failures earned, never twice in quick succession. */
static struct boot renewal_due(const struct planner_facts *f, struct boot planned)
{
        struct boot due = planned;
        if (f->renewed_at.ms != INT64_MIN) {
                int64_t gap = clamp(life_ms_of(f->issued_unix_s, f->not_after_unix_s) / 4, RENEW_GAP_MIN_MS,
                                    RENEW_GAP_MAX_MS);
                due = later(due, (struct boot){f->renewed_at.ms + gap});
        }
        if (f->failures > 0)
                due = later(due, (struct boot){f->failed_at.ms + planner_backoff_ms(f)});
        return due;
}

static void wake_by(struct plan *p, struct boot at, struct boot now)
{
        if (at.ms > now.ms && at.ms < p->wake_at.ms)
                p->wake_at = at;
}

struct plan planner_plan(const struct planner_facts *f, struct wall wall, struct boot boot)
{
        int64_t life_ms = life_ms_of(f->issued_unix_s, f->not_after_unix_s);
        struct wall overdue = {f->issued_unix_s * MS_PER_S + life_ms / 4 * 3};
        struct wall expired = {f->not_after_unix_s * MS_PER_S};
        struct plan p = {.wake_at = {INT64_MAX}};
        p.renew_at = renew_at_of(f);
        p.state = wall.unix_ms >= expired.unix_ms   ? VOLUME_EXPIRED
                  : wall.unix_ms >= overdue.unix_ms ? VOLUME_OVERDUE
                                                    : VOLUME_FRESH;

        struct boot due = renewal_due(f, boot_at(p.renew_at, wall, boot));
        bool may_write = boot.ms >= f->hold_until.ms;
        if (!f->waits_for_token && boot.ms >= due.ms)
                p.actions |= PLAN_RENEW;
        if (may_write && f->bundle_is_old)
                p.actions |= PLAN_BUNDLE;
        if (may_write && (f->status_is_old || f->status_state != p.state))
                p.actions |= PLAN_STATUS;
        if (may_write && f->has_old_generations && boot.ms >= f->reap_at.ms)
                p.actions |= PLAN_REAP;

        if (!f->waits_for_token)
                wake_by(&p, due, boot);
        wake_by(&p, boot_at(overdue, wall, boot), boot);
        wake_by(&p, boot_at(expired, wall, boot), boot);
        wake_by(&p, f->hold_until, boot);
        if (f->has_old_generations)
                wake_by(&p, f->reap_at, boot);
        if (p.actions != 0)
                p.wake_at = boot;
        return p;
}
