#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/log.h"
#include "lib/wire/options.h"
#include "tests/fakes/expect.h"

static void starts_closed(void **state UNUSED)
{
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        log_set_fd(ends[1]); /* a machine without lockable memory warns here */
        program_init("vouchsafe-test");
        log_set_fd(STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);

        assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
        assert_int_equal(umask(077), 077);
        sigset_t blocked;
        assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
        assert_true(sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGHUP));
        struct sigaction pipe_action;
        assert_int_equal(sigaction(SIGPIPE, NULL, &pipe_action), 0);
        assert_ptr_equal(pipe_action.sa_handler, SIG_IGN);
}

static void on_hangup(void *arg)
{
        ++*(int *) arg;
        assert_int_equal(kill(getpid(), SIGTERM), 0);
}

static void waits(void **state UNUSED)
{
        int hangups = 0;
        assert_int_equal(kill(getpid(), SIGHUP), 0);
        assert_int_equal(program_wait(on_hangup, &hangups), SIGTERM);
        assert_int_equal(hangups, 1);

        assert_int_equal(kill(getpid(), SIGHUP), 0);
        assert_int_equal(kill(getpid(), SIGINT), 0);
        assert_int_equal(program_wait(NULL, NULL), SIGINT); /* a hangup that nobody asked for is dropped */
}

static void fails_with_a_text(void **state UNUSED)
{
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        int saved = dup(STDERR_FILENO);
        assert_true(saved >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
        int code = program_fail(fault(FAULT_INVALID, "BAD_OPTION", "what is wrong"));
        assert_true(dup2(saved, STDERR_FILENO) >= 0);
        close(saved);
        close(ends[1]);

        char text[2048] = "";
        assert_true(read(ends[0], text, sizeof text - 1) > 0);
        close(ends[0]);
        assert_int_equal(code, 1);
        assert_non_null(strstr(text, "\"event\":\"start_failed\""));
        assert_non_null(strstr(text, "\"error_token\":\"BAD_OPTION\""));
        assert_non_null(strstr(text, "\nwhat is wrong\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(starts_closed),
                cmocka_unit_test(waits),
                cmocka_unit_test(fails_with_a_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
