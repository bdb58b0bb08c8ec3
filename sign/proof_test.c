/* What is printed for a volume, read again as a receiver would. */
#include "sign/proof.h"

#include <fcntl.h>

#include "lib/base/file.h"
#include "tests/fakes/folder.h"
#include "tests/fakes/pki.h"

#define URL "https://pay.example/charge?currency=EUR"
#define AUD "https://pay.example/charge"

static const char *const audiences[] = {AUD, NULL};

static void put(const char *dir, const char *name, struct span bytes)
{
        AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect_ok(file_write_whole_at(fd, name, bytes, 0600));
}

/* A volume with a token and a key; `other`: the key of somebody else. */
static void fill(const char *dir, const char *prefix, int64_t issued_s, bool other)
{
        AUTO(key) struct key *issuer = test_key(KEY_P256), *own = test_key(KEY_P256), *stray = test_key(KEY_P256);
        AUTO(buf) struct buf token = BUF(WIT_MAX);
        AUTO(secret) struct secret *pem = NULL;
        AUTO_STRING char *id = alloc_string("j"), *iss = alloc_string("https://i.example"),
                         *sub = alloc_string("spiffe://corp.example/a");
        const struct wit w = {.id = id,
                              .issuer = iss,
                              .subject = sub,
                              .issued_unix_s = issued_s,
                              .expires_unix_s = issued_s + 600,
                              .key = own};
        struct jwt_signer signer = jwt_signer_of(issuer, "k");
        AUTO_STRING char *token_name = alloc_printf("%swit.jwt", prefix),
                         *key_name = alloc_printf("%swit.key.pem", prefix);

        expect_ok(wit_build(&w, &signer, &token));
        expect_ok(buf_append_byte(&token, '\n'));
        expect_ok(key_to_pem_private(other ? stray : own, &pem));
        put(dir, token_name, buf_span(&token));
        put(dir, key_name, secret_span(pem));
}

/* The lines that were printed, as fields. */
static size_t fields_of(struct buf *out, struct http_field *fields)
{
        size_t count = 0;
        for (char *rest = (char *) out->data, *line; (line = strsep(&rest, "\n")) != NULL && *line != '\0';) {
                char *colon = strchr(line, ':');
                assert_non_null(colon);
                *colon = '\0';
                fields[count++] = (struct http_field){line, span_str(colon + 2)};
        }
        return count;
}

static void proofs_hold(void **state UNUSED)
{
        char folder[] = FOLDER_TEMPLATE;
        assert_true(folder_make(folder));
        fill(folder, "", TEST_NOW_S, false);
        AUTO(credential) struct credential c = {0};
        expect_ok(credential_read(folder, NULL, TEST_NOW, &c));

        struct http_field fields[FIELDS_GIVEN_MAX + 4];
        struct proof_inputs in = {.access_token = SPAN("at"), .now = TEST_NOW, .random = {1}};
        struct arguments a = {.command = SIGN_WPT, .url = URL, .ttl_s = 60, .field_count = 1};
        a.parsed[0] = (struct http_field){"X-User", SPAN("alice")};
        static const struct wpt_other others[] = {{"x-user", SPAN("alice")}};
        AUTO(buf) struct buf wpt_out = BUF(PROOF_MAX), token_out = BUF(PROOF_MAX), scheme_out = BUF(PROOF_MAX);
        AUTO(wpt) struct wpt w = {0};
        expect_ok(proof_wpt(&a, &c, &in, &wpt_out));
        assert_int_equal(fields_of(&wpt_out, fields), 2);
        assert_string_equal(fields[0].name, "Workload-Identity-Token");
        assert_string_equal(fields[1].name, "Workload-Proof-Token");
        struct wpt_rules rules = {
                .tokens = {.wit = fields[0].value, .access_token = SPAN("at"), .other_count = 1, .others = others},
                .holder = &c.wit,
                .audiences = audiences,
                .now = TEST_NOW};
        expect_ok(wpt_verify(fields[1].value, &rules, &w));
        a.token_only = true;
        expect_ok(proof_wpt(&a, &c, &in, &token_out));
        assert_null(memchr(token_out.data, ':', token_out.len));
        a.token_only = false;
        a.authorization = true;
        expect_ok(proof_wpt(&a, &c, &in, &scheme_out));
        assert_non_null(strstr(buf_str(&scheme_out), "\nAuthorization: WPT ey"));

        for (int by_path = 0; by_path < 2; by_path++) {
                struct arguments h = {.command = SIGN_HTTP,
                                      .method = "POST",
                                      .url = URL,
                                      .ttl_s = 60,
                                      .by_path = by_path == 1,
                                      .field_count = 1};
                struct proof_inputs body = {.body = SPAN("amount=1"), .has_body = true, .now = TEST_NOW, .random = {2}};
                AUTO(buf) struct buf out = BUF(PROOF_MAX);
                AUTO(http_signature) struct http_signature s = {0};
                h.parsed[0] = (struct http_field){"Content-Type", SPAN("text/plain")};
                expect_ok(proof_http(&h, &c, &body, &out));
                struct http_message m = {SPAN("POST"), SPAN("/charge?currency=EUR"), fields_of(&out, fields), fields,
                                         SPAN("amount=1")};
                struct http_signature_rules r = {
                        .wit = buf_span(&c.token), .holder = &c.wit, .audiences = audiences, .now = TEST_NOW};
                expect_ok(http_signature_verify(&m, &r, &s));
                assert_int_equal(s.expires_unix_s, TEST_NOW_S + 60);
        }
        assert_true(folder_remove(folder));
}

