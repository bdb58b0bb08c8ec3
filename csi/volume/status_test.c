#include "csi/volume/status.h"

#include "tests/fakes/expect.h"

static struct volume_spec spec = {.id = "v1", .profile = (char[]){"default"}};

static struct volume_credential credential(const char *slot, int64_t not_after)
{
        return (struct volume_credential){alloc_string(slot),
                                          alloc_string("x509"),
                                          alloc_string("spiffe://t/a"),
                                          alloc_string("0a0b"),
                                          alloc_string("r-1"),
                                          1795456770,
                                          not_after,
                                          1795456800};
}

static void says_all_of_it(void **state)
{
        (void) state;
        AUTO(volume_status)
        struct volume_status s = {.generation = 7,
                                  .bundle = 3,
                                  .count = 1,
                                  .credentials = {credential("main", 1795457400)},
                                  .evidence_kind = alloc_string("software"),
                                  .policy = alloc_string("sha256:00"),
                                  .insecure_development = true};
        struct volume_problem problem = {alloc_string("tpm.pcr"), alloc_string("PCR 7 differs"), {1795457000000}};
        AUTO(buf) struct buf out = BUF(STATUS_JSON_MAX);
        expect_ok(volume_status_write(&s, &spec, VOLUME_OVERDUE, (struct wall){1795457200000}, &problem, &out));
        volume_problem_clear(&problem);
        static const char *const wanted[] = {
                "\"version\": 1,",
                "\"volume\": \"v1\"",
                "\"profile\": \"default\"",
                "\"state\": \"overdue\"",
                "\"identity\": \"spiffe://t/a\"",
                "\"serial\": \"0a0b\"",
                "\"record\": \"r-1\"",
                "\"notBefore\": \"2026-11-23T17:59:30Z\"",
                "\"notAfter\": \"2026-11-23T18:10:00Z\"",
                "\"renewAt\": \"2026-11-23T18:06:40Z\"",
                "\"generation\": 7",
                "\"evidence\": \"software\"",
                "\"insecureDevelopment\": true",
                "\"check\": \"tpm.pcr\"",
                "\"detail\": \"PCR 7 differs\"",
                "\"slot\": \"main\"",
        };
        for (size_t i = 0; i < COUNT_OF(wanted); i++) {
                if (strstr(buf_str(&out), wanted[i]) == NULL)
                        fail_msg("no %s in %s", wanted[i], buf_str(&out));
        }
        AUTO(volume_status) struct volume_status again = {0};
        enum volume_state told;
        expect_ok(volume_status_read(buf_span(&out), "v1", &again, &told));
        assert_int_equal(told, VOLUME_OVERDUE);
        assert_int_equal(again.generation, 7);
        assert_int_equal(again.bundle, 3);
        assert_true(again.insecure_development);
        assert_int_equal(again.credentials[0].issued_unix_s, 1795456800);
        assert_int_equal(again.credentials[0].not_after_unix_s, 1795457400);
}

static void the_first_to_end_leads(void **state)
{
        (void) state;
        AUTO(volume_status)
        struct volume_status s = {.count = 3,
                                  .credentials = {credential("a", 300), credential("b", 100), credential("c", 200)}};
        assert_string_equal(volume_status_leading(&s).slot, "b");
        const struct volume_status none = {0};
        assert_int_equal(volume_status_leading(&none).not_after_unix_s, 0);
}

/* What an attester sends may be long, or no text at all: it can be written and read again. */
static void copes_with_strange_texts(void **state)
{
        (void) state;
        struct acquired a = {.count = 1};
        AUTO_STRING char *longest = alloc_zero(1, 100000);
        memset(longest, '\xff', 99999);
        a.credentials[0] = (struct acquired_credential){.slot = longest, .identity = longest, .not_after_unix_s = 1};
        AUTO(volume_status) struct volume_status s = {0}, again = {0};
        AUTO(buf) struct buf out = BUF(STATUS_JSON_MAX);
        enum volume_state told;
        volume_status_of(&a, 1, UINT64_MAX, &s);
        expect_ok(volume_status_write(&s, &spec, VOLUME_FRESH, (struct wall){0}, &(struct volume_problem){0}, &out));
        expect_ok(volume_status_read(buf_span(&out), "v1", &again, &told));
}

