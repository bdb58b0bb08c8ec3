#include "lib/model/wit.h"

#include "tests/fakes/jwk_set.h"

#include <stdio.h>

#define DOMAIN  "corp.example"
#define SUBJECT "spiffe://corp.example/payroll/app"

static const struct wit_rules rules = {DOMAIN, {TEST_NOW_S * 1000}, 0};

/* The issuer's key as it is published, and a workload's. */
struct world {
        struct key *issuer, *workload;
        struct jwk_set *keys;
};

static void world_clear(struct world *w)
{
        key_free(w->issuer);
        key_free(w->workload);
        jwk_set_free(w->keys);
}
DEFINE_AUTO_VALUE(world)

static struct world world_new(void)
{
        struct world w = {test_key(KEY_P256), test_key(KEY_P256), NULL};

        w.keys = test_key_set(w.issuer, "k1", WIT_USE);
        return w;
}

static struct wit wit_of(const struct world *w)
{
        struct wit t = {.id = alloc_string("01HF-jti"),
                        .issuer = alloc_string("https://issuer.corp.example"),
                        .subject = alloc_string(SUBJECT),
                        .issued_unix_s = TEST_NOW_S,
                        .not_before_unix_s = TEST_NOW_S - 30,
                        .expires_unix_s = TEST_NOW_S + 1200};
        expect_ok(key_from_spki(key_spki(w->workload), &t.key));
        AUTO(json) struct json *plain = test_json("{\"app\":\"Payroll\",\"data-class\":[\"pii\"]}");
        t.claims = wit_claims_of(plain, DOMAIN);
        return t;
}

static void there_and_back(void **state UNUSED)
{
        AUTO(world) struct world w = world_new();
        AUTO(wit) struct wit t = wit_of(&w), back = {0};
        AUTO(buf) struct buf token = BUF(WIT_MAX), claims = BUF(1024);
        struct jwt_signer signer = jwt_signer_of(w.issuer, "k1");

        expect_ok(wit_build(&t, &signer, &token));
        expect_ok(wit_verify(buf_span(&token), w.keys, &rules, &back));
        assert_string_equal(back.subject, SUBJECT);
        assert_string_equal(back.id, t.id);
        assert_string_equal(back.issuer, t.issuer);
        assert_string_equal(back.key_alg, "ES256");
        assert_true(span_eq(key_spki(back.key), key_spki(w.workload)));
        assert_int_equal(back.not_before_unix_s, t.not_before_unix_s);
        assert_int_equal(back.expires_unix_s, t.expires_unix_s);
        expect_ok(json_write(back.claims, &claims));
        assert_string_equal(buf_str(&claims),
                            "{\"corp.example/app\":\"Payroll\",\"corp.example/data-class\":[\"pii\"]}");
}

/* Its dates, to the second, and with leeway. */
static void dates(void **state UNUSED)
{
        AUTO(world) struct world w = world_new();
        AUTO(wit) struct wit t = wit_of(&w);
        AUTO(buf) struct buf token = BUF(WIT_MAX);
        struct jwt_signer signer = jwt_signer_of(w.issuer, "k1");
        static const struct {
                const char *name;
                int64_t at_s, leeway_s;
                const char *token;
        } rows[] = {
                {"when issued", TEST_NOW_S, 0, NULL},
                {"a second before", TEST_NOW_S - 1, 0, "wit.not_yet_valid"},
                {"a second before, with leeway", TEST_NOW_S - 1, 1, NULL},
                {"its last second", TEST_NOW_S + 1199, 0, NULL},
                {"at its end", TEST_NOW_S + 1200, 0, "wit.expired"},
                {"at its end, with leeway", TEST_NOW_S + 1200, 1, NULL},
                {"after the leeway", TEST_NOW_S + 1201, 1, "wit.expired"},
        };

        expect_ok(wit_build(&t, &signer, &token));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(wit) struct wit back = {0};
                struct wit_rules r = {DOMAIN, wall_from_unix_s(rows[i].at_s), rows[i].leeway_s};
                struct fault *f = wit_verify(buf_span(&token), w.keys, &r, &back);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
        AUTO(wit) struct wit back = {0};
        struct wit_rules other = {"other.example", rules.now, 0};
        expect_fault(wit_verify(buf_span(&token), w.keys, &other, &back), FAULT_UNAUTHENTICATED, "wit.trust_domain");
}

#define X2 "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y2 "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

