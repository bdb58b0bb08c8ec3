/* Requests for results, their replies, and the envelope that carries one, each with one thing wrong at a time. */
#include "lib/model/results.h"

#include "lib/wire/cmw.h"
#include "tests/fakes/expect.h"

#define HEAD  "{\"v\":1,\"purpose\":\"results\",\"audience\":\"https://v.example\",\"nonce\":\"AAAA\","
#define FOR   "\"for\":{\"audience\":\"https://i.example\",\"nonce\":\"AAAAAAAAAAA\"},"
#define KEY_A "{\"spki\":\"AAAA\",\"pop\":\"BBBB\"}"
#define KEY_B "{\"spki\":\"AAAB\",\"pop\":\"BBBB\"}"

static void requests(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"one key", HEAD FOR "\"holder\":\"AAAA\",\"keys\":[" KEY_A "]}", NULL},
                {"two keys", HEAD FOR "\"holder\":\"AAAA\",\"keys\":[" KEY_A "," KEY_B "]}", NULL},
                {"a key twice", HEAD FOR "\"holder\":\"AAAA\",\"keys\":[" KEY_A "," KEY_A "]}", "DUPLICATE_KEY"},
                {"no key", HEAD FOR "\"holder\":\"AAAA\",\"keys\":[]}", "BAD_FIELD"},
                {"keys left out", HEAD FOR "\"holder\":\"AAAA\"}", "BAD_FIELD"},
                {"for nobody", HEAD "\"holder\":\"AAAA\",\"keys\":[" KEY_A "]}", "BAD_FIELD"},
                {"a short nonce",
                 HEAD
                 "\"for\":{\"audience\":\"https://i.example\",\"nonce\":\"AAAA\"},\"holder\":\"AAAA\",\"keys\":[" KEY_A
                 "]}",
                 "BAD_FIELD"},
                {"no holder", HEAD FOR "\"keys\":[" KEY_A "]}", "BAD_FIELD"},
                {"a key without its proof", HEAD FOR "\"holder\":\"AAAA\",\"keys\":[{\"spki\":\"AAAA\"}]}",
                 "BAD_FIELD"},
                {"one member too many", HEAD FOR "\"holder\":\"AAAA\",\"more\":1,\"keys\":[" KEY_A "]}",
                 "UNKNOWN_FIELD"},
                {"another purpose", "{\"v\":1,\"purpose\":\"issue\"}", "WRONG_PURPOSE"},
                {"a newer version", "{\"v\":2,\"purpose\":\"results\"}", "WRONG_VERSION"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(results_request) struct results_request r = {0};
                AUTO(buf) struct buf out = BUF(4096);
                if (rows[i].token != NULL) {
                        expect_fault_row(results_request_read(span_str(rows[i].text), &r), FAULT_INVALID, rows[i].token,
                                         rows[i].name);
                        assert_true(span_is_zero(SPAN_OF(r)));
                        continue;
                }
                expect_ok(results_request_read(span_str(rows[i].text), &r));
                assert_string_equal(r.for_audience, "https://i.example");
                expect_ok(results_request_write(&r, &out));
                AUTO(results_request) struct results_request again = {0};
                expect_ok(results_request_read(buf_span(&out), &again));
                assert_int_equal(again.key_count, r.key_count);
        }
}

static void replies(void **state UNUSED)
{
        struct results_reply r = {.time_unix_s = 5, .nonce = BUF(8), .result = alloc_string("a.b.c")};
        AUTO(results_reply) struct results_reply again = {0};
        AUTO(buf) struct buf out = BUF(4096);
        expect_ok(buf_append_str(&r.nonce, "abc"));
        expect_ok(results_reply_write(&r, &out));
        expect_ok(results_reply_read(buf_span(&out), &again));
        assert_string_equal(again.result, "a.b.c");
        results_reply_clear(&r);
        expect_fault(results_reply_read(SPAN("{\"v\":1,\"time\":5,\"nonce\":\"AAAA\"}"), &r), FAULT_INVALID,
                     "BAD_FIELD");
        expect_fault(results_reply_read(SPAN("{\"v\":1,\"time\":5,\"nonce\":\"AAAA\",\"result\":\"\"}"), &r),
                     FAULT_INVALID, "BAD_FIELD");
}

static void envelopes(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"a result", "{\"request\":\"AAAA\",\"result\":\"a.b.c\"}", NULL},
                {"neither", "{\"request\":\"AAAA\"}", NULL},
                {"both", "{\"request\":\"AAAA\",\"result\":\"a.b.c\",\"evidence\":[\"a/b\",\"AAAA\"]}",
                 "EVIDENCE_AND_RESULT"},
                {"both, broken", "{\"request\":\"AAAA\",\"result\":1,\"evidence\":1}", "EVIDENCE_AND_RESULT"},
                {"no text", "{\"request\":\"AAAA\",\"result\":1}", "BAD_FIELD"},
                {"an empty one", "{\"request\":\"AAAA\",\"result\":\"\"}", "BAD_FIELD"},
                {"no request", "{\"result\":\"a.b.c\"}", "BAD_FIELD"},
                {"something else", "{\"request\":\"AAAA\",\"token\":\"a.b.c\"}", "UNKNOWN_FIELD"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf r = BUF(0);
                AUTO(cmw) struct cmw evidence = {0};
                AUTO_STRING char *result = NULL;
                struct fault *f = envelope_read_either(span_str(rows[i].text), &r, &evidence, &result);
                if (rows[i].token != NULL)
                        expect_fault_row(f, FAULT_INVALID, rows[i].token, rows[i].name);
                else
                        expect_ok(f);
                assert_true(rows[i].token == NULL || result == NULL);
        }
        AUTO(buf) struct buf r = BUF(0);
        AUTO(cmw) struct cmw evidence = {0};
        expect_fault(envelope_read(span_str(rows[0].text), &r, &evidence), FAULT_INVALID, "UNKNOWN_FIELD");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(requests),
                cmocka_unit_test(replies),
                cmocka_unit_test(envelopes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
