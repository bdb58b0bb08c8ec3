#include "lib/base/checksum.h"

#include "lib/base/parse.h"
#include "tests/fakes/expect.h"

/* FIPS 180-2, appendix B, and the lengths around its padding: every byte 'a'. */
static void known_answers(void **state UNUSED)
{
        static const struct {
                const char *text;
                size_t repeat;
                const char *digest;
        } rows[] = {
                {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
                {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
                {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf text = BUF(1000000);
                uint8_t digest[CHECKSUM_LEN];
                char hex[2 * sizeof digest + 1];
                for (size_t k = 0; k < rows[i].repeat; k++)
                        expect_ok(buf_append(&text, span_str(rows[i].text)));
                checksum_sha256(buf_span(&text), digest);
                hex_string(SPAN_OF(digest), hex);
                assert_string_equal(hex, rows[i].digest);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
