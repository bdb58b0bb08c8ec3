/* Logs made for the purpose: what is read from them, and what is not. */
#include "issuer/verifier/eventlog/eventlog.h"

#include <stdio.h>

#include "issuer/verifier/eventlog/content.h"
#include "issuer/verifier/eventlog/registers.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/tcg_log.h"

#define SEPARATOR SPAN("\0\0\0\0")

/* ---- a machine's start, with one thing changed ---- */

struct start {
        bool is_ccel;
        const uint8_t *secure_boot; /* its value; NULL: 1 */
        struct span separator;      /* of PCR 7 */
        uint32_t separator_type;
        bool closed_twice, no_separator, spoiled, secure_boot_twice, misplaced;
        size_t apps;
        const char *second_command, *hidden; /* of the boot loader */
        bool went_on;                        /* PCR 8 was extended after the log's end */
};

static uint32_t at(const struct start *b, unsigned pcr)
{
        unsigned rtmr = pcr == 1 || pcr == 7 ? 0 : pcr < 8 ? 1 : 2;
        return b->is_ccel ? rtmr + 1 : pcr;
}

static void add_loader(const struct start *b, struct buf *log)
{
        uint32_t loader = at(b, 8);
        tcg_log_add_measured(log, b->is_ccel, loader, EV_IPL, SPAN("grub_cmd: linux /vmlinuz root=a\0"),
                             SPAN("linux /vmlinuz root=a"));
        tcg_log_add_measured(log, b->is_ccel, loader, EV_IPL, SPAN("kernel_cmdline: /vmlinuz root=a\0"),
                             SPAN("/vmlinuz root=a"));
        if (b->second_command != NULL)
                tcg_log_add(log, b->is_ccel, loader, EV_IPL, span_str(b->second_command));
        if (b->hidden != NULL)
                tcg_log_add_measured(log, b->is_ccel, loader, EV_IPL, SPAN("a file\0"), span_str(b->hidden));
}

static struct buf make_log(const struct start *b)
{
        struct buf log = tcg_log_new(b->is_ccel);
        const uint8_t on = 1, *value = b->secure_boot != NULL ? b->secure_boot : &on;
        uint32_t seven = at(b, 7);
        bool c = b->is_ccel;
        if (!c)
                tcg_log_add(&log, c, 0, EV_S_CRTM_VERSION,
                            SPAN("v\0"
                                 "2\0\0\0"));
        if (b->spoiled)
                tcg_log_add_measured(&log, c, seven, 5, SPAN("?"), SPAN("an option ROM's own"));
        if (b->misplaced)
                tcg_log_add_variable(&log, c, seven, content_guid_global, "PK", SPAN("pk"));
        tcg_log_add_variable(&log, c, seven, content_guid_global, "SecureBoot", span_make(value, 1));
        if (b->secure_boot_twice)
                tcg_log_add_variable(&log, c, seven, content_guid_global, "SecureBoot", SPAN("\x01"));
        tcg_log_add_variable(&log, c, seven, content_guid_global, "PK", SPAN("pk"));
        tcg_log_add_variable(&log, c, seven, content_guid_global, "KEK", SPAN("kek"));
        tcg_log_add_variable(&log, c, seven, content_guid_security, "db", SPAN("db"));
        tcg_log_add_variable(&log, c, seven, content_guid_security, "dbx", SPAN(""));
        struct span separator = b->separator.len > 0 ? b->separator : SEPARATOR;
        if (!b->no_separator)
                tcg_log_add(&log, c, seven, b->separator_type != 0 ? b->separator_type : EV_SEPARATOR, separator);
        for (uint32_t pcr = 0; pcr < 7 && !c; pcr++)
                tcg_log_add(&log, c, pcr, EV_SEPARATOR, SEPARATOR);
        if (c)
                tcg_log_add(&log, c, 2, EV_SEPARATOR, SEPARATOR);
        if (b->closed_twice)
                tcg_log_add_measured(&log, c, at(b, 7), EV_IPL, SPAN("nothing of the kind"), SEPARATOR);
        tcg_log_add_variable(&log, c, seven, content_guid_security, "db", SPAN("who signed shim"));
        for (size_t i = 0; i < b->apps; i++) {
                uint8_t program[2] = {'M', (uint8_t) i};
                tcg_log_add_measured(&log, c, at(b, 4), 0x80000003, SPAN("path"), SPAN_OF(program));
        }
        tcg_log_add(&log, c, at(b, 4), 0x80000007, SPAN("Calling EFI Application from Boot Option"));
        add_loader(b, &log);
        tcg_log_add(&log, c, at(b, 5), 0x80000007, SPAN("Exit Boot Services Returned with Success"));
        return log;
}