#define DOC(version, volume, state, generation, credentials)                                                           \
        "{\"version\":" version ",\"volume\":" volume ",\"state\":" state ",\"generation\":" generation                \
        ",\"bundle\":1,\"evidence\":\"tpm\",\"policy\":\"p\",\"insecureDevelopment\":false,"                           \
        "\"credentials\":" credentials "}"
#define CREDENTIAL(after)                                                                                              \
        "[{\"slot\":\"a\",\"type\":\"x509\",\"identity\":\"i\",\"serial\":\"1\",\"record\":\"r\",\"notBefore\":"       \
        "\"2026-11-23T18:00:00Z\",\"notAfter\":" after ",\"issued\":\"2026-11-23T18:00:00Z\"}]"
#define ONE CREDENTIAL("\"2026-11-23T19:00:00Z\"")

static const struct bad {
        const char *name, *text;
        enum fault_code code;
        const char *token;
} bads[] = {
        {"empty", "", FAULT_INVALID, "BAD_JSON"},
        {"torn", "{\"version\":1", FAULT_INVALID, "BAD_JSON"},
        {"array", "[]", FAULT_INVALID, "BAD_FIELD"},
        {"newer", DOC("2", "\"v1\"", "\"fresh\"", "1", ONE), FAULT_PRECONDITION, "NEWER_VERSION"},
        {"version 0", DOC("0", "\"v1\"", "\"fresh\"", "1", ONE), FAULT_INVALID, "BAD_FIELD"},
        {"other volume", DOC("1", "\"v2\"", "\"fresh\"", "1", ONE), FAULT_INVALID, "OTHER_VOLUME"},
        {"unknown state", DOC("1", "\"v1\"", "\"rotten\"", "1", ONE), FAULT_INVALID, "BAD_FIELD"},
        {"negative generation", DOC("1", "\"v1\"", "\"fresh\"", "-1", ONE), FAULT_INVALID, "BAD_FIELD"},
        {"largest generation", DOC("1", "\"v1\"", "\"fresh\"", "9223372036854775807", ONE), FAULT_INVALID, "BAD_FIELD"},
        {"no credentials", DOC("1", "\"v1\"", "\"fresh\"", "1", "[]"), FAULT_INVALID, "BAD_FIELD"},
        {"too many credentials", DOC("1", "\"v1\"", "\"fresh\"", "1", "[1,2,3,4,5,6,7,8,9]"), FAULT_INVALID,
         "BAD_FIELD"},
        {"credential is a number", DOC("1", "\"v1\"", "\"fresh\"", "1", "[1]"), FAULT_INVALID, "BAD_FIELD"},
        {"time is a number", DOC("1", "\"v1\"", "\"fresh\"", "1", CREDENTIAL("5")), FAULT_INVALID, "BAD_FIELD"},
        {"no such time", DOC("1", "\"v1\"", "\"fresh\"", "1", CREDENTIAL("\"2026-11-23T25:00:00Z\"")), FAULT_INVALID,
         "BAD_TIME"},
        {"before 1970", DOC("1", "\"v1\"", "\"fresh\"", "1", CREDENTIAL("\"1969-11-23T15:00:00Z\"")), FAULT_INVALID,
         "BAD_FIELD"},
};

static void refuses(void **state)
{
        (void) state;
        AUTO(volume_status) struct volume_status good = {0};
        enum volume_state told;
        expect_ok(volume_status_read(SPAN(DOC("1", "\"v1\"", "\"fresh\"", "1", ONE)), "v1", &good, &told));
        for (size_t i = 0; i < COUNT_OF(bads); i++) {
                struct volume_status s = {0};
                expect_fault_row(volume_status_read(span_str(bads[i].text), "v1", &s, &told), bads[i].code,
                                 bads[i].token, bads[i].name);
                assert_int_equal(s.count, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(says_all_of_it),
                cmocka_unit_test(the_first_to_end_leads),
                cmocka_unit_test(copes_with_strange_texts),
                cmocka_unit_test(refuses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
