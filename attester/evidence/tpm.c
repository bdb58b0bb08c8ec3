#include "attester/evidence/tpm.h"

#include "attester/evidence/boot_log.h"
#include "attester/evidence/tpm_activate.h"
#include "attester/evidence/tpm_ak.h"
#include "attester/evidence/tpm_ek.h"
#include "attester/evidence/tpm_pcrs.h"
#include "attester/evidence/tpm_quote.h"
#include "lib/base/parse.h"
#include "lib/model/tpm_evidence.h"

#define LOG_OF_DEVICE "/sys/kernel/security/tpm%u/binary_bios_measurements"
#define DEVICES_MAX   65535

struct tpm_source {
        char *tcti;
        struct tpm_context context;
        struct tpm_ak ak;
        TPML_PCR_SELECTION pcrs;
        struct boot_log log;
        struct tpm_evidence
                evidence; /* the last; its registers' values serve again while their digest is the quoted one */
};

struct work { /* of one call */
        struct tpm_source *source;
        const struct binding *binding;    /* collect */
        struct cmw *evidence;             /* collect */
        struct enrolment_material *enrol; /* enrolment */
        struct span id_object, encrypted; /* activate */
        struct secret **secret;           /* activate */
};

/* ---- what is done */

static struct fault *do_collect(void *arg, struct tpm_context *t, struct cancel *cancel)
{
        const struct work *w = arg;
        struct tpm_source *s = w->source;
        AUTO(buf) struct buf transcript = BUF(BINDING_T_MAX);
        TRY(binding_write(w->binding, &transcript));
        uint8_t extra_data[SHA256_LEN];
        binding_extra_data(buf_span(&transcript), extra_data);

        AUTO(tpm_object) struct tpm_object ak = TPM_OBJECT(t);
        struct tpm_evidence *e = &s->evidence;
        TRY(tpm_ak_load(&s->ak, t, cancel, &ak));
        TRY(tpm_quote_take(t, cancel, ak.handle, &s->pcrs, extra_data, e));
        buf_truncate(&e->ak_public, 0);
        TRY(buf_append(&e->ak_public, buf_span(&s->ak.public)));
        buf_clear(&e->eventlog);
        if (w->binding->purpose != BINDING_ENROL) /* that is about the key alone */
                e->eventlog = boot_log_read(&s->log);

        AUTO(cmw) struct cmw out = cmw_evidence(CMW_TPM_QUOTE);
        TRY(tpm_evidence_write(e, &out.items[0].value));
        *w->evidence = out;
        memset(&out, 0, sizeof out); /* what was given away is not freed */
        return NULL;
}

static struct fault *do_enrolment(void *arg, struct tpm_context *t, struct cancel *cancel)
{
        const struct work *w = arg;
        struct tpm_source *s = w->source;
        AUTO(tpm_ek) struct tpm_ek ek = tpm_ek_new(t);
        AUTO(tpm_object) struct tpm_object ak = TPM_OBJECT(t);
        TRY(tpm_ak_load_or_replace(&s->ak, t, cancel, &ak));
        TRY(tpm_ek_load(t, cancel, &ek));

        AUTO(enrolment_material)
        struct enrolment_material m = {
                .ek_public = ek.public, .ak_public = BUF(TPM_PUBLIC_MAX), .certificate_count = ek.certificate_count};
        memcpy(m.certificates, ek.certificates, sizeof m.certificates);
        ek.public = BUF(TPM_PUBLIC_MAX); /* the material's now, like the certificates */
        ek.certificate_count = 0;
        TRY(buf_append(&m.ak_public, buf_span(&s->ak.public)));
        *w->enrol = m;
        memset(&m, 0, sizeof m);
        return NULL;
}

static struct fault *do_activate(void *arg, struct tpm_context *t, struct cancel *cancel)
{
        const struct work *w = arg;
        struct tpm_source *s = w->source;
        AUTO(tpm_ek) struct tpm_ek ek = tpm_ek_new(t);
        AUTO(tpm_object) struct tpm_object ak = TPM_OBJECT(t);
        TRY(tpm_ak_load(&s->ak, t, cancel, &ak));
        TRY(tpm_ek_load(t, cancel, &ek));
        return tpm_activate(t, cancel, ak.handle, ek.object.handle, w->id_object, w->encrypted, w->secret);
}

