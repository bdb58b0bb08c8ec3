/* program: how every main() starts, waits and ends (options.h). The one place in lib that logs above debug: it speaks
 * for main(). */
#include "lib/wire/options.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/base/log.h"
#include "lib/base/secret.h"

static void watched_signals(sigset_t *ret)
{
        sigemptyset(ret);
        sigaddset(ret, SIGTERM);
        sigaddset(ret, SIGINT);
        sigaddset(ret, SIGHUP);
}

void program_init(const char *name)
{
        log_set_program(name);
        umask(077);
        int failed = prctl(PR_SET_DUMPABLE, 0);
        assert(failed == 0); /* it refuses unknown values only */
        (void) failed;

        sigset_t watched;
        watched_signals(&watched);
        failed = pthread_sigmask(SIG_BLOCK, &watched, NULL);
        assert(failed == 0);
        struct sigaction ignore = {.sa_handler = SIG_IGN};
        failed = sigaction(SIGPIPE, &ignore, NULL);
        assert(failed == 0);

        secret_free(secret_new(1)); /* locking shows itself at the first one */
        if (secret_unlocked_count() > 0)
                log_warn("secrets_not_locked",
                         KV("hint", "raise RLIMIT_MEMLOCK or give CAP_IPC_LOCK: secrets may be swapped out"));
}

/* glibc gives each thread that meets a busy heap one of its own, and gives little of them back. */
void program_use_little_memory(void)
{
        /* a sanitizer's allocator takes none of it */
        /* NOLINTBEGIN(concurrency-mt-unsafe): at start, before there are threads */
        (void) mallopt(M_ARENA_MAX, 2);
        (void) mallopt(M_TRIM_THRESHOLD, 128 * 1024);
        (void) mallopt(M_MMAP_THRESHOLD, 64 * 1024);
        /* NOLINTEND(concurrency-mt-unsafe) */
}

int program_wait(void (*on_hangup)(void *arg), void *arg)
{
        sigset_t watched;
        watched_signals(&watched);
        for (;;) {
                int signal_number = sigwaitinfo(&watched, NULL);
                if (signal_number == SIGTERM || signal_number == SIGINT)
                        return signal_number;
                assert(signal_number == SIGHUP || errno == EINTR);
                if (signal_number == SIGHUP && on_hangup != NULL)
                        on_hangup(arg);
        }
}

int program_fail(struct fault *f)
{
        log_error("start_failed", KV("error", f));
        (void) fprintf(stderr, "%s\n", fault_text(f)); /* nobody is left to tell that stderr is gone */
        fault_free(f);
        return 1;
}
