#include "lib/model/wpt.h"

#include "tests/fakes/jwk_set.h"

#define WIT "header.claims.signature"
#define AUD "https://pay.corp.example/charge"
#define ID  "AAECAwQFBgcICQoLDA0ODw"

static const char *const audiences[] = {"https://other.corp.example/", AUD, NULL};
static const struct wpt_other others[] = {{"x-user", SPAN("alice")}, {"x-session", SPAN("s1")}};

static struct wit holder_of(const struct key *k)
{
        struct wit w = {.key_alg = jwt_alg_of(k)};
        expect_ok(key_from_spki(key_spki(k), &w.key));
        return w;
}

static struct wpt_rules rules_of(const struct wit *holder)
{
        return (struct wpt_rules){
                .tokens = {.wit = SPAN(WIT)}, .holder = holder, .audiences = audiences, .now = TEST_NOW};
}

static struct buf build(const struct key *k, const struct wpt_tokens *tokens)
{
        struct buf out = BUF(WPT_MAX);
        struct wpt_order o = {*tokens, AUD, ID, TEST_NOW_S + 60};
        struct jwt_signer signer = jwt_signer_of(k, "left out");

        expect_ok(wpt_build(&o, &signer, &out));
        return out;
}

static void there_and_back(void **state UNUSED)
{
        static const struct wpt_tokens all = {SPAN(WIT), SPAN("at"), SPAN("tt"), 2, others}, bare = {.wit = SPAN(WIT)};
        for (enum key_kind kind = KEY_P256; kind < KEY_KIND_COUNT; kind++) {
                AUTO(key) struct key *k = test_key(kind);
                AUTO(wit) struct wit holder = holder_of(k);
                for (int i = 0; i < 2; i++) {
                        AUTO(buf) struct buf token = build(k, i == 0 ? &bare : &all);
                        AUTO(wpt) struct wpt w = {0};
                        struct wpt_rules r = rules_of(&holder);
                        r.tokens = i == 0 ? bare : all;
                        expect_ok(wpt_verify(buf_span(&token), &r, &w));
                        assert_string_equal(w.id, ID);
                        assert_string_equal(w.audience, AUD);
                        assert_int_equal(w.expires_unix_s, TEST_NOW_S + 60);
                }
        }
        char id[WPT_ID_MIN + 1];
        static const uint8_t random[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        wpt_id(random, id);
        assert_string_equal(id, ID);
}

/* What travelled beside it, and what it says of that. */
static void tokens_beside_it(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256);
        AUTO(wit) struct wit holder = holder_of(k);
        static const struct wpt_other one[] = {{"x-user", SPAN("bob")}, {"x-session", SPAN("s1")}};
        static const struct {
                const char *name;
                struct wpt_tokens said, came;
                const char *token;
        } rows[] = {
                {"another WIT", {.wit = SPAN(WIT)}, {.wit = SPAN("header.claims.signaturE")}, "wpt.wth"},
                {"access token not hashed",
                 {.wit = SPAN(WIT)},
                 {.wit = SPAN(WIT), .access_token = SPAN("a")},
                 "wpt.ath"},
                {"access token did not come",
                 {.wit = SPAN(WIT), .access_token = SPAN("a")},
                 {.wit = SPAN(WIT)},
                 "wpt.ath"},
                {"another access token",
                 {.wit = SPAN(WIT), .access_token = SPAN("a")},
                 {.wit = SPAN(WIT), .access_token = SPAN("b")},
                 "wpt.ath"},
                {"transaction token not hashed",
                 {.wit = SPAN(WIT)},
                 {.wit = SPAN(WIT), .txn_token = SPAN("a")},
                 "wpt.tth"},
                {"transaction token did not come",
                 {.wit = SPAN(WIT), .txn_token = SPAN("a")},
                 {.wit = SPAN(WIT)},
                 "wpt.tth"},
                {"others not hashed",
                 {.wit = SPAN(WIT)},
                 {.wit = SPAN(WIT), .other_count = 2, .others = others},
                 "wpt.oth"},
                {"others did not come",
                 {.wit = SPAN(WIT), .other_count = 2, .others = others},
                 {.wit = SPAN(WIT)},
                 "wpt.oth"},
                {"one of the others is unknown",
                 {.wit = SPAN(WIT), .other_count = 2, .others = others},
                 {.wit = SPAN(WIT), .other_count = 1, .others = others},
                 "wpt.oth"},
                {"one of the others is not hashed",
                 {.wit = SPAN(WIT), .other_count = 1, .others = others},
                 {.wit = SPAN(WIT), .other_count = 2, .others = others},
                 "wpt.oth"},
                {"one of the others differs",
                 {.wit = SPAN(WIT), .other_count = 2, .others = others},
                 {.wit = SPAN(WIT), .other_count = 2, .others = one},
                 "wpt.oth"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = build(k, &rows[i].said);
                AUTO(wpt) struct wpt w = {0};
                struct wpt_rules r = rules_of(&holder);
                r.tokens = rows[i].came;
                expect_fault_row(wpt_verify(buf_span(&token), &r, &w), FAULT_UNAUTHENTICATED, rows[i].token,
                                 rows[i].name);
        }
}

/* One member of good claims changed; a NULL value takes it out. */
static void refuses_claims(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256);
        AUTO(wit) struct wit holder = holder_of(k);
        static const struct {
                const char *name, *member, *value, *token;
        } rows[] = {
                {"as it was", "iat", "1795392000", NULL},
                {"a claim that is not known", "corp.example/x", "1", NULL},
                {"no aud", "aud", NULL, "wpt.aud"},
                {"aud a list", "aud", "[\"" AUD "\"]", "wpt.aud"},
                {"aud of somebody else", "aud", "\"https://evil.example/\"", "wpt.aud"},
                {"aud with query", "aud", "\"" AUD "?a\"", "wpt.aud"},
                {"aud that begins so", "aud", "\"" AUD "/x\"", "wpt.aud"},
                {"aud without scheme", "aud", "\"pay.corp.example/charge\"", "wpt.aud"},
                {"no exp", "exp", NULL, "wpt.exp"},
                {"exp a text", "exp", "\"1795392060\"", "wpt.exp"},
                {"expired", "exp", "1795392000", "wpt.expired"},
                {"a second left", "exp", "1795392001", NULL},
                {"as long as may be", "exp", "1795392300", NULL},
                {"a second too long", "exp", "1795392301", "wpt.life"},
                {"not yet", "nbf", "1795392001", "wpt.not_yet_valid"},
                {"nbf a text", "nbf", "\"1\"", "wpt.not_yet_valid"},
                {"no jti", "jti", NULL, "wpt.jti"},
                {"jti a number", "jti", "1", "wpt.jti"},
                {"jti too short", "jti", "\"AAECAwQFBgcICQoLDA0OD\"", "wpt.jti"},
                {"no wth", "wth", NULL, "wpt.wth"},
                {"wth a number", "wth", "1", "wpt.wth"},
                {"wth of another token", "wth", "\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"", "wpt.wth"},
                {"ath without a token", "ath", "\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"", "wpt.ath"},
                {"ath null", "ath", "null", "wpt.ath"},
                {"tth without a token", "tth", "\"\"", "wpt.tth"},
                {"oth without a token", "oth", "{\"x\":\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"}", "wpt.oth"},
                {"oth a text", "oth", "\"x\"", "wpt.oth"},
                {"oth empty", "oth", "{}", NULL},
        };
        AUTO(buf) struct buf built = build(k, &(struct wpt_tokens){.wit = SPAN(WIT)});
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *good = NULL, *changed = NULL;
                AUTO(buf) struct buf token = BUF(WPT_MAX);
                AUTO(wpt) struct wpt w = {0};
                expect_ok(jwt_peek(buf_span(&built), 0, &good));
                changed = test_json_changed(good, rows[i].member, rows[i].value);
                expect_ok(jwt_sign(k, WPT_TYPE, NULL, changed, &token));
                struct wpt_rules r = rules_of(&holder);
                struct fault *f = wpt_verify(buf_span(&token), &r, &w);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

static void refuses_signatures(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256), *other = test_key(KEY_P256), *p384 = test_key(KEY_P384);
        AUTO(wit) struct wit holder = holder_of(k);
        AUTO(buf) struct buf good = build(k, &(struct wpt_tokens){.wit = SPAN(WIT)});
        AUTO(json) struct json *claims = NULL;
        struct wpt_rules r = rules_of(&holder);
        const struct {
                const char *name;
                const struct key *key;
                const char *typ, *token;
        } rows[] = {
                {"another key", other, WPT_TYPE, "jwt.signature"},
                {"another algorithm", p384, WPT_TYPE, "jwt.algorithm"},
                {"a plain JWT", k, "JWT", "jwt.type"},
                {"an identity token", k, WIT_TYPE, "jwt.type"},
                {"no type", k, NULL, "jwt.type"},
        };
        expect_ok(jwt_peek(buf_span(&good), 0, &claims));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = BUF(WPT_MAX);
                AUTO(wpt) struct wpt w = {0};
                expect_ok(jwt_sign(rows[i].key, rows[i].typ, NULL, claims, &token));
                expect_fault_row(wpt_verify(buf_span(&token), &r, &w), FAULT_UNAUTHENTICATED, rows[i].token,
                                 rows[i].name);
        }
        /* leeway, at its two ends */
        AUTO(wpt) struct wpt w = {0};
        r.leeway_s = 5;
        r.now = wall_from_unix_s(TEST_NOW_S + 65);
        expect_fault(wpt_verify(buf_span(&good), &r, &w), FAULT_UNAUTHENTICATED, "wpt.expired");
        r.now = wall_from_unix_s(TEST_NOW_S + 64);
        expect_ok(wpt_verify(buf_span(&good), &r, &w));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(there_and_back),
                cmocka_unit_test(tokens_beside_it),
                cmocka_unit_test(refuses_claims),
                cmocka_unit_test(refuses_signatures),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
