/* The security module's messages, byte for byte, and the device: what it may say, and when it is asked again. */
#include "attester/evidence/nsm.h"

#include <errno.h>

#include "attester/evidence/uapi.h"
#include "lib/wire/cbor.h"
#include "tests/emulators/device.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"

#define THERE "NSM_TEST" /* an environment variable: the device is there */

/* ---- messages */

static void request_is_the_modules_own(void **state)
{
        (void) state;
        static const char wanted[] = "\xa1\x6b"
                                     "Attestation\xa3\x69user_data\x43"
                                     "abc\x65nonce\x42xy\x6apublic_key\xf6";
        AUTO(buf) struct buf out = BUF(NSM_REQUEST_MAX), largest = BUF(NSM_REQUEST_MAX);
        const struct nsm_attestation a = {.user_data = SPAN("abc"), .nonce = SPAN("xy")};
        expect_ok(nsm_request_write(&a, &out));
        assert_int_equal(out.len, sizeof wanted - 1);
        assert_memory_equal(out.data, wanted, out.len);

        static const uint8_t full[NSM_FIELD_MAX];
        const struct nsm_attestation most = {SPAN_OF(full), SPAN_OF(full), SPAN_OF(full)};
        expect_ok(nsm_request_write(&most, &largest));
}

#define GOOD                                                                                                           \
        "\xa1\x6b"                                                                                                     \
        "Attestation\xa1\x68"                                                                                          \
        "document\x43"                                                                                                 \
        "doc"
#define ERROR_OF(len)                                                                                                  \
        "\xa1\x65"                                                                                                     \
        "Error" len

struct message {
        const char *name;
        struct span bytes;
        enum fault_code code;
        const char *token; /* NULL: it has "doc" */
};
#define OK_ROW  FAULT_UNKNOWN, NULL
#define BLOB    FAULT_UNAVAILABLE, "tee.blob"
#define REFUSED FAULT_INTERNAL, "tee.refused"

