#include "csi/volume/token.h"

#include "lib/base/parse.h"
#include "tests/fakes/expect.h"

static const struct row {
        const char *name, *before, *claims, *after; /* claims are encoded; NULL: left out */
        int64_t want;
} rows[] = {
        {"ordinary", "e30.", "{\"exp\":1795456800,\"sub\":\"x\"}", ".sig", 1795456800},
        {"no exp", "e30.", "{\"sub\":\"x\"}", ".sig", INT64_MAX},
        {"exp as text", "e30.", "{\"exp\":\"1795456800\"}", ".sig", INT64_MAX},
        {"negative exp", "e30.", "{\"exp\":-1}", ".sig", INT64_MAX},
        {"claims are no object", "e30.", "[1]", ".sig", INT64_MAX},
        {"claims are no JSON", "e30.", "{", ".sig", INT64_MAX},
        {"duplicate exp", "e30.", "{\"exp\":1,\"exp\":2}", ".sig", INT64_MAX},
        {"one dot", "e30.", "{\"exp\":1}", "", INT64_MAX},
        {"no dot", "token", NULL, "", INT64_MAX},
        {"not base64url", "e30.***.sig", NULL, "", INT64_MAX},
        {"two dots alone", "..", NULL, "", INT64_MAX},
};

static void reads_the_expiry(void **state)
{
        (void) state;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf text = BUF(4096);
                expect_ok(buf_append_str(&text, rows[i].before));
                if (rows[i].claims != NULL)
                        expect_ok(base64url_encode(span_str(rows[i].claims), &text));
                expect_ok(buf_append_str(&text, rows[i].after));
                AUTO(secret) struct secret *token = secret_copy(buf_span(&text));
                print_message("%s\n", rows[i].name);
                assert_int_equal(token_expiry_unix_s(token), rows[i].want);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(reads_the_expiry)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
