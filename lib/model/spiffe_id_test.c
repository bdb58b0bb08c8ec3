#include "lib/model/spiffe_id.h"

#include "tests/fakes/expect.h"

#define LONG64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG255 LONG64 LONG64 LONG64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void accepts(void **state UNUSED)
{
        static const struct {
                const char *id, *domain, *path;
        } rows[] = {
                {"spiffe://example.org/ns/a/sa/b", "example.org", "/ns/a/sa/b"},
                {"spiffe://e/x", "e", "/x"},
                {"spiffe://a_b-c.9/A.Z_a-z.0", "a_b-c.9", "/A.Z_a-z.0"},
                {"spiffe://e/.a/a./..a", "e", "/.a/a./..a"},
                {"spiffe://" LONG255 "/x", LONG255, "/x"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct span id = span_str(rows[i].id);
                expect_ok(spiffe_id_check(id));
                assert_true(spiffe_id_is_in(id, span_str(rows[i].domain)));
                assert_false(spiffe_id_is_in(id, SPAN("other")));
                assert_true(span_eq_str(spiffe_id_path(id), rows[i].path));
        }
        /* a domain that is the beginning of another one is another one */
        assert_false(spiffe_id_is_in(SPAN("spiffe://example.org/x"), SPAN("example.or")));
        assert_false(spiffe_id_is_in(SPAN("spiffe://example.org/x"), SPAN("example.org/x")));
}

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span id;
        } rows[] = {
                {"nothing", SPAN("")},
                {"scheme alone", SPAN("spiffe://")},
                {"scheme in capitals", SPAN("SPIFFE://e/x")},
                {"another scheme", SPAN("wimse://e/x")},
                {"one slash", SPAN("spiffe:/e/x")},
                {"no domain", SPAN("spiffe:///x")},
                {"no path", SPAN("spiffe://e")},
                {"root path", SPAN("spiffe://e/")},
                {"trailing slash", SPAN("spiffe://e/x/")},
                {"empty segment", SPAN("spiffe://e/x//y")},
                {"dot", SPAN("spiffe://e/./x")},
                {"dots", SPAN("spiffe://e/x/..")},
                {"three dots", SPAN("spiffe://e/...")},
                {"dots as domain", SPAN("spiffe://../ns/a")},
                {"dot as domain", SPAN("spiffe://./a")},
                {"capital domain", SPAN("spiffe://E/x")},
                {"port", SPAN("spiffe://e:1/x")},
                {"user", SPAN("spiffe://u@e/x")},
                {"query", SPAN("spiffe://e/x?y")},
                {"fragment", SPAN("spiffe://e/x#y")},
                {"percent", SPAN("spiffe://e/%78")},
                {"blank", SPAN("spiffe://e/a b")},
                {"leading blank", SPAN(" spiffe://e/a")},
                {"newline", SPAN("spiffe://e/a\n")},
                {"NUL", SPAN("spiffe://e/a\0b")},
                {"NUL in the domain", SPAN("spiffe://e\0/a")},
                {"not in ASCII", SPAN("spiffe://e/\xc3\xb6")},
                {"asterisk", SPAN("spiffe://e/*")},
                {"plus", SPAN("spiffe://e/a+b")},
                {"domain of 256", SPAN("spiffe://" LONG255 "a/x")},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_fault_row(spiffe_id_check(rows[i].id), FAULT_INVALID, "SPIFFE_ID", rows[i].name);
}

static void bounds_length(void **state UNUSED)
{
        char id[SPIFFE_ID_MAX + 2];
        memset(id, 'a', sizeof id);
        const struct span start = SPAN("spiffe://e/");
        memcpy(id, start.data, start.len);
        expect_ok(spiffe_id_check(span_make(id, SPIFFE_ID_MAX)));
        expect_fault(spiffe_id_check(span_make(id, SPIFFE_ID_MAX + 1)), FAULT_INVALID, "SPIFFE_ID");
}

static void checks_domains(void **state UNUSED)
{
        expect_ok(trust_domain_check(SPAN("example.org")));
        expect_ok(trust_domain_check(SPAN(LONG255)));
        static const char *const rows[] = {"", ".", "..", "a/b", "A", "a:1", "a@b", "a b", "\xc3\xb6", LONG255 "a"};
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_fault_row(trust_domain_check(span_str(rows[i])), FAULT_INVALID, "SPIFFE_ID", rows[i]);
        expect_fault(trust_domain_check(SPAN("a\0")), FAULT_INVALID, "SPIFFE_ID");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts),
                cmocka_unit_test(refuses),
                cmocka_unit_test(bounds_length),
                cmocka_unit_test(checks_domains),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
