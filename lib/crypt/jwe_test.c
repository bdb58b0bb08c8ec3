#include "lib/crypt/jwe.h"

#include "tests/fakes/pki.h"

#include "lib/base/parse.h"
#include "lib/crypt/aead.h"

static const struct jwe_parties nobody;
static const struct jwe_parties parties = {SPAN("https://issuer.example"), SPAN("nonce-1")};

static struct secret *text(const char *t)
{
        return secret_copy(span_str(t));
}

static struct buf seal(const struct key *to, const struct jwe_parties *p)
{
        struct buf out = BUF(JWE_MAX);
        AUTO(secret) struct secret *plain = text("a private key");

        expect_ok(jwe_seal(to, p, "k1", "application/pkcs8", plain, &out));
        return out;
}

static void opens_what_was_sealed(void **state UNUSED)
{
        AUTO(key) struct key *own = test_key(KEY_P256);
        static const size_t lengths[] = {1, 15, 16, 17, 4096, SECRET_MAX};

        for (size_t i = 0; i < COUNT_OF(lengths); i++) {
                AUTO(secret) struct secret *plain = secret_new(lengths[i]), *back = NULL;
                AUTO(buf) struct buf token = BUF(JWE_MAX), again = BUF(JWE_MAX);
                memset(secret_bytes(plain), (int) i + 1, lengths[i]);
                const struct jwe_parties *p = i % 2 == 0 ? &parties : &nobody;
                expect_ok(jwe_seal(own, p, NULL, NULL, plain, &token));
                expect_ok(jwe_seal(own, p, NULL, NULL, plain, &again));
                assert_false(span_eq(buf_span(&token), buf_span(&again)));
                expect_ok(jwe_open(own, p, buf_span(&token), &back));
                assert_true(secret_eq(back, secret_span(plain)));
        }
}

static struct fault *open_text(const struct key *own, const struct jwe_parties *p, struct span token)
{
        AUTO(secret) struct secret *plain = NULL;
        struct fault *f = jwe_open(own, p, token, &plain);

        assert_true((f == NULL) == (plain != NULL));
        return f;
}

static void refuses_keys(void **state UNUSED)
{
        AUTO(key) struct key *own = test_key(KEY_P256), *other = test_key(KEY_P256), *p384 = test_key(KEY_P384);
        AUTO(key) struct key *public = NULL;
        AUTO(buf) struct buf token = seal(own, &parties), out = BUF(JWE_MAX);
        AUTO(secret) struct secret *plain = text("x");

        expect_ok(key_from_spki(key_spki(own), &public));
        expect_fault(open_text(other, &parties, buf_span(&token)), FAULT_UNAUTHENTICATED, "jwe.key");
        expect_fault(open_text(public, &parties, buf_span(&token)), FAULT_INVALID, "KEY_KIND");
        expect_fault(open_text(p384, &parties, buf_span(&token)), FAULT_INVALID, "KEY_KIND");
        expect_fault(jwe_seal(p384, &parties, NULL, NULL, plain, &out), FAULT_INVALID, "KEY_KIND");
        expect_ok(jwe_seal(public, &parties, NULL, NULL, plain, &out));
}

static void refuses_other_parties(void **state UNUSED)
{
        AUTO(key) struct key *own = test_key(KEY_P256);
        AUTO(buf) struct buf token = seal(own, &parties), bare = seal(own, &nobody);
        static const struct {
                const char *name;
                struct jwe_parties parties;
        } rows[] = {
                {"nobody expected", {SPAN_NONE, SPAN_NONE}},
                {"another producer", {SPAN("https://issuer.exampl"), SPAN("nonce-1")}},
                {"another recipient", {SPAN("https://issuer.example"), SPAN("nonce-2")}},
                {"no recipient", {SPAN("https://issuer.example"), SPAN_NONE}},
                {"turned round", {SPAN("nonce-1"), SPAN("https://issuer.example")}},
        };

        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_fault_row(open_text(own, &rows[i].parties, buf_span(&token)), FAULT_UNAUTHENTICATED, "jwe.party",
                                 rows[i].name);
        expect_fault(open_text(own, &parties, buf_span(&bare)), FAULT_UNAUTHENTICATED, "jwe.party");
}

/* `token` with `find` replaced in its decoded header. */
static struct buf with_header(struct span token, const char *find, const char *put)
{
        struct buf out = BUF(4 * JWE_MAX);
        AUTO(buf) struct buf old = BUF(4096), header = BUF(16384);
        size_t dot = 0;

