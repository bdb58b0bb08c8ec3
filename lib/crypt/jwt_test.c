#include "lib/crypt/jwt.h"

#include "tests/fakes/pki.h"

#include "lib/base/parse.h"
#include "lib/crypt/jwk.h"

/* {"keys":[…]} of these, with the kid "k0", "k1", … */
static struct jwk_set *set_of(const struct key *const *keys, size_t count)
{
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(65536);
        struct json *list = json_new_array();
        struct jwk_set *s = NULL;

        for (size_t i = 0; i < count; i++) {
                struct json *jwk = jwk_from_key(keys[i]);
                char kid[] = "k0";
                kid[1] = (char) ('0' + i);
                json_set_text(jwk, "kid", kid);
                json_push(list, jwk);
        }
        json_set(set, "keys", list);
        expect_ok(json_write(set, &text));
        expect_ok(jwk_set_parse(buf_span(&text), &s));
        assert_int_equal(jwk_set_count(s), count);
        return s;
}

/* A token of any header and payload, signed as an algorithm has it. */
static struct buf token_of(const char *header, const char *payload, const struct key *k, const char *alg)
{
        struct buf out = BUF(JWT_MAX);
        AUTO(buf) struct buf signature = BUF(SIGNATURE_MAX);
        const struct jws_alg *a = jws_alg_find(span_str(alg));

        expect_ok(base64url_encode(span_str(header), &out));
        expect_ok(buf_append_byte(&out, '.'));
        expect_ok(base64url_encode(span_str(payload), &out));
        expect_ok(key_sign(k, a->hash, a->form, buf_span(&out), &signature));
        expect_ok(buf_append_byte(&out, '.'));
        expect_ok(base64url_encode(buf_span(&signature), &out));
        return out;
}

static void every_algorithm(void **state UNUSED)
{
        AUTO(key) struct key *p256 = test_key(KEY_P256), *p384 = test_key(KEY_P384), *rsa = test_key(KEY_RSA);
        const struct key *const keys[] = {p256, p384, rsa};
        AUTO(jwk_set) struct jwk_set *set = set_of(keys, 3);
        static const struct {
                const char *alg;
                size_t key;
        } rows[] = {{"ES256", 0}, {"ES384", 1}, {"RS256", 2}, {"PS256", 2}};

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *header = alloc_printf("{\"alg\":\"%s\",\"kid\":\"k%zu\"}", rows[i].alg, rows[i].key);
                AUTO(buf) struct buf token = token_of(header, "{\"sub\":\"a\"}", keys[rows[i].key], rows[i].alg);
                AUTO(json) struct json *claims = NULL;
                struct span sub;
                expect_ok(jwt_verify(buf_span(&token), set, NULL, &claims));
                expect_ok(json_need_text(claims, "sub", 10, &sub));
                assert_true(span_eq_str(sub, "a"));
        }
        AUTO(json) struct json *claims = json_new_object();
        json_set_text(claims, "sub", "b");
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
                AUTO(buf) struct buf token = BUF(JWT_MAX), bare = BUF(JWT_MAX);
                AUTO(json) struct json *back = NULL, *back2 = NULL;
                AUTO(jwk_set) struct jwk_set *one = set_of(&keys[i], 1);
                char kid[] = "k0";
                kid[1] = (char) ('0' + i);
                expect_ok(jwt_sign(keys[i], "wit+jwt", kid, claims, &token));
                expect_ok(jwt_verify(buf_span(&token), set, "wit+jwt", &back));
                expect_fault(jwt_verify(buf_span(&token), set, "wpt+jwt", &back), FAULT_UNAUTHENTICATED, "jwt.type");
                expect_ok(jwt_sign(keys[i], NULL, NULL, claims, &bare));
                expect_ok(jwt_verify(buf_span(&bare), one, NULL, &back2)); /* no kid, and just one key */
                expect_fault(jwt_verify(buf_span(&bare), set, NULL, &back), FAULT_UNAUTHENTICATED, "jwt.key");
                expect_fault(jwt_verify(buf_span(&bare), one, "JWT", &back), FAULT_UNAUTHENTICATED, "jwt.type");
        }
}

#define GOOD "{\"alg\":\"ES256\",\"kid\":\"k0\"}"

