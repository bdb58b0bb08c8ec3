/* Our readers of TPM structures beside those of tpm2-tss (libtss2-mu). What we take they take, with equal fields; what they take and we
 * refuse is refused for a reason that is listed here and can be read off their fields. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>
#include <tss2/tss2_mu.h>

#include "lib/crypt/tpm.h"
#include "tests/fakes/fuzz.h"

static bool is_explained(const char *why, const struct fault *refusal)
{
        if (why == NULL)
                (void) fprintf(stderr, "refused by us alone: %s: %s\n", fault_token(refusal), fault_text(refusal));
        return why != NULL;
}

#define SIZED(field, member) span_make((field).member, (field).size)

static size_t hash_size(TPM2_ALG_ID alg)
{
        return alg == TPM2_ALG_SHA1     ? 20
               : alg == TPM2_ALG_SHA256 ? 32
               : alg == TPM2_ALG_SHA384 ? 48
               : alg == TPM2_ALG_SHA512 ? 64
                                        : 0;
}

/* ---- TPMS_ATTEST ---- */

static const char *why_not_quote(const TPMS_ATTEST *a)
{
        if (a->magic != TPM2_GENERATED_VALUE)
                return "not made by a TPM";
        if (a->type != TPM2_ST_ATTEST_QUOTE)
                return "another kind of attestation";
        const TPMS_QUOTE_INFO *q = &a->attested.quote;
        if (a->qualifiedSigner.size > 66 || a->extraData.size > 66 || q->pcrDigest.size > 64)
                return "longer than any hash that we know makes it";
        if (a->clockInfo.safe > 1)
                return "safe is neither yes nor no";
        if (q->pcrSelect.count > TPM_BANKS_MAX)
                return "more banks than we take";
        for (size_t i = 0; i < q->pcrSelect.count; i++) {
                const TPMS_PCR_SELECTION *s = &q->pcrSelect.pcrSelections[i];
                if (hash_size(s->hash) == 0)
                        return "a bank of a hash that we don't take";
                if (s->sizeofSelect != TPM_PCR_COUNT / 8)
                        return "not 24 PCRs";
                for (size_t j = 0; j < i; j++)
                        if (q->pcrSelect.pcrSelections[j].hash == s->hash)
                                return "a bank twice";
        }
        return NULL;
}

static void compare_quote(struct span input)
{
        TPMS_ATTEST a;
        struct tpm_quote q;
        size_t used = 0;
        memset(&a, 0, sizeof a);
        bool is_theirs =
                Tss2_MU_TPMS_ATTEST_Unmarshal(input.data, input.len, &used, &a) == TSS2_RC_SUCCESS && used == input.len;
        AUTO(fault) struct fault *refused = tpm_quote_read(input, &q);
        if (refused != NULL) {
                must(!is_theirs || is_explained(why_not_quote(&a), refused));
                return;
        }
        const TPML_PCR_SELECTION *banks = &a.attested.quote.pcrSelect;
        must(is_theirs && why_not_quote(&a) == NULL);
        must(span_eq(q.qualified_signer, SIZED(a.qualifiedSigner, name)));
        must(span_eq(q.extra_data, SIZED(a.extraData, buffer)));
        must(span_eq(q.pcr_digest, SIZED(a.attested.quote.pcrDigest, buffer)));
        must(q.clock_ms == a.clockInfo.clock && q.firmware_version == a.firmwareVersion);
        must(q.reset_count == a.clockInfo.resetCount && q.restart_count == a.clockInfo.restartCount);
        must(q.safe == (a.clockInfo.safe == 1) && q.bank_count == banks->count);
        for (size_t i = 0; i < q.bank_count; i++) {
                const BYTE *bits = banks->pcrSelections[i].pcrSelect;
                must(q.banks[i].pcrs == (bits[0] | (uint32_t) bits[1] << 8 | (uint32_t) bits[2] << 16));
                must(hash_len(q.banks[i].bank) == hash_size(banks->pcrSelections[i].hash));
        }
}

/* ---- TPMT_PUBLIC ---- */

static bool is_good_hash(TPM2_ALG_ID alg)
{
        return alg != TPM2_ALG_SHA1 && hash_size(alg) != 0;
}

static const char *why_not_symmetric(const TPMT_SYM_DEF_OBJECT *s)
{
        if (s->algorithm == TPM2_ALG_NULL)
                return NULL;
        bool is_ours = s->algorithm == TPM2_ALG_AES && (s->keyBits.aes == 128 || s->keyBits.aes == 256) &&
                       s->mode.aes == TPM2_ALG_CFB;
        return is_ours ? NULL : "children are not protected by AES-CFB";
}