struct outcome {
        struct attestation_result r;
        struct fault *f;
};

/* The registers are those that the log leads to, as if somebody had quoted them. */
static void appraise(const struct start *b, struct outcome *o)
{
        static struct eventlog_replay replay;
        AUTO(buf) struct buf log = make_log(b);
        enum eventlog_form form = b->is_ccel ? EVENTLOG_CCEL : EVENTLOG_TPM;
        *o = (struct outcome){.r = {.checks = check_new("evidence", false)}};
        expect_ok(eventlog_replay(buf_span(&log), form, &replay));
        if (b->went_on)
                replay.values[HASH_SHA256][8][0] ^= 1;
        if (b->is_ccel) {
                uint8_t rtmr[RTMR_COUNT][SHA384_LEN];
                for (size_t i = 0; i < RTMR_COUNT; i++)
                        memcpy(rtmr[i], replay.values[HASH_SHA384][i], SHA384_LEN);
                o->f = eventlog_ccel(buf_span(&log), rtmr, &o->r);
                return;
        }
        struct span values[HASH_ALG_COUNT][TPM_PCR_COUNT] = {0};
        for (unsigned n = 0; n < TPM_PCR_COUNT; n++)
                values[HASH_SHA256][n] = span_make(replay.values[HASH_SHA256][n], SHA256_LEN);
        o->f = eventlog_pcrs(buf_span(&log), values, &o->r);
}

static void outcome_clear(struct outcome *o)
{
        fault_free(o->f);
        attestation_result_clear(&o->r);
}

/* NULL: not there. */
static void expect_fact(const struct outcome *o, const char *row, const char *name, const char *wanted)
{
        const struct fact *f = facts_find(&o->r.facts, name);
        AUTO(buf) struct buf text = BUF(1024);
        if (f != NULL)
                expect_ok(fact_text(f, &text));
        bool fits = f == NULL ? wanted == NULL : wanted != NULL && strcmp(buf_str(&text), wanted) == 0;
        if (!fits)
                fail_msg("%s: %s is %s", row, name, f == NULL ? "not there" : buf_str(&text));
        if (f != NULL)
                assert_int_equal(f->origin, ORIGIN_MEASURED);
}

