/* Tokens from the signer process, and orders for tokens that it refuses. */
#include "issuer/authority/token.h"

#include <stdio.h>

#include "issuer/authority/ca.h"
#include "lib/base/parse.h"
#include "lib/model/wit.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

#define ID "spiffe://corp.example/ns/payroll/sa/app"

struct fixture {
        char dir[32], certificate[64], key[64], token_key[64];
        struct authority_options options;
        struct key *pod_key, *p384;
        int64_t now_s;
};
static struct fixture f;

static int set_up(void **state UNUSED)
{
        (void) snprintf(f.dir, sizeof f.dir, "/tmp/token-XXXXXX");
        assert_non_null(mkdtemp(f.dir));
        (void) snprintf(f.certificate, sizeof f.certificate, "%s/root.pem", f.dir);
        (void) snprintf(f.key, sizeof f.key, "%s/root.key", f.dir);
        (void) snprintf(f.token_key, sizeof f.token_key, "%s/token-key", f.dir);
        f.options = (struct authority_options){.trust_domain = "corp.example",
                                               .root_certificate = f.certificate,
                                               .root_key = f.key,
                                               .intermediate_life_ms = 3600000,
                                               .max_leaf_life_ms = 7200000,
                                               .backdate_ms = 30000,
                                               .token_key = f.token_key,
                                               .token_key_life_ms = 86400000,
                                               .token_key_lead_ms = 1500000};
        f.now_s = wall_unix_s(clock_wall(&clock_system));
        expect_ok(authority_init_root(&f.options, clock_wall(&clock_system)));
        expect_ok(key_generate(KEY_P256, &f.pod_key));
        expect_ok(key_generate(KEY_P384, &f.p384));
        return 0;
}

static int tear_down(void **state UNUSED)
{
        key_free(f.pod_key);
        key_free(f.p384);
        assert_true(folder_remove(f.dir));
        return 0;
}

static struct leaf_order order_for(bool token)
{
        struct leaf_order o = {.identity = ID,
                               .spki = key_spki(f.pod_key),
                               .not_before_unix_s = f.now_s - 30,
                               .not_after_unix_s = f.now_s + 600,
                               .token = token};
        authority_serial(o.serial);
        return o;
}

static struct jwk_set *set_of(const struct json *published)
{
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(65536);
        struct jwk_set *keys = NULL;
        json_set(set, "keys", json_copy(published));
        expect_ok(json_write(set, &text));
        expect_ok(jwk_set_parse_use(buf_span(&text), WIT_USE, &keys));
        return keys;
}

/* By the published keys alone, as a relying party reads it. */
static void verify(struct authority *a, struct span token, struct wit *ret)
{
        AUTO(json) struct json *published = NULL;
        int64_t until_s = 0;
        expect_ok(authority_token_keys(a, &published, &until_s));
        AUTO(jwk_set) struct jwk_set *keys = set_of(published);
        const struct wit_rules rules = {"corp.example", clock_wall(&clock_system), 1};
        expect_ok(wit_verify(token, keys, &rules, ret));
}

static void tokens_and_certificates_in_one_call(void **state UNUSED)
{
        struct authority *a = NULL;
        expect_ok(authority_start(&f.options, &a));
        struct leaf_order orders[3] = {order_for(true), order_for(false), order_for(true)};
        struct leaf_issued issued[3];
        orders[0].claims = SPAN("{\"app\":\"payroll\",\"tier\":2,\"regions\":[\"de\",\"fr\"]}");
        orders[2].insecure_development = true;
        expect_ok(authority_issue(a, orders, COUNT_OF(orders), NULL, issued));

        AUTO(wit) struct wit w = {0}, development = {0};
        AUTO(cert) struct cert *leaf = NULL;
        verify(a, buf_span(&issued[0].leaf), &w);
        char id[33];
        hex_string(SPAN_OF(orders[0].serial), id);
        assert_string_equal(w.id, id);
        assert_string_equal(w.issuer, "spiffe://corp.example");
        assert_string_equal(w.subject, ID);
        assert_int_equal(w.not_before_unix_s, f.now_s - 30);
        assert_int_equal(w.expires_unix_s, f.now_s + 600);
        assert_true(w.issued_unix_s >= f.now_s);
        assert_true(span_eq(key_spki(w.key), key_spki(f.pod_key)));
        AUTO(buf) struct buf claims = BUF(4096);
        expect_ok(json_write(w.claims, &claims));
        assert_string_equal(buf_str(&claims), "{\"corp.example/app\":\"payroll\",\"corp.example/regions\":[\"de\","
                                              "\"fr\"],\"corp.example/tier\":2}");
        expect_ok(cert_from_der(buf_span(&issued[1].leaf), &leaf));
        verify(a, buf_span(&issued[2].leaf), &development);
        assert_true(json_bool(json_get(development.claims, WIT_CLAIM_DEVELOPMENT)));
        for (size_t i = 0; i < COUNT_OF(issued); i++)
                leaf_issued_clear(&issued[i]);
        authority_stop(a);
}

