#include "issuer/verifier/tdx/collateral.h"

#include "issuer/verifier/tdx/signed_json.h"
#include "lib/base/parse.h"

#define PART_TCB_CHAIN "tcb_signing_chain.pem"
#define PART_QE_CHAIN  "qe_identity_signing_chain.pem"
#define PART_PCK_CRL   "pck_crl.der"
#define PART_CRL_CHAIN "pck_crl_issuer_chain.pem"
#define PART_ROOT_CRL  "root_crl.der"

static struct memo memo = MEMO_INIT;

const char *const tdx_collateral_checks[] = {
        "tdx.root_crl",    "tdx.pck_crl_issuer",     "tdx.pck_crl",
        "tdx.tcb_signer",  "tdx.tcb_info_signature", "tdx.tcb_info",
        "tdx.tcb_info_id", "tdx.qe_identity_signer", "tdx.qe_identity_signature",
        "tdx.qe_identity", "tdx.qe_identity_id",     NULL,
};

static void collateral_free(struct memo_value *v)
{
        struct tdx_collateral *c = CONTAINER_OF(v, struct tdx_collateral, memo);
        crl_free(c->root_crl);
        crl_free(c->pck_crl);
        buf_clear(&c->bytes);
        tcb_info_clear(&c->tcb_info);
        qe_identity_clear(&c->qe_identity);
        free(c);
}

/* ---- is it all there? ---- */

struct fault *tdx_collateral_complete(const struct appraisal *in)
{
        static const char *const files[] = {PART_TCB_CHAIN, PART_PCK_CRL, PART_ROOT_CRL};
        AUTO(buf) struct buf missing = BUF(256);

        if (!signed_json_is_there(in, &signed_tcb_info))
                TRY(buf_append_str(&missing, " tcb_info"));
        if (!signed_json_is_there(in, &signed_qe_identity))
                TRY(buf_append_str(&missing, " qe_identity"));
        for (size_t i = 0; i < COUNT_OF(files); i++)
                if (appraisal_part(in, files[i]).len == 0)
                        TRY(buf_printf(&missing, " %s", files[i]));
        if (missing.len > 0)
                return fault(FAULT_UNAVAILABLE, "tdx.collateral", "missing:%s", buf_str(&missing));
        return NULL;
}

/* ---- signatures ---- */

struct proof {
        const struct appraisal *in;
        struct tdx_collateral *into;
        struct cert *root, *ca; /* of the quote's chain, which is proven */
};

static struct fault *read_crl(struct span bytes, const char *token, struct crl **ret)
{
        AUTO(buf) struct buf der = BUF(CRL_MAX);
        bool is_hex = bytes.len > 0 && bytes.data[0] != '-' && bytes.data[0] != 0x30;

        /* hex of a SEQUENCE begins with the character 3, which is 0x33; DER with the byte 0x30, which is the character 0 */
        while (is_hex && bytes.data[bytes.len - 1] == '\n' && bytes.len > 1)
                bytes.len--;
        struct fault *f = is_hex ? hex_decode(bytes, &der) : NULL;
        if (f == NULL)
                f = crl_read(is_hex ? buf_span(&der) : bytes, ret);
        return fault_rename(f, FAULT_INVALID, token);
}

/* Issuer and signature; its dates are for later. */
static struct fault *check_crl(const struct crl *c, const struct cert *issuer, const char *token)
{
        return fault_rename(crl_verify(c, issuer, CERT_SIGNATURE_ECDSA_SHA256, crl_this_update(c)), FAULT_DENIED,
                            token);
}

/* A certificate that the root signed, and perhaps the root behind it. */
static struct fault *read_below_root(const struct proof *p, const char *part, const char *token, struct cert_list *list)
{
        TRY(fault_rename(tdx_certs_read(appraisal_part(p->in, part), list), FAULT_INVALID, token));
        if (list->count > 2)
                return fault(FAULT_DENIED, token, "%zu certificates, wanted one and the root", list->count);
        if (list->count == 2 && !span_eq(cert_der(list->certs[1]), cert_der(p->root)) &&
            (cert_key(list->certs[1]) == NULL ||
             !span_eq(key_spki(cert_key(list->certs[1])), key_spki(cert_key(p->root)))))
                return fault(FAULT_DENIED, token, "chain ends in another root than the quote's");
        return tdx_cert_issued_by(list->certs[0], p->root, token);
}

