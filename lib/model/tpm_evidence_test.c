#include "lib/model/tpm_evidence.h"

#include <stdio.h>

#include "lib/base/parse.h"
#include "tests/fakes/expect.h"

#define HEX32 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX48 HEX32 "00112233445566778899aabbccddeeff"

static void fill(struct buf *b, const char *text)
{
        expect_ok(buf_append_str(b, text));
}

static struct tpm_evidence sample(void)
{
        struct tpm_evidence e = tpm_evidence_new();
        uint8_t value[48];
        memset(value, 0xab, sizeof value);
        fill(&e.attest, "attest");
        fill(&e.signature, "signature");
        fill(&e.ak_public, "public");
        expect_ok(tpm_evidence_set_pcr(&e, HASH_SHA384, 0, span_make(value, 48)));
        expect_ok(tpm_evidence_set_pcr(&e, HASH_SHA256, 23, span_make(value, 32)));
        expect_ok(tpm_evidence_set_pcr(&e, HASH_SHA256, 7, span_make(value + 1, 32)));
        return e;
}

static void goes_round(void **state)
{
        (void) state;
        AUTO(tpm_evidence) struct tpm_evidence e = sample();
        AUTO(tpm_evidence) struct tpm_evidence back = {0};
        AUTO(buf) struct buf text = BUF(4096), again = BUF(4096);
        expect_ok(tpm_evidence_write(&e, &text));
        expect_ok(tpm_evidence_read(buf_span(&text), &back));
        expect_ok(tpm_evidence_write(&back, &again));

        assert_string_equal(buf_str(&text), buf_str(&again));
        assert_string_equal(buf_str(&back.signature), "signature");
        assert_int_equal(tpm_evidence_pcrs(&back, HASH_SHA256), 1u << 7 | 1u << 23);
        assert_int_equal(tpm_evidence_pcrs(&back, HASH_SHA384), 1);
        assert_int_equal(tpm_evidence_pcrs(&back, HASH_SHA512), 0);
        assert_true(span_eq(back.values[HASH_SHA256][7], e.values[HASH_SHA256][7]));
        tpm_evidence_drop_pcrs(&back);
        assert_int_equal(tpm_evidence_pcrs(&back, HASH_SHA256), 0);
}

static void is_written_canonically(void **state)
{
        (void) state;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        AUTO(buf) struct buf text = BUF(4096), value = BUF(32);
        fill(&e.attest, "a");
        fill(&e.signature, "s");
        fill(&e.ak_public, "p");
        expect_ok(hex_decode(SPAN(HEX32), &value));
        expect_ok(tpm_evidence_set_pcr(&e, HASH_SHA256, 7, buf_span(&value)));
        expect_ok(tpm_evidence_write(&e, &text));
        assert_string_equal(buf_str(&text),
                            "{\"ak_public\":\"cA\",\"attest\":\"YQ\",\"pcrs\":[{\"bank\":\"sha256\",\"index\":7,"
                            "\"value\":\"" HEX32 "\"}],\"signature\":\"cw\"}");
}

#define WITH_PCRS(list)         "{\"ak_public\":\"cA\",\"attest\":\"YQ\",\"signature\":\"cw\",\"pcrs\":[" list "]}"
#define PCR(bank, index, value) "{\"bank\":\"" bank "\",\"index\":" index ",\"value\":\"" value "\"}"

