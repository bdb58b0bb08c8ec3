#include "lib/model/request.h"

#include "lib/wire/cmw.h"
#include "tests/fakes/golden.h"

/* ---- issue ------------------------------------------------------------------------------------------------------- */
static void reads_and_writes_issue(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("request.json");
        AUTO(issue_request) struct issue_request r = {0};
        expect_ok(issue_request_read(span_str(text), &r));
        assert_string_equal(r.audience, "https://issuer.example:8443");
        assert_int_equal(r.nonce.len, 48);
        assert_int_equal(r.nonce.data[47], 47);
        assert_int_equal(strlen(r.policy), 71);
        assert_int_equal(r.pod_count, 2);

        const struct pod_request *pod = &r.pods[0];
        assert_string_equal(pod->volume, "csi-1111");
        assert_string_equal(pod->profile, "default");
        assert_true(secret_eq(pod->token, SPAN("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl")));
        assert_string_equal(pod->node.namespace, "payroll");
        assert_string_equal(pod->node.name, "api-0");
        assert_string_equal(pod->node.uid, "2f6c0a3e-0000-4000-8000-000000000001");
        assert_string_equal(pod->node.service_account, "api");
        assert_int_equal(pod->credential_count, 2);
        assert_string_equal(pod->credentials[1].slot, "wit");
        assert_int_equal(pod->credentials[1].spki.len, 91);
        assert_int_equal(pod->credentials[1].pop.data[63], 0x5b);
        assert_null(r.pods[1].token);

        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(issue_request_write(&r, &out));
        assert_string_equal(buf_str(&out), text);
}

#define LONG64    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG256   LONG64 LONG64 LONG64 LONG64
#define TEN(text) text text text text text text text text text text
#define NONCE     "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v"
#define SPKI      TEN("MjIy") TEN("MjIy") TEN("MjIy") TEN("MjIy") /* of the second pod */
#define SECOND_NODE                                                                                                    \
        "\"node\":{\"name\":\"night-7\",\"namespace\":\"jobs\",\"serviceAccount\":\"default\",\"uid\":\"2f6c0a3e-"     \
        "0000-4000-8000-000000000002\"},"

