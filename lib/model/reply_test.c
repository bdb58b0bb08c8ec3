#include "lib/model/reply.h"

#include "lib/wire/problem.h"
#include "tests/fakes/golden.h"

static void reads_and_writes_challenges(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("challenge.json");
        AUTO(challenge) struct challenge c = {0};
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(challenge_read(span_str(text), &c));
        assert_int_equal(c.time_unix_s, 1795456800);
        assert_int_equal(c.nonce.len, 48);
        assert_string_equal(c.audience, "https://issuer.example:8443");
        assert_int_equal(c.profile_count, 2);
        assert_string_equal(c.profiles[0].mechanism, MECHANISM_BACKGROUND_CHECK);
        assert_int_equal(c.profiles[0].slot_count, 2);
        assert_string_equal(c.profiles[0].slots[0].type, SLOT_TYPE_X509);
        assert_int_equal(c.profiles[0].slots[0].algorithm_count, 2);
        assert_string_equal(c.profiles[0].slots[0].algorithms[1], "p384");
        assert_int_equal(c.profiles[1].slot_count, 1);
        assert_string_equal(c.profiles[1].slots[0].key, "payroll-api");
        assert_string_equal(c.profiles[0].slots[0].key, "");
        expect_ok(challenge_write(&c, &out));
        assert_string_equal(buf_str(&out), text);
}

static void reads_and_writes_replies(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("reply.json");
        AUTO(issue_reply) struct issue_reply r = {0};
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(issue_reply_read(span_str(text), &r));
        assert_int_equal(r.bundle_sequence, 7);
        assert_int_equal(r.nonce.data[0], 48);
        assert_int_equal(r.result_count, 3);

        const struct pod_result *first = &r.results[0];
        assert_string_equal(first->volume, "csi-1111");
        assert_null(first->problem);
        assert_int_equal(first->credential_count, 2);
        assert_string_equal(first->credentials[0].identity, "spiffe://example.org/ns/payroll/sa/api");
        assert_int_equal(first->credentials[0].chain_count, 2);
        assert_int_equal(first->credentials[0].chain[1].len, 200);
        assert_null(first->credentials[0].token);
        assert_int_equal(first->credentials[0].not_after_unix_s, 1795460400);
        assert_string_equal(first->credentials[1].record, "r-0000000000000001");
        assert_string_equal(first->credentials[1].token, "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl");

        assert_int_equal(fault_code(r.results[1].problem), FAULT_DENIED);
        assert_string_equal(fault_token(r.results[1].problem), "policy.no_match");
        assert_int_equal(fault_retry_after_ms(r.results[2].problem), 3000);

        expect_ok(issue_reply_write(&r, &out));
        assert_string_equal(buf_str(&out), text);
}

static void reads_and_writes_enrolments(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("enrol-reply.json"), *second = golden_read("activate-reply.json");
        AUTO(enrol_reply) struct enrol_reply r = {0};
        AUTO(activate_reply) struct activate_reply a = {0};
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(enrol_reply_read(span_str(text), &r));
        assert_int_equal(r.challenge.len, 180);
        assert_int_equal(r.credential_blob.len, 68);
        assert_int_equal(r.encrypted_secret.len, 256);
        expect_ok(enrol_reply_write(&r, &out));
        assert_string_equal(buf_str(&out), text);

        buf_truncate(&out, 0);
        expect_ok(activate_reply_read(span_str(second), &a));
        assert_int_equal(strlen(a.ak), 68);
        expect_ok(activate_reply_write(&a, &out));
        assert_string_equal(buf_str(&out), second);
}

static void ignores_what_a_newer_issuer_adds(void **state UNUSED)
{
        AUTO_STRING char *challenge_text = golden_read("challenge.json"), *reply_text = golden_read("reply.json");
        AUTO_STRING char *challenge_more = golden_edit(challenge_text, "\"v\":1", "\"w\":[],\"v\":1", "");
        AUTO_STRING char *reply_more = golden_edit(reply_text, "\"slot\":\"tls\"", "\"w\":{},\"slot\":\"tls\"", "");
        AUTO(challenge) struct challenge c = {0};
        AUTO(issue_reply) struct issue_reply r = {0};
        expect_ok(challenge_read(span_str(challenge_more), &c));
        expect_ok(issue_reply_read(span_str(reply_more), &r));
}