static void refuses(void **state)
{
        (void) state;
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"no JSON", "{", "BAD_JSON"},
                {"an array", "[]", "BAD_FIELD"},
                {"nothing in it", "{}", "BAD_FIELD"},
                {"no pcrs", "{\"ak_public\":\"cA\",\"attest\":\"YQ\",\"signature\":\"cw\"}", "BAD_FIELD"},
                {"no attest", "{\"ak_public\":\"cA\",\"pcrs\":[],\"signature\":\"cw\"}", "BAD_FIELD"},
                {"attest is a number", "{\"ak_public\":\"cA\",\"attest\":1,\"pcrs\":[],\"signature\":\"cw\"}",
                 "BAD_FIELD"},
                {"one member too many",
                 "{\"ak_public\":\"cA\",\"attest\":\"YQ\",\"pcrs\":[],\"signature\":\"cw\",\"x\":1}", "UNKNOWN_FIELD"},
                {"a member twice",
                 "{\"attest\":\"YQ\",\"ak_public\":\"cA\",\"attest\":\"YQ\",\"pcrs\":[],\"signature\":\"cw\"}",
                 "BAD_JSON"},
                {"a pcr is a number", WITH_PCRS("1"), "BAD_FIELD"},
                {"a pcr with an extra member",
                 WITH_PCRS("{\"bank\":\"sha256\",\"index\":7,\"value\":\"" HEX32 "\",\"x\":0}"), "UNKNOWN_FIELD"},
                {"bank unknown", WITH_PCRS(PCR("sm3", "7", HEX32)), "TPM_EVIDENCE"},
                {"bank in capitals", WITH_PCRS(PCR("SHA256", "7", HEX32)), "TPM_EVIDENCE"},
                {"index 24", WITH_PCRS(PCR("sha256", "24", HEX32)), "BAD_FIELD"},
                {"index -1", WITH_PCRS(PCR("sha256", "-1", HEX32)), "BAD_FIELD"},
                {"index as text", WITH_PCRS(PCR("sha256", "\"7\"", HEX32)), "BAD_FIELD"},
                {"value empty", WITH_PCRS(PCR("sha256", "7", "")), "TPM_EVIDENCE"},
                {"value of the other bank", WITH_PCRS(PCR("sha384", "7", HEX32)), "TPM_EVIDENCE"},
                {"value too long", WITH_PCRS(PCR("sha256", "7", HEX48)), "TPM_EVIDENCE"},
                {"value one digit short", WITH_PCRS(PCR("sha256", "7", "0")), "BAD_HEX"},
                {"value no hex", WITH_PCRS(PCR("sha256", "7", "zz")), "BAD_HEX"},
                {"a PCR twice", WITH_PCRS(PCR("sha256", "7", HEX32) "," PCR("sha256", "7", HEX32)), "TPM_EVIDENCE"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
                expect_fault_row(tpm_evidence_read(span_str(rows[i].text), &e), FAULT_INVALID, rows[i].token,
                                 rows[i].name);
        }
}

static void refuses_what_is_too_long(void **state)
{
        (void) state;
        AUTO(buf) struct buf text = BUF(16384);
        expect_ok(buf_append_str(&text, "{\"ak_public\":\"cA\",\"signature\":\"cw\",\"pcrs\":[],\"attest\":\""));
        for (size_t i = 0; i < (size_t) (TPM_ATTEST_MAX + 4) / 3 * 4; i++)
                expect_ok(buf_append_byte(&text, 'A'));
        expect_ok(buf_append_str(&text, "\"}"));
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        expect_fault(tpm_evidence_read(buf_span(&text), &e), FAULT_INVALID, "BAD_FIELD");
}

static void digest_needs_exactly_what_is_quoted(void **state)
{
        (void) state;
        struct tpm_quote q = {.bank_count = 2, .banks = {{HASH_SHA384, 1}, {HASH_SHA256, 1u << 7 | 1u << 23}}};
        AUTO(tpm_evidence) struct tpm_evidence e = sample();
        uint8_t got[HASH_MAX_LEN], wanted[SHA256_LEN], all[48 + 32 + 32];
        memset(all, 0xab, sizeof all);
        sha256(SPAN_OF(all), wanted);
        expect_ok(tpm_evidence_pcr_digest(&e, &q, HASH_SHA256, got));
        assert_memory_equal(got, wanted, SHA256_LEN);

        q.banks[1].pcrs = 1u << 7; /* one value too many */
        expect_fault(tpm_evidence_pcr_digest(&e, &q, HASH_SHA256, got), FAULT_DENIED, "tpm.pcr_values");
        q.banks[1].pcrs = 1u << 7 | 1u << 23 | 1; /* one missing */
        expect_fault(tpm_evidence_pcr_digest(&e, &q, HASH_SHA256, got), FAULT_DENIED, "tpm.pcr_values");
        q.bank_count = 1; /* a whole bank too many */
        expect_fault(tpm_evidence_pcr_digest(&e, &q, HASH_SHA256, got), FAULT_DENIED, "tpm.pcr_values");
}

static void refuses_registers_that_are_none(void **state)
{
        (void) state;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        uint8_t value[SHA256_LEN] = {0};
        expect_fault(tpm_evidence_set_pcr(&e, HASH_SHA256, TPM_PCR_COUNT, SPAN_OF(value)), FAULT_INVALID,
                     "TPM_EVIDENCE");
        expect_fault(tpm_evidence_set_pcr(&e, HASH_ALG_COUNT, 0, SPAN_OF(value)), FAULT_INVALID, "TPM_EVIDENCE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(goes_round),
                cmocka_unit_test(is_written_canonically),
                cmocka_unit_test(refuses),
                cmocka_unit_test(refuses_what_is_too_long),
                cmocka_unit_test(digest_needs_exactly_what_is_quoted),
                cmocka_unit_test(refuses_registers_that_are_none),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