        while (token.data[dot] != '.')
                dot++;
        expect_ok(base64url_decode(span_slice(token, 0, dot), &old));
        const char *at = strstr(buf_str(&old), find);
        assert_non_null(at);
        expect_ok(buf_append(&header, span_slice(buf_span(&old), 0, (size_t) (at - buf_str(&old)))));
        expect_ok(buf_append_str(&header, put));
        expect_ok(buf_append_str(&header, at + strlen(find)));
        expect_ok(base64url_encode(buf_span(&header), &out));
        expect_ok(buf_append(&out, span_slice(token, dot, token.len - dot)));
        return out;
}

static void refuses_headers(void **state UNUSED)
{
        AUTO(key) struct key *own = test_key(KEY_P256);
        AUTO(buf) struct buf good = seal(own, &parties);
        static const struct {
                const char *name, *find, *put, *token;
        } rows[] = {
                {"as it was", "{", "{", NULL},
                {"another kid", "\"k1\"", "\"k2\"", "jwe.tag"},
                {"a blank more", "{\"alg\"", "{ \"alg\"", "jwe.tag"},
                {"direct agreement", "ECDH-ES+A256KW", "ECDH-ES", "jwe.algorithm"},
                {"smaller wrap", "A256KW", "A128KW", "jwe.algorithm"},
                {"RSA", "ECDH-ES+A256KW", "RSA-OAEP-256", "jwe.algorithm"},
                {"dir", "ECDH-ES+A256KW", "dir", "jwe.algorithm"},
                {"password", "ECDH-ES+A256KW", "PBES2-HS512+A256KW", "jwe.algorithm"},
                {"lower case", "ECDH-ES+A256KW", "ecdh-es+a256kw", "jwe.algorithm"},
                {"no alg", "\"alg\":\"ECDH-ES+A256KW\",", "", "jwe.header"},
                {"alg a number", "\"ECDH-ES+A256KW\"", "1", "jwe.header"},
                {"smaller content key", "A256GCM", "A128GCM", "jwe.encryption"},
                {"CBC", "A256GCM", "A256CBC-HS512", "jwe.encryption"},
                {"no enc", "\"enc\":\"A256GCM\",", "", "jwe.header"},
                {"zip", "\"enc\":", "\"zip\":\"DEF\",\"enc\":", "jwe.zip"},
                {"crit", "\"enc\":", "\"crit\":[\"exp\"],\"exp\":1,\"enc\":", "jwe.crit"},
                {"jku", "\"enc\":", "\"jku\":\"https://x\",\"enc\":", "jwe.member"},
                {"jwk", "\"enc\":", "\"jwk\":{},\"enc\":", "jwe.member"},
                {"x5c", "\"enc\":", "\"x5c\":[],\"enc\":", "jwe.member"},
                {"p2c", "\"enc\":", "\"p2c\":1,\"enc\":", "jwe.member"},
                {"alg twice", "\"enc\":", "\"alg\":\"ECDH-ES+A256KW\",\"enc\":", "jwe.header"},
                {"epk twice", "\"enc\":", "\"epk\":{},\"enc\":", "jwe.header"},
                {"kid a number", "\"k1\"", "1", "jwe.header"},
                {"cty an array", "\"application/pkcs8\"", "[]", "jwe.header"},
                {"apu padded", "\"apu\":\"", "\"apu\":\"=", "jwe.header"},
                {"apv a number", "\"apv\":\"bm9uY2UtMQ\"", "\"apv\":1", "jwe.header"},
                {"apv of something else", "bm9uY2UtMQ", "bm9uY2UtMg", "jwe.party"},
                {"no apv", "\"apv\":\"bm9uY2UtMQ\",", "", "jwe.party"},
                {"epk of another curve", "\"P-256\"", "\"P-384\"", "jwe.epk"},
                {"epk unknown curve", "\"P-256\"", "\"secp256k1\"", "jwe.epk"},
                {"epk X25519", "\"kty\":\"EC\"", "\"kty\":\"OKP\"", "jwe.epk"},
                {"epk with a private part", "\"kty\":\"EC\"", "\"kty\":\"EC\",\"d\":\"AAAA\"", "jwe.epk"},
                {"epk not on the curve", "\"x\":\"", "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"z\":\"",
                 "jwe.epk"},
                {"epk no object", "\"epk\":{", "\"epk\":1,\"typ\":{", "jwe.header"},
                {"no JSON", "{", "", "jwe.header"},
                {"an array", "{", "[{", "jwe.header"},
                {"something after it", "}", "}}", "jwe.header"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = with_header(buf_span(&good), rows[i].find, rows[i].put);
                struct fault *f = open_text(own, &parties, buf_span(&token));
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

/* Points that an attacker would choose: x is right and y of another point, zero, the field's prime. */
static void refuses_points(void **state UNUSED)
{
        AUTO(key) struct key *own = test_key(KEY_P256);
        AUTO(buf) struct buf good = seal(own, &parties);
        static const char *const rows[] = {
                "\"epk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"},\"typ\":\"a\",\"kid\":\"b\"}",
                "\"epk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
                "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},\"typ\":\"a\",\"kid\":\"b\"}",
                "\"epk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"_____wAAAAEAAAAAAAAAAAAAAAD_______________8\","
                "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"},\"typ\":\"a\",\"kid\":\"b\"}",
                "\"epk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"AAAA\",\"y\":\"AAAA\"},\"typ\":\"a\",\"kid\":\"b\"}",
                "\"epk\":null}",
                "\"kid\":\"b\"}",
        };
        static const char head[] =
                "{\"alg\":\"ECDH-ES+A256KW\",\"apu\":\"aHR0cHM6Ly9pc3N1ZXIuZXhhbXBsZQ\",\"apv\":\"bm9uY2UtMQ\","
                "\"enc\":\"A256GCM\",";

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = BUF(JWE_MAX);
                AUTO_STRING char *header = alloc_printf("%s%s", head, rows[i]);
                expect_ok(base64url_encode(span_str(header), &token));
                expect_ok(buf_append_str(&token, strchr(buf_str(&good), '.')));
                expect_fault_row(open_text(own, &parties, buf_span(&token)), FAULT_UNAUTHENTICATED, "jwe.epk", rows[i]);
        }
}

