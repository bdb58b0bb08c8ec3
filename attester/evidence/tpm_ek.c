#include "attester/evidence/tpm_ek.h"

#include "attester/evidence/tpm_nv.h"
#include "lib/base/log.h"
#include "lib/base/reader.h"
#include "lib/crypt/tpm.h"
#include "lib/crypt/x509.h"
#include "lib/model/tpm_evidence.h"

#define DER_SEQUENCE    0x30
#define CHAIN_AREA_MAX  ((size_t) 32 * 1024)
#define CHAIN_INDEX_MAX 16

/* PolicySecret(TPM_RH_ENDORSEMENT) under SHA-256, as the profile prints it. */
static const uint8_t endorsement_policy[SHA256_LEN] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
                                                       0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
                                                       0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa};

/* ---- certificates */

struct fault *der_first(struct span bytes, struct span *ret)
{
        struct reader r = READER(bytes);
        uint8_t tag = 0, length = 0;
        if (bytes.len < 2)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "%zu bytes are no certificate", bytes.len);
        TRY(reader_u8(&r, &tag));
        TRY(reader_u8(&r, &length));
        if (tag != DER_SEQUENCE)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "it starts with 0x%02x, no SEQUENCE", tag);
        size_t len = length;
        if (length >= 0x80) {
                unsigned octets = length & 0x7fu;
                if (octets < 1 || octets > 2 || reader_left(&r) < octets)
                        return fault(FAULT_INVALID, "BAD_CERTIFICATE", "its length has %u bytes", octets);
                len = 0;
                for (unsigned i = 0; i < octets; i++) {
                        uint8_t octet;
                        TRY(reader_u8(&r, &octet));
                        len = len << 8 | octet;
                }
                if (len < (octets == 1 ? 0x80u : 0x100u))
                        return fault(FAULT_INVALID, "BAD_CERTIFICATE", "its length is not the shortest form");
        }
        if (reader_left(&r) < len)
                return fault(FAULT_INVALID, "BAD_CERTIFICATE", "cut off: %zu of %zu bytes", reader_left(&r), len);
        *ret = span_slice(bytes, 0, r.at + len);
        return NULL;
}

static struct fault *add_certificate(struct tpm_ek *ek, struct span der)
{
        if (ek->certificate_count == EK_CHAIN_MAX)
                return NULL; /* the verifier has its own intermediates as well */
        struct buf *b = &ek->certificates[ek->certificate_count];
        *b = BUF(CERT_MAX);
        TRY(buf_append(b, der));
        ek->certificate_count++;
        return NULL;
}

/* One or more indexes, in ascending order one text of concatenated certificates: a certificate may go over the edge of two. */
static struct fault *add_chain(struct tpm_ek *ek, struct cancel *cancel)
{
        TPM2_HANDLE indexes[CHAIN_INDEX_MAX];
        size_t count;
        TRY(tpm_nv_list(ek->object.t, cancel, EK_NV_CHAIN_FIRST, EK_NV_CHAIN_LAST, indexes, COUNT_OF(indexes), &count));
        AUTO(buf) struct buf area = BUF(CHAIN_AREA_MAX);
        for (size_t i = 0; i < count; i++)
                TRY(tpm_nv_read(ek->object.t, cancel, indexes[i], &area));

        struct span rest = buf_span(&area), der;
        while (rest.len > 0 && rest.data[0] == DER_SEQUENCE) { /* anything else is padding */
                AUTO(fault) struct fault *garbled = der_first(rest, &der);
                if (garbled != NULL) {
                        log_warn("ek_chain_ignored", KV("why", garbled)); /* the verifier may have its own */
                        return NULL;
                }
                TRY(add_certificate(ek, der));
                rest = span_slice(rest, der.len, rest.len - der.len);
        }
        return NULL;
}

/* ---- the key */

static TPMT_PUBLIC template_common(TPM2_ALG_ID type)
{
        TPMT_PUBLIC in = {.type = type,
                          .nameAlg = TPM2_ALG_SHA256,
                          .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                              TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                                              TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
                          .authPolicy.size = sizeof endorsement_policy};
        memcpy(in.authPolicy.buffer, endorsement_policy, sizeof endorsement_policy);
        return in;
}

/* L-1 */
static TPM2B_PUBLIC template_rsa(void)
{
        TPM2B_PUBLIC in = {.publicArea = template_common(TPM2_ALG_RSA)};
        in.publicArea.parameters.rsaDetail =
                (TPMS_RSA_PARMS){.symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                                 .scheme.scheme = TPM2_ALG_NULL,
                                 .keyBits = 2048};
        in.publicArea.unique.rsa.size = 256;
        return in;
}

/* L-2 */
static TPM2B_PUBLIC template_ecc(void)
{
        TPM2B_PUBLIC in = {.publicArea = template_common(TPM2_ALG_ECC)};
        in.publicArea.parameters.eccDetail =
                (TPMS_ECC_PARMS){.symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
                                 .scheme.scheme = TPM2_ALG_NULL,
                                 .curveID = TPM2_ECC_NIST_P256,
                                 .kdf.scheme = TPM2_ALG_NULL};
        in.publicArea.unique.ecc.x.size = 32;
        in.publicArea.unique.ecc.y.size = 32;
        return in;
}