static void refuses_headers(void **state UNUSED)
{
        AUTO(key) struct key *p256 = test_key(KEY_P256), *p384 = test_key(KEY_P384);
        const struct key *const keys[] = {p256, p384};
        AUTO(jwk_set) struct jwk_set *set = set_of(keys, 2);
        static const struct {
                const char *name, *header, *token;
        } rows[] = {
                {"good", GOOD, NULL},
                {"unknown members are ignored", "{\"alg\":\"ES256\",\"kid\":\"k0\",\"x5t\":\"a\",\"cty\":\"b\"}", NULL},
                {"none", "{\"alg\":\"none\",\"kid\":\"k0\"}", "jwt.algorithm"},
                {"None", "{\"alg\":\"None\",\"kid\":\"k0\"}", "jwt.algorithm"},
                {"empty", "{\"alg\":\"\",\"kid\":\"k0\"}", "jwt.algorithm"},
                {"HS256 over the public key", "{\"alg\":\"HS256\",\"kid\":\"k0\"}", "jwt.algorithm"},
                {"ES384 for a P-256 key", "{\"alg\":\"ES384\",\"kid\":\"k0\"}", "jwt.algorithm"},
                {"RS256 for a P-256 key", "{\"alg\":\"RS256\",\"kid\":\"k0\"}", "jwt.algorithm"},
                {"lower case", "{\"alg\":\"es256\",\"kid\":\"k0\"}", "jwt.algorithm"},
                {"EdDSA", "{\"alg\":\"EdDSA\",\"kid\":\"k0\"}", "jwt.algorithm"},
                {"no alg", "{\"kid\":\"k0\"}", "jwt.structure"},
                {"alg is a number", "{\"alg\":1,\"kid\":\"k0\"}", "jwt.structure"},
                {"no kid, and two keys", "{\"alg\":\"ES256\"}", "jwt.key"},
                {"no such kid", "{\"alg\":\"ES256\",\"kid\":\"k2\"}", "jwt.key"},
                {"empty kid", "{\"alg\":\"ES256\",\"kid\":\"\"}", "jwt.key"},
                {"kid with more", "{\"alg\":\"ES256\",\"kid\":\"k0 \"}", "jwt.key"},
                {"kid is a number", "{\"alg\":\"ES256\",\"kid\":0}", "jwt.structure"},
                {"alg twice", "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"k0\"}", "jwt.structure"},
                {"kid twice", "{\"alg\":\"ES256\",\"kid\":\"k1\",\"kid\":\"k0\"}", "jwt.structure"},
                {"crit", "{\"alg\":\"ES256\",\"kid\":\"k0\",\"crit\":[\"exp\"]}", "jwt.structure"},
                {"crit with b64", "{\"alg\":\"ES256\",\"kid\":\"k0\",\"b64\":false,\"crit\":[\"b64\"]}",
                 "jwt.structure"},
                {"jwk", "{\"alg\":\"ES256\",\"kid\":\"k0\",\"jwk\":{}}", "jwt.structure"},
                {"jku", "{\"alg\":\"ES256\",\"kid\":\"k0\",\"jku\":\"https://x\"}", "jwt.structure"},
                {"x5u", "{\"alg\":\"ES256\",\"kid\":\"k0\",\"x5u\":\"https://x\"}", "jwt.structure"},
                {"jwk null", "{\"alg\":\"ES256\",\"kid\":\"k0\",\"jwk\":null}", "jwt.structure"},
                {"typ is a number", "{\"alg\":\"ES256\",\"kid\":\"k0\",\"typ\":1}", "jwt.structure"},
                {"array", "[\"ES256\"]", "jwt.structure"},
                {"empty text", "", "jwt.structure"},
                {"not JSON", "{alg:ES256}", "jwt.structure"},
                {"something after it", GOOD "{}", "jwt.structure"},
                {"NUL in kid", "{\"alg\":\"ES256\",\"kid\":\"k0\\u0000\"}", "jwt.structure"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = token_of(rows[i].header, "{\"sub\":\"a\"}", p256, "ES256");
                AUTO(json) struct json *claims = NULL;
                struct fault *f = jwt_verify(buf_span(&token), set, NULL, &claims);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

static void refuses_claims(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256);
        const struct key *const keys[] = {k};
        AUTO(jwk_set) struct jwk_set *set = set_of(keys, 1);
        static const char *const rows[] = {"",
                                           "null",
                                           "[]",
                                           "\"a\"",
                                           "{\"a\":1,\"a\":1}",
                                           "{\"a\":1.5}",
                                           "{}x",
                                           "{",
                                           "{\"a\":\"\\u0000\"}",
                                           "{\"a\":\"\xff\"}"};

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = token_of(GOOD, rows[i], k, "ES256");
                AUTO(json) struct json *claims = NULL;
                expect_fault_row(jwt_verify(buf_span(&token), set, NULL, &claims), FAULT_UNAUTHENTICATED,
                                 "jwt.structure", rows[i]);
        }
}

static void check_text(struct span token, const struct jwk_set *set, const char *wanted, const char *name)
{
        AUTO(json) struct json *claims = NULL;

        expect_fault_row(jwt_verify(token, set, NULL, &claims), FAULT_UNAUTHENTICATED, wanted, name);
        assert_null(claims);
}

static void refuses_frames(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256), *other = test_key(KEY_P256);
        const struct key *const keys[] = {k};
        AUTO(jwk_set) struct jwk_set *set = set_of(keys, 1);
        AUTO(buf)
        struct buf good = token_of(GOOD, "{\"sub\":\"a\"}", k, "ES256"), foreign = token_of(GOOD, "{}", other, "ES256"),
                   changed = BUF(2 * JWT_MAX), der = BUF(128), der_token = BUF(JWT_MAX);
        static const struct {
                const char *name, *before, *after, *token;
        } rows[] = {
                {"trailing dot", "", ".", "jwt.structure"},
                {"leading dot", ".", "", "jwt.structure"},
                {"padding", "", "=", "jwt.structure"},
                {"newline", "", "\n", "jwt.structure"},
                {"leading blank", " ", "", "jwt.structure"},
                {"character of plain base64", "", "+", "jwt.structure"},
                {"a byte of signature more", "", "AA", "jwt.signature"},
        };

        check_text(SPAN_NONE, set, "jwt.structure", "nothing");
        check_text(SPAN(".."), set, "jwt.structure", "dots");
        check_text(SPAN("a.b"), set, "jwt.structure", "two parts");
        check_text(buf_span(&foreign), set, "jwt.signature", "other key");
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                buf_truncate(&changed, 0);
                expect_ok(buf_append_str(&changed, rows[i].before));
                expect_ok(buf_append(&changed, buf_span(&good)));
                expect_ok(buf_append_str(&changed, rows[i].after));
                check_text(buf_span(&changed), set, rows[i].token, rows[i].name);
        }
        for (size_t len = 0; len < good.len; len++) {
                AUTO(json) struct json *claims = NULL;
                AUTO(fault) struct fault *f = jwt_verify(span_make(good.data, len), set, NULL, &claims);
                if (f == NULL || fault_code(f) != FAULT_UNAUTHENTICATED)
                        fail_msg("cut at %zu", len);
        }
        for (size_t at = 0; at < good.len; at++) {
                AUTO(json) struct json *claims = NULL;
                uint8_t kept = good.data[at];
                good.data[at] = kept == 'A' ? 'B' : 'A';
                AUTO(fault) struct fault *f = jwt_verify(buf_span(&good), set, NULL, &claims);
                if (f == NULL)
                        fail_msg("character %zu changed", at);
                good.data[at] = kept;
        }
        expect_ok(buf_append(&changed, buf_span(&good)));
        while (changed.len <= JWT_MAX)
                expect_ok(buf_append_byte(&changed, 'A'));
        check_text(buf_span(&changed), set, "jwt.structure", "too long");

        /* a signature in DER over the right bytes */
        expect_ok(base64url_encode(SPAN(GOOD), &der_token));
        expect_ok(buf_append_str(&der_token, ".e30"));
        expect_ok(key_sign(k, HASH_SHA256, SIGNATURE_DER, buf_span(&der_token), &der));
        expect_ok(buf_append_byte(&der_token, '.'));
        expect_ok(base64url_encode(buf_span(&der), &der_token));
        check_text(buf_span(&der_token), set, "jwt.signature", "DER signature");
        /* none, with nothing for a signature */
        buf_truncate(&der_token, 0);
        expect_ok(base64url_encode(SPAN("{\"alg\":\"none\"}"), &der_token));
        expect_ok(buf_append_str(&der_token, ".e30."));
        check_text(buf_span(&der_token), set, "jwt.algorithm", "none, unsigned");
}