static void volumes(void **state UNUSED)
{
        char folder[] = FOLDER_TEMPLATE;
        AUTO(credential) struct credential c = {0}, named = {0};

        assert_true(folder_make(folder));
        expect_fault(credential_read(folder, NULL, TEST_NOW, &c), FAULT_NOT_FOUND, "NO_FILE");
        fill(folder, "", TEST_NOW_S, true);
        expect_fault(credential_read(folder, NULL, TEST_NOW, &c), FAULT_PRECONDITION, "SIGN_KEY");
        fill(folder, "", TEST_NOW_S - 600, false);
        expect_fault(credential_read(folder, NULL, TEST_NOW, &c), FAULT_PRECONDITION, "SIGN_EXPIRED");
        put(folder, "wit.jwt", SPAN("no token"));
        expect_fault(credential_read(folder, NULL, TEST_NOW, &c), FAULT_UNAUTHENTICATED, "jwt.structure");
        fill(folder, "outbound.", TEST_NOW_S, false);
        expect_ok(credential_read(folder, "outbound", TEST_NOW, &named));
        assert_string_equal(named.wit.subject, "spiffe://corp.example/a");
        assert_true(folder_remove(folder));
}

/* A proof does not outlive its token. */
static void near_its_end(void **state UNUSED)
{
        char folder[] = FOLDER_TEMPLATE;
        AUTO(credential) struct credential c = {0};
        AUTO(buf) struct buf out = BUF(PROOF_MAX);
        AUTO(json) struct json *claims = NULL;
        int64_t exp = 0;
        struct arguments a = {.command = SIGN_WPT, .url = URL, .ttl_s = 60, .token_only = true};
        struct proof_inputs in = {.now = wall_from_unix_s(TEST_NOW_S + 590)};

        assert_true(folder_make(folder));
        fill(folder, "", TEST_NOW_S, false);
        expect_ok(credential_read(folder, NULL, in.now, &c));
        expect_ok(proof_wpt(&a, &c, &in, &out));
        expect_ok(jwt_peek(span_make(out.data, out.len - 1), 0, &claims));
        expect_ok(json_need_int(claims, "exp", 0, INT64_MAX, &exp));
        assert_int_equal(exp, TEST_NOW_S + 600);
        assert_true(folder_remove(folder));
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(proofs_hold), cmocka_unit_test(volumes),
                                           cmocka_unit_test(near_its_end)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
