/* Paths, base URLs and issuer chains; exchanges are in the tests of who makes them. */
#include "lib/net/makers.h"

#include "tests/fakes/expect.h"

static void paths(void **state)
{
        (void) state;
        static const struct {
                const char *path;
                enum maker maker; /* MAKER_COUNT: refused */
        } rows[] = {
                {"kds:/vcek/v1/Milan/crl", MAKER_KDS},
                {"pcs:/tdx/certification/v4/tcb?fmspc=00a06d080000", MAKER_PCS},
                {"pcs-root:/IntelSGXRootCA.der", MAKER_PCS_ROOT},
                {"kds", MAKER_COUNT},
                {"kds:", MAKER_COUNT},
                {"kds:vcek", MAKER_COUNT},
                {"kds://host/x", MAKER_COUNT},
                {"kds:/a/../b", MAKER_COUNT},
                {"kds:/a b", MAKER_COUNT},
                {"kds:/a%00", MAKER_COUNT},
                {"kds:/a@b", MAKER_COUNT},
                {"pcs-:/x", MAKER_COUNT},
                {"KDS:/x", MAKER_COUNT},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                enum maker maker = MAKER_COUNT;
                struct fault *f = maker_path_check(rows[i].path, &maker);
                if (rows[i].maker == MAKER_COUNT)
                        expect_fault_row(f, FAULT_INVALID, "MAKER_PATH", rows[i].path);
                else
                        expect_ok(f);
                assert_int_equal(maker, rows[i].maker);
        }
        char longest[MAKER_PATH_MAX + 2] = "kds:/";
        enum maker maker;
        memset(longest + 5, 'a', MAKER_PATH_MAX - 5);
        expect_ok(maker_path_check(longest, &maker));
        longest[MAKER_PATH_MAX] = 'a';
        expect_fault(maker_path_check(longest, &maker), FAULT_INVALID, "MAKER_PATH");
}

static void base_urls(void **state)
{
        (void) state;
        static const struct {
                const char *url;
                bool is_fine;
        } rows[] = {
                {"https://kdsintf.amd.com", true},
                {"https://mirror.example:8443/amd/", true},
                {"https://[::1]:8443/x", true},
                {"https://10.0.0.1", true},
                {"http://kdsintf.amd.com", false},
                {"https://", false},
                {"https:///x", false},
                {"https://user@host", false},
                {"https://host/x?y", false},
                {"https://host/x#y", false},
                {"https://ho st", false},
                {"kdsintf.amd.com", false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(makers) struct makers *m = NULL;
                const struct makers_options o = {.urls = {rows[i].url}, .connect_timeout_ms = 1000};
                struct fault *f = makers_new(&o, &m);
                if (rows[i].is_fine)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "BAD_URL", rows[i].url);
        }
        AUTO(makers) struct makers *m = NULL;
        const struct makers_options o = {.ca_file = "/nonexistent/ca.pem"};
        expect_fault(makers_new(&o, &m), FAULT_NOT_FOUND, "NO_FILE");
}

static void chains(void **state)
{
        (void) state;
        static const struct {
                const char *name, *text, *wanted; /* NULL: refused */
        } rows[] = {
                {"nothing", "", ""},
                {"plain", "abc", "abc"},
                {"encoded", "-----BEGIN%20CERTIFICATE-----%0AMII%2bA%3D%0a", "-----BEGIN CERTIFICATE-----\nMII+A=\n"},
                {"half an octet", "a%2", NULL},
                {"no octet", "a%", NULL},
                {"no hex", "a%zz", NULL},
                {"NUL", "a%00", NULL},
                {"no text", "a%ff", NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf out = BUF(64);
                struct fault *f = maker_chain_decode(rows[i].text, &out);
                if (rows[i].wanted == NULL) {
                        expect_fault_row(f, FAULT_UNAVAILABLE, "MAKER_CHAIN", rows[i].name);
                        continue;
                }
                expect_ok(f);
                assert_string_equal(buf_str(&out), rows[i].wanted);
        }
}

static void nobody_there(void **state)
{
        (void) state;
        AUTO(makers) struct makers *m = NULL;
        AUTO(maker_answer) struct maker_answer answer = {0};
        const struct makers_options o = {.urls = {"https://127.0.0.1:1"}, .connect_timeout_ms = 1000};
        expect_ok(makers_new(&o, &m));
        expect_fault(makers_get(m, "kds:/vcek/v1/Milan/crl", NULL, &answer), FAULT_UNAVAILABLE, "CONNECT");
        expect_fault(makers_get(m, "kds:/../x", NULL, &answer), FAULT_INVALID, "MAKER_PATH");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths),
                cmocka_unit_test(base_urls),
                cmocka_unit_test(chains),
                cmocka_unit_test(nobody_there),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
