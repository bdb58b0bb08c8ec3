#include "tests/fakes/tpm_quote.h"

#include "lib/crypt/binding.h"
#include "lib/model/tpm_evidence.h"
#include "tests/fakes/expect.h"

#define ALG_RSA    0x0001
#define ALG_AES    0x0006
#define ALG_SHA256 0x000b
#define ALG_NULL   0x0010
#define ALG_RSASSA 0x0014
#define ALG_ECDSA  0x0018
#define ALG_ECC    0x0023
#define ALG_CFB    0x0043
#define CURVE_P256 0x0003

static const uint16_t alg_of_bank[HASH_ALG_COUNT] = {0x0004, 0x000b, 0x000c, 0x000d};

/* ---- public areas ---- */

struct fake_public fake_ak(const struct key *k)
{
        return (struct fake_public){.key = k,
                                    .name_alg = ALG_SHA256,
                                    .scheme = key_kind(k) == KEY_RSA ? ALG_RSASSA : ALG_ECDSA,
                                    .scheme_hash = ALG_SHA256,
                                    .attributes = FAKE_AK_ATTRIBUTES};
}

struct fake_public fake_ek(const struct key *k)
{
        static const uint8_t endorsement_policy[SHA256_LEN] = {
                0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
                0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};
        return (struct fake_public){.key = k,
                                    .name_alg = ALG_SHA256,
                                    .attributes = TPMA_FIXED_TPM | TPMA_FIXED_PARENT | TPMA_SENSITIVE_DATA_ORIGIN |
                                                  TPMA_ADMIN_WITH_POLICY | TPMA_RESTRICTED | TPMA_DECRYPT,
                                    .policy = SPAN_OF(endorsement_policy),
                                    .is_storage = true};
}

static void sized(struct buf *out, struct span s)
{
        expect_ok(buf_append_u16be(out, (uint16_t) s.len));
        expect_ok(buf_append(out, s));
}

static void write_parameters(const struct fake_public *p, struct buf *out)
{
        expect_ok(buf_append_u16be(out, p->is_storage ? ALG_AES : ALG_NULL));
        if (p->is_storage) {
                expect_ok(buf_append_u16be(out, 128));
                expect_ok(buf_append_u16be(out, ALG_CFB));
                expect_ok(buf_append_u16be(out, ALG_NULL));
                return;
        }
        expect_ok(buf_append_u16be(out, p->scheme));
        if (p->scheme != ALG_NULL)
                expect_ok(buf_append_u16be(out, p->scheme_hash));
}

static void write_unique(const struct fake_public *p, struct buf *out)
{
        AUTO(buf) struct buf first = BUF(1024), second = BUF(1024);
        if (key_kind(p->key) == KEY_RSA) {
                expect_ok(key_rsa_modulus(p->key, &first));
                expect_ok(buf_append_u16be(out, (uint16_t) (first.len * 8)));
                expect_ok(buf_append_u32be(out, 0));
                sized(out, buf_span(&first));
                return;
        }
        expect_ok(key_ec_point(p->key, &first, &second));
        expect_ok(buf_append_u16be(out, CURVE_P256));
        expect_ok(buf_append_u16be(out, ALG_NULL));
        sized(out, buf_span(&first));
        sized(out, buf_span(&second));
}

void fake_public_write(const struct fake_public *p, struct buf *out)
{
        expect_ok(buf_append_u16be(out, key_kind(p->key) == KEY_RSA ? ALG_RSA : ALG_ECC));
        expect_ok(buf_append_u16be(out, p->name_alg));
        expect_ok(buf_append_u32be(out, p->attributes));
        sized(out, p->policy);
        write_parameters(p, out);
        write_unique(p, out);
}

void fake_tpm_init(struct fake_tpm *t)
{
        *t = (struct fake_tpm){.ak_public = BUF(1024), .ek_public = BUF(1024), .ak_name = BUF(64)};
        expect_ok(key_generate(KEY_P256, &t->ak));
        expect_ok(key_generate(KEY_P256, &t->ek));
        struct fake_public ak = fake_ak(t->ak), ek = fake_ek(t->ek);
        fake_public_write(&ak, &t->ak_public);
        fake_public_write(&ek, &t->ek_public);
        expect_ok(tpm_name(buf_span(&t->ak_public), &t->ak_name));
}

void fake_tpm_clear(struct fake_tpm *t)
{
        key_free(t->ak);
        key_free(t->ek);
        buf_clear(&t->ak_public);
        buf_clear(&t->ek_public);
        buf_clear(&t->ak_name);
}

/* ---- quotes ---- */

void fake_qualified_name(struct span name, uint8_t ret[34])
{
        AUTO(buf) struct buf input = BUF(128);
        expect_ok(buf_append_u32be(&input, 0x4000000b));
        expect_ok(buf_append(&input, name));
        ret[0] = 0x00;
        ret[1] = 0x0b;
        sha256(buf_span(&input), ret + 2);
}

