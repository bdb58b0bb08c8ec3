#include "issuer/verifier/verifier.h"

#include <assert.h>

#include "issuer/verifier/appraise.h"
#include "issuer/verifier/azure/azure.h"
#include "issuer/verifier/tdx/tdx.h"
#include "issuer/verifier/cca/cca.h"
#include "issuer/verifier/eventlog/eventlog.h"
#include "issuer/verifier/tpm/tpm.h"
#include "issuer/verifier/nitro/nitro.h"
#include "issuer/verifier/snp/snp.h"
#include "lib/model/names.h"
#include "lib/model/tpm_evidence.h"

/* The item's bytes are the evidence. */
static struct fault *whole(struct span value, struct evidence_parts *ret)
{
        return buf_append(&ret->evidence, value);
}

static const struct appraiser table[] = {
        {.kind = EVIDENCE_TPM, .media_type = CMW_TPM_QUOTE, .appraise = appraise_tpm, .unpack = tpm_unpack},
        {.kind = EVIDENCE_SOFTWARE, .media_type = CMW_SOFTWARE, .appraise = appraise_software, .unpack = whole},
        {.kind = EVIDENCE_NITRO, .media_type = CMW_NITRO, .appraise = appraise_nitro},
        {.kind = EVIDENCE_SEV_SNP,
         .media_type = CMW_SEV_SNP,
         .appraise = appraise_snp,
         .needs = needs_snp,
         .parts = snp_peer_parts},
        {.kind = EVIDENCE_CCA, .media_type = CMW_CCA, .appraise = appraise_cca},
        {.kind = EVIDENCE_AZ_SEV_SNP,
         .media_type = CMW_AZ_SEV_SNP,
         .appraise = appraise_az_snp,
         .needs = needs_az_snp,
         .parts = az_snp_peer_parts},
        {.kind = EVIDENCE_AZ_TDX,
         .media_type = CMW_AZ_TDX,
         .appraise = appraise_az_tdx,
         .needs = needs_az_tdx,
         .parts = az_tdx_peer_parts},
        {.kind = EVIDENCE_EVENTLOG, .appraise = appraise_eventlog}, /* no media type: no request carries it alone */
        {.kind = EVIDENCE_TDX,
         .media_type = CMW_TDX,
         .appraise = appraise_tdx,
         .needs = tdx_needs,
         .parts = tdx_peer_parts},
};

const struct appraiser *verifier_find(const char *media_type)
{
        for (size_t i = 0; i < COUNT_OF(table); i++)
                if (table[i].media_type != NULL && strcmp(table[i].media_type, media_type) == 0)
                        return &table[i];
        return NULL;
}

const struct appraiser *verifier_find_kind(const char *kind)
{
        for (size_t i = 0; i < COUNT_OF(table); i++)
                if (strcmp(table[i].kind, kind) == 0)
                        return &table[i];
        return NULL;
}

struct fault *verifier_unpack(const struct appraiser *a, const struct cmw_item *item, struct evidence_parts *ret)
{
        struct fault *f = a->unpack != NULL ? a->unpack(buf_span(&item->value), ret)
                                            : evidence_parts_read(buf_span(&item->value), a->parts, ret);
        return fault_rename(f, FAULT_INVALID, "evidence.format");
}

void verifier_begin(const struct appraiser *a, const struct evidence_parts *from, struct appraisal *ret)
{
        _Static_assert(EVIDENCE_PARTS_MAX <= PARTS_MAX, "a peer's parts fit");
        *ret = (struct appraisal){.kind = a->kind, .evidence = buf_span(&from->evidence)};
        for (size_t i = 0; i < from->count; i++)
                ret->parts[ret->part_count++] = (struct part){from->parts[i].name, buf_span(&from->parts[i].bytes)};
}

struct fault *verifier_needs(const struct appraisal *in, struct needs *ret)
{
        *ret = (struct needs){0};
        const struct appraiser *a = verifier_find_kind(in->kind);
        return a == NULL || a->needs == NULL ? NULL : a->needs(in, ret);
}

struct fault *appraisal_add_part(struct appraisal *in, const char *name, struct span bytes)
{
        if (in->part_count == PARTS_MAX)
                return fault(FAULT_INVALID, "evidence.parts", "more than %d parts", PARTS_MAX);
        in->parts[in->part_count++] = (struct part){name, bytes};
        return NULL;
}

struct span appraisal_part(const struct appraisal *in, const char *name)
{
        for (size_t i = 0; i < in->part_count; i++)
                if (strcmp(in->parts[i].name, name) == 0)
                        return in->parts[i].bytes;
        return (struct span){0};
}

