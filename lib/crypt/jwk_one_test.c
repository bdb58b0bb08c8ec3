#include "lib/crypt/jwt.h"

#include "tests/fakes/pki.h"

#define X  "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y

static void public_ones(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"good", "{" EC ",\"alg\":\"ES256\"}", NULL},
                {"with kid and use", "{" EC ",\"alg\":\"ES256\",\"kid\":\"a\",\"use\":\"sig\"}", NULL},
                {"no alg", "{" EC "}", "jwk.alg"},
                {"alg a number", "{" EC ",\"alg\":1}", "jwk.alg"},
                {"none", "{" EC ",\"alg\":\"none\"}", "jwk.alg"},
                {"symmetric alg", "{" EC ",\"alg\":\"HS256\"}", "jwk.alg"},
                {"alg of another curve", "{" EC ",\"alg\":\"ES384\"}", "jwk.alg"},
                {"alg of RSA", "{" EC ",\"alg\":\"PS256\"}", "jwk.alg"},
                {"private", "{" EC ",\"alg\":\"ES256\",\"d\":\"AAAA\"}", "jwk.private"},
                {"symmetric", "{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}", "jwk.private"},
                {"RSA with primes", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"p\":\"AA\",\"alg\":\"PS256\"}",
                 "jwk.private"},
                {"Ed25519", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\",\"alg\":\"ES256\"}", "jwk.key"},
                {"no type", "{\"crv\":\"P-256\"," X "," Y ",\"alg\":\"ES256\"}", "jwk.key"},
                {"no y", "{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"alg\":\"ES256\"}", "jwk.key"},
                {"not on the curve",
                 "{\"kty\":\"EC\",\"crv\":\"P-256\"," X
                 ",\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"alg\":\"ES256\"}",
                 "jwk.key"},
                {"another curve's name", "{\"kty\":\"EC\",\"crv\":\"P-384\"," X "," Y ",\"alg\":\"ES384\"}", "jwk.key"},
                {"RSA too small", "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"alg\":\"PS256\"}", "jwk.key"},
                {"text", "\"key\"", "jwk.key"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *j = NULL;
                AUTO(key) struct key *k = NULL;
                const char *alg = NULL;
                expect_ok(json_parse(span_str(rows[i].text), &j));
                struct fault *f = jwk_read_public(j, &k, &alg);
                if (rows[i].token != NULL) {
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
                        assert_null(k);
                        continue;
                }
                expect_ok(f);
                assert_string_equal(alg, "ES256");
        }
}

static void private_ones(void **state UNUSED)
{
        AUTO(key) struct key *rsa = test_key(KEY_RSA), *public = NULL;
        AUTO(secret) struct secret *none = NULL;

        for (enum key_kind kind = KEY_P256; kind <= KEY_P384; kind++) {
                AUTO(key) struct key *k = test_key(kind), *back = NULL;
                AUTO(secret) struct secret *text = NULL;
                AUTO(json) struct json *j = NULL;
                AUTO(buf) struct buf d = BUF(48);
                const char *alg = NULL;
                expect_ok(jwk_write_private(k, &text));
                expect_ok(json_parse(secret_span(text), &j));
                expect_ok(json_need_base64url(j, "d", &d));
                assert_int_equal(d.len, kind == KEY_P256 ? 32 : 48);
                expect_fault(jwk_read_public(j, &back, &alg), FAULT_UNAUTHENTICATED, "jwk.private");
        }
        expect_fault(jwk_write_private(rsa, &none), FAULT_INVALID, "KEY_KIND");
        expect_ok(key_from_spki(key_spki(rsa), &public));
        expect_fault(jwk_write_private(public, &none), FAULT_INVALID, "KEY_KIND");
        assert_null(none);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(public_ones),
                cmocka_unit_test(private_ones),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
