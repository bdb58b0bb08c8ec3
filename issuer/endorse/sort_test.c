/* What paths and bytes say of an endorsement. */
#include "issuer/endorse/sort.h"

#include "tests/fakes/amd_pki.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/intel_pki.h"

#define NOW_S INT64_C(1795456800)
#define DAY_S INT64_C(86400)
#define CRL   "kds:/vcek/v1/Milan/crl"
#define TCB   "pcs:/tdx/certification/v4/tcb?fmspc=90c06f000000"
static const struct wall now = {NOW_S * 1000};

static void paths(void **state)
{
        (void) state;
        static const struct {
                const char *path;
                enum endorsement_sort sort; /* SORT_COUNT: refused */
                enum maker maker;
        } rows[] = {
                {"kds:/vcek/v1/Milan/00?blSPL=03", SORT_VCEK, MAKER_KDS},
                {"kds:/vcek/v1/Milan/cert_chain", SORT_CHAIN, MAKER_KDS},
                {"kds:/vlek/v1/Genoa/cert_chain", SORT_CHAIN, MAKER_KDS},
                {CRL, SORT_CRL, MAKER_KDS},
                {TCB, SORT_TCB_INFO, MAKER_PCS},
                {"pcs:/tdx/certification/v4/qe/identity", SORT_QE_IDENTITY, MAKER_PCS},
                {"pcs:/sgx/certification/v4/pckcrl?ca=processor&encoding=der", SORT_PCK_CRL, MAKER_PCS},
                {"pcs-root:/IntelSGXRootCA.der", SORT_ROOT_CRL, MAKER_PCS_ROOT},
                {"", SORT_COUNT, 0},
                {"kds:", SORT_COUNT, 0},
                {"kds:/", SORT_COUNT, 0},
                {"kds:/vcek/v1/Milan/00", SORT_COUNT, 0},
                {"kds://evil.example/vcek/v1/Milan/crl", SORT_COUNT, 0},
                {"kds:/vcek/v1/../../crl", SORT_COUNT, 0},
                {"kds:/vcek/v1/Milan/%2e%2e/crl", SORT_COUNT, 0},
                {"kds:/vcek/v1/Milan/crl\r\nHost: x", SORT_COUNT, 0},
                {"kds:/vcek/v1/Milan/crl#", SORT_COUNT, 0},
                {"pcs:/vcek/v1/x?y", SORT_COUNT, 0},
                {"pcs-root:/other", SORT_COUNT, 0},
                {"https://kdsintf.amd.com/vcek/v1/Milan/crl", SORT_COUNT, 0},
                {"/vcek/v1/Milan/crl", SORT_COUNT, 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                enum endorsement_sort sort = SORT_COUNT;
                enum maker maker = MAKER_COUNT;
                struct fault *f = sort_of(rows[i].path, &sort, &maker);
                if (rows[i].sort == SORT_COUNT) {
                        expect_fault_row(f, FAULT_INVALID, "endorsements.path", rows[i].path);
                        continue;
                }
                expect_ok(f);
                assert_int_equal(sort, rows[i].sort);
                assert_int_equal(maker, rows[i].maker);
        }
}

static void lists_say_when(void **state)
{
        (void) state;
        AUTO(buf) struct buf der = BUF(1 << 20);
        AUTO(endorsement) struct endorsement *e = NULL;
        struct amd_list list = amd_list(SNP_MILAN, now);
        amd_list_write(&list, &der);
        expect_ok(sort_read(CRL, buf_span(&der), SPAN_NONE, now, &e));
        assert_int_equal(e->issued_unix_s, wall_unix_s(list.from));
        assert_int_equal(e->ends_unix_s, wall_unix_s(list.until));
        assert_string_equal(e->path, CRL);
        assert_true(span_eq(buf_span(&e->body), buf_span(&der)));
}

static void intel_says_when_and_which_edition(void **state)
{
        (void) state;
        struct intel_pki pki;
        struct intel_platform p;
        struct intel_set s;
        AUTO(endorsement) struct endorsement *tcb = NULL, *qe = NULL;
        intel_pki_init(&pki, "sort");
        intel_platform_init(&p, 4, NOW_S);
        intel_set_make(&pki, &p, &s);
        expect_ok(sort_read(TCB, buf_span(&s.tcb_info_response), buf_span(&s.tcb_chain), now, &tcb));
        expect_ok(sort_read("pcs:/tdx/certification/v4/qe/identity", buf_span(&s.qe_identity_response), SPAN_NONE, now,
                            &qe));
        assert_int_equal(tcb->issued_unix_s, NOW_S - DAY_S);
        assert_int_equal(tcb->ends_unix_s, NOW_S + 29 * DAY_S);
        assert_true(tcb->number > 0 && qe->number > 0);
        assert_true(tcb->chain.len > 0);
        intel_set_clear(&s);
        intel_platform_clear(&p);
        intel_pki_clear(&pki);
}

static void what_is_no_endorsement_is_refused(void **state)
{
        (void) state;
        static const char page[] = "<html>please log in</html>",
                          half[] = "{\"tcbInfo\":{\"issueDate\":\"2026-11-22T00:00:00Z\"}}";
        static const struct {
                const char *path, *body;
        } rows[] = {
                {"kds:/vcek/v1/Milan/00?blSPL=03", page},
                {"kds:/vcek/v1/Milan/cert_chain", page},
                {CRL, page},
                {CRL, ""},
                {TCB, page},
                {TCB, half},
                {"pcs:/tdx/certification/v4/qe/identity", "{}"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct endorsement *e = NULL;
                expect_fault_row(sort_read(rows[i].path, span_str(rows[i].body), SPAN_NONE, now, &e), FAULT_INVALID,
                                 "endorsements.format", rows[i].path);
                assert_null(e);
        }
}

static void the_future_is_refused(void **state)
{
        (void) state;
        for (int64_t after_s = 0; after_s < 2; after_s++) {
                AUTO(buf) struct buf der = BUF(1 << 20);
                AUTO(endorsement) struct endorsement *e = NULL;
                struct amd_list list = amd_list(SNP_MILAN, now);
                list.from = wall_from_unix_s(NOW_S + DAY_S + after_s);
                amd_list_write(&list, &der);
                struct fault *f = sort_read(CRL, buf_span(&der), SPAN_NONE, now, &e);
                if (after_s == 0)
                        expect_ok(f);
                else
                        expect_fault(f, FAULT_DENIED, "endorsements.future");
        }
}

static void due_before_the_end(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                enum endorsement_sort sort;
                int64_t ends_in_s, least_s, most_s; /* from now; 0, 0: never */
        } rows[] = {
                {"a chip's, for ever", SORT_VCEK, 7 * 365 * DAY_S, 0, 0},
                {"a list, daily", SORT_CRL, 30 * DAY_S, DAY_S * 3 / 4, DAY_S},
                {"TCB info, daily", SORT_TCB_INFO, 30 * DAY_S, DAY_S * 3 / 4, DAY_S},
                {"authorities, weekly", SORT_CHAIN, 3650 * DAY_S, 7 * DAY_S * 3 / 4, 7 * DAY_S},
                {"towards its end, earlier", SORT_CRL, DAY_S, DAY_S * 3 / 8, DAY_S / 2},
                {"past its end, soon", SORT_CRL, -DAY_S, 600, 600},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                for (uint32_t random = 0; random < 2048; random += 511) {
                        const struct endorsement e = {.sort = (int) rows[i].sort,
                                                      .ends_unix_s = NOW_S + rows[i].ends_in_s};
                        int64_t due = sort_due(&e, now, random), in_s = due == 0 ? 0 : due - NOW_S;
                        if (in_s < rows[i].least_s || in_s > rows[i].most_s)
                                fail_msg("%s: %lld s", rows[i].name, (long long) in_s);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(paths),
                cmocka_unit_test(lists_say_when),
                cmocka_unit_test(intel_says_when_and_which_edition),
                cmocka_unit_test(what_is_no_endorsement_is_refused),
                cmocka_unit_test(the_future_is_refused),
                cmocka_unit_test(due_before_the_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