/* RFC 7515, appendix A.3 (ES256): a token that others made. */
static void example_of_the_standard(void **state UNUSED)
{
        static const char set_text[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                                       "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                       "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
        static const char token[] = "eyJhbGciOiJFUzI1NiJ9"
                                    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
                                    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
                                    "pmWQxfKTUJqPP3-Kg6NU1Q";
        AUTO(jwk_set) struct jwk_set *set = NULL;
        AUTO(json) struct json *claims = NULL;
        struct span iss;

        expect_ok(jwk_set_parse(SPAN(set_text), &set));
        expect_ok(jwt_verify(SPAN(token), set, NULL, &claims));
        expect_ok(json_need_text(claims, "iss", 10, &iss));
        assert_true(span_eq_str(iss, "joe"));
}

#define X  "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\"," X "," Y

static void key_sets(void **state UNUSED)
{
        static const struct {
                const char *name, *text;
                size_t count; /* SIZE_MAX: refused */
        } rows[] = {
                {"empty", "{\"keys\":[]}", 0},
                {"one", "{\"keys\":[{" EC "}]}", 1},
                {"for its algorithm", "{\"keys\":[{" EC ",\"alg\":\"ES256\",\"use\":\"sig\",\"kid\":\"a\"}]}", 1},
                {"a bundle's token key",
                 "{\"keys\":[{" EC ",\"use\":\"wit-svid\",\"kid\":\"a\"}],\"spiffe_sequence\":1}", 1},
                {"a bundle's root", "{\"keys\":[{" EC ",\"use\":\"x509-svid\"}]}", 0},
                {"for encryption", "{\"keys\":[{" EC ",\"use\":\"enc\"}]}", 0},
                {"unknown type", "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"},{" EC "}]}", 1},
                {"symmetric", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"a\"}]}", 0},
                {"unknown curve", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"}]}", 0},
                {"unknown algorithm", "{\"keys\":[{" EC ",\"alg\":\"ES512\"}]}", 0},
                {"RSA too small", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", 0},
                {"a kid twice", "{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC ",\"kid\":\"a\"}]}", SIZE_MAX},
                {"algorithm of another kind", "{\"keys\":[{" EC ",\"alg\":\"RS256\"}]}", SIZE_MAX},
                {"no keys", "{}", SIZE_MAX},
                {"keys no array", "{\"keys\":{}}", SIZE_MAX},
                {"key no object", "{\"keys\":[1]}", SIZE_MAX},
                {"no type", "{\"keys\":[{\"crv\":\"P-256\"," X "," Y "}]}", SIZE_MAX},
                {"no y", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\"," X "}]}", SIZE_MAX},
                {"x short", "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\"," Y "}]}", SIZE_MAX},
                {"not on the curve",
                 "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":"
                 "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}",
                 SIZE_MAX},
                {"padding",
                 "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU="
                 "\"," Y "}]}",
                 SIZE_MAX},
                {"a member twice", "{\"keys\":[{" EC ",\"kty\":\"EC\"}]}", SIZE_MAX},
                {"kid a number", "{\"keys\":[{" EC ",\"kid\":1}]}", SIZE_MAX},
                {"not JSON", "keys", SIZE_MAX},
                {"nothing", "", SIZE_MAX},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(jwk_set) struct jwk_set *s = NULL;
                struct fault *f = jwk_set_parse(span_str(rows[i].text), &s);
                if (rows[i].count == SIZE_MAX) {
                        expect_fault_row(f, FAULT_INVALID, "BAD_JWK", rows[i].name);
                        continue;
                }
                expect_ok(f);
                if (jwk_set_count(s) != rows[i].count)
                        fail_msg("%s: %zu keys", rows[i].name, jwk_set_count(s));
        }
        AUTO(jwk_set) struct jwk_set *s = NULL;
        expect_ok(jwk_set_parse(SPAN("{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC "}]}"), &s));
        assert_non_null(jwk_set_find(s, SPAN("a")));
        assert_null(jwk_set_find(s, SPAN("b")));
        assert_null(jwk_set_find(s, SPAN_NONE));
}