struct fault *verifier_ak_name(const struct cmw_item *evidence, struct buf *ret_name)
{
        if (strcmp(evidence->type, CMW_TPM_QUOTE) != 0)
                return NULL;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        struct fault *f = tpm_evidence_read(buf_span(&evidence->value), &e);
        if (f == NULL)
                f = tpm_name(buf_span(&e.ak_public), ret_name);
        return fault_rename(f, FAULT_INVALID, "evidence.format");
}

static void set_common_facts(struct attestation_result *r)
{
        facts_set_text(&r->facts, "evidence.kind", ORIGIN_VERIFIER, span_str(r->kind));
        facts_set_flag(&r->facts, "evidence.insecure-development", ORIGIN_VERIFIER, r->insecure_development);
        AUTO(buf) struct buf concerns = BUF(CONCERNS_MAX * 64);
        for (size_t i = 0; i < r->concern_count; i++)
                fault_free(buf_printf(&concerns, "%s%s", i == 0 ? "" : " ", r->concerns[i])); /* literals: they fit */
        facts_set_text(&r->facts, "verifier.concerns", ORIGIN_VERIFIER, buf_span(&concerns));
        facts_set_text(&r->facts, "verifier.status", ORIGIN_VERIFIER, span_str(ear_status_name(r->status)));
}

/* What a refusal says in AR4SI's terms: the evidence is not accepted as a genuine instance's. */
static void contraindicate(struct attestation_result *r)
{
        facts_clear(&r->facts);
        r->status = EAR_CONTRAINDICATED;
        r->vector = (struct trust_vector){.instance_identity = TRUST_UNRECOGNISED_INSTANCE};
        r->submodule_count = 0;
        r->has_clock = false;
}

static struct fault *appraise_one(const struct appraisal *in, const char *root, struct attestation_result *ret)
{
        const struct appraiser *a = verifier_find_kind(in->kind);
        ret->checks = check_new(root, false);
        sha256(in->evidence, ret->evidence_digest);
        ret->kind = a != NULL ? a->kind : "unknown";
        struct fault *unknown =
                appraise_hold(ret, "evidence.kind", a != NULL, ORIGIN_VERIFIER, "a kind that is known here", in->kind);
        if (a == NULL)
                return unknown;
        TRY(a->appraise(in, ret));
        if (ret->worst > ret->status)
                ret->status = ret->worst;
        ret->checks->ok = ret->concern_count == 0;
        return NULL;
}

static void add_submodule(struct attestation_result *r, const char *name, enum ear_status status,
                          const struct trust_vector *vector)
{
        assert(r->submodule_count < SUBMODULES_MAX);
        r->submodules[r->submodule_count++] = (struct submodule){name, status, *vector};
}

/* What a second item of evidence found becomes part of the whole: the worse status counts. */
static void absorb(struct attestation_result *into, struct attestation_result *from)
{
        if (into->submodule_count == 0)
                add_submodule(into, into->kind, into->status, &into->vector);
        add_submodule(into, from->kind, from->status, &from->vector);
        if (from->status > into->status)
                into->status = from->status;
        facts_merge(&into->facts, &from->facts);
        for (size_t i = 0; i < from->concern_count && into->concern_count < CONCERNS_MAX; i++)
                into->concerns[into->concern_count++] = from->concerns[i];
        for (size_t i = 0; i < from->not_checked_count && into->not_checked_count < NOT_CHECKED_MAX; i++)
                into->not_checked[into->not_checked_count++] = from->not_checked[i];
        for (size_t i = 0; i < from->collateral_count && into->collateral_count < COLLATERAL_MAX; i++)
                into->collateral[into->collateral_count++] = from->collateral[i];
        if (from->not_after_unix_s != 0 &&
            (into->not_after_unix_s == 0 || from->not_after_unix_s < into->not_after_unix_s))
                into->not_after_unix_s = from->not_after_unix_s;
        into->has_clock = from->has_clock;
        into->clock_safe = from->clock_safe;
        into->clock_ms = from->clock_ms;
        into->reset_count = from->reset_count;
        into->restart_count = from->restart_count;
}

static struct fault *appraise_second(const struct appraisal *in, struct attestation_result *whole)
{
        AUTO(attestation_result) struct attestation_result r = {0};
        struct fault *f = appraise_one(in, in->kind, &r);
        if (f == NULL)
                absorb(whole, &r);
        whole->checks->ok = f == NULL && whole->concern_count == 0;
        check_adopt(whole->checks, TAKE(r.checks));
        return f;
}

struct fault *verifier_appraise_with(const struct appraisal *in, const struct appraisal *second,
                                     struct attestation_result *ret)
{
        struct fault *f = appraise_one(in, "evidence", ret);
        if (f == NULL && second != NULL)
                f = appraise_second(second, ret);
        if (f != NULL) {
                contraindicate(ret);
                return f;
        }
        set_common_facts(ret);
        return NULL;
}

struct fault *verifier_appraise(const struct appraisal *in, struct attestation_result *ret)
{
        return verifier_appraise_with(in, NULL, ret);
}
