/* In order: shape, whose certificate, the signature, then what it vouches for. Facts are set once all of it has held. */
#include "issuer/verifier/nitro/nitro.h"

#include <stdio.h>

#include "issuer/verifier/nitro/chain.h"
#include "lib/base/parse.h"
#include "lib/crypt/cose.h"

#define CLOCK_SKEW_MS ((int64_t) 5 * 60 * 1000)
#define PCR_ROLE      3 /* of the parent instance's IAM role */
#define PCR_INSTANCE  4 /* of the parent instance's id */

/* Of an enclave in debug mode the image's registers are zero (AWS: "attestation documents with PCRs that contain zeros"). */
static bool is_debug(const struct nitro_document *d)
{
        for (unsigned i = 0; i < 3; i++)
                if (!span_is_zero(d->pcrs[i]))
                        return false;
        return true;
}

static bool is_signed(const struct cose_sign1 *c, const struct key *k)
{
        AUTO(fault) struct fault *f = cose_sign1_verify(c, k);
        return f == NULL;
}

static struct fault *check_times(const struct appraisal *in, struct attestation_result *r,
                                 const struct nitro_document *d, const struct nitro_chain *chain)
{
        struct wall at = {d->timestamp_ms > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t) d->timestamp_ms};
        char got[32];
        (void) snprintf(got, sizeof(got), "%lld ms", (long long) at.unix_ms); /* fits */
        bool ok = at.unix_ms >= cert_not_before(chain->leaf).unix_ms &&
                  at.unix_ms <= cert_not_after(chain->leaf).unix_ms && at.unix_ms <= in->now.unix_ms + CLOCK_SKEW_MS;
        return appraise_hold(r, "nitro.timestamp", ok, ORIGIN_HW, "within the certificate's dates, not after now", got);
}

static struct fault *check_freshness(const struct appraisal *in, struct attestation_result *r,
                                     const struct nitro_document *d)
{
        if (in->nonce.len == 0 && in->report_data.len == 0)
                appraise_not_checked(r, "freshness");
        if (in->nonce.len > 0)
                TRY(appraise_bytes(r, "nitro.nonce", ORIGIN_HW, in->nonce, d->nonce));
        if (in->report_data.len > 0)
                TRY(appraise_bytes(r, "nitro.user_data", ORIGIN_HW, in->report_data, d->user_data));
        return NULL;
}

static void set_facts(const struct nitro_document *d, const struct nitro_chain *chain, struct facts *f)
{
        facts_set_text(f, "nitro.module-id", ORIGIN_HW, d->module_id);
        facts_set_number(f, "nitro.timestamp-ms", ORIGIN_HW, d->timestamp_ms);
        facts_set_flag(f, "nitro.debug", ORIGIN_HW, is_debug(d));
        facts_set_text(f, "nitro.root", ORIGIN_VERIFIER, chain->is_configured ? SPAN("configured") : SPAN("aws"));
        for (unsigned i = 0; i < NITRO_PCRS_MAX; i++) {
                char name[32];
                (void) snprintf(name, sizeof(name), "nitro.pcr.%u", i); /* fits */
                if (d->pcrs[i].len > 0)
                        facts_set_bytes(f, name, ORIGIN_HW, d->pcrs[i]);
        }
        if (d->pcrs[PCR_ROLE].len > 0 && !span_is_zero(d->pcrs[PCR_ROLE]))
                facts_set_bytes(f, "nitro.parent-role", ORIGIN_HW, d->pcrs[PCR_ROLE]);
        if (d->pcrs[PCR_INSTANCE].len > 0 && !span_is_zero(d->pcrs[PCR_INSTANCE]))
                facts_set_bytes(f, "nitro.parent-instance", ORIGIN_HW, d->pcrs[PCR_INSTANCE]);
        if (d->user_data.len > 0)
                facts_set_bytes(f, "nitro.user-data", ORIGIN_HW, d->user_data);
        if (d->public_key.len > 0) {
                uint8_t digest[SHA256_LEN];
                sha256(d->public_key, digest);
                facts_set_bytes(f, "nitro.public-key", ORIGIN_HW, SPAN_OF(digest));
        }
}

struct fault *appraise_nitro(const struct appraisal *in, struct attestation_result *r)
{
        struct cose_sign1 cose = {0};
        struct nitro_document d;
        AUTO(nitro_chain) struct nitro_chain *chain = NULL;
        TRY(appraise_call(r, "nitro.structure", ORIGIN_SELF, cose_sign1_read(in->evidence, &cose)));
        TRY(appraise_hold(r, "nitro.algorithm", cose.algorithm == COSE_ES384, ORIGIN_SELF, "ES384 (-35)", NULL));
        TRY(appraise_call(r, "nitro.document", ORIGIN_SELF, nitro_document_read(cose.payload, &d)));
        TRY(appraise_call(r, "nitro.chain", ORIGIN_HW,
                          nitro_chain_prove(&d, appraisal_part(in, "anchors"), in->now, &chain)));
        const struct key *k = cert_key(chain->leaf);
        TRY(appraise_hold(r, "nitro.signature", k != NULL && key_kind(k) == KEY_P384 && is_signed(&cose, k), ORIGIN_HW,
                          "one by the certificate's P-384 key", "another"));
        TRY(check_times(in, r, &d, chain));
        TRY(check_freshness(in, r, &d));

        appraise_concern(r, "nitro.debug", !is_debug(&d), ORIGIN_HW, "an image's registers",
                         is_debug(&d) ? "PCR 0 to 2 are zero: a debug enclave" : "registers", EAR_CONTRAINDICATED);
        appraise_rests_on(r, "nitro.certificates", d.certificate, chain->not_after);
        set_facts(&d, chain, &r->facts);
        r->vector.instance_identity = TRUST_RECOGNISED_INSTANCE;
        r->vector.hardware = TRUST_GENUINE_HARDWARE;
        r->vector.runtime_opaque = is_debug(&d) ? TRUST_VISIBLE_MEMORY : 2;
        r->status = EAR_AFFIRMING;
        return NULL;
}