/* The PCK's CA as the quote has it; its certificate may since have been renewed with another key. */
static struct fault *prove_pck_crl(const struct proof *p)
{
        struct tdx_collateral *into = p->into;
        AUTO(cert_list) struct cert_list list = {0};
        const struct cert *issuer = p->ca;

        if (appraisal_part(p->in, PART_CRL_CHAIN).len > 0) {
                TRY(read_below_root(p, PART_CRL_CHAIN, "tdx.pck_crl_issuer", &list));
                issuer = list.certs[0];
                if (!tdx_cert_may_sign(issuer, /* is_ca= */ true) ||
                    !span_eq(cert_subject_der(issuer), cert_subject_der(p->ca)))
                        return fault(FAULT_DENIED, "tdx.pck_crl_issuer", "\"%s\" isn't the PCK's CA",
                                     cert_subject(issuer));
        }
        into->crl_issuer = tdx_cert_of(issuer);
        TRY(read_crl(appraisal_part(p->in, PART_PCK_CRL), "tdx.pck_crl", &into->pck_crl));
        return check_crl(into->pck_crl, issuer, "tdx.pck_crl");
}

struct signed_part { /* tokens and names of one document */
        const struct signed_json_names *names;
        const char *chain, *signer, *signature;
};

static struct fault *prove_document(const struct proof *p, const struct signed_part *s, struct tdx_cert *ret_signer,
                                    struct span *ret_document)
{
        AUTO(cert_list) struct cert_list list = {0};
        uint8_t signature[SIGNED_JSON_SIGNATURE_LEN];

        TRY(read_below_root(p, s->chain, s->signer, &list));
        const struct cert *signer = list.certs[0];
        if (!tdx_cert_is_named(signer, CN_TCB_SIGNER) || !tdx_cert_may_sign(signer, /* is_ca= */ false))
                return fault(FAULT_DENIED, s->signer, "\"%s\" is no signer of TCB information", cert_subject(signer));
        *ret_signer = tdx_cert_of(signer);

        TRY(fault_rename(signed_json_read(p->in, s->names, ret_document, signature), FAULT_INVALID, s->signature));
        AUTO(fault)
        struct fault *f = key_verify(cert_key(signer), HASH_SHA256, SIGNATURE_RAW, *ret_document, SPAN_OF(signature));
        return f == NULL ? NULL : fault(FAULT_DENIED, s->signature, "not signed by \"%s\"", cert_subject(signer));
}

static struct fault *prove(const struct proof *p)
{
        static const struct signed_part tcb = {&signed_tcb_info, PART_TCB_CHAIN, "tdx.tcb_signer",
                                               "tdx.tcb_info_signature"};
        struct signed_part qe = {&signed_qe_identity, PART_QE_CHAIN, "tdx.qe_identity_signer",
                                 "tdx.qe_identity_signature"};
        struct tdx_collateral *into = p->into;
        struct span document = SPAN_NONE;

        TRY(read_crl(appraisal_part(p->in, PART_ROOT_CRL), "tdx.root_crl", &into->root_crl));
        TRY(check_crl(into->root_crl, p->root, "tdx.root_crl"));
        TRY(prove_pck_crl(p));
        TRY(prove_document(p, &tcb, &into->tcb_signer, &document));
        TRY(tcb_info_read(document, &into->tcb_info));
        if (appraisal_part(p->in, PART_QE_CHAIN).len == 0)
                qe.chain = PART_TCB_CHAIN;
        TRY(prove_document(p, &qe, &into->qe_signer, &document));
        return qe_identity_read(document, &into->qe_identity);
}

/* ---- remembered ---- */

/* Everything that the proof depends on. */
static void parts_of(const struct appraisal *in, const struct tdx_platform *p, struct span ret[TDX_COLLATERAL_PARTS])
{
        const struct span parts[] = {
                buf_span(&p->root_der),
                buf_span(&p->ca_der),
                appraisal_part(in, signed_tcb_info.document),
                appraisal_part(in, signed_tcb_info.signature),
                appraisal_part(in, signed_tcb_info.response),
                appraisal_part(in, signed_qe_identity.document),
                appraisal_part(in, signed_qe_identity.signature),
                appraisal_part(in, signed_qe_identity.response),
                appraisal_part(in, PART_TCB_CHAIN),
                appraisal_part(in, PART_QE_CHAIN),
                appraisal_part(in, PART_PCK_CRL),
                appraisal_part(in, PART_CRL_CHAIN),
                appraisal_part(in, PART_ROOT_CRL),
        };
        _Static_assert(COUNT_OF(parts) == TDX_COLLATERAL_PARTS, "each has its place");
        memcpy(ret, parts, sizeof(parts));
}