static void refuses_issue(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"no JSON", "{", "", "BAD_JSON"},
                {"trailing text", "\"v\":1}", "\"v\":1}x", "BAD_JSON"},
                {"duplicate member", "\"v\":1", "\"v\":1,\"v\":1", "BAD_JSON"},
                {"duplicate member of a pod", "\"volume\":\"csi-1111\"",
                 "\"volume\":\"csi-1111\",\"volume\":\"csi-1111\"", "BAD_JSON"},
                {"NUL in the volume", "csi-1111", "csi\\u0000", "BAD_JSON"},
                {"next version", "\"v\":1", "\"v\":2", "WRONG_VERSION"},
                {"version as text", "\"v\":1", "\"v\":\"1\"", "BAD_FIELD"},
                {"version missing", ",\"v\":1", "", "BAD_FIELD"},
                {"purpose of another document", "\"issue\"", "\"enrol\"", "WRONG_PURPOSE"},
                {"purpose missing", "\"purpose\":\"issue\",", "", "BAD_FIELD"},
                {"unknown member", "\"v\":1", "\"v\":1,\"w\":1", "UNKNOWN_FIELD"},
                {"unknown member of a pod", "\"volume\":\"csi-1111\"", "\"volume\":\"csi-1111\",\"w\":1",
                 "UNKNOWN_FIELD"},
                {"unknown member of the node", "\"uid\":", "\"ip\":\"x\",\"uid\":", "UNKNOWN_FIELD"},
                {"unknown member of a credential", "\"slot\":\"tls\"", "\"slot\":\"tls\",\"w\":1", "UNKNOWN_FIELD"},
                {"audience missing", "\"audience\":\"https://issuer.example:8443\",", "", "BAD_FIELD"},
                {"audience empty", "https://issuer.example:8443", "", "BAD_FIELD"},
                {"audience with blank", "https://issuer", "https:// issuer", "BAD_FIELD"},
                {"audience too long", "https://issuer", LONG256 LONG256, "BAD_FIELD"},
                {"nonce empty", NONCE, "", "BAD_FIELD"},
                {"nonce padded", "\"nonce\":\"AAEC", "\"nonce\":\"=AEC", "BAD_FIELD"},
                {"nonce too long", "\"nonce\":\"", "\"nonce\":\"" LONG256, "BAD_FIELD"},
                {"policy missing",
                 "\"policy\":\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",", "",
                 "BAD_FIELD"},
                {"policy too long", "\"sha256:", "\"sha256:0123456789", "BAD_FIELD"},
                {"pods missing", "\"pods\":[", "\"audience2\":[", "UNKNOWN_FIELD"},
                {"pod is a text", "\"pods\":[", "\"pods\":[\"x\",", "BAD_FIELD"},
                {"volume empty", "csi-1111", "", "BAD_FIELD"},
                {"volume too long", "csi-1111", LONG64 LONG64 "a", "BAD_FIELD"},
                {"volume not in ASCII", "csi-1111", "csi-\xc3\xb6", "BAD_FIELD"},
                {"volume twice", "csi-2222", "csi-1111", "DUPLICATE_VOLUME"},
                {"profile with a slash", "\"default\"", "\"de/fault\"", "BAD_FIELD"},
                {"profile too long", "\"default\"", "\"" LONG64 "\"", "BAD_FIELD"},
                {"token empty", "\"token\":\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl\"", "\"token\":\"\"",
                 "BAD_FIELD"},
                {"token with blank", "eyJhbGciOiJSUzI1NiJ9.", "eyJhbGciOiJSUzI1NiJ9 .", "BAD_FIELD"},
                {"token a number", "\"token\":\"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl\"", "\"token\":1",
                 "BAD_FIELD"},
                {"node missing", SECOND_NODE, "", "BAD_FIELD"},
                {"namespace missing", "\"namespace\":\"payroll\",", "", "BAD_FIELD"},
                {"name empty", "\"api-0\"", "\"\"", "BAD_FIELD"},
                {"name too long", "\"api-0\"", "\"" LONG256 "\"", "BAD_FIELD"},
                {"uid a number", "\"2f6c0a3e-0000-4000-8000-000000000001\"", "1", "BAD_FIELD"},
                {"service account empty", "\"serviceAccount\":\"api\"", "\"serviceAccount\":\"\"", "BAD_FIELD"},
                {"slot twice", "\"slot\":\"wit\"", "\"slot\":\"tls\"", "DUPLICATE_SLOT"},
                {"slot with blank", "\"slot\":\"wit\"", "\"slot\":\"w t\"", "BAD_FIELD"},
                {"key empty", SPKI, "", "BAD_FIELD"},
                {"key too long", "\"spki\":\"", "\"spki\":\"" LONG256 LONG256 LONG256 "aaaa", "BAD_FIELD"},
                {"proof of another alphabet", "\"pop\":\"Wlpa", "\"pop\":\"+/+/", "BAD_FIELD"},
                {"proof too long", "\"pop\":\"", "\"pop\":\"" LONG256 LONG256 LONG64 LONG64, "BAD_FIELD"},
        };
        AUTO_STRING char *text = golden_read("request.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *bad = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                struct issue_request r = {.pod_count = 77};
                struct fault *f = issue_request_read(span_str(bad), &r);
                assert_true(f == NULL || strstr(fault_text(f), "eyJ") == NULL);
                expect_fault_row(f, FAULT_INVALID, rows[i].token, rows[i].name);
                assert_int_equal(r.pod_count, 77);
        }
}

static struct fault *with_pods(size_t pods, size_t credentials)
{
        struct pod_request *all = alloc_zero(pods, sizeof *all);
        char word[] = "x";
        uint8_t byte = 1;
        struct issue_request r = {
                .audience = word, .policy = word, .pod_count = pods, .pods = all, .nonce = {&byte, 1, 1, 1}};
        for (size_t p = 0; p < pods; p++) {
                all[p] = (struct pod_request){.volume = alloc_printf("v%zu", p),
                                              .profile = word,
                                              .node = {word, word, word, word},
                                              .credential_count = credentials};
                for (size_t c = 0; c < credentials; c++)
                        all[p].credentials[c] = (struct credential_request){alloc_printf("s%zu", c), r.nonce, r.nonce};
        }
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        AUTO(issue_request) struct issue_request back = {0};
        expect_ok(issue_request_write(&r, &out));
        struct fault *f = issue_request_read(buf_span(&out), &back);
        for (size_t p = 0; p < pods; p++) {
                free(all[p].volume);
                for (size_t c = 0; c < credentials; c++)
                        free(all[p].credentials[c].slot);
        }
        free(all);
        return f;
}

