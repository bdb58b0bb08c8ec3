/* A quote by a key that is trusted: in order, what costs little first, then the signature, then what it vouches for.
 * TPM 2.0 library specification, part 2: 10.12 (attestation structures). */
#include <stdio.h>

#include "issuer/verifier/eventlog/eventlog.h"
#include "issuer/verifier/tpm/tpm.h"

#define NUMBER_TEXT_LEN 64
#define PCR_NAME_LEN    32
/* part 2, table 9 */
#define ALG_RSASSA 0x0014
#define ALG_RSAPSS 0x0016
#define ALG_ECDSA  0x0018
#define ALG_SHA1   0x0004

struct fault *tpm_check_shape(struct tpm_check *c)
{
        return appraise_call(c->result, "tpm.structure", ORIGIN_HW, tpm_quote_read(c->attest, &c->quote));
}

/* A TPM has no report data: whoever asks for one asks for these very bytes. */
struct fault *tpm_check_freshness(struct tpm_check *c)
{
        uint8_t of_transcript[SHA256_LEN];
        struct span wanted = c->in->nonce;
        if (wanted.len == 0 && c->in->transcript.len > 0) {
                binding_extra_data(c->in->transcript, of_transcript);
                wanted = SPAN_OF(of_transcript);
        }
        if (wanted.len == 0)
                wanted = c->in->report_data;
        if (wanted.len == 0) {
                appraise_not_checked(c->result, "freshness");
                return NULL;
        }
        return appraise_bytes(c->result, "tpm.extra_data", ORIGIN_HW, wanted, c->quote.extra_data);
}

/* ---- the signature ---- */

static struct fault *refuse_sha1(void)
{
        return fault(FAULT_DENIED, "tpm.hash", "signature over a SHA-1 digest");
}

/* A structure, by its shape: scheme, hash, and exactly as many numbers as the key's kind has. */
static bool is_structure(struct span signature, enum key_kind kind, uint16_t *ret_scheme, uint16_t *ret_hash)
{
        struct reader r = READER(signature);
        struct span number = SPAN_NONE;
        AUTO(fault) struct fault *f = reader_u16be(&r, ret_scheme);
        if (f == NULL)
                f = reader_u16be(&r, ret_hash);
        if (f == NULL)
                f = reader_sized16be(&r, SIGNATURE_MAX, &number);
        if (f == NULL && kind != KEY_RSA)
                f = reader_sized16be(&r, SIGNATURE_MAX, &number);
        if (f == NULL)
                f = reader_end(&r);
        return f == NULL;
}

static struct fault *hash_of_id(uint16_t id, enum hash_alg *ret)
{
        static const struct {
                uint16_t id;
                enum hash_alg alg;
        } rows[] = {{0x000b, HASH_SHA256}, {0x000c, HASH_SHA384}, {0x000d, HASH_SHA512}};
        if (id == ALG_SHA1)
                return refuse_sha1();
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (rows[i].id == id) {
                        *ret = rows[i].alg;
                        return NULL;
                }
        return fault(FAULT_DENIED, "tpm.signature", "hash 0x%04x of a signature", id);
}

static struct fault *verify_structure(struct tpm_check *c, uint16_t scheme, uint16_t hash_id)
{
        struct tpm_public ak = c->ak; /* not owned */
        if (!c->knows_public) {
                bool is_ec = key_kind(ak.key) != KEY_RSA;
                bool fits = is_ec ? scheme == ALG_ECDSA : scheme == ALG_RSASSA || scheme == ALG_RSAPSS;
                if (!fits)
                        return fault(FAULT_DENIED, "tpm.scheme", "scheme 0x%04x is not one of such a key", scheme);
                ak.scheme = scheme;
                TRY(hash_of_id(hash_id, &ak.scheme_hash));
        }
        return tpm_signature_verify(&ak, c->attest, c->signature, &c->signature_hash);
}

