#include "sign/url.h"

#include "tests/fakes/expect.h"

static void rows(void **state UNUSED)
{
        static const struct {
                const char *text, *audience, *target; /* NULL: refused */
        } table[] = {
                {"https://pay.example/charge", "https://pay.example/charge", "/charge"},
                {"https://pay.example/charge?a=1&b=2", "https://pay.example/charge", "/charge?a=1&b=2"},
                {"https://pay.example/charge?a#top", "https://pay.example/charge", "/charge?a"},
                {"https://pay.example/charge#top", "https://pay.example/charge", "/charge"},
                {"https://pay.example/#?x", "https://pay.example/", "/"},
                {"https://pay.example", "https://pay.example", "/"},
                {"http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x", "/x"},
                {"https://pay.example/a@b", "https://pay.example/a@b", "/a@b"},
                {"https://pay.example?x", NULL, NULL},
                {"https://", NULL, NULL},
                {"https:///x", NULL, NULL},
                {"pay.example/x", NULL, NULL},
                {"ftp://pay.example/x", NULL, NULL},
                {"HTTPS://pay.example/x", NULL, NULL},
                {"https://user@pay.example/x", NULL, NULL},
                {"https://pay.example/a b", NULL, NULL},
                {"https://pay.example/\xc3\xa9", NULL, NULL},
                {"https://pay.example/\n", NULL, NULL},
                {"", NULL, NULL},
        };
        for (size_t i = 0; i < COUNT_OF(table); i++) {
                struct url u = {SPAN_NONE, SPAN_NONE};
                struct fault *f = url_read(span_str(table[i].text), &u);
                if (table[i].audience == NULL) {
                        expect_fault_row(f, FAULT_INVALID, "USAGE", table[i].text);
                        continue;
                }
                expect_ok(f);
                if (!span_eq_str(u.audience, table[i].audience) || !span_eq_str(u.target, table[i].target))
                        fail_msg("%s", table[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(rows)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
