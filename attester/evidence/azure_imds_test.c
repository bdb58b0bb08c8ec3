/* A metadata service that is well, busy, broken, gone, or another program's. */
#include "attester/evidence/azure_imds.h"

#include "attester/evidence/azure_answers.h"
#include "lib/base/clock.h"
#include "lib/model/hcl.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/imds.h"

#define ANSWER_MS ((int64_t) 5000)
#define SHORT_MS  ((int64_t) 50)

static struct imds service;
static const uint8_t tdreport[HCL_TDREPORT_LEN] = {0x81};

static struct azure_imds *client(const char *url, int64_t answer_ms)
{
        struct azure_imds *i = NULL;
        expect_ok(azure_imds_new(&(struct azure_imds_options){.url = url, .pause_ms = 1, .answer_ms = answer_ms}, &i));
        return i;
}

static struct fault *ask_certificates(struct azure_imds *i, int64_t wait_ms)
{
        AUTO(buf) struct buf vcek = BUF(AZURE_CERTIFICATE_MAX), chain = BUF(AZURE_CHAIN_MAX);
        TRY(azure_imds_certificates(i, wait_ms, NULL, &vcek, &chain));
        assert_true(vcek.len > 0 && chain.len > vcek.len);
        return NULL;
}

static struct fault *ask_quote(struct azure_imds *i, struct cancel *cancel)
{
        AUTO(buf) struct buf quote = BUF(AZURE_TD_QUOTE_MAX);
        TRY(azure_imds_td_quote(i, SPAN_OF(tdreport), cancel, &quote));
        assert_true(quote.len > HCL_TDREPORT_LEN);
        return NULL;
}

static void it_answers(void **state UNUSED)
{
        AUTO(azure_imds) struct azure_imds *i = client(service.url, ANSWER_MS);
        imds_say(&service, IMDS_FINE, 0);
        expect_ok(ask_certificates(i, ANSWER_MS));
        expect_ok(ask_quote(i, NULL));
        assert_int_equal(imds_asked(&service), 2);
}

/* How often it is asked for a quote, and what comes of it; certificates are asked for once. */
static const struct {
        const char *name;
        enum imds_mode mode;
        unsigned times, asked; /* times 0: for ever */
        enum fault_code code;
        const char *token; /* NULL: an answer in the end */
} rows[] = {
        {"busy for a while", IMDS_BUSY, 3, 4, FAULT_INTERNAL, NULL},
        {"failing for a while", IMDS_FAILING, 4, 5, FAULT_INTERNAL, NULL},
        {"busy too often", IMDS_BUSY, AZURE_IMDS_TRIES, AZURE_IMDS_TRIES, FAULT_UNAVAILABLE, "az.imds"},
        {"always failing", IMDS_FAILING, 0, AZURE_IMDS_TRIES, FAULT_UNAVAILABLE, "az.imds"},
        {"not there", IMDS_MISSING, 0, 1, FAULT_INTERNAL, "az.imds_refused"},
        {"rubbish", IMDS_RUBBISH, 0, 1, FAULT_INTERNAL, "az.imds_answer"},
        {"too long", IMDS_HUGE, 0, 1, FAULT_INTERNAL, "az.imds_answer"},
};

static void how_often_it_is_asked(void **state UNUSED)
{
        for (size_t n = 0; n < COUNT_OF(rows); n++) {
                AUTO(azure_imds) struct azure_imds *i = client(service.url, ANSWER_MS);
                imds_say(&service, rows[n].mode, rows[n].times);
                struct fault *f = ask_quote(i, NULL);
                if (rows[n].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, rows[n].code, rows[n].token, rows[n].name);
                assert_int_equal(imds_asked(&service), rows[n].asked);

                imds_say(&service, rows[n].mode, rows[n].times);
                f = ask_certificates(i, ANSWER_MS);
                expect_fault_row(f, rows[n].token == NULL ? FAULT_UNAVAILABLE : rows[n].code,
                                 rows[n].token == NULL ? "az.imds" : rows[n].token, rows[n].name);
                assert_int_equal(imds_asked(&service), 1);
        }
}

static void nobody_listens(void **state UNUSED)
{
        struct imds gone;
        imds_start(&gone);
        imds_stop(&gone);
        AUTO(azure_imds) struct azure_imds *i = client(gone.url, ANSWER_MS);
        expect_fault(ask_quote(i, NULL), FAULT_UNAVAILABLE, "az.imds");
        expect_fault(ask_certificates(i, ANSWER_MS), FAULT_UNAVAILABLE, "az.imds");
}

static void silence_is_not_waited_out(void **state UNUSED)
{
        AUTO(azure_imds) struct azure_imds *i = client(service.url, SHORT_MS);
        imds_say(&service, IMDS_SILENT, 0);
        expect_fault(ask_certificates(i, SHORT_MS), FAULT_UNAVAILABLE, "az.imds");
        imds_say(&service, IMDS_SILENT, 1);
        expect_fault(ask_certificates(i, SHORT_MS), FAULT_UNAVAILABLE, "az.imds");
        expect_ok(ask_certificates(i, ANSWER_MS));
}

static void whoever_asks_may_stop(void **state UNUSED)
{
        AUTO(azure_imds) struct azure_imds *i = client(service.url, ANSWER_MS);
        AUTO(cancel) struct cancel cancel;
        imds_say(&service, IMDS_SILENT, 1);
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + SHORT_MS});
        expect_fault(ask_quote(i, &cancel), FAULT_DEADLINE, "DEADLINE");
        imds_say(&service, IMDS_FINE, 0);
        expect_fault(ask_quote(i, &cancel), FAULT_DEADLINE, "DEADLINE");
        assert_int_equal(imds_asked(&service), 0);
}

static void where_it_can_be(void **state UNUSED)
{
        static const char *const urls[] = {"https://169.254.169.254", "169.254.169.254", "ftp://x", "http://",
                                           "nonsense"};
        for (size_t n = 0; n < COUNT_OF(urls); n++) {
                struct azure_imds *i = NULL;
                expect_fault_row(azure_imds_new(&(struct azure_imds_options){.url = urls[n]}, &i), FAULT_INVALID,
                                 "evidence.imds_url", urls[n]);
        }
}

static int start(void **state UNUSED)
{
        imds_start(&service);
        return 0;
}

static int stop(void **state UNUSED)
{
        imds_stop(&service);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_answers),
                cmocka_unit_test(how_often_it_is_asked),
                cmocka_unit_test(nobody_listens),
                cmocka_unit_test(silence_is_not_waited_out),
                cmocka_unit_test(whoever_asks_may_stop),
                cmocka_unit_test(where_it_can_be),
        };
        return cmocka_run_group_tests(tests, start, stop);
}