/* The hash of the scheme is also that of the registers' digest, so its length tells which it is. */
static struct fault *hash_of_digest(const struct tpm_check *c, enum hash_alg *ret)
{
        static const enum hash_alg algs[] = {HASH_SHA256, HASH_SHA384, HASH_SHA512};
        if (c->quote.pcr_digest.len == hash_len(HASH_SHA1))
                return refuse_sha1();
        for (size_t i = 0; i < COUNT_OF(algs); i++)
                if (c->quote.pcr_digest.len == hash_len(algs[i])) {
                        *ret = algs[i];
                        return NULL;
                }
        return fault(FAULT_DENIED, "tpm.pcr_digest", "a digest of %zu bytes", c->quote.pcr_digest.len);
}

static struct fault *verify_form(const struct tpm_check *c, enum signature_form form)
{
        return key_verify(c->ak.key, c->signature_hash, form, c->attest, c->signature);
}

/* Bare bytes, as Azure's agents and some tools pass them on. */
static struct fault *verify_bare(struct tpm_check *c)
{
        if (c->knows_public)
                c->signature_hash = c->ak.scheme_hash;
        else
                TRY(hash_of_digest(c, &c->signature_hash));
        size_t raw_len = key_kind(c->ak.key) == KEY_P256 ? 64 : 96;
        if (key_kind(c->ak.key) != KEY_RSA)
                return verify_form(c, c->signature.len == raw_len ? SIGNATURE_RAW : SIGNATURE_DER);
        if (c->knows_public)
                return verify_form(c, c->ak.scheme == ALG_RSASSA ? SIGNATURE_RSASSA : SIGNATURE_RSAPSS_ANY_SALT);
        AUTO(fault) struct fault *not_rsassa = verify_form(c, SIGNATURE_RSASSA);
        return not_rsassa == NULL ? NULL : verify_form(c, SIGNATURE_RSAPSS_ANY_SALT);
}

struct fault *tpm_check_signature(struct tpm_check *c)
{
        uint16_t scheme = 0, hash_id = 0;
        bool is_tpmt = is_structure(c->signature, key_kind(c->ak.key), &scheme, &hash_id);
        /* with the key's scheme known, and of no bare length, it goes to the reader that says what is wrong with it */
        bool is_bare = !is_tpmt && (!c->knows_public || c->in->ak == NULL);
        struct fault *f = is_bare ? verify_bare(c) : verify_structure(c, scheme, hash_id);
        /* malformed is as good as false: it is nobody's signature */
        return appraise_call(c->result, "tpm.signature", ORIGIN_HW, fault_recode(f, FAULT_DENIED));
}

/* ---- the registers ---- */

static uint32_t quoted_pcrs(const struct tpm_quote *q, enum hash_alg bank)
{
        for (size_t i = 0; i < q->bank_count; i++)
                if (q->banks[i].bank == bank)
                        return q->banks[i].pcrs;
        return 0;
}

static struct fault *check_bank(const struct tpm_check *c, enum hash_alg bank, uint32_t quoted)
{
        uint32_t supplied = c->pcrs != NULL ? registers_given(c->pcrs, bank) : 0;
        if (quoted == 0 && supplied == 0)
                return NULL;
        char wanted[NUMBER_TEXT_LEN], got[NUMBER_TEXT_LEN];
        (void) snprintf(wanted, sizeof(wanted), "%s:0x%06x", hash_name(bank), supplied); /* fits */
        (void) snprintf(got, sizeof(got), "%s:0x%06x", hash_name(bank), quoted);         /* fits */
        return appraise_hold(c->result, "tpm.selection", quoted == supplied, ORIGIN_HW, wanted, got);
}