static void refuses_frames(void **state UNUSED)
{
        AUTO(key) struct key *own = test_key(KEY_P256);
        AUTO(buf) struct buf good = seal(own, &parties), longer = BUF(2 * JWE_MAX);
        static const struct {
                const char *name, *before, *after, *token;
        } rows[] = {
                {"sixth part", "", ".AA", "jwe.structure"}, {"trailing dot", "", ".", "jwe.structure"},
                {"leading dot", ".", "", "jwe.structure"},  {"newline", "", "\n", "jwe.structure"},
                {"padding", "", "=", "jwe.structure"},      {"tag a byte longer", "", "AA", "jwe.length"},
                {"blank", " ", "", "jwe.structure"},
        };

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *t = alloc_printf("%s%s%s", rows[i].before, buf_str(&good), rows[i].after);
                expect_fault_row(open_text(own, &parties, span_str(t)), FAULT_UNAUTHENTICATED, rows[i].token,
                                 rows[i].name);
        }
        expect_fault(open_text(own, &parties, SPAN_NONE), FAULT_UNAUTHENTICATED, "jwe.structure");
        expect_fault(open_text(own, &parties, SPAN("....")), FAULT_UNAUTHENTICATED, "jwe.header");
        while (longer.len <= JWE_MAX)
                expect_ok(buf_append(&longer, buf_span(&good)));
        expect_fault(open_text(own, &parties, buf_span(&longer)), FAULT_UNAUTHENTICATED, "jwe.too_large");

        for (size_t len = 0; len < good.len; len++) {
                AUTO(fault) struct fault *f = open_text(own, &parties, span_make(good.data, len));
                if (f == NULL || fault_code(f) != FAULT_UNAUTHENTICATED)
                        fail_msg("cut at %zu", len);
        }
        for (size_t at = 0; at < good.len; at++) {
                uint8_t kept = good.data[at];
                good.data[at] = kept == 'A' ? 'B' : 'A';
                AUTO(fault) struct fault *f = open_text(own, &parties, buf_span(&good));
                if (f == NULL || fault_code(f) != FAULT_UNAUTHENTICATED)
                        fail_msg("character %zu changed", at);
                good.data[at] = kept;
        }
}

/* Each part by itself: of another length, and of the right one but changed. */
static void refuses_parts(void **state UNUSED)
{
        AUTO(key) struct key *own = test_key(KEY_P256);
        AUTO(buf) struct buf good = seal(own, &parties);
        static const struct {
                const char *name;
                int part;
                const char *put, *token;
        } rows[] = {
                {"no wrapped key", 1, "", "jwe.length"},
                {"short wrapped key", 1, "AAAA", "jwe.length"},
                {"another wrapped key", 1, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "jwe.key"},
                {"no IV", 2, "", "jwe.length"},
                {"IV of 16", 2, "AAAAAAAAAAAAAAAAAAAAAA", "jwe.length"},
                {"another IV", 2, "AAAAAAAAAAAAAAAA", "jwe.tag"},
                {"nothing sealed", 3, "", "jwe.length"},
                {"another text", 3, "AAAA", "jwe.tag"},
                {"no base64url", 3, "A+==", "jwe.structure"},
                {"no tag", 4, "", "jwe.length"},
                {"short tag", 4, "AAAAAAAAAAAAAAAA", "jwe.length"},
                {"another tag", 4, "AAAAAAAAAAAAAAAAAAAAAA", "jwe.tag"},
        };

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = BUF(JWE_MAX);
                AUTO_STRING char *copy = span_to_string(buf_span(&good));
                char *rest = copy;
                for (int part = 0; rest != NULL; part++) {
                        char *one = strsep(&rest, ".");
                        expect_ok(buf_printf(&token, "%s%s", part == 0 ? "" : ".",
                                             part == rows[i].part ? rows[i].put : one));
                }
                expect_fault_row(open_text(own, &parties, buf_span(&token)), FAULT_UNAUTHENTICATED, rows[i].token,
                                 rows[i].name);
        }
}