/* ---- the vtable */

static struct fault *with_tpm(struct tpm_source *s, tpm_work *fn, struct work w, struct cancel *cancel)
{
        w.source = s;
        return tpm_context_with(&s->context, cancel, fn, &w);
}

static struct fault *collect(void *self, const struct binding *binding, struct cancel *cancel, struct cmw *ret_evidence)
{
        return with_tpm(self, do_collect, (struct work){.binding = binding, .evidence = ret_evidence}, cancel);
}

static struct fault *enrolment(void *self, struct cancel *cancel, struct enrolment_material *ret)
{
        return with_tpm(self, do_enrolment, (struct work){.enrol = ret}, cancel);
}

static struct fault *activate(void *self, struct span credential_blob, struct span encrypted_secret,
                              struct cancel *cancel, struct secret **ret_secret)
{
        return with_tpm(
                self, do_activate,
                (struct work){.id_object = credential_blob, .encrypted = encrypted_secret, .secret = ret_secret},
                cancel);
}

static void close_source(void *self)
{
        struct tpm_source *s = self;
        tpm_context_close(&s->context);
        tpm_ak_clear(&s->ak);
        tpm_evidence_clear(&s->evidence);
        boot_log_clear(&s->log);
        free(s->tcti);
        free(s);
}

char *evidence_tpm_log_path(const struct evidence_options *o)
{
        static const char *const devices[] = {"device:/dev/tpmrm", "device:/dev/tpm"};
        if (o->tpm_eventlog != NULL)
                return alloc_string(o->tpm_eventlog);
        for (size_t i = 0; o->tpm_tcti != NULL && i < COUNT_OF(devices); i++) {
                struct span at = span_str(o->tpm_tcti);
                uint64_t number;
                if (!span_starts_with(at, span_str(devices[i])))
                        continue;
                at = span_slice(at, strlen(devices[i]), at.len - strlen(devices[i]));
                AUTO(fault) struct fault *f = parse_u64(at, 0, DEVICES_MAX, &number);
                if (f == NULL)
                        return alloc_printf(LOG_OF_DEVICE, (unsigned) number);
        }
        return alloc_string("");
}

struct fault *evidence_tpm_probe(const struct evidence_options *o)
{
        if (o->tpm_tcti == NULL || o->tpm_tcti[0] == '\0')
                return fault(FAULT_PRECONDITION, "tee.missing", "no TPM is configured");
        struct tpm_context t = tpm_context_new(o->tpm_tcti);
        struct fault *f = tpm_context_open(&t, NULL);
        tpm_context_close(&t);
        return f;
}

struct fault *evidence_tpm_open(const struct evidence_options *o, struct evidence_source *ret)
{
        TPML_PCR_SELECTION pcrs;
        TRY(tpm_pcrs_parse(span_str(o->tpm_pcrs == NULL ? TPM_PCRS_DEFAULT : o->tpm_pcrs), &pcrs));
        TRY(tpm_context_check(o->tpm_tcti));
        struct tpm_ak ak;
        TRY(tpm_ak_open(o->state_dir, &ak));
        struct tpm_source *s = NEW(struct tpm_source);
        s->tcti = alloc_string(o->tpm_tcti);
        s->context = tpm_context_new(s->tcti);
        s->ak = ak;
        s->pcrs = pcrs;
        AUTO_STRING char *log_path = evidence_tpm_log_path(o);
        s->log = boot_log_new(log_path, o->log_max);
        s->evidence = tpm_evidence_new();
        *ret = (struct evidence_source){.kind = EVIDENCE_TPM,
                                        .needs_enrolment = true,
                                        .collect = collect,
                                        .enrolment = enrolment,
                                        .activate = activate,
                                        .close = close_source,
                                        .self = s};
        return NULL;
}