static void responses(void **state)
{
        (void) state;
        static const struct message rows[] = {
                {"a document", SPAN(GOOD), OK_ROW},
                {"indefinite maps",
                 SPAN("\xbf\x6b"
                      "Attestation\xbf\x68"
                      "document\x43"
                      "doc\xff\xff"),
                 OK_ROW},
                {"a member that is new",
                 SPAN("\xa1\x6b"
                      "Attestation\xa2\x63"
                      "new\x82\x01\x02\x68"
                      "document\x43"
                      "doc"),
                 OK_ROW},
                {"nothing", SPAN(""), BLOB},
                {"cut off", {(const uint8_t *) GOOD, sizeof GOOD - 2}, BLOB},
                {"a byte behind", SPAN(GOOD "\x00"), BLOB},
                {"an empty map", SPAN("\xa0"), BLOB},
                {"a word alone",
                 SPAN("\x6b"
                      "DescribeNSM"),
                 BLOB},
                {"an answer to something else",
                 SPAN("\xa1\x69"
                      "GetRandom\xa1\x66"
                      "random\x41"
                      "x"),
                 BLOB},
                {"two answers",
                 SPAN("\xa2\x6b"
                      "Attestation\xa1\x68"
                      "document\x43"
                      "doc\x65"
                      "Error\x60"),
                 BLOB},
                {"no document",
                 SPAN("\xa1\x6b"
                      "Attestation\xa0"),
                 BLOB},
                {"an empty document",
                 SPAN("\xa1\x6b"
                      "Attestation\xa1\x68"
                      "document\x40"),
                 BLOB},
                {"a document of text",
                 SPAN("\xa1\x6b"
                      "Attestation\xa1\x68"
                      "document\x63"
                      "doc"),
                 BLOB},
                {"two documents",
                 SPAN("\xa1\x6b"
                      "Attestation\xa2\x68"
                      "document\x41"
                      "a\x68"
                      "document\x41"
                      "b"),
                 BLOB},
                {"an error that is no word", SPAN(ERROR_OF("\x01")), BLOB},
                {"InvalidArgument", SPAN(ERROR_OF("\x6f") "InvalidArgument"), REFUSED},
                {"InvalidIndex", SPAN(ERROR_OF("\x6c") "InvalidIndex"), REFUSED},
                {"ReadOnlyIndex", SPAN(ERROR_OF("\x6d") "ReadOnlyIndex"), REFUSED},
                {"InvalidOperation", SPAN(ERROR_OF("\x70") "InvalidOperation"), REFUSED},
                {"InputTooLarge", SPAN(ERROR_OF("\x6d") "InputTooLarge"), REFUSED},
                {"InvalidResponse", SPAN(ERROR_OF("\x6f") "InvalidResponse"), FAULT_UNAVAILABLE, "tee.busy"},
                {"BufferTooSmall", SPAN(ERROR_OF("\x6e") "BufferTooSmall"), BLOB},
                {"InternalError", SPAN(ERROR_OF("\x6d") "InternalError"), FAULT_UNAVAILABLE, "tee.host"},
                {"Success, as an error", SPAN(ERROR_OF("\x67") "Success"), FAULT_INTERNAL, "tee.fault"},
                {"a word with an escape in it", SPAN(ERROR_OF("\x63") "\x1b[m"), FAULT_INTERNAL, "tee.fault"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct span document = SPAN("before");
                struct fault *f = nsm_response_read(rows[i].bytes, &document);
                if (rows[i].token == NULL) {
                        expect_ok(f);
                        assert_true(span_eq_str(document, "doc"));
                        continue;
                }
                assert_null(strchr(fault_text(f), '\x1b'));
                expect_fault_row(f, rows[i].code, rows[i].token, rows[i].name);
                assert_true(span_eq_str(document, "before"));
        }
}

static void the_modules_word_is_in_the_text(void **state)
{
        (void) state;
        struct span document;
        AUTO(fault) struct fault *f = nsm_response_read(SPAN(ERROR_OF("\x6d") "InternalError"), &document);
        assert_non_null(strstr(fault_text(f), "InternalError"));
}

/* ---- the device */

static struct {
        int error;            /* what it says, 0: `response` */
        unsigned error_times; /* that often, then `response` */
        struct span response; /* copied as far as it goes */
        uint64_t announced;   /* its length, as the driver says; 0: the truth */
        unsigned calls;
        char request[64];
        size_t request_len;
} module;

static int answer(void *argument)
{
        struct nsm_raw *raw = argument;
        module.calls++;
        module.request_len = raw->request.len < sizeof module.request ? raw->request.len : sizeof module.request;
        memcpy(module.request, (const void *) (uintptr_t) raw->request.addr, /* NOLINT(performance-no-int-to-ptr) */
               module.request_len);
        if (module.error != 0 && module.calls <= module.error_times)
                return module.error;
        size_t len = module.response.len < raw->response.len ? module.response.len : raw->response.len;
        if (len > 0)
                memcpy((void *) (uintptr_t) raw->response.addr, /* NOLINT(performance-no-int-to-ptr) */
                       module.response.data, len);
        raw->response.len = module.announced != 0 ? module.announced : len;
        return 0;
}

const struct emulated_device emulated_device = {
        .path = NSM_DEVICE, .variable = THERE, .request = NSM_IOCTL_RAW, .answer = answer};

static struct fault *attest(struct cancel *cancel, struct buf *ret)
{
        const struct nsm_attestation a = {.user_data = SPAN("u"), .nonce = SPAN("n")};
        module.calls = 0;
        return nsm_attest(&a, cancel, ret);
}

static void a_document_comes_back(void **state)
{
        (void) state;
        AUTO(buf) struct buf document = BUF(NSM_RESPONSE_MAX);
        module = (typeof(module)){.response = SPAN(GOOD)};
        expect_ok(nsm_probe());
        expect_ok(attest(NULL, &document));
        assert_true(span_eq_str(buf_span(&document), "doc"));
        assert_int_equal(module.calls, 1);
        assert_non_null(memmem(module.request, module.request_len, "nonce\x41n", 7));
}

static void the_largest_document(void **state)
{
        (void) state;
        static uint8_t largest[NSM_RESPONSE_MAX - 26];
        AUTO(buf) struct buf response = BUF(NSM_RESPONSE_MAX + 1), document = BUF(NSM_RESPONSE_MAX);
        memset(largest, 'x', sizeof largest);
        expect_ok(buf_append(&response, span_make(GOOD, sizeof GOOD - 5)));
        expect_ok(cbor_write_bytes(&response, SPAN_OF(largest)));
        assert_int_equal(response.len, NSM_RESPONSE_MAX);
        module = (typeof(module)){.response = buf_span(&response)};
        expect_ok(attest(NULL, &document));
        assert_int_equal(document.len, sizeof largest);

        /* one more is cut off by the kernel, and no document any more */
        expect_ok(buf_append_byte(&response, 'x'));
        response.data[sizeof GOOD - 5 + 2]++;
        module = (typeof(module)){.response = buf_span(&response)};
        expect_fault(attest(NULL, &document), FAULT_UNAVAILABLE, "tee.blob");
}

static void what_the_device_says(void **state)
{
        (void) state;
        static const struct {
                const char *name;
                int error;
                unsigned error_times, calls; /* calls: how often it is asked */
                uint64_t announced;
                enum fault_code code;
                const char *token; /* NULL: a document */
        } rows[] = {
                {"interrupted twice", EINTR, 2, 3, 0, FAULT_UNKNOWN, NULL},
                {"busy once", EBUSY, 1, 2, 0, FAULT_UNKNOWN, NULL},
                {"always busy", EBUSY, 99, 5, 0, FAULT_UNAVAILABLE, "tee.busy"},
                {"the module does not answer", ETIMEDOUT, 99, 1, 0, FAULT_UNAVAILABLE, "tee.timeout"},
                {"the queue is out of step", ENODATA, 99, 1, 0, FAULT_UNAVAILABLE, "tee.host"},
                {"the queue can't be kicked", EIO, 99, 1, 0, FAULT_UNAVAILABLE, "tee.host"},
                {"another driver's ioctl", EINVAL, 99, 1, 0, FAULT_INTERNAL, "tee.refused"},
                {"too long a request", EMSGSIZE, 99, 1, 0, FAULT_INTERNAL, "tee.fault"},
                {"gone", ENODEV, 99, 1, 0, FAULT_UNAVAILABLE, "tee.gone"},
                {"more than there is room for", 0, 0, 1, NSM_RESPONSE_MAX + 1, FAULT_UNAVAILABLE, "tee.blob"},
                {"short by a byte", 0, 0, 1, sizeof GOOD - 2, FAULT_UNAVAILABLE, "tee.blob"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf document = BUF(NSM_RESPONSE_MAX);
                module = (typeof(module)){.error = rows[i].error,
                                          .error_times = rows[i].error_times,
                                          .response = SPAN(GOOD),
                                          .announced = rows[i].announced};
                struct fault *f = attest(NULL, &document);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, rows[i].code, rows[i].token, rows[i].name);
                if (module.calls != rows[i].calls)
                        fail_msg("%s: asked %u times", rows[i].name, module.calls);
        }
}

static void no_enclave(void **state)
{
        (void) state;
        AUTO(buf) struct buf document = BUF(NSM_RESPONSE_MAX);
        if (access(NSM_DEVICE, F_OK) == 0)
                skip();
        device_set(THERE, NULL);
        expect_fault(nsm_probe(), FAULT_PRECONDITION, "tee.missing");
        expect_fault(attest(NULL, &document), FAULT_PRECONDITION, "tee.missing");
        device_set(THERE, "1");
}

static void cancel_is_honoured(void **state)
{
        (void) state;
        struct fake_clock time;
        struct cancel cancel;
        AUTO(buf) struct buf document = BUF(NSM_RESPONSE_MAX);
        fake_clock_init(&time, 0, 1000);
        cancel_init(&cancel, &time.clock, (struct boot){1000});
        module = (typeof(module)){.response = SPAN(GOOD)};
        expect_fault(attest(&cancel, &document), FAULT_DEADLINE, "DEADLINE");
        assert_int_equal(module.calls, 0);
        cancel_clear(&cancel);
}

/* Between two tries as well: a module that is always busy does not keep anybody longer than they wait. */
static void deadline_between_tries(void **state)
{
        (void) state;
        struct cancel cancel;
        AUTO(buf) struct buf document = BUF(NSM_RESPONSE_MAX);
        module = (typeof(module)){.error = EBUSY, .error_times = 99};
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + 80});
        expect_fault(attest(&cancel, &document), FAULT_DEADLINE, "DEADLINE");
        assert_in_range(module.calls, 1, 2);
        cancel_clear(&cancel);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(request_is_the_modules_own),
                cmocka_unit_test(responses),
                cmocka_unit_test(the_modules_word_is_in_the_text),
                cmocka_unit_test(a_document_comes_back),
                cmocka_unit_test(the_largest_document),
                cmocka_unit_test(what_the_device_says),
                cmocka_unit_test(no_enclave),
                cmocka_unit_test(cancel_is_honoured),
                cmocka_unit_test(deadline_between_tries),
        };
        device_set(THERE, "1");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
