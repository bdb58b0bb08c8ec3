#include "lib/wire/problem.h"

#include "tests/fakes/expect.h"

static const enum fault_code all_codes[] = {
        FAULT_CANCELLED,    FAULT_UNKNOWN,     FAULT_INVALID,   FAULT_DEADLINE,
        FAULT_NOT_FOUND,    FAULT_EXISTS,      FAULT_DENIED,    FAULT_EXHAUSTED,
        FAULT_PRECONDITION, FAULT_ABORTED,     FAULT_RANGE,     FAULT_UNIMPLEMENTED,
        FAULT_INTERNAL,     FAULT_UNAVAILABLE, FAULT_DATA_LOSS, FAULT_UNAUTHENTICATED,
};

static void statuses(void **state UNUSED)
{
        static const int wanted[] = {500, 500, 400, 504, 404, 409, 403, 429, 409, 409, 500, 501, 500, 503, 500, 401};
        for (size_t i = 0; i < COUNT_OF(all_codes); i++)
                assert_int_equal(problem_http_status(all_codes[i]), wanted[i]);
}

static void writes(void **state UNUSED)
{
        AUTO(fault) struct fault *f = fault(FAULT_DENIED, "tpm.extra_data", "the quote is for another nonce");
        fault_set_retry_after_ms(f, 1500);
        AUTO(json) struct json *j = problem_write(f);
        AUTO(buf) struct buf out = BUF(1024);
        expect_ok(json_write(j, &out));
        assert_string_equal(
                buf_str(&out),
                "{\"check\":\"tpm.extra_data\",\"code\":\"PERMISSION_DENIED\",\"detail\":\"the quote is for another "
                "nonce\",\"retry_after_s\":2,\"status\":403,\"title\":\"The request was refused\",\"type\":\"https://"
                "vouchsafe.dev/problems/tpm.extra_data\"}");
}

static void comes_back_as_it_went(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(all_codes); i++) {
                AUTO(fault) struct fault *f = fault(all_codes[i], "x.y", "what was tried");
                fault_set_retry_after_ms(f, (int64_t) i * 1000);
                AUTO(json) struct json *j = problem_write(f);
                AUTO(fault) struct fault *back = problem_read(problem_http_status(all_codes[i]), j);
                assert_int_equal(fault_code(back), all_codes[i]);
                assert_string_equal(fault_token(back), "x.y");
                assert_string_equal(fault_text(back), "what was tried");
                assert_int_equal(fault_retry_after_ms(back), (int64_t) i * 1000);
        }
}

static void makes_the_best_of_bad_ones(void **state UNUSED)
{
        static const struct {
                const char *name;
                int status;
                const char *text; /* NULL: no document */
                enum fault_code code;
                const char *token, *detail;
                int64_t retry_ms;
        } rows[] = {
                {"no document", 503, NULL, FAULT_UNAVAILABLE, "PEER_PROBLEM", "the peer answered with status 503", 0},
                {"an array", 403, "[]", FAULT_DENIED, "PEER_PROBLEM", "the peer answered with status 403", 0},
                {"empty", 401, "{}", FAULT_UNAUTHENTICATED, "PEER_PROBLEM", "the peer answered with status 401", 0},
                {"mistyped", 404, "{\"check\":1,\"code\":[],\"detail\":null,\"retry_after_s\":\"1\"}", FAULT_NOT_FOUND,
                 "PEER_PROBLEM", "the peer answered with status 404", 0},
                {"a code that contradicts the status", 403,
                 "{\"check\":\"c\",\"code\":\"UNAVAILABLE\",\"detail\":\"d\"}", FAULT_DENIED, "c", "d", 0},
                {"a code that is none", 409, "{\"check\":\"c\",\"code\":\"FINE\",\"detail\":\"d\"}", FAULT_ABORTED, "c",
                 "d", 0},
                {"a token with blanks", 400, "{\"check\":\"a b\",\"detail\":\"d\"}", FAULT_INVALID, "PEER_TOKEN", "d",
                 0},
                {"control characters", 400, "{\"check\":\"c\",\"detail\":\"a\\u001b[2Jb\"}", FAULT_INVALID, "c", NULL,
                 0},
                {"conversions are text", 400, "{\"check\":\"c\",\"detail\":\"%s%n\"}", FAULT_INVALID, "c", "%s%n", 0},
                {"negative wait", 429, "{\"check\":\"c\",\"detail\":\"d\",\"retry_after_s\":-1}", FAULT_EXHAUSTED, "c",
                 "d", 0},
                {"endless wait", 429, "{\"check\":\"c\",\"detail\":\"d\",\"retry_after_s\":86401}", FAULT_EXHAUSTED,
                 "c", "d", 0},
                {"longest wait", 429, "{\"check\":\"c\",\"detail\":\"d\",\"retry_after_s\":86400}", FAULT_EXHAUSTED,
                 "c", "d", 86400000},
                {"413", 413, NULL, FAULT_INVALID, "PEER_PROBLEM", NULL, 0},
                {"502", 502, NULL, FAULT_UNAVAILABLE, "PEER_PROBLEM", NULL, 0},
                {"408", 408, NULL, FAULT_DEADLINE, "PEER_PROBLEM", NULL, 0},
                {"599", 599, NULL, FAULT_INTERNAL, "PEER_PROBLEM", NULL, 0},
                {"no status of HTTP", 7, NULL, FAULT_INTERNAL, "PEER_PROBLEM", NULL, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *j = NULL;
                if (rows[i].text != NULL)
                        expect_ok(json_parse(span_str(rows[i].text), &j));
                AUTO(fault) struct fault *f = problem_read(rows[i].status, j);
                print_message("%s\n", rows[i].name);
                assert_int_equal(fault_code(f), rows[i].code);
                assert_string_equal(fault_token(f), rows[i].token);
                if (rows[i].detail != NULL)
                        assert_string_equal(fault_text(f), rows[i].detail);
                assert_null(strchr(fault_text(f), '\x1b'));
                assert_int_equal(fault_retry_after_ms(f), rows[i].retry_ms);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(statuses),
                cmocka_unit_test(writes),
                cmocka_unit_test(comes_back_as_it_went),
                cmocka_unit_test(makes_the_best_of_bad_ones),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
