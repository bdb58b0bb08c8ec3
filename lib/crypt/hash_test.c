#include "lib/crypt/hash.h"

#include "tests/fakes/expect.h"

#include "lib/base/parse.h"

static void hex_equals(struct span bytes, const char *wanted, const char *name)
{
        char text[2 * HASH_MAX_LEN + 1];

        hex_string(bytes, text);
        if (strcmp(text, wanted) != 0)
                fail_msg("%s: %s", name, text);
}

/* FIPS 180-4 examples of "abc". */
static void digests(void **state UNUSED)
{
        static const struct {
                enum hash_alg alg;
                const char *name, *hex;
        } rows[] = {
                {HASH_SHA1, "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
                {HASH_SHA256, "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                {HASH_SHA384, "sha384",
                 "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
                {HASH_SHA512, "sha512",
                 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4"
                 "423"
                 "643ce80e2a9ac94fa54ca49f"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                uint8_t whole[HASH_MAX_LEN], parts[HASH_MAX_LEN];
                enum hash_alg alg;

                hash(rows[i].alg, SPAN("abc"), whole);
                hex_equals(span_make(whole, hash_len(rows[i].alg)), rows[i].hex, rows[i].name);
                expect_ok(hash_by_name(span_str(rows[i].name), &alg));
                assert_int_equal(alg, rows[i].alg);
                assert_string_equal(hash_name(alg), rows[i].name);

                AUTO(hasher) struct hasher *h = hasher_new(alg);
                for (int round = 0; round < 2; round++) { /* it starts anew after an end */
                        hasher_add(h, SPAN("a"));
                        hasher_add(h, SPAN_NONE);
                        hasher_add(h, SPAN("bc"));
                        hasher_end(h, parts);
                        assert_memory_equal(parts, whole, hash_len(alg));
                }
        }
}

static void names_that_are_none(void **state UNUSED)
{
        static const char *const rows[] = {"", "SHA256", "sha-256", "sha256 ", "md5", "sha224", "sm3"};

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                enum hash_alg alg;
                expect_fault_row(hash_by_name(span_str(rows[i]), &alg), FAULT_INVALID, "BAD_HASH_NAME", rows[i]);
        }
}

/* RFC 4231, test cases 1, 2 and 6 (a key longer than a block), and an empty key. */
static void macs(void **state UNUSED)
{
        uint8_t long_key[131], short_key[20], mac[SHA256_LEN];

        memset(long_key, 0xaa, sizeof long_key);
        memset(short_key, 0x0b, sizeof short_key);
        hmac_sha256(SPAN_OF(short_key), SPAN("Hi There"), mac);
        hex_equals(SPAN_OF(mac), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", "case 1");
        hmac_sha256(SPAN("Jefe"), SPAN("what do ya want for nothing?"), mac);
        hex_equals(SPAN_OF(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "case 2");
        hmac_sha256(SPAN_OF(long_key), SPAN("Test Using Larger Than Block-Size Key - Hash Key First"), mac);
        hex_equals(SPAN_OF(mac), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", "case 6");
        hmac_sha256(SPAN_NONE, SPAN_NONE, mac);
        hex_equals(SPAN_OF(mac), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "empty");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(digests),
                cmocka_unit_test(names_that_are_none),
                cmocka_unit_test(macs),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
