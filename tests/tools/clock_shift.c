/* clock_shift: preloaded, it makes a program's wall clock wrong by CLOCK_SHIFT_S seconds. Boot and monotonic time stay as they are. For tests. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t shift(void)
{
        const char *text = getenv("CLOCK_SHIFT_S");
        time_t seconds = 0;
        if (text == NULL)
                return 0;
        for (const char *digit = text[0] == '-' ? text + 1 : text; *digit >= '0' && *digit <= '9'; digit++)
                seconds = seconds * 10 + (*digit - '0');
        return text[0] == '-' ? -seconds : seconds;
}

int clock_gettime(clockid_t which, struct timespec *ret)
{
        static int (*real)(clockid_t, struct timespec *);
        if (real == NULL)
                real = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
        int r = real(which, ret);
        if (r == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
                ret->tv_sec += shift();
        return r;
}

time_t time(time_t *ret)
{
        struct timespec now;
        (void) clock_gettime(CLOCK_REALTIME, &now); /* there is always one */
        if (ret != NULL)
                *ret = now.tv_sec;
        return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
        (void) zone;
        struct timespec now;
        (void) clock_gettime(CLOCK_REALTIME, &now);
        *ret = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
        return 0;
}
