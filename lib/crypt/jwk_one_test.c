#include "lib/crypt/jwt.h"

#include "tests/fakes/pki.h"

#include "lib/base/parse.h"

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

/* RFC 7638 §3.1 gives an RSA key of 2048 bits and its thumbprint. */
static void thumbprint_of_the_standard(void **state UNUSED)
{
        static const char n[] =
                "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
                "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
                "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
                "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        AUTO(buf) struct buf modulus = BUF(512), print = BUF(64);
        AUTO(key) struct key *k = NULL;

        expect_ok(base64url_decode(SPAN(n), &modulus));
        expect_ok(key_from_rsa(buf_span(&modulus), SPAN("\x01\x00\x01"), &k));
        expect_ok(jwk_thumbprint(k, &print));
        assert_string_equal(buf_str(&print), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/* What is published is found again, by its use. */
static void published_ones(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P384);
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(4096);
        AUTO(jwk_set) struct jwk_set *all = NULL, *wit = NULL, *other = NULL;
        struct json *list = json_new_array();

        json_push(list, jwk_published(k, "k", "wit-svid"));
        json_set(set, "keys", list);
        expect_ok(json_write(set, &text));
        expect_ok(jwk_set_parse(buf_span(&text), &all));
        expect_ok(jwk_set_parse_use(buf_span(&text), "wit-svid", &wit));
        expect_ok(jwk_set_parse_use(buf_span(&text), "jwt-svid", &other));
        assert_int_equal(jwk_set_count(all), 1);
        assert_int_equal(jwk_set_count(wit), 1);
        assert_int_equal(jwk_set_count(other), 0);
        assert_non_null(jwk_set_find(wit, SPAN("k")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(public_ones),
                cmocka_unit_test(private_ones),
                cmocka_unit_test(thumbprint_of_the_standard),
                cmocka_unit_test(published_ones),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
