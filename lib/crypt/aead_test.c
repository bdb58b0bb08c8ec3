#include "lib/crypt/aead.h"

#include "tests/fakes/expect.h"

#include "lib/base/parse.h"

static struct secret *key_of(uint8_t byte)
{
        struct secret *k = secret_new(AEAD_KEY_LEN);

        memset(secret_bytes(k), byte, AEAD_KEY_LEN);
        return k;
}

static void opens_what_was_sealed(void **state UNUSED)
{
        AUTO(secret) struct secret *key = key_of(1);
        uint8_t plain[100];

        for (size_t i = 0; i < sizeof plain; i++)
                plain[i] = (uint8_t) i;
        for (size_t len = 1; len <= sizeof plain; len++) {
                AUTO(buf) struct buf sealed = BUF(256), again = BUF(256);
                AUTO(secret) struct secret *opened = NULL;
                struct span aad = span_make("context", len % 8); /* also none */

                expect_ok(aead_seal(key, aad, span_make(plain, len), &sealed));
                expect_ok(aead_seal(key, aad, span_make(plain, len), &again));
                assert_int_equal(sealed.len, len + AEAD_OVERHEAD);
                assert_false(span_eq(buf_span(&sealed), buf_span(&again))); /* nonces differ */
                expect_ok(aead_open(key, aad, buf_span(&sealed), &opened));
                assert_true(secret_eq(opened, span_make(plain, len)));
        }
}

static void refuses_anything_else(void **state UNUSED)
{
        AUTO(secret) struct secret *key = key_of(1), *other = key_of(2), *opened = NULL;
        AUTO(buf) struct buf sealed = BUF(256);
        struct span aad = SPAN("context");

        expect_ok(aead_seal(key, aad, SPAN("forty-two"), &sealed));
        expect_fault(aead_open(other, aad, buf_span(&sealed), &opened), FAULT_UNAUTHENTICATED, "BAD_SEAL");
        expect_fault(aead_open(key, SPAN("contexu"), buf_span(&sealed), &opened), FAULT_UNAUTHENTICATED, "BAD_SEAL");
        expect_fault(aead_open(key, SPAN_NONE, buf_span(&sealed), &opened), FAULT_UNAUTHENTICATED, "BAD_SEAL");
        for (size_t bit = 0; bit < sealed.len * 8; bit++) {
                sealed.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
                expect_fault(aead_open(key, aad, buf_span(&sealed), &opened), FAULT_UNAUTHENTICATED, "BAD_SEAL");
                sealed.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
        for (size_t len = 0; len < sealed.len; len++)
                expect_fault(aead_open(key, aad, span_make(sealed.data, len), &opened), FAULT_UNAUTHENTICATED,
                             "BAD_SEAL");
        expect_ok(buf_append_byte(&sealed, 0));
        expect_fault(aead_open(key, aad, buf_span(&sealed), &opened), FAULT_UNAUTHENTICATED, "BAD_SEAL");
        assert_null(opened);
}

/* NIST SP 800-38A, F.3.13 and F.3.17 have another IV; these were computed for the zero IV with `openssl enc`. */
static void cfb(void **state UNUSED)
{
        static const struct {
                const char *name, *key, *sealed;
        } rows[] = {
                {"128", "2b7e151628aed2a6abf7158809cf4f3c", "1636d5ee34f80625d77f8e56ca88434586360140d408"},
                {"256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                 "8ea94863ba8fe940fe7032d13083bf7e22a9a42cd837"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf key = BUF(32), plain = BUF(64), sealed = BUF(64), text = BUF(128);

                expect_ok(hex_decode(span_str(rows[i].key), &key));
                expect_ok(hex_decode(SPAN("6bc1bee22e409f96e93d7e117393172aae2d8a571e03"), &plain));
                expect_ok(aes_cfb_encrypt(buf_span(&key), buf_span(&plain), &sealed));
                expect_ok(hex_encode(buf_span(&sealed), &text));
                assert_string_equal(buf_str(&text), rows[i].sealed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(opens_what_was_sealed),
                cmocka_unit_test(refuses_anything_else),
                cmocka_unit_test(cfb),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
