/* The timer: sleeps until the first volume is due, or somebody sets the clock. No polling.
 *
 * The heap is on boot time. Plans hold as long as the wall clock runs with the boot clock; a descriptor on CLOCK_REALTIME that is cancelled
 * when the clock is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET) tells when not, and then all is planned anew. */
#include "csi/volume/table.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "lib/base/log.h"

#define QUEUE_FULL_WAIT_MS 1000
#define FAR_FUTURE_S       (INT64_C(1) << 40)

static struct fault *timer_fault(const char *what)
{
        return fault_errno(FAULT_INTERNAL, "TIMER_FAILED", errno, "%s", what);
}

static void arm_step(struct volumes *vs)
{
        const struct itimerspec far = {.it_value.tv_sec = FAR_FUTURE_S};
        /* refused only by kernels without the flag; then a step is noticed with the next timer */
        (void) timerfd_settime(vs->step_fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

struct fault *timer_open(struct volumes *vs)
{
        vs->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        vs->boot_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        vs->step_fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (vs->wake_fd < 0 || vs->boot_fd < 0 || vs->step_fd < 0)
                return timer_fault("make the timers");
        arm_step(vs);
        return NULL;
}

void timer_close(struct volumes *vs)
{
        auto_close_cleanup(&vs->wake_fd);
        auto_close_cleanup(&vs->boot_fd);
        auto_close_cleanup(&vs->step_fd);
}

void timer_kick(struct volumes *vs)
{
        const uint64_t one = 1;
        (void) !write(vs->wake_fd, &one, sizeof(one)); /* full means that it will wake anyway */
}

static void drain(int fd)
{
        uint64_t count;
        (void) !read(fd, &count, sizeof(count)); /* EAGAIN: nothing; ECANCELED: the clock was set */
}

static void sleep_ms(struct volumes *vs, int64_t ms)
{
        struct itimerspec in = {0};
        if (ms != INT64_MAX) {
                in.it_value.tv_sec = ms / 1000;
                in.it_value.tv_nsec = ms % 1000 * 1000000 + 1; /* all zero would mean never */
        }
        (void) timerfd_settime(vs->boot_fd, 0, &in, NULL); /* valid by construction */
        struct pollfd fds[] = {{vs->wake_fd, POLLIN, 0}, {vs->boot_fd, POLLIN, 0}, {vs->step_fd, POLLIN, 0}};
        (void) poll(fds, COUNT_OF(fds), -1); /* EINTR is a wake-up like another */
        drain(vs->wake_fd);
        drain(vs->boot_fd);
        drain(vs->step_fd);
        if (fds[2].revents != 0)
                arm_step(vs);
}

/* With mu held, as what follows. */
static void replan_when_stepped(struct volumes *vs)
{
        struct wall wall = clock_wall(vs->options.clock);
        struct boot boot = clock_boot(vs->options.clock);
        bool stepped = planner_clock_stepped(vs->planned_wall, vs->planned_boot, wall, boot);
        if (!stepped)
                return; /* a slow drift adds up until it counts as a step */
        log_warn("clock_stepped", KV("wall_moved_ms", wall.unix_ms - vs->planned_wall.unix_ms),
                 KV("boot_moved_ms", boot.ms - vs->planned_boot.ms));
        vs->planned_wall = wall;
        vs->planned_boot = boot;
        const char *id;
        void *volume;
        for (size_t at = 0; map_next(vs->by_id, &at, &id, &volume);)
                volume_replan(volume);
}

/* An owned one is left out: its owner plans it when it lets go. */
static void dispatch(struct volumes *vs, struct volume *v)
{
        heap_remove(&vs->timers, &v->timer);
        if (v->owner != OWNER_NONE || v->queued || !v->listed)
                return;
        v->queued = true;
        v->refs++;
        vs->jobs++;
        AUTO(fault) struct fault *full = pool_submit(vs->renewers, renew_run, v);
        if (full == NULL)
                return;
        v->queued = false;
        v->refs--;
        vs->jobs--;
        heap_put(&vs->timers, &v->timer, (struct boot){clock_boot(vs->options.clock).ms + QUEUE_FULL_WAIT_MS});
}

static int64_t pass(struct volumes *vs)
{
        replan_when_stepped(vs);
        struct boot now = clock_boot(vs->options.clock);
        struct heap_item *first;
        while ((first = heap_first(&vs->timers)) != NULL && first->at.ms <= now.ms)
                dispatch(vs, CONTAINER_OF(first, struct volume, timer));
        vs->passes++;
        pthread_cond_broadcast(&vs->changed);
        return first == NULL ? INT64_MAX : first->at.ms - now.ms;
}

void *timer_run(void *arg)
{
        struct volumes *vs = arg;
        pthread_setname_np(pthread_self(), "volume-timer");
        pthread_mutex_lock(&vs->mu);
        while (!vs->stopping) {
                int64_t wait_ms = pass(vs);
                pthread_mutex_unlock(&vs->mu);
                sleep_ms(vs, wait_ms);
                pthread_mutex_lock(&vs->mu);
        }
        pthread_mutex_unlock(&vs->mu);
        return NULL;
}

void volumes_settle(struct volumes *vs)
{
        pthread_mutex_lock(&vs->mu);
        for (;;) {
                uint64_t seen = vs->passes;
                timer_kick(vs);
                while (vs->passes < seen + 2) { /* one may have been under way; a kick brings the next */
                        timer_kick(vs);
                        pthread_cond_wait(&vs->changed, &vs->mu);
                }
                while (vs->jobs > 0)
                        pthread_cond_wait(&vs->changed, &vs->mu);
                struct heap_item *first = heap_first(&vs->timers);
                if (first == NULL || first->at.ms > clock_boot(vs->options.clock).ms)
                        break;
        }
        pthread_mutex_unlock(&vs->mu);
}
