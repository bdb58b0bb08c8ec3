#include "issuer/api/refusals.h"
#include "tests/fakes/expect.h"

static void add(struct refusals *r, int64_t unix_s)
{
        AUTO(fault) struct fault *f = fault(FAULT_DENIED, "pop", "proof %lld does not fit", (long long) unix_s);
        refusals_add(r, wall_from_unix_s(unix_s), "/v1/credentials", "192.0.2.1", "00ff", f);
}

static void newest_first_and_never_more_than_fit(void **state)
{
        (void) state;
        AUTO(refusals) struct refusals *r = refusals_new();
        AUTO(json) struct json *none = refusals_to_json(r);
        assert_int_equal(json_count(json_get(none, "refusals")), 0);

        for (int64_t i = 1; i <= REFUSALS_MAX + 5; i++)
                add(r, i);
        AUTO(json) struct json *j = refusals_to_json(r);
        const struct json *list = json_get(j, "refusals");
        assert_int_equal(json_count(list), REFUSALS_MAX);
        assert_int_equal(json_int(json_get(json_at(list, 0), "time")), REFUSALS_MAX + 5);
        assert_int_equal(json_int(json_get(json_at(list, REFUSALS_MAX - 1), "time")), 6);
        assert_true(span_eq_str(json_text(json_get(json_at(list, 0), "check")), "pop"));
        assert_true(span_eq_str(json_text(json_get(json_at(list, 0), "code")), "PERMISSION_DENIED"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(newest_first_and_never_more_than_fit)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