void fake_quote_init(struct fake_quote *q, const struct fake_tpm *t, struct span transcript)
{
        *q = (struct fake_quote){
                .magic = TPM_GENERATED_VALUE,
                .type = TPM_ST_ATTEST_QUOTE,
                .extra_data = BUF(128),
                .clock_ms = 5000000,
                .firmware_version = 0x2024012500120000,
                .reset_count = 7,
                .restart_count = 2,
                .safe = 1,
                .bank_count = 1,
                .banks = {{ALG_SHA256, 0xff}},
                .supplied = {[HASH_SHA256] = 0xff},
                .first_value = 0x10,
                .first_supplied_value = 0x10,
                .scheme = ALG_ECDSA,
                .scheme_hash = ALG_SHA256,
                .signer = t->ak,
        };
        fake_qualified_name(buf_span(&t->ak_name), q->qualified_signer);
        uint8_t digest[SHA256_LEN];
        binding_extra_data(transcript, digest);
        expect_ok(buf_append(&q->extra_data, SPAN_OF(digest)));
}

void fake_quote_clear(struct fake_quote *q)
{
        buf_clear(&q->extra_data);
}

static enum hash_alg bank_of(uint16_t alg)
{
        for (unsigned i = 0; i < HASH_ALG_COUNT; i++)
                if (alg_of_bank[i] == alg)
                        return (enum hash_alg) i;
        fail_msg("no such bank: %04x", alg);
        return HASH_SHA256;
}

static void pcr_digest(const struct fake_quote *q, uint8_t ret[SHA256_LEN])
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        for (size_t i = 0; i < q->bank_count; i++)
                for (unsigned n = 0; n < TPM_PCR_COUNT; n++) {
                        uint8_t value[HASH_MAX_LEN];
                        memset(value, q->first_value + (int) n, sizeof(value));
                        if ((q->banks[i].pcrs >> n & 1) != 0)
                                hasher_add(h, span_make(value, hash_len(bank_of(q->banks[i].alg))));
                }
        hasher_end(h, ret);
        if (q->digest_is_wrong)
                ret[31] ^= 1;
}

/* TPMS_ATTEST */
static void write_attest(const struct fake_quote *q, struct buf *out)
{
        uint8_t digest[SHA256_LEN];
        pcr_digest(q, digest);
        expect_ok(buf_append_u32be(out, q->magic));
        expect_ok(buf_append_u16be(out, q->type));
        sized(out, SPAN_OF(q->qualified_signer));
        sized(out, buf_span(&q->extra_data));
        expect_ok(buf_append_u64be(out, q->clock_ms));
        expect_ok(buf_append_u32be(out, q->reset_count));
        expect_ok(buf_append_u32be(out, q->restart_count));
        expect_ok(buf_append_byte(out, q->safe));
        expect_ok(buf_append_u64be(out, q->firmware_version));
        expect_ok(buf_append_u32be(out, (uint32_t) q->bank_count));
        for (size_t i = 0; i < q->bank_count; i++) {
                expect_ok(buf_append_u16be(out, q->banks[i].alg));
                expect_ok(buf_append_byte(out, 3));
                for (unsigned byte = 0; byte < 3; byte++)
                        expect_ok(buf_append_byte(out, (uint8_t) (q->banks[i].pcrs >> (8 * byte))));
        }
        sized(out, SPAN_OF(digest));
        if (q->is_longer)
                expect_ok(buf_append_byte(out, 0));
}

/* TPMT_SIGNATURE, by an EC key. */
static void write_signature(const struct fake_quote *q, struct span attest, struct buf *out)
{
        AUTO(buf) struct buf raw = BUF(SIGNATURE_MAX);
        expect_ok(key_sign(q->signer, HASH_SHA256, SIGNATURE_RAW, attest, &raw));
        if (q->signature_is_wrong)
                raw.data[40] ^= 1;
        expect_ok(buf_append_u16be(out, q->scheme));
        expect_ok(buf_append_u16be(out, q->scheme_hash));
        sized(out, span_make(raw.data, raw.len / 2));
        sized(out, span_make(raw.data + raw.len / 2, raw.len / 2));
}

void fake_quote_evidence(const struct fake_quote *q, const struct fake_tpm *t, struct buf *out)
{
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        write_attest(q, &e.attest);
        write_signature(q, buf_span(&e.attest), &e.signature);
        expect_ok(buf_append(&e.ak_public, buf_span(&t->ak_public)));
        for (unsigned bank = 0; bank < HASH_ALG_COUNT; bank++)
                for (unsigned n = 0; n < TPM_PCR_COUNT; n++) {
                        uint8_t value[HASH_MAX_LEN];
                        memset(value, q->first_supplied_value + (int) n, sizeof(value));
                        if ((q->supplied[bank] >> n & 1) != 0)
                                expect_ok(tpm_evidence_set_pcr(&e, (enum hash_alg) bank, n,
                                                               span_make(value, hash_len((enum hash_alg) bank))));
                }
        expect_ok(tpm_evidence_write(&e, out));
}