static void bounds_counts(void **state UNUSED)
{
        expect_ok(with_pods(64, 1));
        expect_ok(with_pods(8, 8));
        expect_fault(with_pods(0, 0), FAULT_INVALID, "BAD_FIELD");
        expect_fault(with_pods(1, 0), FAULT_INVALID, "BAD_FIELD");
        expect_fault(with_pods(65, 1), FAULT_INVALID, "BAD_FIELD");
        expect_fault(with_pods(33, 2), FAULT_INVALID, "TOO_MANY_CREDENTIALS");
}

/* ---- enrolment --------------------------------------------------------------------------------------------------- */
static void reads_and_writes_enrol(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("enrol.json");
        AUTO(enrol_request) struct enrol_request r = {0};
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(enrol_request_read(span_str(text), &r));
        assert_int_equal(r.certificate_count, 2);
        assert_int_equal(r.certificates[1].len, 600);
        assert_int_equal(r.ek_public.len, 314);
        assert_int_equal(r.ak_public.len, 88);
        assert_int_equal(secret_len(r.token), 49);
        expect_ok(enrol_request_write(&r, &out));
        assert_string_equal(buf_str(&out), text);

        /* neither a token nor certificates are a must */
        secret_free(TAKE(r.token));
        while (r.certificate_count > 0)
                buf_clear(&r.certificates[--r.certificate_count]);
        AUTO(enrol_request) struct enrol_request bare = {0};
        buf_truncate(&out, 0);
        expect_ok(enrol_request_write(&r, &out));
        expect_ok(enrol_request_read(buf_span(&out), &bare));
        assert_null(bare.token);
        assert_int_equal(bare.certificate_count, 0);
}

#define AK_VALUE TEN("RUVF") TEN("RUVF") "RUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRQ"
#define AK       "\"ak_public\":\"" AK_VALUE "\","
static void refuses_enrol(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"purpose of the other step", "\"enrol\"", "\"activate\"", "WRONG_PURPOSE"},
                {"next version", "\"v\":1", "\"v\":2", "WRONG_VERSION"},
                {"unknown member", "\"v\":1", "\"v\":1,\"w\":1", "UNKNOWN_FIELD"},
                {"certificate a number", "\"ek_certificates\":[", "\"ek_certificates\":[1,", "BAD_FIELD"},
                {"certificate empty", "\"ek_certificates\":[", "\"ek_certificates\":[\"\",", "BAD_FIELD"},
                {"certificate padded", "\"ek_certificates\":[", "\"ek_certificates\":[\"AQ==\",", "BAD_FIELD"},
                {"seven certificates", "\"ek_certificates\":[",
                 "\"ek_certificates\":[\"AQ\",\"AQ\",\"AQ\",\"AQ\",\"AQ\",", "BAD_FIELD"},
                {"AK missing", AK, "", "BAD_FIELD"},
                {"AK empty", AK_VALUE, "", "BAD_FIELD"},
                {"token not a JWT", "eyJhbGciOiJSUzI1NiJ9.", "eyJhbGciOiJSUzI1NiJ9/", "BAD_FIELD"},
                {"EK of another alphabet", "\"ek_public\":\"RERE", "\"ek_public\":\"+/+/", "BAD_FIELD"},
        };
        AUTO_STRING char *text = golden_read("enrol.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *bad = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                struct enrol_request r = {.certificate_count = 77};
                expect_fault_row(enrol_request_read(span_str(bad), &r), FAULT_INVALID, rows[i].token, rows[i].name);
                assert_int_equal(r.certificate_count, 77);
        }
}

static void reads_and_writes_activate(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("activate.json");
        AUTO(activate_request) struct activate_request r = {0};
        AUTO(buf) struct buf out = BUF(BODY_MAX);
        expect_ok(activate_request_read(span_str(text), &r));
        assert_int_equal(r.challenge.len, 180);
        assert_int_equal(secret_len(r.secret), 32);
        expect_ok(activate_request_write(&r, &out));
        assert_string_equal(buf_str(&out), text);
}

