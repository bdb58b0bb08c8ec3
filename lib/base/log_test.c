#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/clock.h"
#include "tests/fakes/expect.h"

static int pipe_fds[2];

static int set_up(void **state UNUSED)
{
        if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0)
                return -1;
        log_set_fd(pipe_fds[1]);
        log_set_program("log-test");
        log_set_level(LOG_DEBUG);
        return 0;
}

static int tear_down(void **state UNUSED)
{
        log_set_fd(STDERR_FILENO);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        return 0;
}

/* What was written since the last call, as one read(2) gives it. */
static const char *written(void)
{
        static char text[65536];
        ssize_t len = read(pipe_fds[0], text, sizeof(text) - 1);
        text[len > 0 ? len : 0] = '\0';
        return text;
}

/* The line without its time, whose form is checked. */
static const char *line(void)
{
        static const char head[] = "{\"time\":\"";
        const char *text = written();
        if (strncmp(text, head, strlen(head)) != 0)
                fail_msg("no line: %s", text);
        struct wall w = {0};
        struct span time = span_make(text + strlen(head), 24);
        expect_ok(wall_parse(time, &w));
        int64_t age_ms = clock_wall(&clock_system).unix_ms - w.unix_ms;
        assert_in_range(age_ms, 0, 60000);
        assert_int_equal(time.data[19], '.');
        assert_int_equal(time.data[23], 'Z');
        return text + strlen(head) + 24;
}

static void writes_every_kind_of_field(void **state UNUSED)
{
        AUTO(fault) struct fault *f = fault(FAULT_DENIED, "tpm.extra_data", "quote is of another nonce");
        const struct fault *none = NULL;
        bool yes = true;
        const char *constant = "c";
        char array[] = "a";
        log_info("credential_renewed", KV("volume", "v1"), KV("constant", constant), KV("array", array),
                 KV("missing", (const char *) NULL), KV("int", -1), KV("long", INT64_MIN), KV("size", SIZE_MAX),
                 KV("unsigned", 7u), KV("ok", yes), KV("why", f), KV("none", none));
        assert_string_equal(line(), "\",\"level\":\"info\",\"program\":\"log-test\",\"event\":\"credential_renewed\","
                                    "\"volume\":\"v1\",\"constant\":\"c\",\"array\":\"a\",\"missing\":null,\"int\":-1,"
                                    "\"long\":-9223372036854775808,\"size\":18446744073709551615,\"unsigned\":7,"
                                    "\"ok\":true,\"why\":\"quote is of another nonce\","
                                    "\"why_code\":\"PERMISSION_DENIED\",\"why_token\":\"tpm.extra_data\","
                                    "\"none\":null}\n");
}

static void needs_no_field(void **state UNUSED)
{
        log_warn("started");
        assert_string_equal(line(), "\",\"level\":\"warn\",\"program\":\"log-test\",\"event\":\"started\"}\n");
}

