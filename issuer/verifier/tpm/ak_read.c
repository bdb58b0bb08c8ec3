/* The attestation key as files and requests have it, and the certificates that came with it. */
#include "issuer/verifier/tpm/tpm.h"
#include "lib/crypt/der.h"

#define PEM_BEGIN       "-----BEGIN"
#define PEM_CERTIFICATE "-----BEGIN CERTIFICATE-----"
#define TPM_ALG_RSA     0x0001
#define TPM_ALG_ECC     0x0023

static bool contains(struct span text, struct span what)
{
        return text.len >= what.len && memmem(text.data, text.len, what.data, what.len) != NULL;
}

/* ---- public areas ---- */

static size_t u16be(struct span s)
{
        return s.len < 2 ? 0 : (size_t) s.data[0] << 8 | s.data[1];
}

/* TPMT_PUBLIC, or one in a TPM2B_PUBLIC; empty: neither. */
static struct span public_area(struct span part)
{
        if (part.len > 2 && u16be(part) == part.len - 2)
                part = span_slice(part, 2, part.len - 2);
        return u16be(part) == TPM_ALG_RSA || u16be(part) == TPM_ALG_ECC ? part : SPAN_NONE;
}

static struct fault *key_of_certificate(struct tpm_ak *ak)
{
        const struct key *k = cert_key(ak->certificate);
        if (k == NULL)
                return fault(FAULT_DENIED, "tpm.ak", "the certificate's key is of a kind that is not taken");
        return key_from_spki(key_spki(k), &ak->public.key);
}

/* The first is the key's own. */
static struct fault *from_certificates(struct span part, struct tpm_ak *ak)
{
        AUTO(cert_list) struct cert_list list = {0};
        if (part.data[0] == DER_SEQUENCE) {
                struct span der = part; /* as it lay in NV, padding behind it */
                TRY(cert_trim(part, &der));
                TRY(cert_from_der(der, &ak->certificate));
                return key_of_certificate(ak);
        }
        TRY(cert_list_from_pem(part, &list));
        ak->certificate = TAKE(list.certs[0]);
        for (size_t i = 1; i < list.count; i++)
                ak->chain.certs[ak->chain.count++] = TAKE(list.certs[i]);
        return key_of_certificate(ak);
}

static struct fault *read_key(struct span part, struct tpm_ak *ak)
{
        struct span area = public_area(part);
        if (area.len > 0) {
                TRY(tpm_public_read(area, &ak->public));
                ak->knows_public = true;
                return NULL;
        }
        if (contains(part, SPAN(PEM_CERTIFICATE)))
                return from_certificates(part, ak);
        if (contains(part, SPAN(PEM_BEGIN)))
                return key_from_pem_public(part, &ak->public.key);
        AUTO(fault) struct fault *no_key = key_from_spki(part, &ak->public.key);
        return no_key == NULL ? NULL : from_certificates(part, ak);
}

/* ---- certificates beside it ---- */

static struct fault *add_certificates(struct span part, struct tpm_ak *ak)
{
        AUTO(cert_list) struct cert_list list = {0};
        TRY(cert_list_read(part, &list));
        for (size_t i = 0; i < list.count; i++) {
                const struct key *k = cert_key(list.certs[i]);
                bool is_own = ak->certificate == NULL && k != NULL && !cert_is_ca(list.certs[i]) &&
                              span_eq(key_spki(k), key_spki(ak->public.key));
                if (is_own)
                        ak->certificate = TAKE(list.certs[i]);
                else if (ak->chain.count < COUNT_OF(ak->chain.certs))
                        ak->chain.certs[ak->chain.count++] = TAKE(list.certs[i]);
                else
                        return fault(FAULT_DENIED, "ak.chain", "more than %zu certificates", ak->chain.count);
        }
        return NULL;
}

static struct fault *read_all(const struct appraisal *in, struct span part, struct tpm_ak *ak)
{
        TRY(fault_rename(read_key(part, ak), FAULT_DENIED, "tpm.ak"));
        for (size_t i = 0; i < in->part_count && in->ak == NULL; i++)
                if (strcmp(in->parts[i].name, "chain") == 0)
                        TRY(fault_rename(add_certificates(in->parts[i].bytes, ak), FAULT_DENIED, "ak.chain"));
        return NULL;
}

static void ak_destroy(struct memo_value *v)
{
        struct tpm_ak *ak = CONTAINER_OF(v, struct tpm_ak, memo);
        tpm_public_clear(&ak->public);
        cert_free(ak->certificate);
        cert_list_clear(&ak->chain);
        free(ak);
}

struct fault *tpm_ak_read(const struct appraisal *in, struct tpm_ak **ret)
{
        struct span part = appraisal_part(in, "ak");
        if (part.len == 0)
                return fault(FAULT_INVALID, "evidence.parts", "no attestation key came (the part ak)");
        AUTO(tpm_ak) struct tpm_ak *ak = in->ak == NULL ? tpm_ak_known(in) : NULL;
        if (ak == NULL) {
                ak = NEW(struct tpm_ak);
                ak->memo = MEMO_VALUE(ak_destroy);
                TRY(read_all(in, part, ak));
        }
        *ret = TAKE(ak);
        return NULL;
}

struct span tpm_ak_area(const struct appraisal *in)
{
        return public_area(appraisal_part(in, "ak"));
}

void tpm_ak_free(struct tpm_ak *ak)
{
        if (ak != NULL)
                memo_release(&ak->memo);
}
