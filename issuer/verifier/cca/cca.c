#include "issuer/verifier/cca/cca.h"

#include <inttypes.h>
#include <stdio.h>

#include "issuer/verifier/cca/keys.h"
#include "issuer/verifier/cca/token.h"

#define LIFECYCLE_MASK     0xff00u
#define LIFECYCLE_SECURED  0x3000u
#define POINT_UNCOMPRESSED 0x04

/* Named information hash algorithm registry, as the claims write it. */
static bool find_hash(struct span name, enum hash_alg *ret)
{
        static const struct {
                const char *name;
                enum hash_alg alg;
        } rows[] = {{"sha-256", HASH_SHA256}, {"sha-384", HASH_SHA384}, {"sha-512", HASH_SHA512}};
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (span_eq_str(name, rows[i].name)) {
                        *ret = rows[i].alg;
                        return true;
                }
        return false;
}

/* ---- the platform -------------------------------------------------------------------------------------------------- */

/* One key after another; *ret_spki: digest of the one that signed. */
static bool is_signed_by(const struct cose_sign1 *c, const struct cca_keys *keys, struct span instance_id,
                         uint8_t ret_spki[SHA256_LEN])
{
        const struct key *k;
        for (size_t i = 0; (k = cca_keys_at(keys, instance_id, i)) != NULL; i++) {
                AUTO(fault) struct fault *f = cose_sign1_verify(c, k);
                if (f != NULL)
                        continue;
                key_spki_sha256(k, ret_spki);
                return true;
        }
        return false;
}

/* `ret` borrows from the appraisal's, or has its own in `own`: those of the parts. *ret stays NULL where nobody gave any. */
static struct fault *find_keys(const struct appraisal *in, struct cca_keys **own, const struct cca_keys **ret)
{
        *ret = in->cca_keys;
        for (size_t i = 0; i < in->part_count; i++) {
                if (strcmp(in->parts[i].name, "cpak") != 0 && strcmp(in->parts[i].name, "anchors") != 0)
                        continue;
                if (*own == NULL)
                        *own = cca_keys_new();
                TRY(cca_keys_add(*own, in->parts[i].bytes));
                *ret = *own;
        }
        return NULL;
}

static struct fault *check_platform(const struct appraisal *in, struct attestation_result *r,
                                    const struct cose_sign1 *c, const struct cca_platform *p,
                                    uint8_t ret_spki[SHA256_LEN])
{
        AUTO(cca_keys) struct cca_keys *own = NULL;
        const struct cca_keys *keys = NULL;
        TRY(appraise_call(r, "cca.cpak_format", ORIGIN_VERIFIER, find_keys(in, &own, &keys)));
        if (keys == NULL) {
                (void) check_add(r->checks, "cca.cpak", false, "the platform's public key (CPAK)", "none",
                                 ORIGIN_VERIFIER);
                return fault(FAULT_UNAVAILABLE, "cca.cpak", "no platform key (CPAK) was given to check the token with");
        }
        bool is_known = cca_keys_at(keys, p->instance_id, 0) != NULL;
        TRY(appraise_hold(r, "cca.instance", is_known, ORIGIN_SELF, "a platform whose key is known",
                          is_known ? NULL : "none for this instance id"));
        bool is_signed = is_signed_by(c, keys, p->instance_id, ret_spki);
        return appraise_hold(r, "cca.platform_signature", is_signed, ORIGIN_HW, "one by a key of that platform",
                             is_signed ? "one" : "none of them fits");
}

/* ---- the realm ----------------------------------------------------------------------------------------------------- */

/* An uncompressed point in older profiles, a COSE_Key in newer ones. */
static struct fault *read_realm_key(struct span bytes, struct key **ret)
{
        if (bytes.len > 0 && bytes.data[0] != POINT_UNCOMPRESSED)
                return cose_key_read(bytes, ret);
        if (bytes.len != 97 && bytes.len != 65)
                return fault(FAULT_DENIED, "cca.realm_key", "a point of %zu bytes", bytes.len);
        size_t width = (bytes.len - 1) / 2;
        return key_from_ec_point(width == 48 ? KEY_P384 : KEY_P256, span_slice(bytes, 1, width),
                                 span_slice(bytes, 1 + width, width), ret);
}