static const struct ek_kind {
        const char *name;
        TPM2_HANDLE nv_index;
        TPM2B_PUBLIC (*template)(void);
} kinds[] = {{"ECC P-256", EK_NV_ECC, template_ecc}, {"RSA 2048", EK_NV_RSA, template_rsa}};

static struct fault *create(struct tpm_ek *ek, struct cancel *cancel, const struct ek_kind *kind)
{
        struct tpm_context *t = ek->object.t;
        const TPM2B_SENSITIVE_CREATE no_auth = {0};
        const TPM2B_DATA no_data = {0};
        const TPML_PCR_SELECTION no_pcrs = {0};
        const TPM2B_PUBLIC in = kind->template();
        AUTO_ESYS TPM2B_PUBLIC *public = NULL;
        TPM_CALL(t, cancel, "make endorsement key",
                 Esys_CreatePrimary_Async(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                          &no_auth, &in, &no_data, &no_pcrs),
                 Esys_CreatePrimary_Finish(t->esys, &ek->object.handle, &public, NULL, NULL, NULL));

        return tpm_public_append(&public->publicArea, &ek->public);
}

/* A manufacturer may have used a template of its own: better said here than as a refusal from far away. */
static struct fault *check_certificate(const struct tpm_ek *ek, const struct ek_kind *kind)
{
        AUTO(cert) struct cert *cert = NULL;
        AUTO(fault) struct fault *bad = cert_from_der(buf_span(&ek->certificates[0]), &cert);
        if (bad != NULL)
                return fault(FAULT_INTERNAL, "tee.fault", "%s EK certificate: %s", kind->name, fault_text(bad));
        AUTO(tpm_public) struct tpm_public public = {0};
        TRY(tpm_public_read(buf_span(&ek->public), &public));
        if (cert_key(cert) == NULL || !span_eq(key_spki(cert_key(cert)), key_spki(public.key)))
                return fault(FAULT_INTERNAL, "tee.fault",
                             "the %s EK certificate is not for the key of the default template", kind->name);
        return NULL;
}

/* One kind with its certificate. *ret_is_there stays false when there is none, or nothing that begins like one: makers leave
 * blank indexes. */
static struct fault *load_certified(struct tpm_ek *ek, struct cancel *cancel, const struct ek_kind *kind,
                                    bool *ret_is_there)
{
        bool has_area;
        AUTO(buf) struct buf area = BUF(CERT_MAX);
        struct span der;
        TRY(tpm_nv_has(ek->object.t, cancel, kind->nv_index, &has_area));
        if (!has_area)
                return NULL;
        TRY(tpm_nv_read(ek->object.t, cancel, kind->nv_index, &area));
        AUTO(fault) struct fault *no_certificate = der_first(buf_span(&area), &der);
        if (no_certificate != NULL) {
                log_warn("ek_certificate_ignored", KV("kind", kind->name), KV("why", no_certificate));
                return NULL;
        }
        *ret_is_there = true;
        TRY(add_certificate(ek, der));
        TRY(create(ek, cancel, kind));
        TRY(check_certificate(ek, kind));
        return add_chain(ek, cancel);
}

/* Without a certificate: what the TPM can do. Curves and key sizes are optional for a TPM. */
static struct fault *load_bare(struct tpm_ek *ek, struct cancel *cancel)
{
        AUTO(fault) struct fault *f = NULL;
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                fault_free(f);
                f = create(ek, cancel, &kinds[i]);
                if (f == NULL || strcmp(fault_token(f), "tee.fault") != 0)
                        return TAKE(f);
        }
        return TAKE(f);
}

struct tpm_ek tpm_ek_new(struct tpm_context *t)
{
        return (struct tpm_ek){.object = TPM_OBJECT(t), .public = BUF(TPM_PUBLIC_MAX)};
}

struct fault *tpm_ek_load(struct tpm_context *t, struct cancel *cancel, struct tpm_ek *ret)
{
        AUTO(tpm_ek) struct tpm_ek ek = tpm_ek_new(t);
        AUTO(fault) struct fault *unfit = NULL; /* a certificate was there, but not for what this TPM makes */
        bool is_there = false;
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                is_there = false;
                struct fault *f = load_certified(&ek, cancel, &kinds[i], &is_there);
                if (f == NULL && is_there)
                        break;
                if (f == NULL)
                        continue;
                if (strcmp(fault_token(f), "tee.fault") != 0)
                        return f;
                fault_free(unfit);
                unfit = f;
                is_there = false;
                tpm_ek_clear(&ek);
        }
        if (!is_there && unfit != NULL)
                return TAKE(unfit);
        if (!is_there)
                TRY(load_bare(&ek, cancel));

        *ret = ek;
        ek = tpm_ek_new(t); /* what was given away is not flushed */
        return NULL;
}

void tpm_ek_clear(struct tpm_ek *ek)
{
        tpm_object_clear(&ek->object);
        buf_clear(&ek->public);
        for (size_t i = 0; i < ek->certificate_count; i++)
                buf_clear(&ek->certificates[i]);
        ek->certificate_count = 0;
}
