/* wrong_clock: preloaded, it makes the wall clock of a program wrong, from its start or while it runs. $WRONG_CLOCK names a file of eight bytes,
 * milliseconds, signed, in the machine's order, that are added to it. Boot and monotonic time stay as they are. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_ms;

/* Before the program shuts itself in; a fork shares the page. */
__attribute__((constructor)) static void begin(void)
{
        const char *path = getenv("WRONG_CLOCK");
        int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *mapped = fd >= 0 ? mmap(NULL, sizeof *offset_ms, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (fd >= 0)
                close(fd);
        if (mapped != MAP_FAILED)
                offset_ms = mapped;
}

int clock_gettime(clockid_t which, struct timespec *ret)
{
        int r = (int) syscall(SYS_clock_gettime, which, ret);
        if (r != 0 || offset_ms == NULL || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE))
                return r;
        int64_t ms = *offset_ms, ns = ret->tv_nsec + (ms % 1000) * 1000000;
        ret->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
        ret->tv_nsec = ns >= 1000000000 ? ns - 1000000000 : ns < 0 ? ns + 1000000000 : ns;
        return 0;
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
        struct timespec now;
        (void) zone;
        (void) clock_gettime(CLOCK_REALTIME, &now); /* there is always one */
        *ret = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
        return 0;
}