#define CHALLENGE TEN("RkZG") TEN("RkZG") TEN("RkZG") TEN("RkZG") TEN("RkZG") TEN("RkZG")
#define SECRET    TEN("SUlJ") "SUk"
static void refuses_activate(void **state UNUSED)
{
        static const struct golden_row rows[] = {
                {"purpose of the other step", "\"activate\"", "\"enrol\"", "WRONG_PURPOSE"},
                {"unknown member", "\"v\":1", "\"v\":1,\"token\":\"x\"", "UNKNOWN_FIELD"},
                {"challenge empty", CHALLENGE, "", "BAD_FIELD"},
                {"secret missing", ",\"secret\":\"" SECRET "\"", "", "BAD_FIELD"},
                {"secret empty", SECRET, "", "BAD_FIELD"},
                {"secret too long", "\"secret\":\"", "\"secret\":\"" LONG64, "BAD_FIELD"},
                {"secret of another alphabet", "\"secret\":\"SUlJ", "\"secret\":\"+UlJ", "BAD_FIELD"},
        };
        AUTO_STRING char *text = golden_read("activate.json");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *bad = golden_edit(text, rows[i].from, rows[i].to, rows[i].name);
                struct activate_request r = {0};
                expect_fault_row(activate_request_read(span_str(bad), &r), FAULT_INVALID, rows[i].token, rows[i].name);
                assert_null(r.secret);
        }
}

/* ---- envelope ---------------------------------------------------------------------------------------------------- */
static void reads_and_writes_envelopes(void **state UNUSED)
{
        AUTO_STRING char *text = golden_read("envelope.json");
        AUTO(buf) struct buf r = BUF(0), out = BUF(BODY_MAX), again = BUF(0);
        AUTO(cmw) struct cmw evidence = {0}, none = {.count = 0};
        expect_ok(envelope_read(span_str(text), &r, &evidence));
        assert_true(span_eq_str(buf_span(&r), "{\"v\":1}"));
        assert_int_equal(evidence.count, 1);
        assert_string_equal(evidence.items[0].type, CMW_TPM_QUOTE);
        expect_ok(envelope_write(buf_span(&r), &evidence, &out));
        assert_string_equal(buf_str(&out), text);

        buf_truncate(&out, 0);
        expect_ok(envelope_write(buf_span(&r), NULL, &out));
        assert_string_equal(buf_str(&out), "{\"request\":\"eyJ2IjoxfQ\"}");
        expect_ok(envelope_read(buf_span(&out), &again, &none));
        assert_int_equal(none.count, 0);
}

static void refuses_envelopes(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"nothing", "", "BAD_JSON"},
                {"an array", "[]", "BAD_FIELD"},
                {"no request", "{}", "BAD_FIELD"},
                {"empty request", "{\"request\":\"\"}", "BAD_FIELD"},
                {"request as an object", "{\"request\":{}}", "BAD_FIELD"},
                {"padded request", "{\"request\":\"eyJ2IjoxfQ==\"}", "BAD_FIELD"},
                {"unknown member", "{\"request\":\"eyJ2IjoxfQ\",\"x\":1}", "UNKNOWN_FIELD"},
                {"evidence null", "{\"request\":\"eyJ2IjoxfQ\",\"evidence\":null}", "BAD_CMW"},
                {"evidence without type", "{\"request\":\"eyJ2IjoxfQ\",\"evidence\":[\"AQ\"]}", "BAD_CMW"},
                {"two requests", "{\"request\":\"eyJ2IjoxfQ\",\"request\":\"eyJ2IjoxfQ\"}", "BAD_JSON"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct buf r = BUF(3);
                struct cmw evidence = {.count = 77};
                expect_fault_row(envelope_read(span_str(rows[i].text), &r, &evidence), FAULT_INVALID, rows[i].token,
                                 rows[i].name);
                assert_true(r.limit == 3 && r.len == 0 && evidence.count == 77);
        }
        AUTO(buf) struct buf large = BUF(BODY_MAX + 1), r = BUF(0);
        struct cmw evidence = {0};
        uint8_t *where = NULL;
        expect_ok(buf_grow(&large, BODY_MAX + 1, &where));
        memset(where, ' ', large.len);
        expect_fault(envelope_read(buf_span(&large), &r, &evidence), FAULT_INVALID, "TOO_LARGE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_and_writes_issue), cmocka_unit_test(refuses_issue),
                cmocka_unit_test(bounds_counts),          cmocka_unit_test(reads_and_writes_enrol),
                cmocka_unit_test(refuses_enrol),          cmocka_unit_test(reads_and_writes_activate),
                cmocka_unit_test(refuses_activate),       cmocka_unit_test(reads_and_writes_envelopes),
                cmocka_unit_test(refuses_envelopes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
