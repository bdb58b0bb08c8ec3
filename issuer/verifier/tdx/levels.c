#include "issuer/verifier/tdx/levels.h"

#define SVN_MODULE    0 /* tee_tcb_svn: SVN of the module, its version, and late microcode */
#define SVN_VERSION   1
#define SVN_MICROCODE 2

const char *const tdx_levels_checks[] = {
        "tdx.module", "tdx.module_level", "tdx.qe_level", "tdx.tcb_level", "tdx.tcb_status_unknown", NULL,
};

/* ---- module ---- */

static struct fault *find_module(const struct levels_input *in, const struct tdx_module **ret)
{
        uint8_t version = in->body->tee_tcb_svn.data[SVN_VERSION];
        const struct tdx_module *m = tcb_info_module(in->tcb_info, version);

        if (m == NULL)
                return fault(FAULT_DENIED, "tdx.module", "Intel publishes nothing about module TDX_%02X", version);
        if (!span_eq(in->body->mrsigner_seam, SPAN_OF(m->mrsigner)))
                return fault(FAULT_DENIED, "tdx.module", "module TDX_%02X of another signer", version);
        for (size_t i = 0; i < sizeof(m->attributes); i++) {
                uint8_t has = (uint8_t) (in->body->seam_attributes >> (8 * i));
                if ((has & m->attributes_mask[i]) != m->attributes[i])
                        return fault(FAULT_DENIED, "tdx.module", "module TDX_%02X with other attributes", version);
        }
        *ret = m;
        return NULL;
}

/* NULL: version 0, whose SVNs are components of the platform's level. */
static struct fault *find_module_level(const struct levels_input *in, const struct tdx_module *m,
                                       const struct isv_level **ret)
{
        if (m->version == 0)
                return NULL;
        *ret = isv_level_of(&m->levels, in->body->tee_tcb_svn.data[SVN_MODULE]);
        if (*ret == NULL)
                return fault(FAULT_DENIED, "tdx.module_level", "module TDX_%02X with SVN %u is older than any level",
                             m->version, in->body->tee_tcb_svn.data[SVN_MODULE]);
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

struct platform_levels {
        const struct tcb_level *sgx; /* the first whose SGX part fits */
        const struct tcb_level *all; /* the first that fits whole */
};

/* Of a module with a version of its own the first two SVNs count for that module's levels, not for these. */
static struct fault *find_platform_levels(const struct levels_input *in, struct platform_levels *ret)
{
        const uint8_t *svn = in->body->tee_tcb_svn.data;
        size_t from = svn[SVN_VERSION] > 0 ? SVN_MICROCODE : 0;

        for (size_t i = 0; i < in->tcb_info->level_count && ret->all == NULL; i++) {
                const struct tcb_level *l = &in->tcb_info->levels[i];
                if (!all_at_least(in->pck->components, l->sgx, 0) || in->pck->pcesvn < l->pcesvn)
                        continue;
                if (ret->sgx == NULL)
                        ret->sgx = l;
                if (all_at_least(svn, l->tdx, from))
                        ret->all = l;
        }
        if (ret->all == NULL)
                return fault(FAULT_DENIED, "tdx.tcb_level", "the platform's TCB is older than any level%s",
                             ret->sgx != NULL ? " (its SGX part meets one)" : "");
        return NULL;
}

/* ---- together ---- */

static struct fault *check_known(const struct tdx_levels *l, enum tcb_status sgx)
{
        if (l->platform == TCB_STATUS_UNKNOWN || sgx == TCB_STATUS_UNKNOWN)
                return fault(FAULT_DENIED, "tdx.tcb_status_unknown",
                             "the platform's level has a status of no known name");
        if (!tcb_status_is_of_enclave(l->module))
                return fault(FAULT_DENIED, "tdx.tcb_status_unknown",
                             "the module's level has a status of no known name");
        if (!tcb_status_is_of_enclave(l->qe))
                return fault(FAULT_DENIED, "tdx.tcb_status_unknown",
                             "the quoting enclave's level has a status of no known name");
        return NULL;
}

/* TDX 1.5 only: what runs now is told beside what the TD was launched under. */
static struct fault *merge_relaunch(const struct levels_input *in, enum tcb_status sgx, struct tdx_levels *l)
{
        const struct tcb_level *newest = &in->tcb_info->levels[0];
        struct relaunch r = {
                .sgx = sgx,
                .merged = l->merged,
                .module = l->module,
                .qe = l->qe,
                .newest_module = newest->tdx[SVN_MODULE],
                .newest_microcode = newest->tdx[SVN_MICROCODE],
        };
        if (in->body->tee_tcb_svn2.len == 0 || l->module != TCB_OUT_OF_DATE)
                return NULL;
        const uint8_t *svn2 = in->body->tee_tcb_svn2.data;
        r.svn2_module = svn2[SVN_MODULE];
        r.svn2_microcode = svn2[SVN_MICROCODE];
        if (svn2[SVN_VERSION] != 0) {
                const struct tdx_module *m = tcb_info_module(in->tcb_info, svn2[SVN_VERSION]);
                if (m == NULL)
                        return fault(FAULT_DENIED, "tdx.module",
                                     "Intel publishes nothing about module TDX_%02X, which runs now",
                                     svn2[SVN_VERSION]);
                uint16_t newest_svn = m->levels.items[0].isv_svn;
                r.newest_module = newest_svn > UINT8_MAX ? UINT8_MAX : (uint8_t) newest_svn;
        }
        l->merged = tcb_status_relaunch(&r);
        return NULL;
}

static void add_verdict(struct tdx_levels *l, const struct tcb_verdict *v)
{
        if (l->date.unix_ms == 0 || v->date.unix_ms < l->date.unix_ms)
                l->date = v->date;
        advisories_merge(&l->advisories, v->advisories);
}

static struct fault *find(const struct levels_input *in, struct tdx_levels *l)
{
        const struct tdx_module *m = NULL;
        const struct isv_level *module = NULL, *qe = NULL;
        struct platform_levels platform = {0};

        TRY(find_module(in, &m));
        TRY(find_module_level(in, m, &module));
        TRY(find_qe_level(in, &qe));
        TRY(find_platform_levels(in, &platform));

        l->platform = platform.all->verdict.status;
        l->module = module != NULL ? module->verdict.status : TCB_UP_TO_DATE;
        l->qe = qe->verdict.status;
        TRY(check_known(l, platform.sgx->verdict.status));
        l->merged = tcb_status_merge(l->platform, l->module);
        TRY(merge_relaunch(in, platform.sgx->verdict.status, l));
        l->merged = tcb_status_merge(l->merged, l->qe);
        add_verdict(l, &platform.all->verdict);
        if (module != NULL)
                add_verdict(l, &module->verdict);
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
