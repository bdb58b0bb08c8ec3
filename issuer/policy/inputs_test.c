#include "issuer/policy/inputs.h"

#include <stdlib.h>

#include "lib/base/file.h"
#include "tests/fakes/expect.h"

static void the_table_is_sorted_and_complete(void **state)
{
        (void) state;
        const struct policy_input *in, *before = NULL;
        for (size_t i = 0; (in = policy_input_at(i)) != NULL; before = in, i++) {
                /* within one kind; the kinds follow one another as their lists do */
                bool of_same_kind = before != NULL && strcspn(before->name, ".") == strcspn(in->name, ".") &&
                                    strncmp(before->name, in->name, strcspn(in->name, ".")) == 0;
                assert_true(!of_same_kind || strcmp(before->name, in->name) < 0);
                assert_ptr_equal(policy_input_find(in->name), strstr(in->name, ".N") == NULL ? in : NULL);
                assert_true(strlen(in->help) > 10);
                assert_true(in->len == 0 || in->kind == FACT_BYTES);
                bool proven = in->origin == ORIGIN_HW || in->origin == ORIGIN_SOFTWARE;
                assert_true(!in->platform || proven); /* nobody else can name a machine */
                assert_true((strncmp(in->name, "k8s.", 4) == 0) == (in->origin == ORIGIN_K8S));
                assert_true((strncmp(in->name, "node.", 5) == 0) == (in->origin == ORIGIN_NODE));
        }
}

static void names_with_numbers(void **state)
{
        (void) state;
        static const struct {
                const char *name, *row;
        } rows[] = {
                {"tpm.ek", "tpm.ek"},
                {"tpm.pcr.sha256.0", "tpm.pcr.sha256.N"},
                {"tpm.pcr.sha384.23", "tpm.pcr.sha384.N"},
                {"tpm.pcr.sha256.24", NULL},
                {"tpm.pcr.sha256.00", NULL},
                {"tpm.pcr.sha256.", NULL},
                {"tpm.pcr.sha256.-1", NULL},
                {"tpm.pcr.sha256.1x", NULL},
                {"tpm.pcr.sha256.N", NULL},
                {"tpm.pcr.sha256", NULL},
                {"tpm.ek.0", NULL},
                {"tpm.ek ", NULL},
                {"", NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const struct policy_input *found = policy_input_find(rows[i].name);
                if (rows[i].row == NULL)
                        assert_null(found);
                else
                        assert_string_equal(found->name, rows[i].row);
        }
}

static void the_nearest_name_is_offered(void **state)
{
        (void) state;
        assert_string_equal(policy_input_nearest("k8s.namspace"), "k8s.namespace");
        assert_string_equal(policy_input_nearest("tpm.pcr.sha256.99"), "tpm.pcr.sha256.N");
        assert_string_equal(policy_input_nearest("k8s.serviceAccount"), "k8s.service-account");
        char longest[5000] = {0};
        memset(longest, 'a', sizeof longest - 1);
        assert_non_null(policy_input_nearest(longest));
        assert_non_null(policy_input_nearest(""));
}

/* The page is written by this test when asked to: POLICY_INPUTS_WRITE=1. */
static void the_page_is_the_table(void **state)
{
        (void) state;
        AUTO(buf) struct buf page = BUF(1 << 20), file = BUF(1 << 20);
        expect_ok(policy_inputs_markdown(&page));
        if (getenv("POLICY_INPUTS_WRITE") != NULL) { /* NOLINT(concurrency-mt-unsafe): one thread */
                int docs;
                expect_ok(dir_open_make("docs", 0755, &docs));
                expect_ok(file_write_atomic_at(docs, "policy-inputs.md", buf_span(&page), 0644));
                (void) close(docs); /* only a directory */
        }
        expect_ok(file_read("docs/policy-inputs.md", &file));
        assert_string_equal(buf_str(&file), buf_str(&page));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_is_sorted_and_complete),
                cmocka_unit_test(names_with_numbers),
                cmocka_unit_test(the_nearest_name_is_offered),
                cmocka_unit_test(the_page_is_the_table),
        };
        return cmocka_run_group_tests_name("policy_inputs", tests, NULL, NULL);
}
