#include "issuer/verifier/tdx/platform.h"

#include <assert.h>

#define CHAIN_LEN 3

static struct memo memo = MEMO_INIT;

const char *const tdx_platform_checks[] = {
        "tdx.pck_chain",    "tdx.pck_ca",         "tdx.pck_signature", "tdx.pck",
        "tdx.qe_signature", "tdx.qe_report_data", "tdx.att_key",       NULL,
};

const char *tdx_ca_name(enum tdx_ca ca)
{
        return ca == TDX_CA_PLATFORM ? "platform" : "processor";
}

static void platform_free(struct memo_value *v)
{
        struct tdx_platform *p = CONTAINER_OF(v, struct tdx_platform, memo);
        buf_clear(&p->bytes);
        buf_clear(&p->ca_der);
        buf_clear(&p->root_der);
        key_free(p->att_key);
        free(p);
}

/* ---- the chain ---- */

struct chain {
        const struct cert *pck, *ca, *root;
};

/* Leaf, CA, root in this order: whoever takes another certificate for the leaf than we do sees another platform. */
static struct fault *read_chain(struct span pem, struct cert_list *list, struct chain *ret)
{
        TRY(fault_rename(tdx_certs_read(pem, list), FAULT_INVALID, "tdx.pck_chain"));
        if (list->count != CHAIN_LEN)
                return fault(FAULT_INVALID, "tdx.pck_chain", "%zu certificates, wanted PCK, CA and root", list->count);
        *ret = (struct chain){list->certs[0], list->certs[1], list->certs[2]};
        return NULL;
}

static struct fault *check_roles(const struct chain *c, enum tdx_ca *ret_ca)
{
        if (!tdx_cert_is_named(c->pck, CN_PCK) || !tdx_cert_may_sign(c->pck, /* is_ca= */ false))
                return fault(FAULT_DENIED, "tdx.pck_chain", "\"%s\" is no PCK certificate", cert_subject(c->pck));
        if (!tdx_cert_is_named(c->root, CN_ROOT))
                return fault(FAULT_DENIED, "tdx.pck_chain", "\"%s\" is no root of Intel's", cert_subject(c->root));
        if (tdx_cert_is_named(c->ca, CN_PLATFORM_CA))
                *ret_ca = TDX_CA_PLATFORM;
        else if (tdx_cert_is_named(c->ca, CN_PROCESSOR_CA))
                *ret_ca = TDX_CA_PROCESSOR;
        else
                return fault(FAULT_DENIED, "tdx.pck_ca", "\"%s\" is neither Platform nor Processor CA",
                             cert_subject(c->ca));
        if (!tdx_cert_may_sign(c->ca, /* is_ca= */ true))
                return fault(FAULT_DENIED, "tdx.pck_ca", "\"%s\" is no CA", cert_subject(c->ca));
        return NULL;
}

static struct fault *check_signatures(const struct chain *c)
{
        TRY(tdx_cert_issued_by(c->root, c->root, "tdx.pck_signature"));
        TRY(tdx_cert_issued_by(c->ca, c->root, "tdx.pck_signature"));
        return tdx_cert_issued_by(c->pck, c->ca, "tdx.pck_signature");
}

static struct fault *read_extension(const struct cert *pck, struct pck_extension *ret)
{
        struct span extension;

        AUTO(fault) struct fault *f = cert_extension(pck, PCK_EXTENSION_OID, &extension);
        if (f != NULL)
                return fault(FAULT_INVALID, "tdx.pck", "certificate without Intel's extension");
        return pck_extension_read(extension, ret);
}

/* ---- the quoting enclave ---- */

static struct fault *check_qe(const struct tdx_quote *q, const struct key *pck)
{
        uint8_t wanted[TDX_REPORT_DATA_LEN] = {0}; /* SHA-256(attestation key ‖ authentication data) ‖ 32 zeros */
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);

        AUTO(fault) struct fault *f = key_verify(pck, HASH_SHA256, SIGNATURE_RAW, q->qe_report_bytes, q->qe_signature);
        if (f != NULL)
                return fault(FAULT_DENIED, "tdx.qe_signature", "report of the quoting enclave isn't signed by the PCK");
        hasher_add(h, q->att_key);
        hasher_add(h, q->qe_auth);
        hasher_end(h, wanted);
        if (!span_eq_secret(SPAN_OF(wanted), q->qe_report.report_data))
                return fault(FAULT_DENIED, "tdx.qe_report_data",
                             "the quoting enclave vouches for another attestation key or authentication data");
        return NULL;
}