static const char *why_not_rsa(const TPMT_PUBLIC *p)
{
        const TPMS_RSA_PARMS *parms = &p->parameters.rsaDetail;
        const TPM2B_PUBLIC_KEY_RSA *n = &p->unique.rsa;
        TPM2_ALG_ID scheme = parms->scheme.scheme;
        bool has_hash = scheme == TPM2_ALG_RSASSA || scheme == TPM2_ALG_RSAPSS || scheme == TPM2_ALG_OAEP;
        if (why_not_symmetric(&parms->symmetric) != NULL)
                return why_not_symmetric(&parms->symmetric);
        if (!has_hash && scheme != TPM2_ALG_NULL && scheme != TPM2_ALG_RSAES)
                return "scheme";
        if (has_hash && !is_good_hash(parms->scheme.details.anySig.hashAlg))
                return "hash of the scheme";
        if (parms->exponent != 0 && parms->exponent != 65537)
                return "exponent";
        if (n->size * 8 != parms->keyBits)
                return "modulus and key bits differ";
        if (n->size < 256 || n->size > 512 || n->buffer[0] < 0x80 || n->buffer[n->size - 1] % 2 == 0)
                return "modulus of fewer or more bits than we take, or even";
        return NULL;
}

static bool is_on_curve(const TPMT_PUBLIC *p)
{
        const TPMS_ECC_POINT *at = &p->unique.ecc;
        EC_GROUP *group = EC_GROUP_new_by_curve_name(
                p->parameters.eccDetail.curveID == TPM2_ECC_NIST_P256 ? NID_X9_62_prime256v1 : NID_secp384r1);
        BIGNUM *x = BN_bin2bn(at->x.buffer, at->x.size, NULL), *y = BN_bin2bn(at->y.buffer, at->y.size, NULL);
        EC_POINT *point = EC_POINT_new(group);
        bool is_on = EC_POINT_set_affine_coordinates(group, point, x, y, NULL) == 1;
        EC_POINT_free(point);
        BN_free(x);
        BN_free(y);
        EC_GROUP_free(group);
        ERR_clear_error();
        return is_on;
}

static const char *why_not_ecc(const TPMT_PUBLIC *p)
{
        const TPMS_ECC_PARMS *parms = &p->parameters.eccDetail;
        TPM2_ALG_ID scheme = parms->scheme.scheme;
        if (why_not_symmetric(&parms->symmetric) != NULL)
                return why_not_symmetric(&parms->symmetric);
        if (scheme != TPM2_ALG_NULL && scheme != TPM2_ALG_ECDSA && scheme != TPM2_ALG_ECDH)
                return "scheme";
        if (scheme != TPM2_ALG_NULL && !is_good_hash(parms->scheme.details.anySig.hashAlg))
                return "hash of the scheme";
        if (parms->curveID != TPM2_ECC_NIST_P256 && parms->curveID != TPM2_ECC_NIST_P384)
                return "curve";
        if (parms->kdf.scheme != TPM2_ALG_NULL)
                return "KDF";
        size_t width = parms->curveID == TPM2_ECC_NIST_P256 ? 32 : 48;
        if (p->unique.ecc.x.size > width || p->unique.ecc.y.size > width)
                return "coordinate longer than the field";
        return is_on_curve(p) ? NULL : "not a point of the curve";
}

static const char *why_not_public(const TPMT_PUBLIC *p)
{
        if (!is_good_hash(p->nameAlg))
                return "hash of the name";
        if (p->authPolicy.size != 0 && p->authPolicy.size != hash_size(p->nameAlg))
                return "policy of another length than the hash";
        return p->type == TPM2_ALG_RSA   ? why_not_rsa(p)
               : p->type == TPM2_ALG_ECC ? why_not_ecc(p)
                                         : "neither RSA nor EC";
}

/* Our SubjectPublicKeyInfo ends with the point; an RSA one has the modulus before the exponent's five bytes. */
static bool is_same_key(const struct key *k, const TPMT_PUBLIC *p)
{
        struct span spki = key_spki(k);
        if (p->type == TPM2_ALG_RSA) {
                struct span n = SIZED(p->unique.rsa, buffer);
                return spki.len > n.len + 5 && span_eq(span_slice(spki, spki.len - n.len - 5, n.len), n);
        }
        size_t width = p->parameters.eccDetail.curveID == TPM2_ECC_NIST_P256 ? 32 : 48;
        uint8_t point[2 * 48] = {0};
        const TPMS_ECC_POINT *at = &p->unique.ecc;
        memcpy(point + width - at->x.size, at->x.buffer, at->x.size);
        memcpy(point + 2 * width - at->y.size, at->y.buffer, at->y.size);
        return spki.len > 2 * width &&
               span_eq(span_slice(spki, spki.len - 2 * width, 2 * width), span_make(point, 2 * width));
}

