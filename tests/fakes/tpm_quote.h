/* tpm_quote: a TPM made of bytes. Its keys are ours, so that any field of a quote can be wrong behind a signature that is right.
 *
 *     struct fake_tpm tpm;
 *     struct fake_quote q;
 *     fake_tpm_init(&tpm);
 *     fake_quote_init(&q, &tpm, transcript);
 *     q.magic++;                                   one field wrong
 *     fake_quote_evidence(&q, &tpm, &evidence);    signed as it stands
 */
#pragma once

#include "lib/crypt/tpm.h"

/* TPMT_PUBLIC of a P-256 or RSA key. */
struct fake_public {
        const struct key *key;
        uint16_t name_alg, scheme, scheme_hash;
        uint32_t attributes;
        struct span policy;
        bool is_storage; /* AES-128-CFB, no scheme: an endorsement key */
};
#define FAKE_AK_ATTRIBUTES                                                                                             \
        (TPMA_FIXED_TPM | TPMA_FIXED_PARENT | TPMA_SENSITIVE_DATA_ORIGIN | TPMA_USER_WITH_AUTH | TPMA_RESTRICTED |     \
         TPMA_SIGN)
struct fake_public fake_ak(const struct key *k); /* ECDSA or RSASSA, SHA-256 */
struct fake_public fake_ek(const struct key *k); /* the default template */
void fake_public_write(const struct fake_public *p, struct buf *out);

struct fake_tpm {
        struct key *ak, *ek; /* P-256 */
        struct buf ak_public, ek_public, ak_name;
};
void fake_tpm_init(struct fake_tpm *t);
void fake_tpm_clear(struct fake_tpm *t);

#define FAKE_BANKS_MAX 4
struct fake_quote {
        uint32_t magic;
        uint16_t type;
        uint8_t qualified_signer[34];
        struct buf extra_data;
        uint64_t clock_ms, firmware_version;
        uint32_t reset_count, restart_count;
        uint8_t safe;
        size_t bank_count;
        struct {
                uint16_t alg; /* TPM_ALG_ID */
                uint32_t pcrs;
        } banks[FAKE_BANKS_MAX];           /* what is signed */
        uint32_t supplied[HASH_ALG_COUNT]; /* which values travel beside it */
        uint8_t first_value;               /* PCR n holds bytes of first_value + n */
        uint8_t first_supplied_value;
        bool is_longer; /* a byte after the end, signed */
        bool digest_is_wrong, signature_is_wrong;
        uint16_t scheme, scheme_hash; /* as TPMT_SIGNATURE says */
        const struct key *signer;
};
/* SHA-256 PCRs 0 to 7, extra data of `transcript`, by the TPM's AK. Clear with fake_quote_clear. */
void fake_quote_init(struct fake_quote *q, const struct fake_tpm *t, struct span transcript);
/* CMW_TPM_QUOTE's value. */
void fake_quote_evidence(const struct fake_quote *q, const struct fake_tpm *t, struct buf *out);
void fake_quote_clear(struct fake_quote *q);
/* Of a primary key of the endorsement hierarchy. */
void fake_qualified_name(struct span name, uint8_t ret[34]);

/* An endorsement certificate, good but for what the caller changes. */
struct fake_ek_certificate {
        const struct key *key;
        const char *issuer_name; /* common name */
        const struct key *issuer_key;
        int64_t not_before_unix_s, not_after_unix_s;
        const char *key_usage;      /* OpenSSL's words; NULL: none */
        const char *extended_usage; /* NULL: none */
        const char *basic;
        const char *odd_critical; /* dotted OID of a critical extension that nobody knows; NULL: none */
};
struct fake_ek_certificate fake_ek_certificate(const struct key *k, const char *issuer_name,
                                               const struct key *issuer_key, int64_t now_unix_s);
void fake_ek_certificate_write(const struct fake_ek_certificate *c, struct buf *out);
/* A CA by itself (`issuer_key` is `key`) or under another. */
struct fake_ek_certificate fake_ek_ca(const char *name, const struct key *k, int64_t now_unix_s);
