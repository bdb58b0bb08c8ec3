#include "lib/crypt/der.h"

#include "tests/fakes/expect.h"

static void lengths(void **state UNUSED)
{
        static const struct {
                size_t len;
                const char *head;
                size_t head_len;
        } rows[] = {
                {0, "\x04\x00", 2},
                {1, "\x04\x01", 2},
                {127, "\x04\x7f", 2},
                {128, "\x04\x81\x80", 3},
                {255, "\x04\x81\xff", 3},
                {256, "\x04\x82\x01\x00", 4},
                {65535, "\x04\x82\xff\xff", 4},
                {65536, "\x04\x83\x01\x00\x00", 5},
        };
        static uint8_t bytes[65536];

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(der) struct der d = DER(2 * sizeof bytes);
                AUTO(buf) struct buf out = BUF(2 * sizeof bytes);
                struct span back;

                memset(bytes, 0x5a, sizeof bytes);
                der_add(&d, DER_OCTET_STRING, span_make(bytes, rows[i].len));
                expect_ok(der_end(&d, &out));
                assert_int_equal(out.len, rows[i].head_len + rows[i].len);
                assert_memory_equal(out.data, rows[i].head, rows[i].head_len);
                struct reader r = READER(buf_span(&out));
                expect_ok(der_read(&r, DER_OCTET_STRING, &back));
                assert_true(span_eq(back, span_make(bytes, rows[i].len)));
                expect_ok(reader_end(&r));
        }
}

static void writes(struct der *d, const char *wanted, size_t len, const char *name)
{
        AUTO(buf) struct buf out = BUF(256);

        expect_ok(der_end(d, &out));
        der_clear(d);
        if (!span_eq(buf_span(&out), span_make(wanted, len)))
                fail_msg("%s", name);
}
#define WRITES(d, literal, name) writes((d), (literal), sizeof(literal) - 1, (name))

static void values(void **state UNUSED)
{
        AUTO(der) struct der d = DER(256);

        der_uint(&d, SPAN_NONE);
        WRITES(&d, "\x02\x01\x00", "zero, empty");
        der_uint(&d, SPAN("\0\0\0"));
        WRITES(&d, "\x02\x01\x00", "zero, wide");
        der_uint(&d, SPAN("\0\x7f"));
        WRITES(&d, "\x02\x01\x7f", "no sign byte");
        der_uint(&d, SPAN("\x80"));
        WRITES(&d, "\x02\x02\x00\x80", "sign byte");
        der_true(&d);
        WRITES(&d, "\x01\x01\xff", "true");
        der_bits(&d, SPAN("\xaa"));
        WRITES(&d, "\x03\x02\x00\xaa", "bits");
        der_oid_text(&d, "2.23.133.8.1");
        WRITES(&d, "\x06\x05\x67\x81\x05\x08\x01", "OID");
        der_oid_text(&d, "2.25.329800735698586629295641978511506172918"); /* an arc of 128 bits */
        WRITES(&d, "\x06\x14\x69\x83\xf0\x9d\xa7\xeb\xcf\xde\xe0\xc7\xa1\xa7\xb2\xc0\x94\x8c\xc8\xf9\xd7\x76", "UUID");
        der_time(&d, wall_from_unix_s(2524607999));
        WRITES(&d,
               "\x17\x0d"
               "491231235959Z",
               "last UTCTime");
        der_time(&d, wall_from_unix_s(2524608000));
        WRITES(&d,
               "\x18\x0f"
               "20500101000000Z",
               "first GeneralizedTime");
        der_time(&d, wall_from_unix_s(253402300799));
        WRITES(&d,
               "\x18\x0f"
               "99991231235959Z",
               "no end");
}

/* The first fault sticks; what follows changes nothing. */
static void faults(void **state UNUSED)
{
        AUTO(der) struct der small = DER(4), bad = DER(64), late = DER(64);
        AUTO(buf) struct buf out = BUF(64);

        size_t at = der_open(&small, DER_SEQUENCE);
        der_raw(&small, SPAN("12345"));
        der_close(&small, at);
        expect_fault(der_end(&small, &out), FAULT_EXHAUSTED, "TOO_LARGE");
        der_oid_text(&bad, "1.2.x");
        der_true(&bad);
        expect_fault(der_end(&bad, &out), FAULT_INVALID, "BAD_OID");
        der_time(&late, wall_from_unix_s(253402300800));
        expect_fault(der_end(&late, &out), FAULT_INVALID, "BAD_TIME");
        assert_int_equal(out.len, 0);
}

