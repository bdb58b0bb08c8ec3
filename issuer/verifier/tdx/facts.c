/* Facts of a TDX appraisal: every field of what was signed, and what Intel says of it. issuer/policy/inputs_tdx.c tells their meaning. */
#include "issuer/verifier/tdx/tdx_parts.h"

#include <stdio.h>

#define NAME_LEN 40
#define DAY_MS   (24LL * 3600 * 1000)

static void set_numbers(struct facts *f, const char *stem, const uint8_t *values, size_t count)
{
        char name[NAME_LEN];
        int len = snprintf(name, sizeof(name), "%s.", stem); /* fits, with two digits and the NUL */
        for (size_t i = 0; i < count; i++) {                 /* by hand: most of a quote's facts come this way */
                char *at = name + len;
                if (i >= 10)
                        *at++ = (char) ('0' + i / 10);
                *at++ = (char) ('0' + i % 10);
                *at = '\0';
                facts_set_number(f, name, ORIGIN_HW, values[i]);
        }
}

static void set_flags(struct facts *f, uint64_t attributes)
{
        static const struct {
                const char *name;
                uint64_t bit;
        } rows[] = {
                {"tdx.debug", TD_DEBUG},   {"tdx.sept-ve-disable", TD_SEPT_VE_DISABLE},
                {"tdx.pks", TD_PKS},       {"tdx.migratable", TD_MIGRATABLE},
                {"tdx.key-locker", TD_KL}, {"tdx.perfmon", TD_PERFMON},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                facts_set_flag(f, rows[i].name, ORIGIN_HW, (attributes & rows[i].bit) != 0);
}

static void set_td(struct facts *f, const struct tdx_quote *q)
{
        const struct tdx_body *b = &q->body;

        facts_set_number(f, "tdx.quote-version", ORIGIN_HW, q->version);
        facts_set_number(f, "tdx.body-type", ORIGIN_HW, q->body_type);
        facts_set_bytes(f, "tdx.mr-seam", ORIGIN_HW, b->mr_seam);
        facts_set_number(f, "tdx.attributes", ORIGIN_HW, b->attributes);
        facts_set_number(f, "tdx.xfam", ORIGIN_HW, b->xfam);
        set_flags(f, b->attributes);
        facts_set_bytes(f, "tdx.mrtd", ORIGIN_HW, b->mrtd);
        facts_set_bytes(f, "tdx.mrconfigid", ORIGIN_HW, b->mrconfigid);
        facts_set_bytes(f, "tdx.mrowner", ORIGIN_HW, b->mrowner);
        facts_set_bytes(f, "tdx.mrownerconfig", ORIGIN_HW, b->mrownerconfig);
        facts_set_bytes(f, "tdx.report-data", ORIGIN_HW, b->report_data);
        for (size_t i = 0; i < TDX_RTMR_COUNT; i++) {
                char name[NAME_LEN];
                (void) snprintf(name, sizeof(name), "tdx.rtmr.%zu", i); /* fits */
                facts_set_bytes(f, name, ORIGIN_HW, b->rtmr[i]);
        }
        set_numbers(f, "tdx.tee-tcb-svn", b->tee_tcb_svn.data, b->tee_tcb_svn.len);
        set_numbers(f, "tdx.tee-tcb-svn2", b->tee_tcb_svn2.data, b->tee_tcb_svn2.len);
        if (b->mr_servicetd.len > 0)
                facts_set_bytes(f, "tdx.mr-servicetd", ORIGIN_HW, b->mr_servicetd);
}

static void set_qe(struct facts *f, const struct tdx_quote *q)
{
        const struct tdx_qe_report *r = &q->qe_report;

        facts_set_bytes(f, "tdx.qe.id", ORIGIN_HW, span_slice(q->user_data, 0, TDX_QE_ID_LEN));
        facts_set_bytes(f, "tdx.qe.mrenclave", ORIGIN_HW, r->mrenclave);
        facts_set_bytes(f, "tdx.qe.mrsigner", ORIGIN_HW, r->mrsigner);
        facts_set_number(f, "tdx.qe.prod-id", ORIGIN_HW, r->isv_prod_id);
        facts_set_number(f, "tdx.qe.svn", ORIGIN_HW, r->isv_svn);
        facts_set_bytes(f, "tdx.qe.cpusvn", ORIGIN_HW, r->cpusvn);
}

static void set_platform(struct facts *f, const struct tdx_state *s)
{
        const struct pck_extension *p = &s->platform->pck;

        facts_set_text(f, "tdx.root", ORIGIN_VERIFIER,
                       s->root == TDX_ROOT_CONFIGURED ? SPAN("configured") : SPAN("intel"));
        facts_set_text(f, "tdx.ca", ORIGIN_HW, span_str(tdx_ca_name(s->platform->ca)));
        facts_set_bytes(f, "tdx.ppid", ORIGIN_HW, SPAN_OF(s->platform->ppid_digest));
        facts_set_bytes(f, "tdx.fmspc", ORIGIN_HW, SPAN_OF(p->fmspc));
        facts_set_bytes(f, "tdx.pceid", ORIGIN_HW, SPAN_OF(p->pceid));
        facts_set_number(f, "tdx.pcesvn", ORIGIN_HW, p->pcesvn);
        facts_set_number(f, "tdx.sgx-type", ORIGIN_HW, p->sgx_type);
        set_numbers(f, "tdx.cpusvn", p->components, sizeof(p->components));
        if (p->has_instance)
                facts_set_bytes(f, "tdx.platform-instance-id", ORIGIN_HW, SPAN_OF(p->instance_id));
        if (p->has_configuration) {
                facts_set_flag(f, "tdx.dynamic-platform", ORIGIN_HW, p->dynamic_platform);
                facts_set_flag(f, "tdx.cached-keys", ORIGIN_HW, p->cached_keys);
                facts_set_flag(f, "tdx.smt", ORIGIN_HW, p->smt_enabled);
        }
}

static void set_status(struct facts *f, const char *name, enum tcb_status s)
{
        facts_set_text(f, name, ORIGIN_VERIFIER, span_str(tcb_status_name(s)));
}

/* Days begun are not counted: a level of this morning is 0 days old. */
static uint64_t age_days(struct wall date, struct wall now)
{
        return now.unix_ms > date.unix_ms ? (uint64_t) ((now.unix_ms - date.unix_ms) / DAY_MS) : 0;
}

static void set_verdict(struct facts *f, const struct tdx_state *s)
{
        const struct tdx_levels *l = &s->levels;
        uint32_t tcb = s->collateral->tcb_info.evaluation_number, qe = s->collateral->qe_identity.evaluation_number;
        char date[WALL_TEXT_LEN + 1];

        wall_format(l->date, date);
        set_status(f, "tdx.tcb-status", l->merged);
        set_status(f, "tdx.platform-status", l->platform);
        set_status(f, "tdx.module-status", l->module);
        set_status(f, "tdx.qe.status", l->qe);
        if (l->has_running)
                set_status(f, "tdx.running-status", l->running);
        facts_set_text(f, "tdx.tcb-date", ORIGIN_VERIFIER, span_str(date));
        facts_set_number(f, "tdx.tcb-age-days", ORIGIN_VERIFIER, age_days(l->date, s->in->now));
        facts_set_text(f, "tdx.advisories", ORIGIN_VERIFIER, span_str(l->advisories));
        facts_set_number(f, "tdx.advisory-count", ORIGIN_VERIFIER, advisories_count(l->advisories));
        facts_set_number(f, "tdx.evaluation-number", ORIGIN_VERIFIER, tcb < qe ? tcb : qe);
        facts_set_number(f, "tdx.tcb-info.evaluation-number", ORIGIN_VERIFIER, tcb);
        facts_set_number(f, "tdx.qe-identity.evaluation-number", ORIGIN_VERIFIER, qe);
}

void tdx_set_facts(const struct tdx_state *s)
{
        struct facts *f = &s->result->facts;
        set_td(f, &s->quote);
        set_qe(f, &s->quote);
        set_platform(f, s);
        set_verdict(f, s);
}