/* The values that came are of exactly the registers and banks that were quoted: no more, no less, and at least one. */
static struct fault *check_selection(const struct tpm_check *c, bool has_values)
{
        uint32_t any = 0;
        for (size_t i = 0; i < c->quote.bank_count; i++)
                TRY(appraise_hold(c->result, "tpm.hash", c->quote.banks[i].bank != HASH_SHA1, ORIGIN_HW,
                                  "a bank of SHA-256 or better", hash_name(c->quote.banks[i].bank)));
        for (unsigned bank = 0; bank < HASH_ALG_COUNT; bank++) {
                uint32_t quoted = quoted_pcrs(&c->quote, (enum hash_alg) bank);
                any |= quoted;
                if (has_values)
                        TRY(check_bank(c, (enum hash_alg) bank, quoted));
        }
        return appraise_hold(c->result, "tpm.selection", any != 0, ORIGIN_HW, "at least one register",
                             any != 0 ? NULL : "none");
}

static struct fault *check_digest(const struct tpm_check *c)
{
        uint8_t wanted[HASH_MAX_LEN];
        struct span in_order[TPM_BANKS_MAX][TPM_PCR_COUNT] = {0}; /* banks as the quote has them */
        for (size_t i = 0; i < c->quote.bank_count; i++)
                memcpy(in_order[i], c->pcrs->values[c->quote.banks[i].bank], sizeof in_order[i]);
        TRY(appraise_call(c->result, "tpm.pcr_values", ORIGIN_HW,
                          tpm_pcr_digest(&c->quote, in_order, c->signature_hash, wanted)));
        return appraise_bytes(c->result, "tpm.pcr_digest", ORIGIN_HW, span_make(wanted, hash_len(c->signature_hash)),
                              c->quote.pcr_digest);
}

struct fault *tpm_check_pcrs(struct tpm_check *c)
{
        struct span given = appraisal_part(c->in, "pcrs");
        bool has_values = given.len > 0 || c->needs_pcrs;
        if (given.len > 0)
                TRY(appraise_call(c->result, "evidence.format", ORIGIN_SELF, registers_read_pcrs(given, &c->pcrs)));
        TRY(check_selection(c, has_values));
        if (!has_values) {
                appraise_not_checked(c->result, "tpm.pcr_values");
                return NULL;
        }
        return check_digest(c);
}

struct fault *tpm_check_eventlog(const struct tpm_check *c)
{
        struct span log = appraisal_part(c->in, "eventlog");
        if (log.len == 0)
                return NULL;
        if (c->pcrs == NULL) {
                appraise_not_checked(c->result, "eventlog.replay");
                return NULL;
        }
        return eventlog_pcrs(log, c->pcrs->values, c->result);
}

/* ---- facts ---- */

static void set_pcr_facts(const struct tpm_check *c)
{
        for (size_t i = 0; i < c->quote.bank_count && c->pcrs != NULL; i++) {
                enum hash_alg bank = c->quote.banks[i].bank;
                for (unsigned n = 0; n < TPM_PCR_COUNT; n++) {
                        if ((c->quote.banks[i].pcrs >> n & 1) == 0)
                                continue;
                        char name[PCR_NAME_LEN];
                        (void) snprintf(name, sizeof(name), "tpm.pcr.%s.%u", hash_name(bank), n); /* fits */
                        facts_set_bytes(&c->result->facts, name, ORIGIN_HW, c->pcrs->values[bank][n]);
                }
        }
}

void tpm_set_quote_facts(const struct tpm_check *c)
{
        struct facts *f = &c->result->facts;
        const struct tpm_quote *q = &c->quote;
        uint8_t digest[SHA256_LEN];
        set_pcr_facts(c);
        key_spki_sha256(c->ak.key, digest);
        facts_set_bytes(f, "tpm.ak-key", ORIGIN_HW, SPAN_OF(digest));
        facts_set_number(f, "tpm.reset-count", ORIGIN_HW, q->reset_count);
        facts_set_number(f, "tpm.restart-count", ORIGIN_HW, q->restart_count);
        facts_set_number(f, "tpm.firmware-version", ORIGIN_HW, q->firmware_version);
        facts_set_flag(f, "tpm.clock-safe", ORIGIN_HW, q->safe);
}

void tpm_check_clear(struct tpm_check *c)
{
        tpm_public_clear(&c->ak);
        registers_free(c->pcrs);
        c->pcrs = NULL;
}
