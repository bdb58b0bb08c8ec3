/* Enrolment of an attestation key: is the endorsement key a TPM maker's, and is the attestation key what a quote's signer must be? That both
 * live in one TPM is proved afterwards by activation, whose credential is made for the Name computed here. TCG EK Credential Profile 2.x. */
#include "issuer/verifier/appraise.h"

#define PUBLIC_MAX     1024
#define NAME_MAX_BYTES 66

struct enrolment {
        struct cert *leaf; /* owned */
        struct cert_list intermediates;
        struct tpm_public ek, ak;
};

static void enrolment_clear(struct enrolment *e)
{
        cert_free(e->leaf);
        cert_list_clear(&e->intermediates);
        tpm_public_clear(&e->ek);
        tpm_public_clear(&e->ak);
}
DEFINE_AUTO_VALUE(enrolment)

static struct fault *read_certificates(const struct buf *certificates, size_t count, struct enrolment *e)
{
        if (count == 0)
                return fault(FAULT_DENIED, "ek.missing", "the TPM gave no endorsement certificate");
        if (count > CHAIN_MAX)
                return fault(FAULT_DENIED, "ek.chain", "%zu certificates, at most %d are taken", count, CHAIN_MAX);
        TRY(fault_rename(cert_from_der(buf_span(&certificates[0]), &e->leaf), FAULT_DENIED, "ek.certificate"));
        for (size_t i = 1; i < count; i++) {
                TRY(fault_rename(cert_from_der(buf_span(&certificates[i]), &e->intermediates.certs[i - 1]),
                                 FAULT_DENIED, "ek.certificate"));
                e->intermediates.count = i;
        }
        return NULL;
}

static struct fault *check_chain(const struct enrolment *e, const struct cert_list *roots, struct wall now)
{
        static const struct {
                const char *of_x509, *of_ek;
        } names[] = {
                {"x509.expired", "ek.expired"},
                {"x509.not_yet_valid", "ek.not_yet_valid"},
                {"x509.purpose", "ek.purpose"},
                {"x509.signature", "ek.signature"},
        };
        struct fault *f = cert_verify(e->leaf, &e->intermediates, roots, CERT_PURPOSE_EK, now);
        for (size_t i = 0; f != NULL && i < COUNT_OF(names); i++)
                if (strcmp(fault_token(f), names[i].of_x509) == 0)
                        return fault_rename(f, FAULT_DENIED, names[i].of_ek);
        return fault_rename(f, FAULT_DENIED, "ek.chain");
}

static struct fault *check_ek(struct enrolment *e, struct span ek_public)
{
        TRY(fault_rename(tpm_public_read(ek_public, &e->ek), FAULT_DENIED, "ek.public"));
        const struct key *certified = cert_key(e->leaf);
        if (certified == NULL || !span_eq(key_spki(certified), key_spki(e->ek.key)))
                return fault(FAULT_DENIED, "ek.key", "the endorsement certificate is another key's");
        if (!tpm_is_ek_template(&e->ek))
                return fault(
                        FAULT_DENIED, "ek.template",
                        "the endorsement key has attributes 0x%08x, or a policy, that the default templates don't have",
                        e->ek.attributes);
        return NULL;
}

static struct fault *check_ak(struct enrolment *e, struct span ak_public)
{
        TRY(fault_rename(tpm_public_read(ak_public, &e->ak), FAULT_DENIED, "ak.public"));
        return ak_check_public(&e->ak);
}

static struct fault *make_record(const struct enrolment *e, struct span ak_public, struct ak_record **ret)
{
        AUTO(ak_record) struct ak_record *r = NEW(struct ak_record);
        r->name = BUF(NAME_MAX_BYTES);
        r->public_area = BUF(PUBLIC_MAX);
        TRY(tpm_name(ak_public, &r->name));
        TRY(buf_append(&r->public_area, ak_public));
        key_spki_sha256(e->ek.key, r->ek_digest);
        r->ek_issuer = alloc_string(cert_issuer(e->leaf));
        r->ek_not_after_unix_s = wall_unix_s(cert_not_after(e->leaf));
        *ret = TAKE(r);
        return NULL;
}

struct fault *verifier_check_enrolment(const struct buf *ek_certificates, size_t count, struct span ek_public,
                                       struct span ak_public, const struct cert_list *ek_roots, struct wall now,
                                       struct ak_record **ret)
{
        AUTO(enrolment) struct enrolment e = {0};
        TRY(read_certificates(ek_certificates, count, &e));
        TRY(check_ek(&e, ek_public));
        TRY(check_ak(&e, ak_public));
        TRY(check_chain(&e, ek_roots, now)); /* last: it costs most */
        return make_record(&e, ak_public, ret);
}
