#include "issuer/authority/rules.h"

#include "tests/fakes/expect.h"

#define NOW 1795456800

static const struct rules rules = {SPAN("example.org"), 3600, 30};
static const struct wall now = {NOW * 1000LL};
static const int64_t issuer_end_s = NOW + 7200;

static struct key *p256, *p384;

static int make_keys(void **state UNUSED)
{
        expect_ok(key_generate(KEY_P256, &p256));
        expect_ok(key_generate(KEY_P384, &p384));
        return 0;
}

static int free_keys(void **state UNUSED)
{
        key_free(p256);
        key_free(p384);
        return 0;
}

static struct leaf_order good_order(void)
{
        return (struct leaf_order){.serial = {0x7f, 1},
                                   .identity = "spiffe://example.org/ns/a/sa/b",
                                   .spki = key_spki(p256),
                                   .not_before_unix_s = NOW - 30,
                                   .not_after_unix_s = NOW + 3600};
}

static const char long_label[] = "a12345678901234567890123456789012345678901234567890123456789012z"; /* 64 */

static void identities(void **state UNUSED)
{
        static const struct {
                const char *identity, *token;
        } rows[] = {
                {"spiffe://example.org/a", NULL},
                {"spiffe://example.org/vouchsafer", NULL},
                {"spiffe://example.org/a/vouchsafe/b", NULL},
                {"spiffe://example.org", "authority.identity"},
                {"spiffe://example.org/", "authority.identity"},
                {"spiffe://example.org/a/", "authority.identity"},
                {"spiffe://example.org/a//b", "authority.identity"},
                {"spiffe://example.org/../a", "authority.identity"},
                {"spiffe://example.org/%61", "authority.identity"},
                {"spiffe://example.org/a?b", "authority.identity"},
                {"spiffe://Example.org/a", "authority.identity"},
                {"https://example.org/a", "authority.identity"},
                {"", "authority.identity"},
                {"spiffe://example.com/a", "authority.trust_domain"},
                {"spiffe://example.org.evil.net/a", "authority.trust_domain"},
                {"spiffe://example.or/a", "authority.trust_domain"},
                {"spiffe://sub.example.org/a", "authority.trust_domain"},
                {"spiffe://example.org/vouchsafe", "authority.reserved"},
                {"spiffe://example.org/vouchsafe/issuer", "authority.reserved"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct leaf_order o = good_order();
                o.identity = rows[i].identity;
                if (rows[i].token == NULL)
                        expect_ok(rules_check(&rules, &o, issuer_end_s, now));
                else
                        expect_fault_row(rules_check(&rules, &o, issuer_end_s, now), FAULT_DENIED, rows[i].token,
                                         rows[i].identity);
        }
}

static void dns_names(void **state UNUSED)
{
        static const struct {
                const char *dns;
                bool good;
        } rows[] = {
                {"a", true},
                {"web.example.org", true},
                {"a-b.c1", true},
                {"1.2.3.4a", true},
                {long_label + 1, true},
                {"", false},
                {".", false},
                {"a.", false},
                {".a", false},
                {"a..b", false},
                {"A.example.org", false},
                {"*.example.org", false},
                {"-a.example.org", false},
                {"a-.example.org", false},
                {"a_b.example.org", false},
                {"a b", false},
                {"10.0.0.1", false},
                {"b\xc3\xbc.de", false},
                {long_label, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct leaf_order o = good_order();
                const char *const dns[] = {"ok.example.org", rows[i].dns};
                o.dns = dns;
                o.dns_count = 2;
                if (rows[i].good)
                        expect_ok(rules_check(&rules, &o, issuer_end_s, now));
                else
                        expect_fault_row(rules_check(&rules, &o, issuer_end_s, now), FAULT_DENIED, "authority.dns",
                                         rows[i].dns);
        }

        AUTO_STRING char *too_long =
                alloc_printf("%s.%s.%s.%s", long_label + 1, long_label + 1, long_label + 1, long_label + 3);
        assert_int_equal(strlen(too_long), 253);
        AUTO_STRING char *longer = alloc_printf("%sa", too_long);
        struct leaf_order o = good_order();
        const char *const names[LEAF_DNS_MAX + 1] = {too_long, "a", "a", "a", "a", "a", "a", "a", "a"};
        o.dns = names;
        o.dns_count = LEAF_DNS_MAX;
        expect_ok(rules_check(&rules, &o, issuer_end_s, now));
        o.dns_count = LEAF_DNS_MAX + 1;
        expect_fault(rules_check(&rules, &o, issuer_end_s, now), FAULT_DENIED, "authority.dns");
        const char *const one[] = {longer};
        o.dns = one;
        o.dns_count = 1;
        expect_fault(rules_check(&rules, &o, issuer_end_s, now), FAULT_DENIED, "authority.dns");
}

static void serials(void **state UNUSED)
{
        static const struct {
                const char *name;
                uint8_t serial[16];
                bool good;
        } rows[] = {
                {"smallest", {[15] = 1}, true},
                {"largest first byte", {0x7f}, true},
                {"zero", {0}, false},
                {"negative", {0x80}, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct leaf_order o = good_order();
                memcpy(o.serial, rows[i].serial, sizeof(o.serial));
                if (rows[i].good)
                        expect_ok(rules_check(&rules, &o, issuer_end_s, now));
                else
                        expect_fault_row(rules_check(&rules, &o, issuer_end_s, now), FAULT_DENIED, "authority.serial",
                                         rows[i].name);
        }
}

static void times(void **state UNUSED)
{
        static const struct {
                const char *name;
                int64_t not_before, not_after; /* from now */
                const char *token;
        } rows[] = {
                {"longest life", -30, 3600, NULL},
                {"made a minute ago", -90, 3540, NULL},
                {"a second too long", -30, 3601, "authority.lifetime"},
                {"backdated too far", -91, 3600, "authority.not_before"},
                {"from the future", 61, 3600, "authority.not_before"},
                {"absurd start", INT64_MIN / 2, 3600, "authority.not_before"},
                {"a second of life", -30, 1, NULL},
                {"expired", -30, 0, "authority.not_after"},
                {"long expired", -30, -3600, "authority.not_after"},
                {"past the intermediate", -30, 7201, "authority.not_after"},
                {"absurd end", -30, INT64_MAX / 2, "authority.not_after"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct leaf_order o = good_order();
                o.not_before_unix_s = NOW + rows[i].not_before;
                o.not_after_unix_s = NOW + rows[i].not_after;
                if (rows[i].token == NULL)
                        expect_ok(rules_check(&rules, &o, issuer_end_s, now));
                else
                        expect_fault_row(rules_check(&rules, &o, issuer_end_s, now), FAULT_DENIED, rows[i].token,
                                         rows[i].name);
        }
        struct leaf_order o = good_order();
        expect_fault(rules_check(&rules, &o, NOW + 3599, now), FAULT_DENIED, "authority.not_after");
}

static void keys(void **state UNUSED)
{
        AUTO(key) struct key *rsa = NULL;
        expect_ok(key_generate(KEY_RSA, &rsa));
        uint8_t spki[SPKI_MAX + 1] = {0};
        struct span good = key_spki(p256);
        memcpy(spki, good.data, good.len);
        uint8_t secp256k1[88] = {0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00, 0x04};
        const struct {
                const char *name;
                struct span spki;
                bool good;
        } rows[] = {
                {"P-256", good, true},
                {"P-384", key_spki(p384), true},
                {"RSA", key_spki(rsa), true},
                {"nothing", SPAN_NONE, false},
                {"a byte short", span_make(spki, good.len - 1), false},
                {"a byte long", span_make(spki, good.len + 1), false},
                {"too long", span_make(spki, sizeof(spki)), false},
                {"another curve", SPAN_OF(secp256k1), false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct leaf_order o = good_order();
                o.spki = rows[i].spki;
                if (rows[i].good)
                        expect_ok(rules_check(&rules, &o, issuer_end_s, now));
                else
                        expect_fault_row(rules_check(&rules, &o, issuer_end_s, now), FAULT_DENIED, "authority.key",
                                         rows[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(identities), cmocka_unit_test(dns_names), cmocka_unit_test(serials),
                cmocka_unit_test(times),      cmocka_unit_test(keys),
        };
        return cmocka_run_group_tests(tests, make_keys, free_keys);
}
