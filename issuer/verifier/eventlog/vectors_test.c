/* Recorded logs: each gets the verdict that tests/vectors/README.md states. */
#include "issuer/verifier/eventlog/eventlog.h"

#include "lib/model/names.h"
#include "tests/fakes/recorded.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): literals, to be joined */
#define TPM(n, p)                                                                                                      \
        .name = n, .kind = EVIDENCE_EVENTLOG, .evidence = "eventlog/" n ".bin",                                        \
        .parts = {{"pcrs", "eventlog/" p ".pcrs.json"}}
#define CCEL(n, p)                                                                                                     \
        .name = n, .kind = EVIDENCE_EVENTLOG, .evidence = "ccel/" n ".bin", .parts = {{"rtmrs", "ccel/" p ".rtmr.json"}}
/* NOLINTEND(bugprone-macro-parentheses) */

static const struct recorded rows[] = {
        {TPM("arch-workstation", "arch-workstation")},
        {TPM("cos101-sev-gcp", "cos101-sev-gcp")},
        {TPM("gdc-host-sha256only", "gdc-host-sha256only")},
        {TPM("rhel8-gcp", "rhel8-gcp")},
        {TPM("ubuntu2404-sevsnp-gcp", "ubuntu2404-sevsnp-gcp")},
        {TPM("debian10-sha1only", "debian10-sha1only"), .refused = "eventlog.sha1_only"},
        {TPM("ebs-missing", "rhel8-gcp"), .refused = "eventlog.sha1_only"},
        {TPM("bogus-truncated", "rhel8-gcp"), .refused = "eventlog.structure"},
        {CCEL("cos113-tdx", "cos113-tdx")},
        {CCEL("gke-grub-noaction", "gke-grub-noaction")},
        {CCEL("cos113-dupe-separator", "cos113-dupe-separator")}, /* accepted, and not interpreted */
        {CCEL("ovmf-direct-boot", "ovmf-direct-boot")},           /* so is this: RTMR 0 is closed twice */
        /* another machine's registers */
        {.name = "rhel8-with-others-pcrs",
         .kind = EVIDENCE_EVENTLOG,
         .evidence = "eventlog/rhel8-gcp.bin",
         .parts = {{"pcrs", "eventlog/cos101-sev-gcp.pcrs.json"}},
         .refused = "eventlog.replay"},
        {.name = "cos113-with-others-rtmrs",
         .kind = EVIDENCE_EVENTLOG,
         .evidence = "ccel/cos113-tdx.bin",
         .parts = {{"rtmrs", "ccel/cos113-dupe-separator.rtmr.json"}},
         .refused = "ccel.replay"},
        {.name = "sha1-registers-alone",
         .kind = EVIDENCE_EVENTLOG,
         .evidence = "tpm/gce-cos85-nonce9009/eventlog.bin",
         .parts = {{"pcrs", "tpm/gce-cos85-nonce9009/pcrs-sha1.json"}},
         .refused = "eventlog.hash"},
        {.name = "no-register-of-the-log",
         .kind = EVIDENCE_EVENTLOG,
         .evidence = "eventlog/rhel8-gcp.bin",
         .parts = {{"pcrs", "tpm/keylime-sim/pcrs.json"}},
         .refused = "eventlog.registers"},
        {.name = "no-registers",
         .kind = EVIDENCE_EVENTLOG,
         .evidence = "eventlog/rhel8-gcp.bin",
         .refused = "eventlog.registers"},
        {.name = "rtmrs-as-pcrs",
         .kind = EVIDENCE_EVENTLOG,
         .evidence = "ccel/cos113-tdx.bin",
         .parts = {{"pcrs", "ccel/cos113-tdx.rtmr.json"}},
         .refused = "evidence.format"},
        {.name = "pcrs-and-rtmrs",
         .kind = EVIDENCE_EVENTLOG,
         .evidence = "ccel/cos113-tdx.bin",
         .parts = {{"rtmrs", "ccel/cos113-tdx.rtmr.json"}, {"pcrs", "eventlog/rhel8-gcp.pcrs.json"}},
         .refused = "eventlog.registers"},
};

static void recorded_logs(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_recorded(&rows[i]);
}

/* A bit of any digest that is extended, and the log no longer leads to the registers; one of anything else changes at most what is read. */
static void a_bit_of_a_digest(void **state UNUSED)
{
        static const struct recorded row = {CCEL("cos113-tdx", "cos113-tdx")};
        struct recorded_files f;
        recorded_read(&row, &f);
        struct eventlog log;
        struct eventlog_event e;
        bool more = false;
        size_t at = 0, count = 0;
        expect_ok(eventlog_open(buf_span(&f.evidence), EVENTLOG_CCEL, &log));
        for (at = log.events_at;; count++) {
                expect_ok(eventlog_next(&log, &at, &e, &more));
                if (!more)
                        break;
                size_t digest_at = (size_t) (e.digests[HASH_SHA384].data - f.evidence.data);
                f.evidence.data[digest_at + count % SHA384_LEN] ^= 0x10;
                assert_string_equal(recorded_token(&f), "ccel.replay");
                f.evidence.data[digest_at + count % SHA384_LEN] ^= 0x10;
        }
        assert_int_equal(count, 43);
        assert_string_equal(recorded_token(&f), "OK");
        recorded_clear(&f);
}

/* Cut anywhere, a log is malformed, or is another log: never the same. */
static void cut_logs(void **state UNUSED)
{
        static const struct recorded row = {CCEL("ovmf-direct-boot", "ovmf-direct-boot")};
        struct recorded_files f;
        recorded_read(&row, &f);
        const size_t end = 2120; /* then filler */
        for (size_t len = 0; len < f.evidence.len; len += len < end + 8 ? 1 : 97) {
                f.in.evidence = span_make(f.evidence.data, len);
                const char *token = recorded_token(&f);
                bool is_whole = len >= end;
                if (is_whole != (strcmp(token, "OK") == 0))
                        fail_msg("cut to %zu bytes: %s", len, token);
        }
        recorded_clear(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(recorded_logs),
                cmocka_unit_test(a_bit_of_a_digest),
                cmocka_unit_test(cut_logs),
        };
        return cmocka_run_group_tests_name("eventlog vectors", tests, NULL, NULL);
}
