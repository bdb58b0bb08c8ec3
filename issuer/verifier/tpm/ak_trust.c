/* Why an attestation key that nobody enrolled is trusted. */
#include "issuer/verifier/tpm/roots.h"
#include "issuer/verifier/tpm/tpm.h"

#define PEM_KEY_BEGIN   "-----BEGIN PUBLIC KEY-----"
#define PEM_KEY_END     "-----END PUBLIC KEY-----"
#define PEM_CERTIFICATE "-----BEGIN CERTIFICATE-----"
#define ANCHOR_KEYS_MAX 64
/* TCG EK Credential Profile §3.2.16; TCG Infrastructure, certificates of platform identities. Google writes the former into both. */
#define OID_EK_CERTIFICATE  "2.23.133.8.1"
#define OID_AIK_CERTIFICATE "2.23.133.8.3"
#define OID_EXTENDED_USAGE  "2.5.29.37"

struct anchors {
        struct cert_list authorities; /* owned, but for the built-in ones behind them */
        size_t own_count;
        size_t key_count;
        struct key *keys[ANCHOR_KEYS_MAX]; /* owned */
};
static void anchors_clear(struct anchors *a)
{
        a->authorities.count = a->own_count;
        cert_list_clear(&a->authorities);
        for (size_t i = 0; i < a->key_count; i++)
                key_free(a->keys[i]);
        *a = (struct anchors){0};
}
DEFINE_AUTO_VALUE(anchors)

static bool find(struct span in, struct span what, size_t *ret_at)
{
        const uint8_t *found = in.len > 0 ? memmem(in.data, in.len, what.data, what.len) : NULL;
        if (found != NULL)
                *ret_at = (size_t) (found - in.data);
        return found != NULL;
}

/* ---- anchors ---- */

static struct fault *add_key(struct anchors *a, struct key *k)
{
        if (a->key_count == ANCHOR_KEYS_MAX) {
                key_free(k);
                return fault(FAULT_DENIED, "tpm.anchors", "more than %d keys", ANCHOR_KEYS_MAX);
        }
        a->keys[a->key_count++] = k;
        return NULL;
}

/* A certificate that is no authority stands for its key. */
static struct fault *add_certificates(struct anchors *a, struct span part)
{
        AUTO(cert_list) struct cert_list list = {0};
        TRY(cert_list_read(part, &list));
        for (size_t i = 0; i < list.count; i++) {
                struct key *k = NULL;
                if (!cert_is_ca(list.certs[i]) && cert_key(list.certs[i]) != NULL) {
                        TRY(key_from_spki(key_spki(cert_key(list.certs[i])), &k));
                        TRY(add_key(a, k));
                } else if (a->own_count < COUNT_OF(a->authorities.certs) - tpm_roots()->count) {
                        a->authorities.certs[a->own_count++] = TAKE(list.certs[i]);
                } else {
                        return fault(FAULT_DENIED, "tpm.anchors", "more than %zu authorities", a->own_count);
                }
        }
        return NULL;
}

static struct fault *add_pem_keys(struct anchors *a, struct span text)
{
        size_t begin = 0, end = 0;
        while (find(text, SPAN(PEM_KEY_BEGIN), &begin)) {
                text = span_slice(text, begin, text.len - begin);
                if (!find(text, SPAN(PEM_KEY_END), &end))
                        return fault(FAULT_DENIED, "tpm.anchors", "a public key without its end");
                struct key *k = NULL;
                end += strlen(PEM_KEY_END);
                TRY(key_from_pem_public(span_slice(text, 0, end), &k));
                TRY(add_key(a, k));
                text = span_slice(text, end, text.len - end);
        }
        return NULL;
}

static struct fault *add_anchors(struct anchors *a, struct span part)
{
        size_t at = 0;
        bool has_keys = find(part, SPAN(PEM_KEY_BEGIN), &at), has_certificates = find(part, SPAN(PEM_CERTIFICATE), &at);
        if (has_keys)
                TRY(add_pem_keys(a, part));
        if (has_certificates || has_keys)
                return has_certificates ? add_certificates(a, part) : NULL;
        struct key *k = NULL;
        AUTO(fault) struct fault *no_key = key_from_spki(part, &k);
        if (no_key == NULL)
                return add_key(a, k);
        AUTO(tpm_public) struct tpm_public public = {0};
        AUTO(fault) struct fault *no_area = tpm_public_read(part, &public);
        if (no_area == NULL)
                return add_key(a, TAKE(public.key));
        return add_certificates(a, part);
}

static struct fault *read_anchors(const struct appraisal *in, struct anchors *a)
{
        for (size_t i = 0; i < in->part_count; i++) {
                if (strcmp(in->parts[i].name, "anchors") != 0)
                        continue;
                TRY(fault_rename(add_anchors(a, in->parts[i].bytes), FAULT_DENIED, "tpm.anchors"));
        }
        const struct cert_list *builtin = tpm_roots();
        a->authorities.count = a->own_count;
        for (size_t i = 0; i < builtin->count; i++)
                a->authorities.certs[a->authorities.count++] = builtin->certs[i];
        return NULL;
}