/* One member of a good token changed, the whole signed by the right key. A NULL value takes the member out. */
static void refuses_claims(void **state UNUSED)
{
        AUTO(world) struct world w = world_new();
        static const struct {
                const char *name, *member, *value, *token;
        } rows[] = {
                {"as it was", "nbf", "1795392000", NULL},
                {"no nbf", "nbf", NULL, NULL},
                {"a claim of a URI", "https://corp.example/x", "1", NULL},
                {"a claim of a URN", "urn:example:x", "true", NULL},
                {"aud", "aud", "\"https://x\"", "wit.aud"},
                {"aud empty", "aud", "[]", "wit.aud"},
                {"no sub", "sub", NULL, "wit.sub"},
                {"sub a number", "sub", "1", "wit.sub"},
                {"two subs", "sub", "[\"spiffe://corp.example/a\",\"spiffe://corp.example/b\"]", "wit.sub"},
                {"sub no id", "sub", "\"payroll\"", "wit.sub"},
                {"sub of another scheme", "sub", "\"https://corp.example/a\"", "wit.sub"},
                {"sub without path", "sub", "\"spiffe://corp.example\"", "wit.sub"},
                {"sub with query", "sub", "\"spiffe://corp.example/a?b\"", "wit.sub"},
                {"sub with upper-case domain", "sub", "\"spiffe://Corp.example/a\"", "wit.sub"},
                {"sub of another domain", "sub", "\"spiffe://other.example/a\"", "wit.trust_domain"},
                {"sub of a domain that begins so", "sub", "\"spiffe://corp.example.com/a\"", "wit.trust_domain"},
                {"no iss", "iss", NULL, "wit.iss"},
                {"iss empty", "iss", "\"\"", "wit.iss"},
                {"iss with a blank", "iss", "\"a b\"", "wit.iss"},
                {"no jti", "jti", NULL, "wit.jti"},
                {"jti empty", "jti", "\"\"", "wit.jti"},
                {"jti a number", "jti", "1", "wit.jti"},
                {"no iat", "iat", NULL, "wit.iat"},
                {"iat a text", "iat", "\"1795392000\"", "wit.iat"},
                {"iat negative", "iat", "-1", "wit.iat"},
                {"iat to come", "iat", "1795392001", "wit.not_yet_valid"},
                {"nbf a text", "nbf", "\"1\"", "wit.nbf"},
                {"nbf to come", "nbf", "1795392001", "wit.not_yet_valid"},
                {"nbf after exp", "nbf", "1795393201", "wit.nbf"},
                {"no exp", "exp", NULL, "wit.exp"},
                {"exp a text", "exp", "\"1795393200\"", "wit.exp"},
                {"exp beyond all dates", "exp", "253402300800", "wit.exp"},
                {"exp as iat", "exp", "1795392000", "wit.exp"},
                {"a second too long", "exp", "1795478401", "wit.life"},
                {"just a day", "exp", "1795478400", NULL},
                {"no cnf", "cnf", NULL, "wit.cnf"},
                {"cnf a text", "cnf", "\"x\"", "wit.cnf"},
                {"cnf empty", "cnf", "{}", "wit.cnf"},
                {"cnf by thumbprint", "cnf", "{\"jkt\":\"x\"}", "wit.cnf"},
                {"cnf by key id", "cnf", "{\"kid\":\"x\"}", "wit.cnf"},
                {"cnf by URL", "cnf", "{\"jku\":\"https://x\"}", "wit.cnf"},
                {"cnf with two", "cnf",
                 "{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X2 "," Y2 ",\"alg\":\"ES256\"},\"kid\":\"x\"}",
                 "wit.cnf"},
                {"cnf key without alg", "cnf", "{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X2 "," Y2 "}}", "jwk.alg"},
                {"cnf key with alg none", "cnf",
                 "{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X2 "," Y2 ",\"alg\":\"none\"}}", "jwk.alg"},
                {"cnf key symmetric", "cnf", "{\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}}",
                 "jwk.private"},
                {"cnf key private", "cnf",
                 "{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X2 "," Y2 ",\"alg\":\"ES256\",\"d\":\"AAAA\"}}",
                 "jwk.private"},
                {"cnf key not on the curve", "cnf",
                 "{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X2
                 ",\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"alg\":\"ES256\"}}",
                 "jwk.key"},
                {"a bare claim", "app", "\"x\"", "wit.claim"},
                {"a claim of one label", "corp/app", "\"x\"", "wit.claim"},
                {"a claim of no name", "corp.example/", "\"x\"", "wit.claim"},
                {"a claim of no host", "/app", "\"x\"", "wit.claim"},
                {"a claim with an empty label", "corp..example/app", "\"x\"", "wit.claim"},
                {"a claim of an odd host", "co rp.example/app", "\"x\"", "wit.claim"},
                {"a registered claim that is not for it", "azp", "\"x\"", "wit.claim"},
        };
        AUTO(wit) struct wit t = wit_of(&w);
        AUTO(buf) struct buf built = BUF(WIT_MAX);
        struct jwt_signer signer = jwt_signer_of(w.issuer, "k1");
        expect_ok(wit_build(&t, &signer, &built));

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *good = NULL, *changed = NULL;
                AUTO(buf) struct buf token = BUF(WIT_MAX);
                AUTO(wit) struct wit back = {0};
                expect_ok(jwt_peek(buf_span(&built), 0, &good));
                changed = test_json_changed(good, rows[i].member, rows[i].value);
                expect_ok(jwt_sign(w.issuer, WIT_TYPE, "k1", changed, &token));
                struct fault *f = wit_verify(buf_span(&token), w.keys, &rules, &back);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
                assert_true(rows[i].token == NULL || back.key == NULL);
        }
}