static void refuses(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span bytes;
        } rows[] = {
                {"nothing", {NULL, 0}},
                {"tag alone", {(const uint8_t *) "\x02", 1}},
                {"other tag", {(const uint8_t *) "\x04\x01\x01", 3}},
                {"cut content", {(const uint8_t *) "\x02\x02\x01", 3}},
                {"indefinite length", {(const uint8_t *) "\x02\x80\x01\x00\x00", 5}},
                {"length not minimal", {(const uint8_t *) "\x02\x81\x01\x01", 4}},
                {"length with a zero in front", {(const uint8_t *) "\x02\x82\x00\x81", 4}},
                {"length of four octets", {(const uint8_t *) "\x02\x84\x00\x00\x00\x01\x01", 7}},
                {"length cut", {(const uint8_t *) "\x02\x82\x01", 3}},
                {"empty integer", {(const uint8_t *) "\x02\x00", 2}},
                {"zero", {(const uint8_t *) "\x02\x01\x00", 3}},
                {"negative", {(const uint8_t *) "\x02\x01\x80", 3}},
                {"integer not minimal", {(const uint8_t *) "\x02\x02\x00\x01", 4}},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct reader r = READER(rows[i].bytes);
                struct span number;

                expect_fault_row(der_read_uint(&r, &number), FAULT_INVALID, "BAD_DER", rows[i].name);
                assert_int_equal(r.at, 0);
        }

        struct span bits;
        struct reader unused = READER(SPAN("\x03\x02\x01\xaa")), none = READER(SPAN("\x03\x00"));
        expect_fault(der_read_bits(&unused, &bits), FAULT_INVALID, "BAD_DER");
        expect_fault(der_read_bits(&none, &bits), FAULT_INVALID, "BAD_DER");
}

static void times(void **state UNUSED)
{
        static const struct {
                const char *name;
                struct span der;
                int64_t unix_s; /* -1: refused */
        } rows[] = {
                {"UTCTime",
                 SPAN("\x17\x0d"
                      "250619103227Z"),
                 1750329147},
                {"1950",
                 SPAN("\x17\x0d"
                      "500101000000Z"),
                 -631152000},
                {"2049",
                 SPAN("\x17\x0d"
                      "491231235959Z"),
                 2524607999},
                {"leap day",
                 SPAN("\x17\x0d"
                      "240229000000Z"),
                 1709164800},
                {"GeneralizedTime",
                 SPAN("\x18\x0f"
                      "20500101000000Z"),
                 2524608000},
                {"no leap day",
                 SPAN("\x17\x0d"
                      "250229000000Z"),
                 -1},
                {"month 13",
                 SPAN("\x17\x0d"
                      "251301000000Z"),
                 -1},
                {"month 0",
                 SPAN("\x17\x0d"
                      "250001000000Z"),
                 -1},
                {"day 0",
                 SPAN("\x17\x0d"
                      "250100000000Z"),
                 -1},
                {"hour 24",
                 SPAN("\x17\x0d"
                      "250101240000Z"),
                 -1},
                {"second 60",
                 SPAN("\x17\x0d"
                      "250101000060Z"),
                 -1},
                {"no seconds",
                 SPAN("\x17\x0b"
                      "2501010000Z"),
                 -1},
                {"offset",
                 SPAN("\x17\x11"
                      "250101000000+0100"),
                 -1},
                {"fraction",
                 SPAN("\x18\x11"
                      "20250101000000.5Z"),
                 -1},
                {"no Z",
                 SPAN("\x17\x0d"
                      "2501010000000"),
                 -1},
                {"a letter",
                 SPAN("\x17\x0d"
                      "25010100000aZ"),
                 -1},
                {"a sign",
                 SPAN("\x17\x0d"
                      "25010100+000Z"),
                 -1},
                {"cut",
                 SPAN("\x17\x0d"
                      "250101000000"),
                 -1},
                {"another tag",
                 SPAN("\x04\x0d"
                      "250101000000Z"),
                 -1},
                {"nothing", SPAN(""), -1},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct reader r = READER(rows[i].der);
                struct wall t = {0};
                if (rows[i].unix_s == -1) {
                        expect_fault_row(der_read_time(&r, &t), FAULT_INVALID, "BAD_DER", rows[i].name);
                        assert_int_equal(r.at, 0);
                        continue;
                }
                expect_ok(der_read_time(&r, &t));
                assert_int_equal(wall_unix_s(t), rows[i].unix_s);
                expect_ok(reader_end(&r));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lengths), cmocka_unit_test(values), cmocka_unit_test(faults),
                cmocka_unit_test(refuses), cmocka_unit_test(times),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