static bool is_anchor(const struct anchors *a, const struct key *k)
{
        for (size_t i = 0; i < a->key_count; i++)
                if (span_eq(key_spki(a->keys[i]), key_spki(k)))
                        return true;
        return false;
}

/* ---- its certificate ---- */

/* An endorsement key's certificate comes from the same authority, and its key decrypts: what it "signed" nobody signed. */
static struct fault *check_purpose(const struct cert *c)
{
        unsigned usage = cert_key_usage(c);
        struct span extended = SPAN_NONE;
        AUTO(fault) struct fault *has_none = cert_extension(c, OID_EXTENDED_USAGE, &extended);
        bool is_tpm = cert_has_eku(c, OID_AIK_CERTIFICATE) || cert_has_eku(c, OID_EK_CERTIFICATE);
        bool is_signer = usage != 0 ? (usage & KU_DIGITAL_SIGNATURE) != 0 : cert_has_eku(c, OID_AIK_CERTIFICATE);
        if (cert_is_ca(c) || !is_signer || (usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT | KU_KEY_CERT_SIGN)) != 0)
                return fault(
                        FAULT_DENIED, "ak.purpose",
                        "key usage 0x%02x: an attestation key's certificate is for signatures, and for nothing else",
                        usage);
        if (has_none == NULL && !is_tpm)
                return fault(FAULT_DENIED, "ak.purpose", "extended key usage is not a TPM's");
        return NULL;
}

static struct fault *check_chain(const struct tpm_ak *ak, const struct anchors *a, struct wall now,
                                 struct cert_window *ret)
{
        static const struct {
                const char *of_x509, *of_ak;
        } names[] = {
                {"x509.expired", "ak.expired"},
                {"x509.not_yet_valid", "ak.not_yet_valid"},
                {"x509.purpose", "ak.purpose"},
                {"x509.signature", "ak.signature"},
        };
        struct fault *f = cert_verify_window(ak->certificate, &ak->chain, &a->authorities, CERT_PURPOSE_ANY, now, ret);
        if (f == NULL)
                return NULL;
        for (size_t i = 0; i < COUNT_OF(names); i++)
                if (strcmp(fault_token(f), names[i].of_x509) == 0)
                        return fault_rename(f, FAULT_DENIED, names[i].of_ak);
        return fault_rename(f, FAULT_DENIED, "ak.chain");
}

/* ---- all of it ---- */

static struct fault *trust_certificate(const struct appraisal *in, struct tpm_ak *ak, const struct anchors *a,
                                       struct attestation_result *r)
{
        bool is_remembered = ak->trust != NULL;
        struct fault *purpose = is_remembered ? NULL : check_purpose(ak->certificate);
        TRY(appraise_call(r, "ak.purpose", ORIGIN_HW, purpose));
        struct fault *chain = is_remembered ? NULL : check_chain(ak, a, in->now, &ak->valid);
        TRY(appraise_call(r, "ak.chain", ORIGIN_HW, chain));
        appraise_rests_on(r, "ak", cert_der(ak->certificate), cert_not_after(ak->certificate));
        facts_set_text(&r->facts, "tpm.ak-issuer", ORIGIN_HW, span_str(cert_issuer(ak->certificate)));
        return tpm_set_gce_facts(ak->certificate, r);
}

static void remember(const struct appraisal *in, struct tpm_ak *ak, bool is_known)
{
        if (ak->trust != NULL)
                return;
        if (is_known)
                ak->valid = (struct cert_window){INT64_MIN, INT64_MAX};
        ak->trust = is_known ? "anchor" : "certificate";
        tpm_ak_keep(in, ak);
}

struct fault *tpm_ak_trust(const struct appraisal *in, struct tpm_ak *ak, struct attestation_result *r,
                           const char **ret_trust)
{
        AUTO(anchors) struct anchors a = {0};
        bool is_remembered = ak->trust != NULL;
        TRY(appraise_call(r, "tpm.anchors", ORIGIN_VERIFIER, is_remembered ? NULL : read_anchors(in, &a)));
        bool is_known = is_remembered ? strcmp(ak->trust, "anchor") == 0 : is_anchor(&a, ak->public.key);
        /* to a request, enrolling is the way */
        const char *token = in->transcript.len > 0 ? "tpm.ak_unknown" : "tpm.ak_untrusted";
        TRY(appraise_hold(r, token, is_known || ak->certificate != NULL, ORIGIN_VERIFIER,
                          "an attestation key that is enrolled, certified, or an anchor",
                          is_known || ak->certificate != NULL ? NULL : "one that says so of itself"));
        if (!is_known)
                TRY(trust_certificate(in, ak, &a, r));
        remember(in, ak, is_known);
        *ret_trust = ak->trust;
        return NULL;
}