/* A key that the set keeps for one algorithm isn't used for another. */
static void algorithm_of_the_set(void **state UNUSED)
{
        AUTO(key) struct key *rsa = test_key(KEY_RSA);
        AUTO(json) struct json *set_json = json_new_object();
        AUTO(buf) struct buf text = BUF(4096);
        AUTO(jwk_set) struct jwk_set *set = NULL;
        struct json *list = json_new_array(), *jwk = jwk_from_key(rsa);
        AUTO(buf)
        struct buf rs = token_of("{\"alg\":\"RS256\"}", "{}", rsa, "RS256"),
                   ps = token_of("{\"alg\":\"PS256\"}", "{}", rsa, "PS256"),
                   crossed = token_of("{\"alg\":\"RS256\"}", "{}", rsa, "PS256");
        AUTO(json) struct json *claims = NULL;

        json_set_text(jwk, "alg", "RS256");
        json_push(list, jwk);
        json_set(set_json, "keys", list);
        expect_ok(json_write(set_json, &text));
        expect_ok(jwk_set_parse(buf_span(&text), &set));
        expect_ok(jwt_verify(buf_span(&rs), set, NULL, &claims));
        check_text(buf_span(&ps), set, "jwt.algorithm", "PS256 with a key for RS256");
        check_text(buf_span(&crossed), set, "jwt.signature", "PSS signature called RS256");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_algorithm),         cmocka_unit_test(refuses_headers),
                cmocka_unit_test(refuses_claims),          cmocka_unit_test(refuses_frames),
                cmocka_unit_test(example_of_the_standard), cmocka_unit_test(key_sets),
                cmocka_unit_test(algorithm_of_the_set),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