static void what_is_read(void **state UNUSED)
{
        static const uint8_t off = 0;
        static const struct {
                const char *name;
                struct start boot;
                const char *secure_boot, *apps, *kernel, *ambiguous, *concern;
        } rows[] = {
                {"as it should be", {.apps = 2}, "true", "2", "/vmlinuz root=a", "false", NULL},
                {"Secure Boot is off", {.secure_boot = &off}, "false", "0", "/vmlinuz root=a", "false", NULL},
                {"closed twice", {.closed_twice = true}, NULL, NULL, NULL, "true", NULL},
                {"never closed", {.no_separator = true}, NULL, "0", "/vmlinuz root=a", "false", NULL},
                {"closed by a record that calls itself something else",
                 {.separator_type = EV_IPL},
                 "true",
                 "0",
                 "/vmlinuz root=a",
                 "false",
                 NULL},
                {"closed with ones",
                 {.separator = SPAN("\xff\xff\xff\xff")},
                 "true",
                 "0",
                 "/vmlinuz root=a",
                 "false",
                 "eventlog.separator"},
                {"closed with an error",
                 {.separator = SPAN("\x01\0\0\0")},
                 "true",
                 "0",
                 "/vmlinuz root=a",
                 "false",
                 "eventlog.separator"},
                {"something unproven before the variables",
                 {.spoiled = true},
                 NULL,
                 "0",
                 "/vmlinuz root=a",
                 "false",
                 NULL},
                {"variables in another order", {.misplaced = true}, NULL, "0", "/vmlinuz root=a", "false", NULL},
                {"24 programs", {.apps = 24}, "true", "24", "/vmlinuz root=a", "false", NULL},
                {"25 programs", {.apps = 25}, "true", "25", "/vmlinuz root=a", "false", NULL},
                {"a command more", {.second_command = "grub_cmd: boot"}, "true", "0", "/vmlinuz root=a", "false", NULL},
                {"another kernel's command",
                 {.second_command = "grub_cmd: linux /evil"},
                 "true",
                 "0",
                 NULL,
                 "false",
                 NULL},
                {"another kernel's command line",
                 {.second_command = "kernel_cmdline: /evil"},
                 "true",
                 "0",
                 NULL,
                 "false",
                 NULL},
                {"something that nobody can read among the commands",
                 {.hidden = "linux /evil"},
                 "true",
                 "0",
                 NULL,
                 "false",
                 NULL},
                {"the loader's register went on",
                 {.went_on = true},
                 "true",
                 "0",
                 NULL,
                 "false",
                 "eventlog.os_registers"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct outcome o;
                appraise(&rows[i].boot, &o);
                expect_ok(TAKE(o.f));
                expect_fact(&o, rows[i].name, "eventlog.secure-boot", rows[i].secure_boot);
                expect_fact(&o, rows[i].name, "eventlog.boot-apps", rows[i].apps);
                expect_fact(&o, rows[i].name, "eventlog.kernel-cmdline", rows[i].kernel);
                expect_fact(&o, rows[i].name, "eventlog.ambiguous", rows[i].ambiguous);
                assert_int_equal(o.r.concern_count, rows[i].concern != NULL);
                if (rows[i].concern != NULL)
                        assert_string_equal(o.r.concerns[0], rows[i].concern);
                bool lists = facts_find(&o.r.facts, "eventlog.boot-app.0") != NULL;
                assert_int_equal(lists, rows[i].boot.apps > 0 && rows[i].boot.apps <= 24);
                outcome_clear(&o);
        }
}

static void of_a_confidential_vm(void **state UNUSED)
{
        struct outcome o;
        appraise(&(struct start){.is_ccel = true, .apps = 1, .spoiled = true}, &o);
        expect_ok(TAKE(o.f));
        expect_fact(&o, "ccel", "ccel.secure-boot", "true"); /* a TD's hand-off blocks come before it */
        expect_fact(&o, "ccel", "ccel.boot-apps", "1");
        expect_fact(&o, "ccel", "ccel.exit-boot-services", "true");
        expect_fact(&o, "ccel", "ccel.bank", "sha384");
        expect_fact(&o, "ccel", "eventlog.bank", NULL);
        outcome_clear(&o);
        appraise(&(struct start){.is_ccel = true, .closed_twice = true}, &o);
        expect_ok(TAKE(o.f));
        expect_fact(&o, "ccel", "ccel.secure-boot", NULL);
        assert_int_equal(o.r.not_checked_count, 1);
        assert_string_equal(o.r.not_checked[0], "ccel.content");
        outcome_clear(&o);
        appraise(&(struct start){.is_ccel = true, .separator = SPAN("\xff\xff\xff\xff")}, &o);
        expect_ok(TAKE(o.f));
        assert_string_equal(o.r.concerns[0], "ccel.separator");
        outcome_clear(&o);
}

/* Secure Boot's second value is not taken for the first one's, and what follows the break in the order is not read. */
static void secure_boot_twice(void **state UNUSED)
{
        static const uint8_t off = 0;
        struct outcome o;
        appraise(&(struct start){.secure_boot = &off, .secure_boot_twice = true}, &o);
        expect_ok(TAKE(o.f));
        expect_fact(&o, "twice", "eventlog.secure-boot", "false");
        expect_fact(&o, "twice", "eventlog.pk", NULL);
        outcome_clear(&o);
}

/* ---- where PCR 0 began ---- */

static void startup_localities(void **state UNUSED)
{
        static const struct {
                const char *name;
                uint8_t locality, second; /* 0xff: no such record */
                bool is_late, is_hcrtm;
                int start; /* last byte of PCR 0; -1: refused */
        } rows[] = {
                {"none", 0xff, 0xff, false, false, 0},     {"0", 0, 0xff, false, false, 0},
                {"3", 3, 0xff, false, false, 3},           {"4", 4, 0xff, false, false, 4},
                {"1 is none", 1, 0xff, false, false, -1},  {"twice", 3, 3, false, false, -1},
                {"too late", 3, 0xff, true, false, -1},    {"H-CRTM", 0xff, 0xff, false, true, 4},
                {"H-CRTM and 3", 3, 0xff, false, true, 3},
        };
        static struct eventlog_replay replay;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf log = tcg_log_new(false);
                uint8_t data[17] = "StartupLocality";
                uint32_t first = rows[i].is_hcrtm ? EV_EFI_HCRTM_EVENT : 8;
                data[16] = rows[i].locality;
                if (rows[i].is_late)
                        tcg_log_add(&log, false, 0, first, SPAN("x"));
                if (rows[i].locality != 0xff)
                        tcg_log_add(&log, false, 0, EV_NO_ACTION, SPAN_OF(data));
                if (rows[i].second != 0xff)
                        tcg_log_add(&log, false, 0, EV_NO_ACTION, SPAN_OF(data));
                if (!rows[i].is_late)
                        tcg_log_add(&log, false, 0, first, SPAN("x"));
                struct fault *f = eventlog_replay(buf_span(&log), EVENTLOG_TPM, &replay);
                if (rows[i].start < 0) {
                        expect_fault_row(f, FAULT_INVALID, "eventlog.structure", rows[i].name);
                        continue;
                }
                expect_ok(f);
                uint8_t input[64] = {[31] = (uint8_t) rows[i].start}, wanted[32];
                sha256(SPAN("x"), input + 32);
                sha256(SPAN_OF(input), wanted);
                if (memcmp(wanted, replay.values[HASH_SHA256][0], 32) != 0)
                        fail_msg("%s", rows[i].name);
        }
}

