#include "lib/crypt/key.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "lib/crypt/der.h"
#include "lib/crypt/key_struct.h"

#define RSA_BITS_MIN 2048
#define RSA_EXPONENT 65537u

/* SubjectPublicKeyInfo up to and with the 04 of an uncompressed point (RFC 5480 §2). */
static const uint8_t p256_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const uint8_t p384_head[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
                                    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};
/* AlgorithmIdentifier of rsaEncryption with its NULL (RFC 3279 §2.3.1). */
static const uint8_t rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

size_t key_field_len(enum key_kind kind)
{
        return kind == KEY_P256 ? 32 : kind == KEY_P384 ? 48 : 0;
}

static struct span ec_head(enum key_kind kind)
{
        return kind == KEY_P256 ? SPAN_OF(p256_head) : SPAN_OF(p384_head);
}

void key_write_ec_spki(struct key *k, struct span x, struct span y)
{
        struct span head = ec_head(k->kind);

        memcpy(k->spki, head.data, head.len);
        memcpy(k->spki + head.len, x.data, x.len);
        memcpy(k->spki + head.len + x.len, y.data, y.len);
        k->bits_at = head.len - 1;
        k->spki_len = head.len + x.len + y.len;
}

struct fault *key_write_rsa_spki(struct key *k, struct span modulus)
{
        AUTO(der) struct der d = DER(SPKI_MAX);
        size_t spki = der_open(&d, DER_SEQUENCE);
        der_raw(&d, SPAN_OF(rsa_algorithm));
        size_t bits = der_open(&d, DER_BIT_STRING);
        der_raw(&d, SPAN("\0"));
        size_t numbers = der_open(&d, DER_SEQUENCE);
        der_uint(&d, modulus);
        der_uint(&d, SPAN("\x01\x00\x01"));
        der_close(&d, numbers);
        size_t bits_len = d.out.len - bits - 1;
        der_close(&d, bits);
        der_close(&d, spki);

        AUTO(buf) struct buf out = BUF(SPKI_MAX);
        TRY(der_end(&d, &out));
        memcpy(k->spki, out.data, out.len);
        k->spki_len = out.len;
        k->bits_at = out.len - bits_len;
        return NULL;
}

/* ---- from numbers --------------------------------------------------------------------------------------------- */

/* Left-pads to the field's width; a number that is longer than the field doesn't fit. */
static struct fault *pad(struct span number, size_t width, uint8_t *ret)
{
        if (number.len == 0 || number.len > width)
                return fault(FAULT_INVALID, "KEY_ENCODING", "coordinate of %zu bytes", number.len);
        memset(ret, 0, width - number.len);
        memcpy(ret + width - number.len, number.data, number.len);
        return NULL;
}

struct fault *key_from_ec_point(enum key_kind curve, struct span x, struct span y, struct key **ret)
{
        size_t width = key_field_len(curve);
        uint8_t px[FIELD_MAX], py[FIELD_MAX];

        assert(width > 0);
        TRY(pad(x, width, px));
        TRY(pad(y, width, py));

        AUTO(key) struct key *k = NEW(struct key);
        k->kind = curve;
        key_write_ec_spki(k, span_make(px, width), span_make(py, width));
        struct key_use *use = NULL;
        if (!key_use_public(curve, key_bits(k), &k->pkey, &use))
                return ossl_fault(FAULT_INVALID, "KEY_KIND", "point not on the curve");
        atomic_store(&k->use, use);
        k->is_of_point = true;
        *ret = TAKE(k);
        return NULL;
}