static void compare_public(struct span input)
{
        AUTO(tpm_public) struct tpm_public ours = {0};
        TPMT_PUBLIC p;
        size_t used = 0;
        memset(&p, 0, sizeof p);
        bool is_theirs =
                Tss2_MU_TPMT_PUBLIC_Unmarshal(input.data, input.len, &used, &p) == TSS2_RC_SUCCESS && used == input.len;
        AUTO(fault) struct fault *refused = tpm_public_read(input, &ours);
        if (refused != NULL) {
                must(!is_theirs || is_explained(why_not_public(&p), refused));
                return;
        }
        must(is_theirs && why_not_public(&p) == NULL && is_same_key(ours.key, &p));
        must(ours.attributes == p.objectAttributes && hash_len(ours.name_alg) == hash_size(p.nameAlg));
        must(span_eq(ours.auth_policy, SIZED(p.authPolicy, buffer)));
        bool is_rsa = p.type == TPM2_ALG_RSA;
        const TPMT_SYM_DEF_OBJECT *s = is_rsa ? &p.parameters.rsaDetail.symmetric : &p.parameters.eccDetail.symmetric;
        must(ours.aes_bits == (s->algorithm == TPM2_ALG_NULL ? 0 : s->keyBits.aes));
        must(ours.scheme == (is_rsa ? p.parameters.rsaDetail.scheme.scheme : p.parameters.eccDetail.scheme.scheme));
}

/* ---- TPMT_SIGNATURE: read whole when the only complaint left is that it doesn't verify ---- */

static struct key *some_ec_key(void)
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

static struct key *some_rsa_key(void)
{
        uint8_t n[256];
        struct key *k = NULL;
        memset(n, 0xc5, sizeof n);
        AUTO(fault) struct fault *f = key_from_rsa(SPAN_OF(n), SPAN("\x01\x00\x01"), &k);
        must(f == NULL);
        return k;
}

static bool is_fit(const TPMT_SIGNATURE *s, const struct tpm_public *ak)
{
        if (s->sigAlg != ak->scheme)
                return false;
        if (s->sigAlg != TPM2_ALG_ECDSA)
                return s->signature.rsassa.hash == TPM2_ALG_SHA256;
        const TPMS_SIGNATURE_ECC *e = &s->signature.ecdsa;
        return e->hash == TPM2_ALG_SHA256 && e->signatureR.size <= 32 && e->signatureS.size <= 32;
}

static void compare_signature(struct span input, uint16_t scheme)
{
        static struct key *ec, *rsa; /* made once: they stay */
        if (ec == NULL) {
                ec = some_ec_key();
                rsa = some_rsa_key();
        }
        const struct tpm_public ak = {.name_alg = HASH_SHA256,
                                      .scheme = scheme,
                                      .scheme_hash = HASH_SHA256,
                                      .key = scheme == TPM2_ALG_ECDSA ? ec : rsa};
        TPMT_SIGNATURE s;
        enum hash_alg alg;
        size_t used = 0;
        memset(&s, 0, sizeof s);
        bool is_theirs = Tss2_MU_TPMT_SIGNATURE_Unmarshal(input.data, input.len, &used, &s) == TSS2_RC_SUCCESS &&
                         used == input.len;
        AUTO(fault) struct fault *refused = tpm_signature_verify(&ak, SPAN("signed"), input, &alg);
        must(refused != NULL); /* nobody has these keys */
        bool was_read = strcmp(fault_token(refused), "tpm.signature") == 0;
        must(was_read == (is_theirs && is_fit(&s, &ak)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const uint8_t nothing;
        /* it writes a line about each refusal */
        (void) setenv("TSS2_LOG", "all+NONE", 1);                        /* NOLINT(concurrency-mt-unsafe): one thread */
        struct span input = span_make(size > 0 ? data : &nothing, size); /* theirs doesn't take NULL */
        compare_quote(input);
        compare_public(input);
        compare_signature(input, TPM2_ALG_ECDSA);
        compare_signature(input, TPM2_ALG_RSASSA);
        compare_signature(input, TPM2_ALG_RSAPSS);
        return 0;
}
