#include "issuer/verifier/tdx/levels.h"

#define SVN_MODULE    0 /* tee_tcb_svn: SVN of the module, its version, and late microcode */
#define SVN_VERSION   1
#define SVN_MICROCODE 2

const char *const tdx_levels_checks[] = {
        "tdx.module", "tdx.module_level", "tdx.tcb_level", "tdx.qe_level", "tdx.tcb_status_unknown", NULL,
};

/* ---- module ---- */

static struct fault *check_signer(const struct levels_input *in, const struct tdx_module *m)
{
        if (!span_eq(in->body->mrsigner_seam, SPAN_OF(m->mrsigner)))
                return fault(FAULT_DENIED, "tdx.module", "module TDX_%02X of another signer", m->version);
        for (size_t i = 0; i < sizeof(m->attributes); i++) {
                uint8_t has = (uint8_t) (in->body->seam_attributes >> (8 * i));
                if ((has & m->attributes_mask[i]) != m->attributes[i])
                        return fault(FAULT_DENIED, "tdx.module", "module TDX_%02X with other attributes", m->version);
        }
        return NULL;
}

/* What one set of TEE TCB SVNs meets: of the TD's launch, or, in TDX 1.5, of what runs now. */
struct met {
        const char *when;               /* for people */
        const uint8_t *svn;             /* TDX_SVN_LEN */
        const struct isv_level *module; /* NULL: version 0, whose SVNs are components of the platform's level */
        const struct tcb_level *platform;
        enum tcb_status merged;
};

static struct fault *find_module_level(const struct levels_input *in, struct met *met)
{
        uint8_t version = met->svn[SVN_VERSION];
        const struct tdx_module *m = tcb_info_module(in->tcb_info, version);

        if (m == NULL)
                return fault(FAULT_DENIED, "tdx.module", "Intel publishes nothing about module TDX_%02X, %s", version,
                             met->when);
        TRY(check_signer(in, m));
        if (version == 0)
                return NULL;
        met->module = isv_level_of(&m->levels, met->svn[SVN_MODULE]);
        if (met->module == NULL)
                return fault(FAULT_DENIED, "tdx.module_level",
                             "module TDX_%02X with SVN %u, %s, is older than any level", version, met->svn[SVN_MODULE],
                             met->when);
        return NULL;
}

static struct fault *find_qe_level(const struct levels_input *in, const struct isv_level **ret)
{
        *ret = isv_level_of(&in->qe_identity->levels, in->qe_report->isv_svn);
        if (*ret == NULL)
                return fault(FAULT_DENIED, "tdx.qe_level", "quoting enclave with ISVSVN %u is older than any level",
                             in->qe_report->isv_svn);
        return NULL;
}

/* ---- platform ---- */

static bool all_at_least(const uint8_t *have, const uint8_t *wanted, size_t from)
{
        for (size_t i = from; i < TCB_COMPONENTS; i++)
                if (have[i] < wanted[i])
                        return false;
        return true;
}

static bool sgx_fits(const struct levels_input *in, const struct tcb_level *l)
{
        return all_at_least(in->pck->components, l->sgx, 0) && in->pck->pcesvn >= l->pcesvn;
}

/* The first level whose SGX part fits; NULL: none. */
static const struct tcb_level *find_sgx_level(const struct levels_input *in)
{
        for (size_t i = 0; i < in->tcb_info->level_count; i++)
                if (sgx_fits(in, &in->tcb_info->levels[i]))
                        return &in->tcb_info->levels[i];
        return NULL;
}

/* Of a module with a version of its own the first two SVNs count for that module's levels, not for these. */
static struct fault *find_platform_level(const struct levels_input *in, struct met *met)
{
        size_t from = met->svn[SVN_VERSION] > 0 ? SVN_MICROCODE : 0;

        for (size_t i = 0; i < in->tcb_info->level_count && met->platform == NULL; i++) {
                const struct tcb_level *l = &in->tcb_info->levels[i];
                if (sgx_fits(in, l) && all_at_least(met->svn, l->tdx, from))
                        met->platform = l;
        }
        if (met->platform == NULL)
                return fault(FAULT_DENIED, "tdx.tcb_level", "the platform's TCB, %s, is older than any level%s",
                             met->when, find_sgx_level(in) != NULL ? " (its SGX part meets one)" : "");
        return NULL;
}