static void escapes(void **state UNUSED)
{
        static const struct {
                const char *name, *raw, *json;
        } rows[] = {
                {"quote and backslash", "\"\\", "\\\"\\\\"},
                {"newline", "a\nb", "a\\u000ab"},
                {"a second line", "x\"}\n{\"y\":\"z", "x\\\"}\\u000a{\\\"y\\\":\\\"z"},
                {"controls", "\x01\x1f\x7f", "\\u0001\\u001f\\u007f"},
                {"C1 and bidi", "\xC2\x9B\xE2\x80\xAE\xE2\x80\xAC", "\\u009b\\u202e\\u202c"},
                {"UTF-8", "\xC3\xA4\xF0\x9F\x94\x91", "\xC3\xA4\xF0\x9F\x94\x91"},
                {"invalid byte",
                 "a\xFF"
                 "b",
                 "a\xEF\xBF\xBD"
                 "b"},
                {"surrogate", "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
                {"cut sequence", "\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                log_debug("e", KV("v", rows[i].raw));
                AUTO_STRING char *wanted = alloc_printf("\"v\":\"%s\"}\n", rows[i].json);
                const char *got = strstr(line(), "\"v\":");
                if (got == NULL || strcmp(got, wanted) != 0)
                        fail_msg("%s: %s", rows[i].name, got);
        }
}

static void cuts_long_texts(void **state UNUSED)
{
        char text[2000];
        memset(text, 'a', sizeof(text));
        text[1024] = '\0';
        log_info("e", KV("v", text));
        const char *got = strstr(line(), "\"v\":");
        assert_int_equal(strlen(got), strlen("\"v\":\"\"}\n") + 1024);
        assert_null(strstr(got, "..."));

        text[1024] = 'a';
        text[1025] = '\0';
        log_info("e", KV("v", text));
        got = strstr(line(), "\"v\":");
        assert_int_equal(strlen(got), strlen("\"v\":\"...\"}\n") + 1024);

        text[1023] = (char) 0xC3; /* a letter of two bytes across the border is left out whole */
        text[1024] = (char) 0xA4;
        log_info("e", KV("v", text));
        got = strstr(line(), "\"v\":");
        assert_int_equal(strlen(got), strlen("\"v\":\"...\"}\n") + 1023);
        assert_non_null(strstr(got, "aaa...\"}\n"));
}

static void leaves_out_what_a_line_can_not_hold(void **state UNUSED)
{
        char text[1025];
        memset(text, 'a', 1024);
        text[1024] = '\0';
        log_info("e", KV("a", text), KV("b", text), KV("c", text), KV("d", text), KV("e", text), KV("f", 1));
        const char *got = line();
        assert_true(strlen(got) <= 4096);
        assert_non_null(strstr(got, "\"c\":\"aaa"));
        assert_null(strstr(got, "\"d\":"));
        assert_non_null(strstr(got, "aaa\",\"f\":1,\"left_out\":2}\n"));
}

static void is_quiet_below_its_level(void **state UNUSED)
{
        log_set_level(LOG_WARN);
        log_debug("debug");
        log_info("info");
        assert_string_equal(written(), "");
        log_warn("warn");
        log_error("error");
        const char *text = line();
        assert_non_null(strstr(text, "\"event\":\"warn\""));
        assert_non_null(strstr(text, "\"event\":\"error\""));
        assert_null(strstr(text, "info"));
}

static void parses_levels(void **state UNUSED)
{
        static const char *const names[] = {"debug", "info", "warn", "error"};
        enum log_level level = LOG_INFO;
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                expect_ok(log_level_parse(names[i], &level));
                assert_int_equal(level, i);
        }
        static const char *const bad[] = {"", "INFO", "warning", "info "};
        for (size_t i = 0; i < COUNT_OF(bad); i++)
                expect_fault_row(log_level_parse(bad[i], &level), FAULT_INVALID, "BAD_LEVEL", bad[i]);
        assert_int_equal(level, LOG_ERROR);
}

static void keeps_errno_and_survives_a_full_pipe(void **state UNUSED)
{
        for (int i = 0; i < 3000; i++) {
                errno = ENOTTY;
                log_info("e");
                assert_int_equal(errno, ENOTTY);
        }
}

static void *log_many(void *arg)
{
        for (int i = 0; i < 50; i++)
                log_info("many", KV("thread", (const char *) arg));
        return NULL;
}

static void lines_of_threads_do_not_mix(void **state UNUSED)
{
        static char names[][6] = {"one", "two", "three", "four"};
        pthread_t threads[COUNT_OF(names)];
        for (size_t i = 0; i < COUNT_OF(names); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
        for (size_t i = 0; i < COUNT_OF(names); i++)
                pthread_join(threads[i], NULL);
        size_t lines = 0;
        for (const char *at = written(); *at != '\0'; lines++) {
                const char *end = strchr(at, '\n');
                assert_non_null(end);
                assert_memory_equal(at, "{\"time\":", 8);
                assert_memory_equal(end - 2, "\"}", 2);
                at = end + 1;
        }
        assert_int_equal(lines, 200);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(writes_every_kind_of_field, set_up, tear_down),
                cmocka_unit_test_setup_teardown(needs_no_field, set_up, tear_down),
                cmocka_unit_test_setup_teardown(escapes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(cuts_long_texts, set_up, tear_down),
                cmocka_unit_test_setup_teardown(leaves_out_what_a_line_can_not_hold, set_up, tear_down),
                cmocka_unit_test_setup_teardown(is_quiet_below_its_level, set_up, tear_down),
                cmocka_unit_test_setup_teardown(parses_levels, set_up, tear_down),
                cmocka_unit_test_setup_teardown(keeps_errno_and_survives_a_full_pipe, set_up, tear_down),
                cmocka_unit_test_setup_teardown(lines_of_threads_do_not_mix, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