static struct fault *read_att_key(struct span xy, struct key **ret)
{
        return fault_rename(key_from_ec_point(KEY_P256, span_slice(xy, 0, 32), span_slice(xy, 32, 32), ret),
                            FAULT_DENIED, "tdx.att_key");
}

/* ---- all of it ---- */

static struct fault *prove(const struct tdx_quote *q, struct tdx_platform *p)
{
        AUTO(cert_list) struct cert_list list = {0};
        struct chain c;

        TRY(read_chain(q->pck_chain, &list, &c));
        TRY(check_roles(&c, &p->ca));
        TRY(check_signatures(&c));
        TRY(read_extension(c.pck, &p->pck));
        TRY(check_qe(q, cert_key(c.pck)));
        TRY(read_att_key(q->att_key, &p->att_key));

        p->pck_cert = tdx_cert_of(c.pck);
        p->ca_cert = tdx_cert_of(c.ca);
        p->root_cert = tdx_cert_of(c.root);
        key_spki_sha256(cert_key(c.root), p->root_spki);
        sha256(q->pck_chain, p->chain_digest);
        sha256(SPAN_OF(p->pck.ppid), p->ppid_digest);
        TRY(buf_append(&p->bytes, q->platform_bytes));
        TRY(buf_append(&p->ca_der, cert_der(c.ca)));
        return buf_append(&p->root_der, cert_der(c.root));
}

/* To find it by: a key, and the signature over it. Whether all the rest is the same is then asked byte for byte. */
static void key_of(const struct tdx_quote *q, uint8_t ret[SHA256_LEN])
{
        uint8_t seen[TDX_KEY_LEN + TDX_SIGNATURE_LEN];
        assert(q->att_key.len == TDX_KEY_LEN &&
               q->qe_signature.len == TDX_SIGNATURE_LEN); /* the quote's reader saw to it */
        memcpy(seen, q->att_key.data, TDX_KEY_LEN);
        memcpy(seen + TDX_KEY_LEN, q->qe_signature.data, TDX_SIGNATURE_LEN);
        sha256(SPAN_OF(seen), ret);
}

/* NULL: not there. */
static struct tdx_platform *find(const uint8_t key[SHA256_LEN], const struct tdx_quote *q)
{
        struct memo_value *known = memo_find(&memo, key);
        if (known == NULL)
                return NULL;
        struct tdx_platform *p = CONTAINER_OF(known, struct tdx_platform, memo);
        if (span_eq(buf_span(&p->bytes), q->platform_bytes))
                return p;
        memo_release(known);
        return NULL;
}

struct fault *tdx_platform_prove(const struct tdx_quote *q, struct tdx_platform **ret)
{
        uint8_t key[SHA256_LEN];
        key_of(q, key);
        struct tdx_platform *known = find(key, q);
        if (known != NULL) {
                *ret = known;
                return NULL;
        }

        struct tdx_platform *p = NEW(struct tdx_platform);
        *p = (struct tdx_platform){.memo = MEMO_VALUE(platform_free),
                                   .bytes = BUF(SIZE_MAX),
                                   .ca_der = BUF(CERT_MAX),
                                   .root_der = BUF(CERT_MAX)};
        struct fault *f = prove(q, p);
        if (f != NULL) {
                memo_release(&p->memo);
                return f;
        }
        memo_keep(&memo, key, &p->memo);
        *ret = p;
        return NULL;
}

void tdx_platform_release(struct tdx_platform *p)
{
        if (p != NULL)
                memo_release(&p->memo);
}

struct fault *tdx_platform_peek(const struct tdx_quote *q, struct pck_extension *ret, enum tdx_ca *ret_ca)
{
        AUTO(cert_list) struct cert_list list = {0};
        struct chain c;

        TRY(read_chain(q->pck_chain, &list, &c));
        TRY(check_roles(&c, ret_ca));
        return read_extension(c.pck, ret);
}

void tdx_platform_forget(void)
{
        memo_clear(&memo);
}
