/* Development evidence (CMW_SOFTWARE): refused unless the configuration admits it; what it says has the origin `software`, and the result is
 * contraindicated whatever it says, so that no rule that asks for a good status is met by it. */
#include "issuer/verifier/appraise.h"

#include <stdio.h>

#include "lib/model/software_evidence.h"

#define FACT_NAME_LEN (sizeof("software.") + SOFTWARE_CLAIM_NAME_MAX)
#define KEY_CLAIM     "key" /* software.key is the digest of the key that signed */

static struct fault *set_facts(const struct software_evidence *e, struct attestation_result *r)
{
        for (size_t i = 0; i < e->claim_count; i++)
                TRY(appraise_hold(r, "software.claim", strcmp(e->claims[i].name, KEY_CLAIM) != 0, ORIGIN_SOFTWARE,
                                  "a name other than \"" KEY_CLAIM "\"", e->claims[i].name));
        for (size_t i = 0; i < e->claim_count; i++) {
                char name[FACT_NAME_LEN];
                (void) snprintf(name, sizeof(name), "software.%s", e->claims[i].name); /* fits */
                facts_set_text(&r->facts, name, ORIGIN_SOFTWARE, span_str(e->claims[i].value));
        }
        uint8_t digest[SHA256_LEN];
        sha256(buf_span(&e->spki), digest);
        facts_set_bytes(&r->facts, "software.key", ORIGIN_SOFTWARE, SPAN_OF(digest));
        return NULL;
}

struct fault *appraise_software(const struct appraisal *in, struct attestation_result *r)
{
        r->insecure_development = true;
        TRY(appraise_hold(r, "evidence.insecure_development", in->insecure_development, ORIGIN_VERIFIER,
                          "insecure-development in the issuer's configuration",
                          in->insecure_development ? "it is there" : "it is not there"));

        AUTO(software_evidence) struct software_evidence e = software_evidence_new();
        TRY(appraise_call(r, "evidence.format", ORIGIN_SELF, software_evidence_read(in->evidence, &e)));
        TRY(appraise_call(r, "software.signature", ORIGIN_SOFTWARE, software_evidence_verify(&e, in->transcript)));

        TRY(set_facts(&e, r));
        r->status = EAR_CONTRAINDICATED;
        r->vector.hardware = TRUST_UNRECOGNISED_HARDWARE;
        r->vector.runtime_opaque = TRUST_VISIBLE_MEMORY;
        r->vector.storage_opaque = TRUST_SECRETS_IN_CLEAR;
        return NULL;
}