/* ---- shape ---- */

#define HEADER_LEN (32 + 37)
#define EVENT_AT   HEADER_LEN
#define DIGESTS_AT (EVENT_AT + 12)
#define SIZE_AT    (DIGESTS_AT + 2 + 32 + 2 + 48)

static void malformed_logs(void **state UNUSED)
{
        static const struct {
                const char *name;
                size_t at;
                uint8_t value;
                bool is_good;
        } rows[] = {
                {"as it is", 0, 0, true},
                {"another signature", 32, 's', false},
                {"no algorithm", 32 + 24, 0, false},
                {"nine algorithms", 32 + 24, 9, false},
                {"an algorithm twice", 32 + 28 + 4, 0x0b, false},
                {"a digest of another length", 32 + 28 + 2, 31, false},
                {"an algorithm that is not ours", 32 + 28, 0x12, false}, /* the events still have SHA-256 */
                {"vendor data that aren't there", 32 + 36, 1, false},
                {"a PCR that there is not", EVENT_AT, 24, false},
                {"PCR 23", EVENT_AT, 23, true},
                {"three digests", EVENT_AT + 8, 3, false},
                {"one digest", EVENT_AT + 8, 1, false},
                {"a digest twice", DIGESTS_AT + 2 + 32, 0x0b, false},
                {"an algorithm that is not in the header", DIGESTS_AT, 0x0d, false},
                {"data longer than the log", SIZE_AT, 5, false},
                {"data much longer than the log", SIZE_AT + 3, 0x80, false},
                {"data shorter", SIZE_AT, 3, false}, /* the rest is no event */
        };
        static struct eventlog_replay replay;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf log = tcg_log_new(false);
                tcg_log_add(&log, false, 8, EV_IPL, SPAN("data"));
                if (rows[i].at > 0)
                        log.data[rows[i].at] = rows[i].value;
                struct fault *f = eventlog_replay(buf_span(&log), EVENTLOG_TPM, &replay);
                if (rows[i].is_good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "eventlog.structure", rows[i].name);
        }
}

