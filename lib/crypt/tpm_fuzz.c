/* The readers of what a TPM sends, on the same bytes. Spans lie inside of the input (the sanitizer sees it when not). */
#include "lib/crypt/tpm.h"

#include "tests/fakes/fuzz.h"

static unsigned touch(struct span s)
{
        unsigned sum = 0;

        for (size_t i = 0; i < s.len; i++)
                sum += s.data[i];
        return sum;
}

/* P-256's generator: somebody's public key. */
static struct key *some_key(void)
{
        static const uint8_t x[] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
                                    0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
                                    0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96};
        static const uint8_t y[] = {0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb,
                                    0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31,
                                    0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
        struct key *k = NULL;

        AUTO(fault) struct fault *f = key_from_ec_point(KEY_P256, SPAN_OF(x), SPAN_OF(y), &k);
        must(f == NULL);
        return k;
}

static void check_quote(struct span input)
{
        static const uint8_t zeros[HASH_MAX_LEN];
        struct span values[TPM_BANKS_MAX][TPM_PCR_COUNT] = {0};
        struct tpm_quote q;
        uint8_t digest[HASH_MAX_LEN];

        AUTO(fault) struct fault *reading = tpm_quote_read(input, &q);
        if (reading != NULL)
                return;
        must(touch(q.qualified_signer) + touch(q.extra_data) + touch(q.pcr_digest) < UINT32_MAX);
        must(q.bank_count <= TPM_BANKS_MAX);
        for (size_t bank = 0; bank < q.bank_count; bank++) {
                for (unsigned pcr = 0; pcr < TPM_PCR_COUNT; pcr++) {
                        if ((q.banks[bank].pcrs >> pcr & 1) != 0)
                                values[bank][pcr] = span_make(zeros, hash_len(q.banks[bank].bank));
                }
        }
        AUTO(fault) struct fault *digesting = tpm_pcr_digest(&q, values, HASH_SHA256, digest);
        must(digesting == NULL);
}

static void check_public(struct span input)
{
        AUTO(tpm_public) struct tpm_public p = {0};
        AUTO(buf) struct buf name = BUF(2 + HASH_MAX_LEN);

        AUTO(fault) struct fault *reading = tpm_public_read(input, &p);
        AUTO(fault) struct fault *naming = tpm_name(input, &name);
        if (reading != NULL)
                return;
        must(naming == NULL && name.len == 2 + hash_len(p.name_alg) && key_spki(p.key).len > 0);
        must(touch(p.auth_policy) < UINT32_MAX);
        must(!tpm_is_ek_template(&p) || p.aes_bits == 128);
}

static void check_signature(struct span input)
{
        AUTO(tpm_public)
        struct tpm_public ak = {
                .name_alg = HASH_SHA256, .scheme = 0x0018, .scheme_hash = HASH_SHA256, .key = some_key()};
        enum hash_alg alg;

        AUTO(fault) struct fault *f = tpm_signature_verify(&ak, input, input, &alg);
        must(f != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct span input = span_make(data, size);

        check_quote(input);
        check_public(input);
        check_signature(input);
        return 0;
}