/* To find it by: lengths and ends, where most of these have their signatures. Whether it is the same is then asked byte for byte, which takes
 * a tenth of the time of a digest over all. */
#define KEY_END 64
static void key_of(const struct span parts[TDX_COLLATERAL_PARTS], uint8_t ret[SHA256_LEN])
{
        struct {
                uint64_t len;
                uint8_t end[KEY_END];
        } seen[TDX_COLLATERAL_PARTS] = {0};
        for (size_t i = 0; i < TDX_COLLATERAL_PARTS; i++) {
                size_t len = parts[i].len < KEY_END ? parts[i].len : KEY_END;
                seen[i].len = parts[i].len;
                if (len > 0)
                        memcpy(seen[i].end, parts[i].data + parts[i].len - len, len);
        }
        sha256(SPAN_OF(seen), ret);
}

static bool is_of(const struct tdx_collateral *c, const struct span parts[TDX_COLLATERAL_PARTS])
{
        for (size_t i = 0; i < TDX_COLLATERAL_PARTS; i++)
                if (!span_eq(c->parts[i], parts[i]))
                        return false;
        return true;
}

/* NULL: not there. */
static struct tdx_collateral *find(const uint8_t key[SHA256_LEN], const struct span parts[TDX_COLLATERAL_PARTS])
{
        struct memo_value *known = memo_find(&memo, key);
        if (known == NULL)
                return NULL;
        struct tdx_collateral *c = CONTAINER_OF(known, struct tdx_collateral, memo);
        if (is_of(c, parts))
                return c;
        memo_release(known);
        return NULL;
}

static struct fault *remember(struct tdx_collateral *c, const struct appraisal *in,
                              const struct span parts[TDX_COLLATERAL_PARTS])
{
        size_t len = 0;
        for (size_t i = 0; i < TDX_COLLATERAL_PARTS; i++)
                len += parts[i].len;
        c->bytes = BUF(len);
        buf_expect(&c->bytes, len); /* so that it does not move below */
        for (size_t i = 0; i < TDX_COLLATERAL_PARTS; i++) {
                size_t at = c->bytes.len;
                TRY(buf_append(&c->bytes, parts[i]));
                c->parts[i] = span_slice(buf_span(&c->bytes), at, parts[i].len);
        }
        sha256(crl_der(c->root_crl), c->root_crl_digest);
        sha256(crl_der(c->pck_crl), c->pck_crl_digest);
        sha256(appraisal_part(in, PART_TCB_CHAIN), c->tcb_chain_digest);
        sha256(signed_json_used(in, &signed_tcb_info), c->tcb_info_digest);
        sha256(signed_json_used(in, &signed_qe_identity), c->qe_identity_digest);
        return NULL;
}

struct fault *tdx_collateral_prove(const struct appraisal *in, const struct tdx_platform *p,
                                   struct tdx_collateral **ret)
{
        struct span parts[TDX_COLLATERAL_PARTS];
        uint8_t key[SHA256_LEN];
        parts_of(in, p, parts);
        key_of(parts, key);
        struct tdx_collateral *known = find(key, parts);
        if (known != NULL) {
                *ret = known;
                return NULL;
        }

        AUTO(cert) struct cert *root = NULL;
        AUTO(cert) struct cert *ca = NULL;
        TRY(cert_from_der(buf_span(&p->root_der), &root));
        TRY(cert_from_der(buf_span(&p->ca_der), &ca));
        struct tdx_collateral *c = NEW(struct tdx_collateral);
        c->memo = MEMO_VALUE(collateral_free);
        struct fault *f = prove(&(struct proof){in, c, root, ca});
        if (f == NULL)
                f = remember(c, in, parts);
        if (f != NULL) {
                memo_release(&c->memo);
                return f;
        }
        memo_keep(&memo, key, &c->memo);
        *ret = c;
        return NULL;
}

void tdx_collateral_release(struct tdx_collateral *c)
{
        if (c != NULL)
                memo_release(&c->memo);
}

void tdx_collateral_forget(void)
{
        memo_clear(&memo);
}