static void filler(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span filler;
                bool is_good;
        } rows[] = {
                {"zeros", SPAN("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), true},
                {"ones", SPAN("\xff\xff\xff\xff\xff\xff\xff"), true},
                {"three ones", SPAN("\xff\xff\xff"), true},
                {"ones, then zeros", SPAN("\xff\xff\xff\xff\0\0\0\0\0"), true},
                {"ones after zeros", SPAN("\0\0\0\0\0\0\0\0\xff\xff\xff\xff"), false},
                {"something after ones", SPAN("\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false},
                {"half an index", SPAN("\xff\xff\0\0\0\0\0\0"), false},
        };
        static struct eventlog_replay replay;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf log = tcg_log_new(true);
                tcg_log_add(&log, true, 1, EV_IPL, SPAN("data"));
                expect_ok(buf_append(&log, rows[i].filler));
                struct fault *f = eventlog_replay(buf_span(&log), EVENTLOG_CCEL, &replay);
                if (rows[i].is_good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "eventlog.structure", rows[i].name);
        }
        AUTO(buf) struct buf log = tcg_log_new(true);
        tcg_log_add(&log, true, 5, EV_IPL, SPAN("data"));
        expect_fault(eventlog_replay(buf_span(&log), EVENTLOG_CCEL, &replay), FAULT_INVALID, "eventlog.structure");
}

/* ---- registers ---- */

#define HEX32 "0000000000000000000000000000000000000000000000000000000000000000"
#define HEX48 HEX32 "00000000000000000000000000000000"

static void registers_of_files(void **state UNUSED)
{
        static const struct {
                const char *name, *text;
                bool is_pcrs, is_rtmrs;
        } rows[] = {
                {"PCRs", "{\"sha256\":{\"0\":\"" HEX32 "\",\"23\":\"" HEX32 "\"}}", true, false},
                {"nothing", "{}", true, true},
                {"RTMRs", "{\"events\":1,\"sha384\":{\"rtmr0\":\"" HEX48 "\",\"rtmr3\":\"" HEX48 "\"}}", false, true},
                {"PCR 24", "{\"sha256\":{\"24\":\"" HEX32 "\"}}", false, false},
                {"PCR 07", "{\"sha256\":{\"07\":\"" HEX32 "\"}}", false, false},
                {"RTMR 4", "{\"sha384\":{\"rtmr4\":\"" HEX48 "\"}}", false, false},
                {"an RTMR without its number", "{\"sha384\":{\"rtmr\":\"" HEX48 "\"}}", false, false},
                {"RTMRs in SHA-256", "{\"sha256\":{\"rtmr0\":\"" HEX32 "\"}}", false, false},
                {"a bank that is none", "{\"md5\":{\"0\":\"" HEX32 "\"}}", false, false},
                {"a value a byte short", "{\"sha384\":{\"0\":\"" HEX32 "\"}}", false, false},
                {"a value that is a number", "{\"sha256\":{\"0\":1}}", false, false},
                {"a value that is no hex", "{\"sha256\":{\"0\":\"x\"}}", false, false},
                {"a register twice", "{\"sha256\":{\"0\":\"" HEX32 "\",\"0\":\"" HEX32 "\"}}", false, false},
                {"a bank that is a list", "{\"sha256\":[]}", false, false},
                {"a list", "[]", false, false},
                {"", "", false, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(registers) struct registers *pcrs = NULL, *rtmrs = NULL;
                AUTO(fault) struct fault *not_pcrs = registers_read_pcrs(span_str(rows[i].text), &pcrs);
                AUTO(fault) struct fault *not_rtmrs = registers_read_rtmrs(span_str(rows[i].text), &rtmrs);
                if ((not_pcrs == NULL) != rows[i].is_pcrs || (not_rtmrs == NULL) != rows[i].is_rtmrs)
                        fail_msg("%s", rows[i].name);
        }
}

static void registers_of_requests(void **state UNUSED)
{
        uint8_t value[SHA384_LEN] = {7};
        AUTO(buf) struct buf bytes = BUF(1024);
        expect_ok(registers_append(HASH_SHA256, 23, span_make(value, SHA256_LEN), &bytes));
        expect_ok(registers_append(HASH_SHA384, 0, SPAN_OF(value), &bytes));
        AUTO(registers) struct registers *r = NULL;
        expect_ok(registers_read_pcrs(buf_span(&bytes), &r));
        assert_int_equal(registers_given(r, HASH_SHA256), 1u << 23);
        assert_int_equal(registers_given(r, HASH_SHA384), 1);
        assert_true(span_eq(r->values[HASH_SHA384][0], SPAN_OF(value)));
        struct registers *none = NULL;
        expect_fault(registers_read_pcrs(span_make(bytes.data, bytes.len - 1), &none), FAULT_INVALID, "TRUNCATED");
        bytes.data[1] = 24;
        expect_fault(registers_read_pcrs(buf_span(&bytes), &none), FAULT_INVALID, "BAD_FIELD");
        bytes.data[1] = 23;
        expect_ok(registers_append(HASH_SHA384, 0, SPAN_OF(value), &bytes));
        expect_fault(registers_read_pcrs(buf_span(&bytes), &none), FAULT_INVALID, "BAD_FIELD");
        assert_null(none);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_read),       cmocka_unit_test(of_a_confidential_vm),
                cmocka_unit_test(secure_boot_twice),  cmocka_unit_test(startup_localities),
                cmocka_unit_test(malformed_logs),     cmocka_unit_test(filler),
                cmocka_unit_test(registers_of_files), cmocka_unit_test(registers_of_requests),
        };
        return cmocka_run_group_tests_name("eventlog", tests, NULL, NULL);
}
