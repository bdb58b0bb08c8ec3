#include "issuer/api/ek_root.h"

struct ek_chain {
        struct cert *leaf;
        struct cert_list intermediates;
};

static void ek_chain_clear(struct ek_chain *c)
{
        cert_free(c->leaf);
        cert_list_clear(&c->intermediates);
}
DEFINE_AUTO_VALUE(ek_chain)

static struct fault *read_chain(const struct buf *certificates, size_t count, struct ek_chain *c)
{
        if (count == 0 || count > CHAIN_MAX)
                return fault(FAULT_DENIED, "ek.chain", "%zu certificates", count);
        TRY(cert_from_der(buf_span(&certificates[0]), &c->leaf));
        for (size_t i = 1; i < count; i++) {
                TRY(cert_from_der(buf_span(&certificates[i]), &c->intermediates.certs[i - 1]));
                c->intermediates.count = i;
        }
        return NULL;
}

/* Makers' intermediates may be configured beside their roots, for TPMs that hold only the last certificate. */
static void add_configured(const struct cert_list *roots, struct cert_list *intermediates)
{
        for (size_t i = 0; i < roots->count && intermediates->count < COUNT_OF(intermediates->certs); i++)
                if (strcmp(cert_subject(roots->certs[i]), cert_issuer(roots->certs[i])) != 0)
                        intermediates->certs[intermediates->count++] = roots->certs[i];
}

/* Enrolments are rare: a chain verified once more for each root costs nobody anything. */
struct fault *ek_root_find(const struct buf *certificates, size_t count, const struct cert_list *roots, struct wall now,
                           uint8_t ret[SHA256_LEN])
{
        AUTO(ek_chain) struct ek_chain chain = {0};
        TRY(read_chain(certificates, count, &chain));
        struct cert_list through = chain.intermediates; /* borrows */
        add_configured(roots, &through);
        for (size_t i = 0; i < roots->count; i++) {
                const struct cert_list one = {1, {roots->certs[i]}}; /* borrows */
                AUTO(fault)
                struct fault *other = cert_verify(chain.leaf, &through, &one, CERT_PURPOSE_EK, now);
                if (other != NULL)
                        continue;
                key_spki_sha256(cert_key(roots->certs[i]), ret);
                return NULL;
        }
        return fault(FAULT_DENIED, "ek.chain", "no configured root alone vouches for the endorsement key");
}
