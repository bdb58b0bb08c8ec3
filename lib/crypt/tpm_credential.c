/* TPM2_MakeCredential without a TPM (part 1, 24 (Credential Protection), annexes B.10 and C.6). */
#include "lib/crypt/tpm.h"

#include <assert.h>

#include "lib/base/random.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/tpm_internal.h"

#define SEED_LEN       SHA256_LEN /* the EK's nameAlg is SHA-256 */
#define AES_KEY_LEN    16         /* the EK protects with AES-128 */
#define SECRET_LEN_MAX SHA256_LEN
#define KDF_INPUT_MAX  256
#define IDENTITY_LABEL SPAN("IDENTITY\0")

/* KDFa with HMAC-SHA-256 for one block of output (part 1, 11.4.10.2; SP 800-108 counter mode). Label with its NUL. */
static struct fault *kdfa(struct span key, struct span label, struct span context, uint32_t bits,
                          uint8_t ret[SHA256_LEN])
{
        AUTO(buf) struct buf input = BUF(KDF_INPUT_MAX);

        assert(bits <= 8 * SHA256_LEN);
        TRY(buf_append_u32be(&input, 1));
        TRY(buf_append(&input, label));
        TRY(buf_append(&input, context));
        TRY(buf_append_u32be(&input, bits));
        hmac_sha256(key, buf_span(&input), ret);
        return NULL;
}

/* KDFe for one block (part 1, 11.4.10.3; SP 800-56A). */
static void kdfe(const struct secret *z, struct span party_u, struct span party_v, uint8_t ret[SHA256_LEN])
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);

        hasher_add(h, SPAN("\0\0\0\1"));
        hasher_add(h, secret_span(z));
        hasher_add(h, IDENTITY_LABEL);
        hasher_add(h, party_u);
        hasher_add(h, party_v);
        hasher_end(h, ret);
}

static struct fault *append_2b(struct buf *out, struct span bytes)
{
        assert(bytes.len <= UINT16_MAX);
        TRY(buf_append_u16be(out, (uint16_t) bytes.len));
        return buf_append(out, bytes);
}

/* The seed is ours, sealed to the key (part 1, B.10.4). */
static struct fault *share_by_rsa(const struct key *ek, uint8_t seed[SEED_LEN], struct buf *ret_shared)
{
        AUTO(buf) struct buf sealed = BUF(SIGNATURE_MAX);

        random_bytes(seed, SEED_LEN);
        TRY(key_rsa_oaep_encrypt(ek, HASH_SHA256, IDENTITY_LABEL, span_make(seed, SEED_LEN), &sealed));
        return append_2b(ret_shared, buf_span(&sealed));
}

/* The seed comes of an ephemeral key and the EK; its point travels (part 1, C.6.4). */
static struct fault *share_by_ecdh(const struct key *ek, uint8_t seed[SEED_LEN], struct buf *ret_shared)
{
        AUTO(key) struct key *ephemeral = NULL;
        AUTO(secret) struct secret *z = NULL;
        AUTO(buf) struct buf x = BUF(64), y = BUF(64), ek_x = BUF(64), ek_y = BUF(64), point = BUF(256);

        TRY(key_generate(key_kind(ek), &ephemeral));
        TRY(key_ecdh(ephemeral, ek, &z));
        TRY(key_ec_point(ephemeral, &x, &y));
        TRY(key_ec_point(ek, &ek_x, &ek_y));
        kdfe(z, buf_span(&x), buf_span(&ek_x), seed);
        TRY(append_2b(&point, buf_span(&x)));
        TRY(append_2b(&point, buf_span(&y)));
        return append_2b(ret_shared, buf_span(&point));
}

/* TPMS_ID_OBJECT: integrity ‖ encrypted TPM2B of the secret (part 1, 24.4 and 24.5). */
static struct fault *protect(struct span seed, struct span name, struct span secret, struct buf *ret_id_object)
{
        AUTO(buf)
        struct buf plain = BUF(2 + SECRET_LEN_MAX), mac_input = BUF(KDF_INPUT_MAX), whole = BUF(KDF_INPUT_MAX);
        uint8_t aes_key[SHA256_LEN], mac_key[SHA256_LEN], mac[SHA256_LEN];

        TRY(kdfa(seed, SPAN("STORAGE\0"), name, 8 * AES_KEY_LEN, aes_key));
        TRY(kdfa(seed, SPAN("INTEGRITY\0"), SPAN_NONE, 8 * SHA256_LEN, mac_key));
        TRY(append_2b(&plain, secret));
        TRY(aes_cfb_encrypt(span_make(aes_key, AES_KEY_LEN), buf_span(&plain), &mac_input));
        size_t sealed_len = mac_input.len;
        TRY(buf_append(&mac_input, name));
        hmac_sha256(SPAN_OF(mac_key), buf_span(&mac_input), mac);
        TRY(append_2b(&whole, SPAN_OF(mac)));
        TRY(buf_append(&whole, span_slice(buf_span(&mac_input), 0, sealed_len)));
        buf_wipe(&plain);
        wipe(aes_key, sizeof aes_key);
        wipe(mac_key, sizeof mac_key);
        return append_2b(ret_id_object, buf_span(&whole));
}

struct fault *tpm_make_credential(const struct key *ek, struct span ak_name, struct span secret,
                                  struct buf *ret_id_object, struct buf *ret_encrypted_secret)
{
        uint8_t seed[SEED_LEN];

        if (key_kind(ek) == KEY_P384)
                return fault(FAULT_INVALID, "TPM_ALGORITHM", "endorsement key on P-384: no default template");
        if (ak_name.len < 2 + SHA256_LEN || ak_name.len > TPM_NAME_MAX)
                return fault(FAULT_INVALID, "TPM_STRUCTURE", "name of %zu bytes", ak_name.len);
        assert(secret.len > 0 && secret.len <= SECRET_LEN_MAX);

        TRY(key_kind(ek) == KEY_RSA ? share_by_rsa(ek, seed, ret_encrypted_secret)
                                    : share_by_ecdh(ek, seed, ret_encrypted_secret));
        struct fault *f = protect(SPAN_OF(seed), ak_name, secret, ret_id_object);
        wipe(seed, sizeof seed);
        return f;
}
