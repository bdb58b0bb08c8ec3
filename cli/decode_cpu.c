/* Reports of processors: AMD, Intel, and either inside Azure's envelope. */
#include "cli/decode.h"

#include <stdio.h>

#include "issuer/verifier/snp/report.h"
#include "issuer/verifier/tdx/quote.h"
#include "lib/model/hcl.h"

static void set_bits(struct json *j, const char *name, uint64_t bits)
{
        char text[32];
        (void) snprintf(text, sizeof(text), "0x%llx", (unsigned long long) bits); /* fits */
        json_set_text(j, name, text);
}

static void set_tcb(struct json *j, const char *name, struct snp_tcb t)
{
        char text[SNP_TCB_TEXT_LEN + 1];
        snp_tcb_text(t, text);
        json_set_text(j, name, text);
}

static void set_version(struct json *j, const char *name, struct snp_version v)
{
        char text[32];
        (void) snprintf(text, sizeof(text), "%u.%u build %u", v.major, v.minor, v.build); /* fits */
        json_set_text(j, name, text);
}

struct fault *decode_snp(struct span bytes, struct json **ret)
{
        struct snp_report r;
        enum snp_product product;
        if (bytes.len != SNP_REPORT_LEN)
                return NULL;
        TRY(snp_report_read(bytes, &r));
        struct json *j = *ret = decoded("sev-snp report");
        json_set_int(j, "version", r.version);
        if (snp_report_product(&r, &product))
                json_set_text(j, "product", snp_product_name(product));
        json_set_int(j, "guest_svn", r.guest_svn);
        set_bits(j, "policy", r.policy);
        json_set_bool(j, "debug", (r.policy & SNP_POLICY_DEBUG) != 0);
        json_set_int(j, "vmpl", r.vmpl);
        set_bits(j, "flags", r.flags);
        set_bits(j, "platform_info", r.platform_info);
        json_set_hex(j, "measurement", SPAN_OF(r.measurement));
        json_set_hex(j, "report_data", SPAN_OF(r.report_data));
        json_set_hex(j, "host_data", SPAN_OF(r.host_data));
        json_set_hex(j, "family_id", SPAN_OF(r.family_id));
        json_set_hex(j, "image_id", SPAN_OF(r.image_id));
        json_set_hex(j, "id_key_digest", SPAN_OF(r.id_key_digest));
        json_set_hex(j, "author_key_digest", SPAN_OF(r.author_key_digest));
        json_set_hex(j, "report_id", SPAN_OF(r.report_id));
        json_set_hex(j, "chip_id", SPAN_OF(r.chip_id));
        set_tcb(j, "reported_tcb", r.reported_tcb);
        set_tcb(j, "current_tcb", r.current_tcb);
        set_tcb(j, "committed_tcb", r.committed_tcb);
        set_tcb(j, "launch_tcb", r.launch_tcb);
        set_version(j, "firmware", r.current);
        set_version(j, "committed_firmware", r.committed);
        if (r.version >= SNP_VERSION_5) {
                set_bits(j, "launch_mitigations", r.launch_mitigations);
                set_bits(j, "current_mitigations", r.current_mitigations);
        }
        return NULL;
}

struct fault *decode_tdx(struct span bytes, struct json **ret)
{
        struct tdx_quote q;
        if (bytes.len < TDX_HEADER_LEN || bytes.data[1] != 0 || (bytes.data[0] != 4 && bytes.data[0] != 5) ||
            bytes.data[4] != TDX_TEE_TYPE)
                return NULL;
        TRY(tdx_quote_read(bytes, &q));
        struct json *j = *ret = decoded("tdx quote");
        json_set_int(j, "version", q.version);
        json_set_int(j, "body_type", q.body_type);
        set_bits(j, "attributes", q.body.attributes);
        json_set_bool(j, "debug", (q.body.attributes & 1) != 0);
        set_bits(j, "xfam", q.body.xfam);
        json_set_hex(j, "tee_tcb_svn", q.body.tee_tcb_svn);
        json_set_hex(j, "mr_seam", q.body.mr_seam);
        json_set_hex(j, "mrtd", q.body.mrtd);
        for (unsigned i = 0; i < TDX_RTMR_COUNT; i++) {
                char name[16];
                (void) snprintf(name, sizeof(name), "rtmr%u", i); /* fits */
                json_set_hex(j, name, q.body.rtmr[i]);
        }
        json_set_hex(j, "mrconfigid", q.body.mrconfigid);
        json_set_hex(j, "mrowner", q.body.mrowner);
        json_set_hex(j, "mrownerconfig", q.body.mrownerconfig);
        json_set_hex(j, "report_data", q.body.report_data);
        if (q.body.tee_tcb_svn2.len > 0) {
                json_set_hex(j, "tee_tcb_svn2", q.body.tee_tcb_svn2);
                json_set_hex(j, "mr_servicetd", q.body.mr_servicetd);
        }
        json_set_int(j, "qe_isv_svn", q.qe_report.isv_svn);
        return NULL;
}

struct fault *decode_hcl(struct span bytes, struct json **ret)
{
        struct hcl_report h;
        if (bytes.len < 4 || memcmp(bytes.data, "HCLA", 4) != 0)
                return NULL;
        TRY(hcl_read(bytes, &h));
        AUTO(json) struct json *inside = NULL;
        AUTO(json) struct json *runtime = NULL;
        if (h.report_type == HCL_SNP)
                TRY(decode_snp(h.slot, &inside));
        TRY(json_parse(h.runtime_data, &runtime));
        *ret = decoded(h.report_type == HCL_SNP ? "azure hcl report, sev-snp" : "azure hcl report, tdx");
        if (inside != NULL)
                json_set(*ret, "report", TAKE(inside));
        json_set(*ret, "runtime_data", TAKE(runtime));
        return NULL;
}