static void refuses_challenges(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"no JSON", "{", "", "BAD_JSON"},
                {"next version", "\"v\":1", "\"v\":2", "WRONG_VERSION"},
                {"time missing", "\"time\"", "\"tim\"", "BAD_FIELD"},
                {"time negative", "\"time\":", "\"time\":-", "BAD_FIELD"},
                {"time past the year 9999", "\"time\":1795456800", "\"time\":253402300800", "BAD_FIELD"},
                {"time a real", "\"time\":1795456800", "\"time\":1795456800.5", "BAD_JSON"},
                {"nonce missing", "\"nonce\"", "\"nonc\"", "BAD_FIELD"},
                {"audience empty", "\"https://issuer.example:8443\"", "\"\"", "BAD_FIELD"},
                {"profiles an object", "\"profiles\":[", "\"profiles\":{},\"x\":[", "BAD_FIELD"},
                {"profile twice", "\"release\"", "\"default\"", "DUPLICATE_PROFILE"},
                {"a key that is no name", "\"key\":\"payroll-api\"", "\"key\":\"a/b\"", "BAD_FIELD"},
                {"profile without name", "\"name\":\"release\"", "\"nam\":\"release\"", "BAD_FIELD"},
                {"mechanism too long", "\"background-check\"", "\"background-check-background-check\"", "BAD_FIELD"},
                {"slot twice", "\"name\":\"wit\"", "\"name\":\"tls\"", "DUPLICATE_SLOT"},
                {"slot a number", "\"slots\":[", "\"slots\":[1,", "BAD_FIELD"},
                {"five algorithms", "\"algorithms\":[", "\"algorithms\":[\"a\",\"b\",\"c\",", "BAD_FIELD"},
                {"algorithm too long", "\"p384\"", "\"p384567890123456\"", "BAD_FIELD"},
                {"algorithm empty", "\"p384\"", "\"\"", "BAD_FIELD"},
                {"algorithm a number", "\"p384\"", "384", "BAD_FIELD"},
        };
        AUTO_STRING char *text = golden_read("challenge.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *bad = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                struct challenge c = {.profile_count = 77};
                expect_fault_row(challenge_read(span_str(bad), &c), FAULT_INVALID, rows[i].token, rows[i].name);
                assert_int_equal(c.profile_count, 77);
        }
}

static void refuses_replies(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"one byte short", "\"v\":1}", "\"v\":1", "BAD_JSON"},
                {"next version", "\"v\":1", "\"v\":2", "WRONG_VERSION"},
                {"bundle negative", "\"bundle\":", "\"bundle\":-", "BAD_FIELD"},
                {"bundle a text", "\"bundle\":7", "\"bundle\":\"7\"", "BAD_FIELD"},
                {"results missing", "\"results\":", "\"result\":", "BAD_FIELD"},
                {"result a text", "\"results\":[", "\"results\":[\"x\",", "BAD_FIELD"},
                {"volume twice", "\"csi-2222\"", "\"csi-1111\"", "DUPLICATE_VOLUME"},
                {"volume empty", "\"csi-2222\"", "\"\"", "BAD_FIELD"},
                {"neither credentials nor problem", "\"problem\":", "\"problems\":", "BAD_FIELD"},
                {"both", "\"volume\":\"csi-1111\"", "\"problem\":{\"status\":400},\"volume\":\"csi-1111\"",
                 "BAD_FIELD"},
                {"problem without status", "\"status\":403", "\"state\":403", "BAD_FIELD"},
                {"problem that is fine", "\"status\":403", "\"status\":200", "BAD_FIELD"},
                {"slot twice", "\"slot\":\"wit\"", "\"slot\":\"tls\"", "DUPLICATE_SLOT"},
                {"unknown type", "\"type\":\"x509\"", "\"type\":\"ssh\"", "BAD_FIELD"},
                {"chain of a token", "\"type\":\"x509\"", "\"type\":\"wit\"", "BAD_FIELD"},
                {"token of a chain", "\"type\":\"wit\"", "\"type\":\"x509\"", "BAD_FIELD"},
                {"token missing", "\"token\":", "\"tokens\":", "BAD_FIELD"},
                {"token empty", "\"token\":\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl\"", "\"token\":\"\"",
                 "BAD_FIELD"},
                {"chain missing", "\"chain\":", "\"chains\":", "BAD_FIELD"},
                {"chain empty", "\"chain\":[", "\"chain\":[],\"x\":[", "BAD_FIELD"},
                {"chain of five", "\"chain\":[", "\"chain\":[\"AQ\",\"AQ\",\"AQ\",", "BAD_FIELD"},
                {"certificate padded", "\"chain\":[", "\"chain\":[\"AQ==\",", "BAD_FIELD"},
                {"identity of another scheme", "spiffe://example.org/", "https://example.org/", "SPIFFE_ID"},
                {"identity with dots", "spiffe://example.org/ns", "spiffe://example.org/..", "SPIFFE_ID"},
                {"identity missing", "\"identity\"", "\"id\"", "BAD_FIELD"},
                {"ends before it starts", "\"not_after\":1795460400", "\"not_after\":1795456770", "BAD_FIELD"},
                {"not_before missing", "\"not_before\"", "\"nbf\"", "BAD_FIELD"},
                {"record too long", "r-0000000000000001",
                 "r-000000000000000100000000000000010000000000000001000000000000001", "BAD_FIELD"},
                {"record empty", "r-0000000000000001", "", "BAD_FIELD"},
        };
        AUTO_STRING char *text = golden_read("reply.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *bad = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                struct issue_reply r = {.result_count = 77};
                expect_fault_row(issue_reply_read(span_str(bad), &r), FAULT_INVALID, rows[i].token, rows[i].name);
                assert_int_equal(r.result_count, 77);
        }
}

