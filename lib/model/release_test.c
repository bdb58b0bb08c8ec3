#include "lib/model/release.h"

#include "tests/fakes/golden.h"

static void reads_and_writes_requests(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("release.json");
        AUTO(release_request) struct release_request r = {0};
        expect_ok(release_request_read(span_str(text), &r));
        assert_string_equal(r.key, "payroll-api");
        assert_int_equal(r.version, 3);
        assert_int_equal(r.request.pod_count, 1);
        const struct pod_request *pod = &r.request.pods[0];
        assert_string_equal(pod->profile, "stored");
        assert_string_equal(pod->node.service_account, "api");
        assert_non_null(pod->token);
        assert_int_equal(pod->credential_count, 1);
        assert_string_equal(pod->credentials[0].slot, "tls");
        assert_int_equal(pod->credentials[0].spki.len, 91);
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(release_request_write(&r, &out));
        assert_string_equal(buf_str(&out), text);
}

static void the_newest_goes_without_saying(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("release.json");
        AUTO_STRING char *plain = golden_edit(text, "\"version\":3,", "", "no version");
        AUTO(release_request) struct release_request r = {0};
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(release_request_read(span_str(plain), &r));
        assert_int_equal(r.version, 0);
        expect_ok(release_request_write(&r, &out));
        assert_string_equal(buf_str(&out), plain);
}

static void refuses_requests(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"no JSON", "{", "", "BAD_JSON"},
                {"trailing text", "\"wrap\":", "\"wrap\":x", "BAD_JSON"},
                {"a member twice", "\"v\":1", "\"v\":1,\"v\":1", "BAD_JSON"},
                {"NUL in the key's name", "\"key\":\"payroll-api\"", "\"key\":\"payroll\\u0000\"", "BAD_JSON"},
                {"next version", "\"v\":1", "\"v\":2", "WRONG_VERSION"},
                {"purpose of another document", "\"release\"", "\"issue\"", "WRONG_PURPOSE"},
                {"an unknown member", "\"v\":1", "\"v\":1,\"w\":1", "UNKNOWN_FIELD"},
                {"pods", "\"v\":1", "\"v\":1,\"pods\":[]", "UNKNOWN_FIELD"},
                {"no key", "\"key\":\"payroll-api\",", "", "BAD_FIELD"},
                {"a key with a slash", "\"key\":\"payroll-api\"", "\"key\":\"payroll/api\"", "BAD_FIELD"},
                {"version 0", "\"version\":3", "\"version\":0", "BAD_FIELD"},
                {"a negative version", "\"version\":3", "\"version\":-1", "BAD_FIELD"},
                {"a version too large", "\"version\":3", "\"version\":4294967296", "BAD_FIELD"},
                {"a version as text", "\"version\":3", "\"version\":\"3\"", "BAD_FIELD"},
                {"no wrapping key", "\"wrap\":\"MDAw", "\"warp\":\"MDAw", "UNKNOWN_FIELD"},
                {"an empty wrapping key", "\"wrap\":\"MDAw", "\"wrap\":\"\",\"x\":\"MDAw", "UNKNOWN_FIELD"},
                {"padding", "\"wrap\":\"MDAw", "\"wrap\":\"=DAw", "BAD_FIELD"},
                {"no proof", "\"pop\":", "\"pap\":", "UNKNOWN_FIELD"},
                {"no slot", "\"slot\":\"tls\",", "", "BAD_FIELD"},
                {"no volume", "\"volume\":\"csi-1111\",", "", "BAD_FIELD"},
                {"no node", "\"node\":{", "\"nude\":{", "UNKNOWN_FIELD"},
                {"a node's unknown member", "\"node\":{", "\"node\":{\"a\":1,", "UNKNOWN_FIELD"},
                {"no nonce", "\"nonce\":\"AAEC", "\"nonse\":\"AAEC", "UNKNOWN_FIELD"},
                {"a token that is none", "\"token\":\"eyJ", "\"token\":\"e J", "BAD_FIELD"},
        };
        AUTO_STRING char *text = golden_read("release.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(release_request) struct release_request r = {0};
                AUTO_STRING char *changed = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                AUTO(fault) struct fault *f = release_request_read(span_str(changed), &r);
                if (f == NULL || strcmp(fault_token(f), rows[i].token) != 0)
                        fail_msg("%s: %s", rows[i].name, f == NULL ? "accepted" : fault_token(f));
                assert_true(span_is_zero(SPAN_OF(r)));
        }
}

static void reads_and_writes_replies(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("release-reply.json");
        AUTO(release_reply) struct release_reply r = {0};
        expect_ok(release_reply_read(span_str(text), &r));
        assert_string_equal(r.key, "payroll-api");
        assert_int_equal(r.version, 3);
        assert_int_equal(r.credential.chain_count, 2);
        assert_int_equal(r.bundle_sequence, 7);
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(release_reply_write(&r, &out));
        assert_string_equal(buf_str(&out), text);
}

static void refuses_replies(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"no JSON", "{", "", "BAD_JSON"},
                {"next version of the protocol", "\"v\":1", "\"v\":2", "WRONG_VERSION"},
                {"no key", "\"key\":\"payroll-api\",", "", "BAD_FIELD"},
                {"no version", "\"version\":3", "\"version2\":3", "BAD_FIELD"},
                {"version 0", "\"version\":3", "\"version\":0", "BAD_FIELD"},
                {"no JWE", "\"jwe\":", "\"jwf\":", "BAD_FIELD"},
                {"a blank in the JWE", "\"jwe\":\"ey", "\"jwe\":\" y", "BAD_FIELD"},
                {"no credential", "\"credential\":", "\"credentials\":", "BAD_FIELD"},
                {"a chain of nothing", "\"chain\":[\"", "\"chain\":[],\"other\":[\"", "BAD_FIELD"},
                {"dates the wrong way", "\"not_after\":1795460400", "\"not_after\":1795456770", "BAD_FIELD"},
                {"no nonce", "\"nonce\":", "\"nonse\":", "BAD_FIELD"},
        };
        AUTO_STRING char *text = golden_read("release-reply.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(release_reply) struct release_reply r = {0};
                AUTO_STRING char *changed = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                AUTO(fault) struct fault *f = release_reply_read(span_str(changed), &r);
                if (f == NULL || strcmp(fault_token(f), rows[i].token) != 0)
                        fail_msg("%s: %s", rows[i].name, f == NULL ? "accepted" : fault_token(f));
                assert_true(span_is_zero(SPAN_OF(r)));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_and_writes_requests), cmocka_unit_test(the_newest_goes_without_saying),
                cmocka_unit_test(refuses_requests),          cmocka_unit_test(reads_and_writes_replies),
                cmocka_unit_test(refuses_replies),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
