/* The first byte picks facts or checks. What is accepted becomes JSON that is accepted again and becomes the same. */
#include "lib/model/facts.h"

#include "tests/fakes/fuzz.h"

static void expect_same(const struct json *a, const struct json *b)
{
        AUTO(buf) struct buf a_text = BUF(1u << 24), b_text = BUF(1u << 24);
        AUTO(fault) struct fault *write_a = json_write(a, &a_text);
        AUTO(fault) struct fault *write_b = json_write(b, &b_text);
        must(write_a == NULL && write_b == NULL && span_eq(buf_span(&a_text), buf_span(&b_text)));
}

static void facts(const struct json *j)
{
        AUTO(facts) struct facts first = {0}, second = {0};
        AUTO(fault) struct fault *refused = facts_from_json(j, &first);
        if (refused != NULL)
                return;
        AUTO(json) struct json *once = facts_to_json(&first), *twice = NULL;
        AUTO(fault) struct fault *again = facts_from_json(once, &second);
        must(again == NULL);
        twice = facts_to_json(&second);
        expect_same(once, twice);
}

static void checks(const struct json *j)
{
        AUTO(check) struct check *first = NULL, *second = NULL;
        AUTO(fault) struct fault *refused = check_from_json(j, &first);
        if (refused != NULL)
                return;
        AUTO(json) struct json *once = check_to_json(first), *twice = NULL;
        AUTO(fault) struct fault *again = check_from_json(once, &second);
        must(again == NULL);
        twice = check_to_json(second);
        expect_same(once, twice);

        AUTO(buf) struct buf printed = BUF(1u << 24);
        AUTO(fault) struct fault *print = check_print(first, &printed);
        must(print == NULL && span_is_utf8(buf_span(&printed)) && (check_first_failure(first) == NULL) == first->ok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        AUTO(json) struct json *j = NULL;
        AUTO(fault) struct fault *bad_json = json_parse(span_make(data + 1, size - 1), &j);
        if (bad_json == NULL)
                (data[0] % 2 == 0 ? facts : checks)(j);
        return 0;
}
