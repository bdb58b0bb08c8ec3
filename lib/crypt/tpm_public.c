/* Public areas: TPMT_PUBLIC of keys that we take, their names, and the EK templates. */
#include "lib/crypt/tpm.h"

#include "lib/crypt/tpm_internal.h"

#define RSA_MODULUS_MAX   512
#define EC_COORDINATE_MAX 48
#define RSA_2048_SPKI_LEN 294

static struct fault *refuse(const char *what, unsigned id)
{
        return fault(FAULT_INVALID, "TPM_ALGORITHM", "%s 0x%04x", what, id);
}

/* A hash of names, schemes and KDFs: not SHA-1. */
static struct fault *read_hash(struct reader *r, enum hash_alg *ret)
{
        uint16_t id;

        TRY(reader_u16be(r, &id));
        if (id == TPM_ALG_SHA1)
                return refuse("hash", id);
        return tpm_hash(id, ret);
}

/* TPMT_SYM_DEF_OBJECT: NULL, or how a storage key protects its children: AES in CFB mode. */
static struct fault *read_symmetric(struct reader *r, struct tpm_public *p)
{
        uint16_t alg, mode;

        TRY(reader_u16be(r, &alg));
        if (alg == TPM_ALG_NULL)
                return NULL;
        if (alg != TPM_ALG_AES)
                return refuse("symmetric algorithm", alg);
        TRY(reader_u16be(r, &p->aes_bits));
        if (p->aes_bits != 128 && p->aes_bits != 256)
                return refuse("AES key bits", p->aes_bits);
        TRY(reader_u16be(r, &mode));
        return mode == TPM_ALG_CFB ? NULL : refuse("AES mode", mode);
}

/* TPMT_RSA_SCHEME, TPMT_ECC_SCHEME */
static struct fault *read_scheme(struct reader *r, bool is_rsa, struct tpm_public *p)
{
        TRY(reader_u16be(r, &p->scheme));
        switch (p->scheme) {
        case TPM_ALG_NULL:
                return NULL;
        case TPM_ALG_RSAES:
                return is_rsa ? NULL : refuse("scheme of an EC key", p->scheme);
        case TPM_ALG_RSASSA:
        case TPM_ALG_RSAPSS:
        case TPM_ALG_OAEP:
                return is_rsa ? read_hash(r, &p->scheme_hash) : refuse("scheme of an EC key", p->scheme);
        case TPM_ALG_ECDSA:
        case TPM_ALG_ECDH:
                return is_rsa ? refuse("scheme of an RSA key", p->scheme) : read_hash(r, &p->scheme_hash);
        default:
                return refuse("scheme", p->scheme);
        }
}

static struct fault *read_rsa(struct reader *r, struct tpm_public *p)
{
        uint16_t bits;
        uint32_t exponent;
        struct span modulus;

        TRY(read_symmetric(r, p));
        TRY(read_scheme(r, /* is_rsa= */ true, p));
        TRY(reader_u16be(r, &bits));
        TRY(reader_u32be(r, &exponent));
        if (exponent != 0 && exponent != 65537) /* 0 means 65537 (part 2, 12.2.3.5) */
                return refuse("RSA exponent", exponent);
        TRY(reader_sized16be(r, RSA_MODULUS_MAX, &modulus));
        if (modulus.len * 8 != bits || bits == 0 || (modulus.data[0] & 0x80) == 0)
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "RSA key of %u bits, modulus of %zu bytes%s", bits,
                             modulus.len, modulus.len * 8 == bits ? " with a leading zero bit" : "");
        return key_from_rsa(modulus, SPAN("\x01\x00\x01"), &p->key);
}

static struct fault *read_ecc(struct reader *r, struct tpm_public *p)
{
        uint16_t curve, kdf;
        struct span x, y;

        TRY(read_symmetric(r, p));
        TRY(read_scheme(r, /* is_rsa= */ false, p));
        TRY(reader_u16be(r, &curve));
        if (curve != TPM_ECC_NIST_P256 && curve != TPM_ECC_NIST_P384)
                return refuse("curve", curve);
        TRY(reader_u16be(r, &kdf));
        if (kdf != TPM_ALG_NULL) /* "no commands use this" (part 2, 12.2.3.6) */
                return refuse("KDF", kdf);
        TRY(reader_sized16be(r, EC_COORDINATE_MAX, &x));
        TRY(reader_sized16be(r, EC_COORDINATE_MAX, &y));
        return key_from_ec_point(curve == TPM_ECC_NIST_P256 ? KEY_P256 : KEY_P384, x, y, &p->key);
}

static struct fault *read_public(struct reader *r, struct tpm_public *p)
{
        uint16_t type;

        TRY(reader_u16be(r, &type));
        if (type != TPM_ALG_RSA && type != TPM_ALG_ECC)
                return refuse("key type", type);
        TRY(read_hash(r, &p->name_alg));
        TRY(reader_u32be(r, &p->attributes));
        TRY(reader_sized16be(r, HASH_MAX_LEN, &p->auth_policy));
        if (p->auth_policy.len != 0 && p->auth_policy.len != hash_len(p->name_alg))
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "policy of %zu bytes", p->auth_policy.len);
        TRY(type == TPM_ALG_RSA ? read_rsa(r, p) : read_ecc(r, p));
        return reader_end(r);
}

struct fault *tpm_public_read(struct span tpmt_public, struct tpm_public *ret)
{
        AUTO(tpm_public) struct tpm_public p = {0};
        struct reader r = READER(tpmt_public);

        TRY(tpm_structure(read_public(&r, &p), "TPMT_PUBLIC"));
        *ret = p;
        p.key = NULL; /* the caller's now */
        return NULL;
}

void tpm_public_clear(struct tpm_public *p)
{
        key_free(p->key);
        *p = (struct tpm_public){0};
}

/* Part 1, 16 (Names). */
struct fault *tpm_name(struct span tpmt_public, struct buf *ret_name)
{
        struct reader r = READER(tpmt_public);
        uint16_t type;
        struct span id;
        enum hash_alg alg = HASH_SHA256;
        uint8_t digest[HASH_MAX_LEN];

        TRY(tpm_structure(reader_u16be(&r, &type), "TPMT_PUBLIC"));
        id = span_slice(tpmt_public, r.at, reader_left(&r) < 2 ? reader_left(&r) : 2);
        TRY(tpm_structure(read_hash(&r, &alg), "TPMT_PUBLIC"));
        hash(alg, tpmt_public, digest);
        TRY(buf_append(ret_name, id));
        return buf_append(ret_name, span_make(digest, hash_len(alg)));
}

/* TCG EK Credential Profile 2.x, B.3.3 and B.3.4 (templates L-1 and L-2): the policy is PolicySecret(endorsement). */
bool tpm_is_ek_template(const struct tpm_public *p)
{
        static const uint8_t policy_a[SHA256_LEN] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
                                                     0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
                                                     0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
        const uint32_t attributes = TPMA_FIXED_TPM | TPMA_FIXED_PARENT | TPMA_SENSITIVE_DATA_ORIGIN |
                                    TPMA_ADMIN_WITH_POLICY | TPMA_RESTRICTED | TPMA_DECRYPT;
        bool is_l1 = key_kind(p->key) == KEY_RSA && key_spki(p->key).len == RSA_2048_SPKI_LEN;
        bool is_l2 = key_kind(p->key) == KEY_P256;

        return (is_l1 || is_l2) && p->name_alg == HASH_SHA256 && p->attributes == attributes &&
               span_eq(p->auth_policy, SPAN_OF(policy_a)) && p->aes_bits == 128 && p->scheme == TPM_ALG_NULL;
}