static struct key *key_of_number(const char *d)
{
        /* ECPrivateKey of RFC 5915 without the public part */
        AUTO(buf) struct buf der = BUF(128), base64 = BUF(256), pem = BUF(512);
        struct key *k = NULL;

        expect_ok(buf_append(&der, SPAN("\x30\x31\x02\x01\x01\x04\x20")));
        expect_ok(base64url_decode(span_str(d), &der));
        expect_ok(buf_append(&der, SPAN("\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")));
        expect_ok(base64_encode(buf_span(&der), &base64));
        expect_ok(buf_printf(&pem, "-----BEGIN EC PRIVATE KEY-----\n%.64s\n%s\n-----END EC PRIVATE KEY-----\n",
                             buf_str(&base64), buf_str(&base64) + 64));
        expect_ok(key_from_pem_private(buf_span(&pem), &k));
        return k;
}

/* RFC 7518, appendix C: the keys of Alice and Bob, what they agree on, and what is derived for A128GCM. */
static void example_of_the_standard(void **state UNUSED)
{
        static const uint8_t agreed[] = {158, 86, 217, 29,  129, 113, 53,  211, 114, 131, 66,  131, 191, 132, 38,  156,
                                         251, 49, 110, 163, 218, 128, 106, 72,  246, 218, 167, 121, 140, 254, 144, 196};
        AUTO(key) struct key *alice = key_of_number("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo");
        AUTO(key) struct key *bob = key_of_number("VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw");
        AUTO(secret) struct secret *z = NULL, *other = NULL;
        AUTO(buf) struct buf x = BUF(64), derived = BUF(64);
        AUTO(buf) struct buf y = BUF(64);

        expect_ok(key_ec_point(bob, &x, &y));
        AUTO(buf) struct buf text_x = BUF(64);
        expect_ok(base64url_encode(buf_span(&x), &text_x));
        assert_string_equal(buf_str(&text_x), "weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ");
        expect_ok(key_ecdh(alice, bob, &z));
        expect_ok(key_ecdh(bob, alice, &other));
        assert_true(secret_eq(z, SPAN_OF(agreed)));
        assert_true(secret_eq(other, SPAN_OF(agreed)));

        AUTO(secret)
        struct secret *key = jwe_concat_kdf(z, SPAN("A128GCM"), &(struct jwe_parties){SPAN("Alice"), SPAN("Bob")}, 16);
        expect_ok(base64url_encode(secret_span(key), &derived));
        assert_string_equal(buf_str(&derived), "VqqN6vgjbSBcIijNcacQGg");
}

/* RFC 3394 §4.6: 256 bits of key with a key-encryption key of 256 bits. */
static void wraps_as_the_standard(void **state UNUSED)
{
        AUTO(buf) struct buf kek = BUF(32), data = BUF(32), wanted = BUF(40);
        uint8_t wrapped[KEY_WRAP_LEN];
        AUTO(secret) struct secret *back = NULL;

        expect_ok(hex_decode(SPAN("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"), &kek));
        expect_ok(hex_decode(SPAN("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F"), &data));
        expect_ok(hex_decode(SPAN("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"),
                             &wanted));
        AUTO(secret) struct secret *with = secret_copy(buf_span(&kek)), *key = secret_copy(buf_span(&data));
        key_wrap(with, key, wrapped);
        assert_memory_equal(wrapped, wanted.data, sizeof wrapped);
        expect_ok(key_unwrap(with, wrapped, &back));
        assert_true(secret_eq(back, buf_span(&data)));
        for (size_t i = 0; i < sizeof wrapped; i++) {
                AUTO(secret) struct secret *none = NULL;
                wrapped[i] ^= 1;
                expect_fault(key_unwrap(with, wrapped, &none), FAULT_UNAUTHENTICATED, "BAD_SEAL");
                assert_null(none);
                wrapped[i] ^= 1;
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(opens_what_was_sealed), cmocka_unit_test(refuses_keys),
                cmocka_unit_test(refuses_other_parties), cmocka_unit_test(refuses_headers),
                cmocka_unit_test(refuses_points),        cmocka_unit_test(refuses_frames),
                cmocka_unit_test(refuses_parts),         cmocka_unit_test(example_of_the_standard),
                cmocka_unit_test(wraps_as_the_standard),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