static EVP_PKEY *rsa_public(struct span modulus)
{
        EVP_PKEY *pkey = NULL;
        BIGNUM *n = BN_bin2bn(modulus.data, (int) modulus.len, NULL);
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        AUTO(ossl_pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

        ossl_must(n != NULL && build != NULL && ctx != NULL &&
                          OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
                          OSSL_PARAM_BLD_push_uint(build, OSSL_PKEY_PARAM_RSA_E, RSA_EXPONENT) == 1,
                  "RSA numbers");
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
            EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
                pkey = NULL;
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(build);
        BN_free(n);
        return pkey;
}

static struct span strip(struct span number)
{
        size_t skip = 0;

        while (skip < number.len && number.data[skip] == 0)
                skip++;
        return span_slice(number, skip, number.len - skip);
}

struct fault *key_check_rsa(struct span modulus, struct span exponent)
{
        if (!span_eq(exponent, SPAN("\x01\x00\x01")))
                return fault(FAULT_INVALID, "KEY_KIND", "RSA exponent is not 65537");
        size_t bits = modulus.len * 8;
        for (uint8_t top = modulus.len > 0 ? modulus.data[0] : 0; bits > 0 && (top & 0x80) == 0;
             top = (uint8_t) (top << 1))
                bits--;
        if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
                return fault(FAULT_INVALID, "KEY_KIND", "RSA key of %zu bits", bits);
        if ((modulus.data[modulus.len - 1] & 1) == 0)
                return fault(FAULT_INVALID, "KEY_KIND", "RSA modulus is even");
        return NULL;
}

struct fault *key_from_rsa(struct span modulus, struct span exponent, struct key **ret)
{
        struct span n = strip(modulus);

        TRY(key_check_rsa(n, strip(exponent)));

        AUTO(key) struct key *k = NEW(struct key);
        k->kind = KEY_RSA;
        TRY(key_write_rsa_spki(k, n));
        k->pkey = rsa_public(n);
        if (k->pkey == NULL)
                return ossl_fault(FAULT_INVALID, "KEY_KIND", "RSA key");
        *ret = TAKE(k);
        return NULL;
}

/* ---- from SPKI -------------------------------------------------------------------------------------------------- */

static struct fault *rsa_from_spki(struct span der, struct key **ret)
{
        struct reader outer = READER(der);
        struct span spki, algorithm, bits, numbers, modulus, exponent;

        TRY(der_read(&outer, DER_SEQUENCE, &spki));
        TRY(reader_end(&outer));
        struct reader r = READER(spki);
        TRY(reader_span(&r, sizeof rsa_algorithm, &algorithm));
        if (!span_eq(algorithm, SPAN_OF(rsa_algorithm)))
                return fault(FAULT_INVALID, "KEY_KIND", "neither P-256, P-384 nor RSA");
        TRY(der_read_bits(&r, &bits));
        TRY(reader_end(&r));
        struct reader key = READER(bits);
        TRY(der_read(&key, DER_SEQUENCE, &numbers));
        TRY(reader_end(&key));
        struct reader in = READER(numbers);
        TRY(der_read_uint(&in, &modulus));
        TRY(der_read_uint(&in, &exponent));
        TRY(reader_end(&in));
        return key_from_rsa(modulus, exponent, ret);
}

struct fault *key_from_spki(struct span der, struct key **ret)
{
        if (der.len > SPKI_MAX)
                return fault(FAULT_INVALID, "KEY_ENCODING", "SubjectPublicKeyInfo of %zu bytes", der.len);
        for (enum key_kind kind = KEY_P256; kind <= KEY_P384; kind++) {
                struct span head = ec_head(kind);
                size_t width = key_field_len(kind);
                if (der.len == head.len + 2 * width && span_starts_with(der, head))
                        return key_from_ec_point(kind, span_slice(der, head.len, width),
                                                 span_slice(der, head.len + width, width), ret);
        }

        AUTO(fault) struct fault *f = rsa_from_spki(der, ret);
        if (f == NULL || strcmp(fault_token(f), "KEY_KIND") == 0)
                return TAKE(f);
        return fault(FAULT_INVALID, "KEY_ENCODING", "SubjectPublicKeyInfo: %s", fault_text(f));
}

/* ---- looking at one ----------------------------------------------------------------------------------------------- */

enum key_kind key_kind(const struct key *k)
{
        return k->kind;
}

bool key_is_private(const struct key *k)
{
        return k->is_private;
}

EVP_PKEY *key_pkey(const struct key *k)
{
        atomic_store(&((struct key *) k)->is_lent, true); /* no part of what a key is */
        return k->pkey;
}

struct span key_spki(const struct key *k)
{
        return span_make(k->spki, k->spki_len);
}

struct span key_bits(const struct key *k)
{
        return span_slice(key_spki(k), k->bits_at, k->spki_len - k->bits_at);
}

void key_spki_sha256(const struct key *k, uint8_t ret_digest[SHA256_LEN])
{
        sha256(key_spki(k), ret_digest);
}

struct fault *key_ec_point(const struct key *k, struct buf *ret_x, struct buf *ret_y)
{
        size_t width = key_field_len(k->kind);

        if (width == 0)
                return fault(FAULT_INVALID, "KEY_KIND", "an RSA key has no point");
        struct span point = key_bits(k);
        TRY(buf_append(ret_x, span_slice(point, 1, width)));
        return buf_append(ret_y, span_slice(point, 1 + width, width));
}

struct fault *key_rsa_modulus(const struct key *k, struct buf *ret_n)
{
        struct span numbers, modulus;

        if (k->kind != KEY_RSA)
                return fault(FAULT_INVALID, "KEY_KIND", "an EC key has no modulus");
        struct reader outer = READER(key_bits(k));
        TRY(der_read(&outer, DER_SEQUENCE, &numbers));
        struct reader r = READER(numbers);
        TRY(der_read_uint(&r, &modulus));
        return buf_append(ret_n, modulus);
}

void key_free(struct key *k)
{
        if (k == NULL)
                return;
        struct key_use *use = atomic_exchange(&k->use, NULL);
        if (k->is_of_point && !atomic_load(&k->is_lent)) {
                key_use_leave(k->kind, k->pkey, use);
        } else {
                key_use_free(use);
                EVP_PKEY_free(k->pkey);
        }
        free(k);
}
