/* What Azure's metadata service says, and nearly says. */
#include "attester/evidence/azure_answers.h"

#include "lib/wire/json.h"
#include "tests/fakes/expect.h"

#define PEM      "-----BEGIN CERTIFICATE-----\\nMA==\\n-----END CERTIFICATE-----\\n"
#define TEXT_MAX ((size_t) 128 * 1024)

static const struct row {
        const char *name, *text;
        bool is_good;
} certificates[] =
        {
                {"as it is",
                 "{\"vcekCert\":\"" PEM "\",\"tcbm\":\"00\",\"certificateChain\":\"" PEM PEM
                 "\",\"cacheControl\":\"86400\"}",
                 true},
                {"these alone", "{\"vcekCert\":\"" PEM "\",\"certificateChain\":\"" PEM "\"}", true},
                {"nothing", "", false},
                {"an empty object", "{}", false},
                {"a list", "[]", false},
                {"a page", "<html></html>", false},
                {"no chain", "{\"vcekCert\":\"" PEM "\"}", false},
                {"no certificate", "{\"certificateChain\":\"" PEM "\"}", false},
                {"an empty certificate", "{\"vcekCert\":\"\",\"certificateChain\":\"" PEM "\"}", false},
                {"a number", "{\"vcekCert\":1,\"certificateChain\":\"" PEM "\"}", false},
                {"no PEM", "{\"vcekCert\":\"MA==\",\"certificateChain\":\"" PEM "\"}", false},
                {"a chain that is no PEM", "{\"vcekCert\":\"" PEM "\",\"certificateChain\":\"-----BEGIN\"}", false},
                {"twice", "{\"vcekCert\":\"" PEM "\",\"vcekCert\":\"" PEM "\",\"certificateChain\":\"" PEM "\"}",
                 false},
                {"more behind it", "{\"vcekCert\":\"" PEM "\",\"certificateChain\":\"" PEM "\"}x", false},
},
  quotes[] = {
          {"as it is", "{\"quote\":\"AQID\"}", true},
          {"padded", "{\"quote\":\"AQI=\"}", true},
          {"padded twice", "{\"quote\":\"AQ==\"}", true},
          {"not padded", "{\"quote\":\"AQ\"}", true},
          {"members that nobody knows", "{\"quote\":\"AQID\",\"runtimeData\":{}}", true},
          {"nothing", "", false},
          {"no quote", "{}", false},
          {"an empty quote", "{\"quote\":\"\"}", false},
          {"padding alone", "{\"quote\":\"==\"}", false},
          {"padded three times", "{\"quote\":\"AQ===\"}", false},
          {"base64 of the other kind", "{\"quote\":\"+/+/\"}", false},
          {"a letter more", "{\"quote\":\"AQIDB\"}", false},
          {"null", "{\"quote\":null}", false},
          {"more behind it", "{\"quote\":\"AQID\"}}", false},
};

static void what_certificates_look_like(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(certificates); i++) {
                const struct row *row = &certificates[i];
                AUTO(buf) struct buf vcek = BUF(AZURE_CERTIFICATE_MAX), chain = BUF(AZURE_CHAIN_MAX);
                struct fault *f = azure_certificates_read(span_str(row->text), &vcek, &chain);
                if (row->is_good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INTERNAL, "az.imds_answer", row->name);
                assert_true(!row->is_good || (vcek.len > 0 && chain.len > 0));
        }
}

static void what_a_quote_looks_like(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(quotes); i++) {
                const struct row *row = &quotes[i];
                AUTO(buf) struct buf quote = BUF(AZURE_TD_QUOTE_MAX);
                struct fault *f = azure_td_quote_read(span_str(row->text), &quote);
                if (row->is_good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INTERNAL, "az.imds_answer", row->name);
                assert_int_equal(quote.len > 0 && quote.data[0] == 1, row->is_good);
        }
}

static struct fault *read_quote_of(size_t len)
{
        AUTO(json) struct json *answer = json_new_object();
        AUTO(buf) struct buf text = BUF(TEXT_MAX), quote = BUF(AZURE_TD_QUOTE_MAX);
        uint8_t *bytes = alloc_zero(len, 1);
        json_set_base64url(answer, "quote", span_make(bytes, len));
        free(bytes);
        expect_ok(json_write(answer, &text));
        return azure_td_quote_read(buf_span(&text), &quote);
}

static struct fault *read_certificates_of(size_t vcek_len, size_t chain_len)
{
        static char text[2][TEXT_MAX];
        AUTO(json) struct json *answer = json_new_object();
        AUTO(buf) struct buf all = BUF(2 * TEXT_MAX), vcek = BUF(AZURE_CERTIFICATE_MAX), chain = BUF(AZURE_CHAIN_MAX);
        const struct span begin = SPAN("-----BEGIN CERTIFICATE-----");
        memset(text, 'A', sizeof text);
        memcpy(text[0], begin.data, begin.len);
        memcpy(text[1], begin.data, begin.len);
        json_set_span(answer, "vcekCert", span_make(text[0], vcek_len));
        json_set_span(answer, "certificateChain", span_make(text[1], chain_len));
        expect_ok(json_write(answer, &all));
        return azure_certificates_read(buf_span(&all), &vcek, &chain);
}

static void how_long_they_may_be(void **state UNUSED)
{
        expect_ok(read_quote_of(AZURE_TD_QUOTE_MAX));
        expect_fault(read_quote_of(AZURE_TD_QUOTE_MAX + 1), FAULT_INTERNAL, "az.imds_answer");
        expect_ok(read_certificates_of(AZURE_CERTIFICATE_MAX, AZURE_CHAIN_MAX));
        expect_fault(read_certificates_of(AZURE_CERTIFICATE_MAX + 1, 100), FAULT_INTERNAL, "az.imds_answer");
        expect_fault(read_certificates_of(100, AZURE_CHAIN_MAX + 1), FAULT_INTERNAL, "az.imds_answer");
}

static void what_is_asked(void **state UNUSED)
{
        AUTO(buf) struct buf out = BUF(100);
        expect_ok(azure_td_request_write(SPAN("\xff\xfe\x01\x02"), &out));
        assert_string_equal(buf_str(&out), "{\"report\":\"__4BAg\"}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_certificates_look_like),
                cmocka_unit_test(what_a_quote_looks_like),
                cmocka_unit_test(how_long_they_may_be),
                cmocka_unit_test(what_is_asked),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