/* As many tokens, with as many claims, as a request can have: they go over in several messages. */
static void many_with_long_claims(void **state UNUSED)
{
        struct authority *a = NULL;
        expect_ok(authority_start(&f.options, &a));
        struct leaf_order orders[64];
        struct leaf_issued issued[64];
        AUTO(buf) struct buf claims = BUF(TOKEN_CLAIMS_MAX);
        expect_ok(buf_append_str(&claims, "{\"long\":\""));
        while (claims.len < TOKEN_CLAIMS_MAX - 2)
                expect_ok(buf_append_str(&claims, "x"));
        expect_ok(buf_append_str(&claims, "\"}"));
        for (size_t i = 0; i < COUNT_OF(orders); i++) {
                orders[i] = order_for(true);
                orders[i].claims = buf_span(&claims);
        }
        expect_ok(authority_issue(a, orders, COUNT_OF(orders), NULL, issued));
        for (size_t i = 0; i < COUNT_OF(issued); i++) {
                AUTO(wit) struct wit w = {0};
                verify(a, buf_span(&issued[i].leaf), &w);
                leaf_issued_clear(&issued[i]);
        }
        authority_stop(a);
}

static struct ca *loaded(void)
{
        struct ca *ca = NULL;
        expect_ok(ca_load(&f.options, wall_from_unix_s(f.now_s), &ca));
        return ca;
}

static void refused_orders(void **state UNUSED)
{
        static const struct {
                const char *name, *token, *claims, *identity;
                bool dns, other_key, life;
        } rows[] = {
                {.name = "good"},
                {.name = "good, flat claims", .claims = "{\"a\":true,\"b\":[1,\"x\"]}"},
                {.name = "claims that are no JSON", .token = "authority.claims", .claims = "{"},
                {.name = "claims twice", .token = "authority.claims", .claims = "{\"a\":1,\"a\":2}"},
                {.name = "claims that are a list", .token = "authority.claims", .claims = "[]"},
                {.name = "a nested claim", .token = "authority.claims", .claims = "{\"a\":{\"b\":1}}"},
                {.name = "a list in a list", .token = "authority.claims", .claims = "{\"a\":[[1]]}"},
                {.name = "null", .token = "authority.claims", .claims = "{\"a\":null}"},
                {.name = "a claim without a name", .token = "authority.claims", .claims = "{\"\":1}"},
                {.name = "another trust domain", .token = "authority.trust_domain", .identity = "spiffe://a.example/x"},
                {.name = "an identity of our own",
                 .token = "authority.reserved",
                 .identity = "spiffe://corp.example/vouchsafe/x"},
                {.name = "DNS names", .token = "authority.dns", .dns = true},
                {.name = "a key that is not P-256", .token = "authority.key", .other_key = true},
                {.name = "a long life", .token = "authority.lifetime", .life = true},
        };
        AUTO(ca) struct ca *ca = loaded();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                static const char *const dns[] = {"app.payroll.svc"};
                struct leaf_order o = order_for(true);
                struct buf token;
                o.identity = rows[i].identity != NULL ? rows[i].identity : ID;
                o.claims = rows[i].claims != NULL ? span_str(rows[i].claims) : SPAN_NONE;
                o.dns = dns;
                o.dns_count = rows[i].dns ? 1 : 0;
                o.spki = key_spki(rows[i].other_key ? f.p384 : f.pod_key);
                o.not_after_unix_s += rows[i].life ? 7200 : 0;
                struct fault *got = ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s), &token);
                if (rows[i].token != NULL) {
                        expect_fault_row(got, FAULT_DENIED, rows[i].token, rows[i].name);
                        continue;
                }
                expect_ok(got);
                buf_clear(&token);
        }
}

