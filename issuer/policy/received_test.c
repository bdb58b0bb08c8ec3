#include "issuer/policy/received.h"

#include "tests/fakes/expect.h"

static void rows(void **state UNUSED)
{
        static const uint8_t digest[32] = {1};
        static const struct {
                const char *name, *fact;
                enum origin origin;
                enum fact_kind kind;
                size_t len;
                const char *token;
        } table[] = {
                {"as the table says", "tpm.pcr.sha256.7", ORIGIN_HW, FACT_BYTES, 32, NULL},
                {"a digest cut short", "tpm.pcr.sha256.7", ORIGIN_HW, FACT_BYTES, 31, "ear.fact_type"},
                {"a digest as text", "tpm.pcr.sha256.7", ORIGIN_HW, FACT_TEXT, 5, "ear.fact_type"},
                {"a digest as number", "tpm.pcr.sha256.7", ORIGIN_HW, FACT_NUMBER, 0, "ear.fact_type"},
                {"raised to silicon's word", "verifier.status", ORIGIN_HW, FACT_TEXT, 5, "ear.fact_origin"},
                {"development's word as silicon's", "tpm.pcr.sha256.7", ORIGIN_SOFTWARE, FACT_BYTES, 32,
                 "ear.fact_origin"},
                {"a fact that no rule can name", "tpm.pcr.sha256.99", ORIGIN_HW, FACT_TEXT, 5, NULL},
        };
        for (size_t i = 0; i < COUNT_OF(table); i++) {
                AUTO(facts) struct facts f = {0};
                struct span value = span_make(digest, table[i].len);
                if (table[i].kind == FACT_BYTES)
                        facts_set_bytes(&f, table[i].fact, table[i].origin, value);
                else if (table[i].kind == FACT_TEXT)
                        facts_set_text(&f, table[i].fact, table[i].origin, SPAN("text!"));
                else
                        facts_set_number(&f, table[i].fact, table[i].origin, 1);
                struct facts on_top = {.base = &f}; /* also what is shared by pods of a request */
                struct fault *fault = policy_check_received(&on_top);
                if (table[i].token == NULL)
                        expect_ok(fault);
                else
                        expect_fault_row(fault, FAULT_UNAUTHENTICATED, table[i].token, table[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(rows)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