static void refuses_signatures(void **state UNUSED)
{
        AUTO(world) struct world w = world_new();
        AUTO(wit) struct wit t = wit_of(&w), back = {0};
        AUTO(key) struct key *p384 = test_key(KEY_P384), *other = test_key(KEY_P256);
        AUTO(buf) struct buf none = BUF(WIT_MAX), good = BUF(WIT_MAX);
        AUTO(json) struct json *claims = NULL;
        struct jwt_signer signer = jwt_signer_of(w.issuer, "k1"), es384 = jwt_signer_of(p384, "k1"),
                          nameless = jwt_signer_of(w.issuer, NULL);
        const struct {
                const char *name;
                const struct key *key;
                const char *typ, *kid, *token;
        } rows[] = {
                {"as it was", w.issuer, WIT_TYPE, "k1", NULL},
                {"another key", other, WIT_TYPE, "k1", "jwt.signature"},
                {"another algorithm", p384, WIT_TYPE, "k1", "jwt.algorithm"},
                {"no kid", w.issuer, WIT_TYPE, NULL, "jwt.key"},
                {"another kid", w.issuer, WIT_TYPE, "k2", "jwt.key"},
                {"a plain JWT", w.issuer, "JWT", "k1", "jwt.type"},
                {"a proof", w.issuer, "wpt+jwt", "k1", "jwt.type"},
                {"its media type", w.issuer, "application/wit+jwt", "k1", "jwt.type"},
                {"no type", w.issuer, NULL, "k1", "jwt.type"},
        };

        expect_fault(wit_build(&t, &es384, &none), FAULT_UNAUTHENTICATED, "jwt.algorithm");
        expect_fault(wit_build(&t, &nameless, &none), FAULT_UNAUTHENTICATED, "jwt.key");
        expect_ok(wit_build(&t, &signer, &good));
        expect_ok(jwt_peek(buf_span(&good), 0, &claims));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = BUF(WIT_MAX);
                AUTO(wit) struct wit read = {0};
                expect_ok(jwt_sign(rows[i].key, rows[i].typ, rows[i].kid, claims, &token));
                struct fault *f = wit_verify(buf_span(&token), w.keys, &rules, &read);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
        expect_fault(wit_verify(SPAN("a.b"), w.keys, &rules, &back), FAULT_UNAUTHENTICATED, "jwt.structure");
}

/* What would be refused is not built. */
static void builds_no_other(void **state UNUSED)
{
        AUTO(world) struct world w = world_new();
        struct jwt_signer signer = jwt_signer_of(w.issuer, "k1");
        AUTO(buf) struct buf out = BUF(WIT_MAX);
        AUTO(wit)
        struct wit subject = wit_of(&w), life = wit_of(&w), claim = wit_of(&w), count = wit_of(&w), big = wit_of(&w);

        free(subject.subject);
        subject.subject = alloc_string("spiffe://corp.example/../x");
        expect_fault(wit_build(&subject, &signer, &out), FAULT_UNAUTHENTICATED, "wit.sub");
        life.expires_unix_s = life.issued_unix_s + WIT_LIFE_MAX_S + 1;
        expect_fault(wit_build(&life, &signer, &out), FAULT_UNAUTHENTICATED, "wit.life");
        json_set_text(claim.claims, "app", "x");
        expect_fault(wit_build(&claim, &signer, &out), FAULT_UNAUTHENTICATED, "wit.claim");
        for (int i = 0; i < WIT_CLAIMS_MAX; i++) {
                char name[32];
                (void) snprintf(name, sizeof name, "corp.example/n%d", i); /* fits */
                json_set_int(count.claims, name, i);
        }
        expect_fault(wit_build(&count, &signer, &out), FAULT_UNAUTHENTICATED, "wit.claim_count");
        AUTO_STRING char *text = alloc_printf("%08000d", 1);
        json_set_text(big.claims, "corp.example/big", text);
        expect_fault(wit_build(&big, &signer, &out), FAULT_EXHAUSTED, "TOO_LARGE");
        assert_int_equal(out.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(there_and_back),  cmocka_unit_test(dates),
                cmocka_unit_test(refuses_claims),  cmocka_unit_test(refuses_signatures),
                cmocka_unit_test(builds_no_other),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