static void claims_are_short(void **state UNUSED)
{
        AUTO(ca) struct ca *ca = loaded();
        AUTO(buf) struct buf claims = BUF(TOKEN_CLAIMS_MAX + 1);
        struct leaf_order o = order_for(true);
        struct buf token;
        while (claims.len <= TOKEN_CLAIMS_MAX)
                expect_ok(buf_append_str(&claims, " "));
        memcpy(claims.data, "{}", 2);
        o.claims = buf_span(&claims);
        expect_fault(ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s), &token), FAULT_DENIED, "authority.claims");
        o.claims.len--;
        expect_ok(ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s), &token));
        buf_clear(&token);
}

/* One id, whether it was a certificate's or a token's. */
static void ids_are_used_once(void **state UNUSED)
{
        AUTO(ca) struct ca *ca = loaded();
        struct leaf_order o = order_for(true);
        struct buf out;
        expect_ok(ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s), &out));
        buf_clear(&out);
        expect_fault(ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s), &out), FAULT_DENIED, "authority.serial_reuse");
        o.token = false;
        expect_fault(ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s), &out), FAULT_DENIED, "authority.serial_reuse");
}

/* Where a root was there before, relying parties may have bundles without the first key. */
static void the_first_key_waits_where_the_root_is_older(void **state UNUSED)
{
        assert_int_equal(unlink(f.token_key), 0);
        AUTO(ca) struct ca *ca = loaded();
        const struct token_key *shown[TOKEN_KEYS_SHOWN];
        size_t count = 0;
        int64_t until_s = 0;
        struct leaf_order o = order_for(true);
        struct buf out;
        o.not_after_unix_s += 3600;
        expect_ok(ca_token_keys(ca, wall_from_unix_s(f.now_s), shown, &count, &until_s));
        assert_int_equal(count, 1);
        assert_int_equal(until_s, f.now_s + 1500);
        expect_fault(ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s), &out), FAULT_UNAVAILABLE, "authority.token_key");
        o.not_before_unix_s += 1500;
        expect_fault(ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s + 1499), &out), FAULT_UNAVAILABLE,
                     "authority.token_key");
        expect_ok(ca_issue(ca, &o, 1, wall_from_unix_s(f.now_s + 1500), &out));
        buf_clear(&out);
}

/* Of which a pod's answer is made before anything is recorded. */
static void tells_whether_tokens_can_be_signed(void **state UNUSED)
{
        static const struct {
                const char *name;
                bool is_new, has_file;
                enum fault_code code; /* FAULT_DENIED, FAULT_UNAVAILABLE; FAULT_UNKNOWN: they can */
        } rows[] = {
                {"of a new root", true, true, FAULT_UNKNOWN},
                {"of an older root", false, true, FAULT_UNAVAILABLE},
                {"none at all", false, false, FAULT_DENIED},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct authority_options o = f.options;
                struct authority *a = NULL;
                if (!rows[i].is_new)
                        (void) unlink(f.token_key); /* it may be gone */
                if (!rows[i].has_file)
                        o.token_key = NULL;
                expect_ok(authority_start(&o, &a));
                if (rows[i].code == FAULT_UNKNOWN)
                        expect_ok(authority_check_tokens(a));
                else
                        expect_fault_row(authority_check_tokens(a), rows[i].code, "authority.token_key", rows[i].name);
                authority_stop(a);
        }
}

static void options(void **state UNUSED)
{
        struct authority_options o = f.options;
        AUTO(ca) struct ca *ca = NULL;
        struct leaf_order order = order_for(true);
        struct buf out;
        o.token_key_life_ms = o.max_leaf_life_ms - 1;
        expect_fault(ca_load(&o, wall_from_unix_s(f.now_s), &ca), FAULT_INVALID, "BAD_OPTION");
        o.token_key_life_ms = f.options.token_key_life_ms;
        o.token_key_lead_ms = o.token_key_life_ms + 1;
        expect_fault(ca_load(&o, wall_from_unix_s(f.now_s), &ca), FAULT_INVALID, "BAD_OPTION");
        o.token_key = NULL;
        expect_ok(ca_load(&o, wall_from_unix_s(f.now_s), &ca));
        expect_fault(ca_issue(ca, &order, 1, wall_from_unix_s(f.now_s), &out), FAULT_DENIED, "authority.token_key");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(tokens_and_certificates_in_one_call),
                TEST(many_with_long_claims),
                TEST(refused_orders),
                TEST(claims_are_short),
                TEST(ids_are_used_once),
                TEST(the_first_key_waits_where_the_root_is_older),
                TEST(tells_whether_tokens_can_be_signed),
                TEST(options),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