static void refuses_enrolments(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"next version", "\"v\":1", "\"v\":2", "WRONG_VERSION"},
                {"challenge missing", "\"challenge\"", "\"chall\"", "BAD_FIELD"},
                {"blob empty", "\"credential_blob\":\"", "\"credential_blob\":\"\",\"x\":\"", "BAD_FIELD"},
                {"secret padded", "\"encrypted_secret\":\"", "\"encrypted_secret\":\"=", "BAD_FIELD"},
                {"time missing", "\"time\"", "\"tim\"", "BAD_FIELD"},
        };
        AUTO_STRING char *text = golden_read("enrol-reply.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *bad = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                struct enrol_reply r = {0};
                expect_fault_row(enrol_reply_read(span_str(bad), &r), FAULT_INVALID, rows[i].token, rows[i].name);
                assert_null(r.nonce.data);
        }
        static const struct golden_row second[] = {
                {"name missing", "\"ak\"", "\"aik\"", "BAD_FIELD"},
                {"name empty", "\"ak\":\"", "\"ak\":\"\",\"x\":\"", "BAD_FIELD"},
                {"nonce missing", "\"nonce\"", "\"nonc\"", "BAD_FIELD"},
                {"next version", "\"v\":1", "\"v\":2", "WRONG_VERSION"},
        };
        AUTO_STRING char *activate = golden_read("activate-reply.json");
        for (size_t i = 0; i < COUNT_OF(second); i++) {
                AUTO_STRING char *bad = golden_edit(activate, second[i].from, second[i].to, second[i].name);
                struct activate_reply r = {0};
                expect_fault_row(activate_reply_read(span_str(bad), &r), FAULT_INVALID, second[i].token,
                                 second[i].name);
                assert_null(r.nonce.data);
        }
}

static void finds_the_nonce_of_a_problem(void **state UNUSED)
{
        AUTO(buf) struct buf nonce = BUF(NONCE_MAX);
        AUTO(fault) struct fault *f = fault(FAULT_DENIED, "pop", "x");
        AUTO(json) struct json *problem = problem_write(f);
        expect_ok(buf_append(&nonce, SPAN("old")));
        expect_ok(reply_nonce(problem, &nonce));
        assert_int_equal(nonce.len, 0);
        expect_ok(reply_nonce(NULL, &nonce));
        json_set_base64url(problem, "nonce", SPAN("abc"));
        expect_ok(reply_nonce(problem, &nonce));
        assert_true(span_eq_str(buf_span(&nonce), "abc"));
        json_set_text(problem, "nonce", "=");
        expect_fault(reply_nonce(problem, &nonce), FAULT_INVALID, "BAD_FIELD");
        assert_int_equal(nonce.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_and_writes_challenges), cmocka_unit_test(reads_and_writes_replies),
                cmocka_unit_test(reads_and_writes_enrolments), cmocka_unit_test(ignores_what_a_newer_issuer_adds),
                cmocka_unit_test(refuses_challenges),          cmocka_unit_test(refuses_replies),
                cmocka_unit_test(refuses_enrolments),          cmocka_unit_test(finds_the_nonce_of_a_problem),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
