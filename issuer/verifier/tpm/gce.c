/* GCEInstanceInfo, as Google's authority puts it into certificates of virtual TPMs:
 *     SEQUENCE { zone UTF8String, projectNumber INTEGER, projectId UTF8String, instanceId INTEGER, instanceName UTF8String,
 *                securityProperties [0] SEQUENCE { securityVersion [0] INTEGER OPTIONAL, isProduction [1] BOOLEAN OPTIONAL, … } OPTIONAL } */
#include "issuer/verifier/tpm/tpm.h"
#include "lib/crypt/der.h"

#define OID_GCE_INSTANCE "1.3.6.1.4.1.11129.2.1.21"
#define TEXT_MAX         256

struct instance {
        struct span zone, project, name;
        uint64_t project_number, instance;
        bool is_production;
};

static struct fault *read_text(struct reader *r, struct span *ret)
{
        TRY(der_read(r, DER_UTF8, ret));
        if (ret->len == 0 || ret->len > TEXT_MAX || !span_is_utf8(*ret) || span_has_nul(*ret))
                return fault(FAULT_INVALID, "BAD_DER", "a text that is none");
        return NULL;
}

static struct fault *read_number(struct reader *r, uint64_t *ret)
{
        struct span magnitude = SPAN_NONE;
        TRY(der_read_uint(r, &magnitude));
        if (magnitude.len > sizeof(*ret))
                return fault(FAULT_INVALID, "BAD_DER", "a number of %zu bytes", magnitude.len);
        *ret = 0;
        for (size_t i = 0; i < magnitude.len; i++)
                *ret = *ret << 8 | magnitude.data[i];
        return NULL;
}

/* isProduction among the tagged properties; the others are not ours to judge. */
static struct fault *read_properties(struct reader *r, bool *ret_production)
{
        struct span outer = SPAN_NONE, list = SPAN_NONE, value = SPAN_NONE, flag = SPAN_NONE;
        TRY(der_read(r, DER_CONTEXT_CONSTRUCTED(0), &outer));
        struct reader in = READER(outer);
        TRY(der_read(&in, DER_SEQUENCE, &list));
        TRY(reader_end(&in));
        struct reader each = READER(list);
        while (reader_left(&each) > 0) {
                uint8_t tag = reader_rest(&each).data[0];
                TRY(der_read(&each, tag, &value));
                if (tag != DER_CONTEXT_CONSTRUCTED(1))
                        continue;
                struct reader boolean = READER(value);
                TRY(der_read(&boolean, DER_BOOLEAN, &flag));
                TRY(reader_end(&boolean));
                *ret_production = flag.len == 1 && flag.data[0] == 0xff;
        }
        return NULL;
}

static struct fault *read_instance(struct span extension, struct instance *i)
{
        struct reader outer = READER(extension);
        struct span list = SPAN_NONE;
        TRY(der_read(&outer, DER_SEQUENCE, &list));
        TRY(reader_end(&outer));
        struct reader r = READER(list);
        TRY(read_text(&r, &i->zone));
        TRY(read_number(&r, &i->project_number));
        TRY(read_text(&r, &i->project));
        TRY(read_number(&r, &i->instance));
        TRY(read_text(&r, &i->name));
        if (reader_left(&r) > 0)
                TRY(read_properties(&r, &i->is_production));
        return reader_end(&r);
}

struct fault *tpm_set_gce_facts(const struct cert *c, struct attestation_result *r)
{
        struct span extension = SPAN_NONE;
        struct instance i = {0};
        AUTO(fault) struct fault *none = cert_extension(c, OID_GCE_INSTANCE, &extension);
        if (none != NULL)
                return NULL;
        struct fault *f = fault_prefix(read_instance(extension, &i), "instance information");
        TRY(appraise_call(r, "ak.certificate", ORIGIN_HW, fault_rename(f, FAULT_DENIED, "ak.certificate")));
        if (!i.is_production)
                return NULL;
        facts_set_text(&r->facts, "tpm.gce-zone", ORIGIN_HW, i.zone);
        facts_set_number(&r->facts, "tpm.gce-project-number", ORIGIN_HW, i.project_number);
        facts_set_text(&r->facts, "tpm.gce-project", ORIGIN_HW, i.project);
        facts_set_number(&r->facts, "tpm.gce-instance", ORIGIN_HW, i.instance);
        facts_set_text(&r->facts, "tpm.gce-instance-name", ORIGIN_HW, i.name);
        return NULL;
}