static struct fault *check_realm(struct attestation_result *r, const struct cca_token *t, const struct cca_platform *p,
                                 const struct cca_realm *realm)
{
        enum hash_alg alg = HASH_SHA256;
        uint8_t digest[HASH_MAX_LEN];
        bool known = find_hash(realm->public_key_hash_alg, &alg);
        TRY(appraise_hold(r, "cca.hash", known, ORIGIN_HW, "sha-256, sha-384 or sha-512", NULL));
        hash(alg, realm->public_key, digest);
        TRY(appraise_bytes(r, "cca.realm_key", ORIGIN_HW, span_make(digest, hash_len(alg)), p->challenge));
        AUTO(key) struct key *k = NULL;
        TRY(appraise_call(r, "cca.realm_key", ORIGIN_HW,
                          fault_recode(read_realm_key(realm->public_key, &k), FAULT_DENIED)));
        AUTO(fault) struct fault *f = cose_sign1_verify(&t->realm, k);
        return appraise_hold(r, "cca.realm_signature", f == NULL, ORIGIN_HW, "one by the realm's key",
                             f == NULL ? "one" : fault_text(f));
}

/* ---- facts --------------------------------------------------------------------------------------------------------- */
static void set_numbered(struct facts *f, const char *stem, size_t n, struct span value)
{
        char name[48];
        (void) snprintf(name, sizeof(name), "%s.%zu", stem, n); /* fits */
        facts_set_bytes(f, name, ORIGIN_HW, value);
}

static void set_facts(const struct cca_platform *p, const struct cca_realm *realm, const uint8_t cpak[SHA256_LEN],
                      struct facts *f)
{
        facts_set_text(f, "cca.platform.profile", ORIGIN_HW, p->profile);
        facts_set_bytes(f, "cca.platform.implementation-id", ORIGIN_HW, p->implementation_id);
        facts_set_bytes(f, "cca.platform.instance-id", ORIGIN_HW, p->instance_id);
        facts_set_bytes(f, "cca.platform.key", ORIGIN_HW, span_make(cpak, SHA256_LEN));
        facts_set_bytes(f, "cca.platform.config", ORIGIN_HW, p->config);
        facts_set_number(f, "cca.platform.lifecycle", ORIGIN_HW, p->lifecycle);
        AUTO(hasher) struct hasher *all = hasher_new(HASH_SHA256);
        for (size_t i = 0; i < p->component_count; i++) {
                if (i <= 23) /* what policies can name */
                        set_numbered(f, "cca.platform.component", i, p->components[i].measurement);
                hasher_add(all, p->components[i].measurement);
        }
        uint8_t digest[SHA256_LEN];
        hasher_end(all, digest);
        facts_set_bytes(f, "cca.platform.components", ORIGIN_HW, SPAN_OF(digest));
        facts_set_bytes(f, "cca.realm.initial", ORIGIN_HW, realm->initial);
        for (size_t i = 0; i < CCA_REMS; i++)
                set_numbered(f, "cca.realm.extensible", i, realm->extensible[i]);
        facts_set_bytes(f, "cca.realm.personalization", ORIGIN_HW, realm->personalization);
        facts_set_text(f, "cca.realm.hash-alg", ORIGIN_HW, realm->hash_alg);
}

struct fault *appraise_cca(const struct appraisal *in, struct attestation_result *r)
{
        struct cca_token t = {0};
        struct cca_platform p;
        struct cca_realm realm;
        uint8_t cpak[SHA256_LEN] = {0};
        TRY(appraise_call(r, "cca.structure", ORIGIN_SELF, cca_token_read(in->evidence, &t)));
        TRY(appraise_call(r, "cca.platform_claims", ORIGIN_SELF, cca_platform_read(t.platform.payload, &p)));
        TRY(appraise_call(r, "cca.realm_claims", ORIGIN_SELF, cca_realm_read(t.realm.payload, &realm)));
        TRY(check_platform(in, r, &t.platform, &p, cpak));
        TRY(check_realm(r, &t, &p, &realm));
        TRY(appraise_report_data(in, r, "cca.challenge", realm.challenge));

        char got[32];
        bool is_secured = (p.lifecycle & LIFECYCLE_MASK) == LIFECYCLE_SECURED && p.lifecycle <= UINT16_MAX;
        (void) snprintf(got, sizeof(got), "0x%04" PRIx64, p.lifecycle); /* fits */
        appraise_concern(r, "cca.lifecycle", is_secured, ORIGIN_HW, "0x3000 to 0x30ff (secured)", got,
                         EAR_CONTRAINDICATED);
        set_facts(&p, &realm, cpak, &r->facts);
        r->vector.instance_identity = TRUST_RECOGNISED_INSTANCE;
        r->vector.hardware = TRUST_GENUINE_HARDWARE;
        r->vector.runtime_opaque = is_secured ? 2 : TRUST_VISIBLE_MEMORY;
        r->status = EAR_AFFIRMING;
        return NULL;
}
