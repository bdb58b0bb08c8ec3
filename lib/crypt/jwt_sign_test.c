#include "lib/crypt/jwt.h"

#include "tests/fakes/jwk_set.h"

static struct fault *sign_no_more(const void *self UNUSED, struct span signed_part UNUSED, struct buf *ret UNUSED)
{
        return fault(FAULT_UNAVAILABLE, "SIGNER_GONE", "nobody signs");
}

static void whoever_signs(void **state UNUSED)
{
        AUTO(json) struct json *claims = json_new_object();
        json_set_text(claims, "sub", "a");
        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++) {
                AUTO(key) struct key *k = test_key(kind);
                AUTO(jwk_set) struct jwk_set *set = test_key_set(k, "k", "sig");
                AUTO(buf) struct buf token = BUF(JWT_MAX);
                AUTO(json) struct json *back = NULL, *peeked = NULL;
                struct jwt_signer s = jwt_signer_of(k, "k");
                expect_ok(jwt_sign_by(&s, "x+jwt", claims, 0, &token));
                expect_ok(jwt_verify(buf_span(&token), set, "x+jwt", &back));
                expect_ok(jwt_peek(buf_span(&token), 0, &peeked));
                assert_non_null(json_get(peeked, "sub"));
        }
        AUTO(buf) struct buf none = BUF(JWT_MAX), small = BUF(20);
        struct jwt_signer gone = {"ES256", NULL, sign_no_more, NULL};
        expect_fault(jwt_sign_by(&gone, NULL, claims, 0, &none), FAULT_UNAVAILABLE, "SIGNER_GONE");
        assert_int_equal(none.len, 0);
        AUTO(key) struct key *k = test_key(KEY_P256);
        struct jwt_signer s = jwt_signer_of(k, NULL);
        expect_fault(jwt_sign_by(&s, NULL, claims, 40, &none), FAULT_EXHAUSTED, "TOO_LARGE");
        expect_fault(jwt_sign_by(&s, NULL, claims, 0, &small), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_int_equal(none.len + small.len, 0);
}

static void rules(void **state UNUSED)
{
        static const char *const only[] = {"alg", "kid", "typ", NULL}, *const two[] = {"alg", "typ", NULL};
        static const char *const es256[] = {"ES256", NULL}, *const es384[] = {"ES384", "PS256", NULL};
        static const struct {
                const char *name;
                struct jwt_rules rules;
                const char *kid, *token;
        } rows[] = {
                {"none", {0}, "k", NULL},
                {"all that hold", {"x+jwt", only, es256, true, 0}, "k", NULL},
                {"another type", {"y+jwt", only, es256, true, 0}, "k", "jwt.type"},
                {"a member too many", {"x+jwt", two, NULL, false, 0}, "k", "jwt.header"},
                {"another algorithm", {NULL, NULL, es384, false, 0}, "k", "jwt.algorithm"},
                {"no kid, not needed", {NULL, NULL, NULL, false, 0}, NULL, NULL},
                {"no kid", {NULL, NULL, NULL, true, 0}, NULL, "jwt.key"},
                {"empty kid", {NULL, NULL, NULL, true, 0}, "", "jwt.key"},
                {"too long", {NULL, NULL, NULL, false, 100}, "k", "jwt.structure"},
        };
        AUTO(key) struct key *k = test_key(KEY_P256);
        AUTO(jwk_set) struct jwk_set *set = test_key_set(k, "k", "sig");
        AUTO(json) struct json *claims = json_new_object();

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = BUF(JWT_MAX);
                AUTO(json) struct json *back = NULL;
                expect_ok(jwt_sign(k, "x+jwt", rows[i].kid, claims, &token));
                struct fault *f = jwt_verify_by(buf_span(&token), set, &rows[i].rules, &back);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

static void with_a_key(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256), *other = test_key(KEY_P256), *p384 = test_key(KEY_P384);
        AUTO(json) struct json *claims = json_new_object(), *back = NULL;
        AUTO(buf) struct buf token = BUF(JWT_MAX);
        const struct jwt_rules any = {.typ = "x+jwt"};

        expect_ok(jwt_sign(k, "x+jwt", "whatever", claims, &token));
        expect_fault(jwt_verify_with(buf_span(&token), other, "ES256", &any, &back), FAULT_UNAUTHENTICATED,
                     "jwt.signature");
        expect_fault(jwt_verify_with(buf_span(&token), k, "ES384", &any, &back), FAULT_UNAUTHENTICATED,
                     "jwt.algorithm");
        expect_fault(jwt_verify_with(buf_span(&token), p384, "ES256", &any, &back), FAULT_UNAUTHENTICATED,
                     "jwt.algorithm");
        expect_ok(jwt_verify_with(buf_span(&token), k, "ES256", &any, &back));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whoever_signs),
                cmocka_unit_test(rules),
                cmocka_unit_test(with_a_key),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