/* ---- together ---- */

static enum tcb_status module_status(const struct met *met)
{
        return met->module != NULL ? met->module->verdict.status : TCB_UP_TO_DATE;
}

static struct fault *unknown(const char *what)
{
        return fault(FAULT_DENIED, "tdx.tcb_status_unknown", "the %s level has a status of no known name", what);
}

static struct fault *meet(const struct levels_input *in, struct met *met)
{
        TRY(find_module_level(in, met));
        TRY(find_platform_level(in, met));
        if (met->platform->verdict.status == TCB_STATUS_UNKNOWN)
                return unknown("platform's");
        if (!tcb_status_is_of_enclave(module_status(met)))
                return unknown("module's");
        met->merged = tcb_status_merge(met->platform->verdict.status, module_status(met));
        return NULL;
}

/* The newest SVN of the module that runs now, as relaunch compares it. */
static uint8_t newest_module(const struct levels_input *in, uint8_t version)
{
        if (version == 0)
                return in->tcb_info->levels[0].tdx[SVN_MODULE];
        uint16_t svn = tcb_info_module(in->tcb_info, version)->levels.items[0].isv_svn; /* it has met one of them */
        return svn > UINT8_MAX ? UINT8_MAX : (uint8_t) svn;
}

static enum tcb_status relaunch(const struct levels_input *in, const struct met *launched, const struct met *running,
                                enum tcb_status qe)
{
        const struct relaunch r = {
                .sgx = find_sgx_level(in)->verdict.status, /* a whole level fits: its SGX part does */
                .merged = launched->merged,
                .module = module_status(launched),
                .qe = qe,
                .svn2_module = running->svn[SVN_MODULE],
                .svn2_microcode = running->svn[SVN_MICROCODE],
                .newest_module = newest_module(in, running->svn[SVN_VERSION]),
                .newest_microcode = in->tcb_info->levels[0].tdx[SVN_MICROCODE],
        };
        return tcb_status_relaunch(&r);
}

static void add_verdict(struct tdx_levels *l, const struct tcb_verdict *v)
{
        if (l->date.unix_ms == 0 || v->date.unix_ms < l->date.unix_ms)
                l->date = v->date;
        advisories_merge(&l->advisories, v->advisories);
}

static void add_met(struct tdx_levels *l, const struct met *met)
{
        l->merged = met->merged;
        add_verdict(l, &met->platform->verdict);
        if (met->module != NULL)
                add_verdict(l, &met->module->verdict);
}

/* What runs now may be newer than what the TD was launched under (the module was updated below it); should it be worse, that counts. */
static struct fault *find_running(const struct levels_input *in, const struct met *launched, struct tdx_levels *l)
{
        struct met running = {.when = "which runs now", .svn = in->body->tee_tcb_svn2.data};

        if (in->body->tee_tcb_svn2.len == 0)
                return NULL;
        TRY(meet(in, &running));
        l->has_running = true;
        l->running = running.merged;
        if (running.merged > launched->merged)
                add_met(l, &running);
        else
                l->merged = relaunch(in, launched, &running, l->qe);
        return NULL;
}

static struct fault *find(const struct levels_input *in, struct tdx_levels *l)
{
        struct met launched = {.when = "which the TD was launched under", .svn = in->body->tee_tcb_svn.data};
        const struct isv_level *qe = NULL;

        TRY(meet(in, &launched));
        TRY(find_qe_level(in, &qe));
        if (!tcb_status_is_of_enclave(qe->verdict.status))
                return unknown("quoting enclave's");
        l->platform = launched.platform->verdict.status;
        l->module = module_status(&launched);
        l->qe = qe->verdict.status;
        add_met(l, &launched);
        TRY(find_running(in, &launched, l));
        l->merged = tcb_status_merge(l->merged, l->qe);
        add_verdict(l, &qe->verdict);
        return NULL;
}

struct fault *tdx_levels_find(const struct levels_input *in, struct tdx_levels *ret)
{
        struct tdx_levels l = {0};
        struct fault *f = find(in, &l);

        if (f != NULL) {
                tdx_levels_clear(&l);
                return f;
        }
        *ret = l;
        return NULL;
}

void tdx_levels_clear(struct tdx_levels *l)
{
        free(l->advisories);
        *l = (struct tdx_levels){0};
}
