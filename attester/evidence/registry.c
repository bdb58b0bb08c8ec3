/* registry: the kinds of evidence, one row each. */
#include "attester/evidence/azure.h"
#include "attester/evidence/cca.h"
#include "attester/evidence/composite.h"
#include "attester/evidence/reader_client.h"
#include "attester/evidence/nitro.h"
#include "attester/evidence/sev_snp.h"
#include "attester/evidence/software.h"
#include "attester/evidence/source.h"
#include "attester/evidence/tdx.h"
#include "attester/evidence/tpm.h"
#include "lib/base/log.h"

#define KIND_NAMES_MAX 512

static struct fault *never_by_itself(const struct evidence_options *o)
{
        (void) o;
        return fault(FAULT_DENIED, "evidence.insecure_development", "it proves nothing, and is never chosen by itself");
}

static struct fault *nothing_to_add(const struct evidence_options *o, struct evidence_source *source)
{
        (void) o;
        (void) source;
        return NULL;
}

/* In the order of "auto": what silicon signs, then what a host may emulate. */
static const struct evidence_kind {
        const char *name;
        bool may_be_read_for_us; /* by the reader process: kinds whose devices are root's */
        bool needs_enrolment;
        struct fault *(*probe)(const struct evidence_options *o);
        struct fault *(*open)(const struct evidence_options *o, struct evidence_source *ret);
        /* Around a source of the reader's, which has no network: adds what needs one. Takes the source, also when it fails. */
        struct fault *(*complete)(const struct evidence_options *o, struct evidence_source *source);
} kinds[] = {
        {EVIDENCE_SEV_SNP, true, false, evidence_sev_snp_probe, evidence_sev_snp_open, nothing_to_add},
        {EVIDENCE_TDX, true, false, evidence_tdx_probe, evidence_tdx_open, nothing_to_add},
        {EVIDENCE_CCA, true, false, evidence_cca_probe, evidence_cca_open, nothing_to_add},
        {EVIDENCE_AZ_SEV_SNP, true, false, evidence_az_sev_snp_probe, evidence_az_sev_snp_open,
         evidence_az_sev_snp_complete},
        {EVIDENCE_AZ_TDX, true, false, evidence_az_tdx_probe, evidence_az_tdx_open, evidence_az_tdx_complete},
        {EVIDENCE_NITRO, true, false, evidence_nitro_probe, evidence_nitro_open, nothing_to_add},
        {EVIDENCE_TPM, true, true, evidence_tpm_probe, evidence_tpm_open, nothing_to_add},
        {EVIDENCE_SOFTWARE, false, false, never_by_itself, evidence_software_open, nothing_to_add},
};
_Static_assert(COUNT_OF(kinds) <= EVIDENCE_KINDS_MAX, "each kind has a finding");

/* ---- what there is ---- */

void evidence_probe(const struct evidence_options *o, struct evidence_findings *ret)
{
        *ret = (struct evidence_findings){.count = COUNT_OF(kinds)};
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                ret->items[i] = (struct evidence_finding){kinds[i].name, kinds[i].probe(o)};
                if (ret->items[i].why_not == NULL && ret->choice == NULL)
                        ret->choice = kinds[i].name;
        }
}

void evidence_findings_clear(struct evidence_findings *f)
{
        for (size_t i = 0; i < f->count; i++)
                fault_free(f->items[i].why_not);
        *f = (struct evidence_findings){0};
}

/* ---- choosing ---- */

static const struct evidence_kind *find_kind(const char *name)
{
        for (size_t i = 0; name != NULL && i < COUNT_OF(kinds); i++)
                if (strcmp(name, kinds[i].name) == 0)
                        return &kinds[i];
        return NULL;
}

static struct fault *open_by_reader(const struct evidence_options *o, const char *name, struct evidence_source *ret)
{
        const struct evidence_kind *kind = find_kind(name);
        if (kind == NULL || !kind->may_be_read_for_us)
                return fault(FAULT_INVALID, "evidence.kind", "the evidence reader doesn't do kind \"%s\"", name);
        TRY(evidence_reader_client_open(o, kind->name, kind->needs_enrolment, ret));
        return kind->complete(o, ret);
}

static struct fault *open_readers_choice(const struct evidence_options *o, struct evidence_source *ret)
{
        struct reader_kinds readers;
        TRY(evidence_reader_kinds(o, READER_START_MS, &readers));
        TRY(open_by_reader(o, readers.names[0], ret));
        log_info("evidence_kind_chosen", KV("kind", ret->kind), KV("by", "reader"));
        return NULL;
}

static struct fault *open_auto(const struct evidence_options *o, struct evidence_source *ret)
{
        AUTO(evidence_findings) struct evidence_findings found = {0};
        if (o->reader_socket != NULL)
                return open_readers_choice(o, ret);
        evidence_probe(o, &found);
        if (found.choice == NULL)
                return fault(FAULT_PRECONDITION, "tee.missing",
                             "this machine has no evidence to give: `vouchsafe-attester probe` says why");
        log_info("evidence_kind_chosen", KV("kind", found.choice));
        return find_kind(found.choice)->open(o, ret);
}

static struct fault *unknown_kind(const char *name)
{
        AUTO(buf) struct buf known = BUF(KIND_NAMES_MAX);
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
                TRY(buf_printf(&known, ", %s", kinds[i].name));
        return fault(FAULT_INVALID, "evidence.kind", "evidence kind \"%s\" is none of " EVIDENCE_AUTO "%s", name,
                     buf_str(&known));
}

struct fault *evidence_open(const struct evidence_options *o, struct evidence_source *ret)
{
        if (o->secondary_count > 0)
                return evidence_composite_open(o, ret);
        if (o->kind != NULL && strcmp(o->kind, EVIDENCE_AUTO) == 0)
                return open_auto(o, ret);
        const struct evidence_kind *kind = find_kind(o->kind);
        if (kind == NULL)
                return unknown_kind(o->kind == NULL ? "" : o->kind);
        return o->reader_socket == NULL ? kind->open(o, ret) : open_by_reader(o, kind->name, ret);
}

void enrolment_material_clear(struct enrolment_material *m)
{
        for (size_t i = 0; i < m->certificate_count; i++)
                buf_clear(&m->certificates[i]);
        m->certificate_count = 0;
        buf_clear(&m->ek_public);
        buf_clear(&m->ak_public);
}

struct fault *evidence_no_enrolment(void *self, struct cancel *cancel, struct enrolment_material *ret)
{
        (void) self;
        (void) cancel;
        (void) ret;
        return fault(FAULT_UNIMPLEMENTED, "evidence.no_enrolment", "evidence of this kind is not enrolled");
}

struct fault *evidence_no_activation(void *self, struct span credential_blob, struct span encrypted_secret,
                                     struct cancel *cancel, struct secret **ret_secret)
{
        (void) credential_blob;
        (void) encrypted_secret;
        (void) ret_secret;
        return evidence_no_enrolment(self, cancel, NULL);
}
