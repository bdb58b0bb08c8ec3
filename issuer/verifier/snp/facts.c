/* What a report says, for the policy: names and meanings are in issuer/policy/inputs_snp.c. */
#include <stdio.h>

#include "issuer/verifier/snp/checks.h"

#define FACT_NAME_LEN 48

struct bit {
        const char *name;
        uint64_t mask;
};

static void set_bits(struct facts *f, const struct bit *bits, size_t count, uint64_t value)
{
        for (size_t i = 0; i < count; i++)
                facts_set_flag(f, bits[i].name, ORIGIN_HW, (value & bits[i].mask) != 0);
}

static void set_policy(struct facts *f, const struct snp_report *r)
{
        static const struct bit bits[] = {
                {"snp.policy.smt", SNP_POLICY_SMT},
                {"snp.policy.migration-agent", SNP_POLICY_MIGRATE_MA},
                {"snp.policy.debug", SNP_POLICY_DEBUG},
                {"snp.policy.single-socket", SNP_POLICY_SINGLE_SOCKET},
                {"snp.policy.cxl", SNP_POLICY_CXL_ALLOW},
                {"snp.policy.aes-256-xts", SNP_POLICY_MEM_AES_256_XTS},
                {"snp.policy.rapl-disabled", SNP_POLICY_RAPL_DIS},
                {"snp.policy.ciphertext-hiding", SNP_POLICY_CIPHERTEXT_HIDING},
                {"snp.policy.page-swap-disabled", SNP_POLICY_PAGE_SWAP_DISABLE},
        };

        facts_set_number(f, "snp.policy", ORIGIN_HW, r->policy);
        facts_set_number(f, "snp.policy.abi-minor", ORIGIN_HW, r->policy & 0xff);
        facts_set_number(f, "snp.policy.abi-major", ORIGIN_HW, r->policy >> 8 & 0xff);
        set_bits(f, bits, COUNT_OF(bits), r->policy);
}

static void set_platform(struct facts *f, const struct snp_report *r)
{
        static const struct bit bits[] = {
                {"snp.platform-info.smt", SNP_PLATFORM_SMT},
                {"snp.platform-info.tsme", SNP_PLATFORM_TSME},
                {"snp.platform-info.ecc", SNP_PLATFORM_ECC},
                {"snp.platform-info.rapl-disabled", SNP_PLATFORM_RAPL_DIS},
                {"snp.platform-info.ciphertext-hiding", SNP_PLATFORM_CIPHERTEXT_HIDING},
                {"snp.platform-info.alias-check", SNP_PLATFORM_ALIAS_CHECK},
                {"snp.platform-info.tio", SNP_PLATFORM_TIO},
        };

        facts_set_number(f, "snp.platform-info", ORIGIN_HW, r->platform_info);
        facts_set_number(f, "snp.platform-info.unknown", ORIGIN_HW, r->platform_info & ~SNP_PLATFORM_KNOWN);
        set_bits(f, bits, COUNT_OF(bits), r->platform_info);
}

static void set_tcb(struct facts *f, const char *stem, enum snp_product product, struct snp_tcb tcb)
{
        char name[FACT_NAME_LEN];

        for (size_t i = 0; i < SNP_TCB_LEN; i++) {
                const char *part = snp_tcb_part_name(product, i);
                if (part == NULL)
                        continue;
                (void) snprintf(name, sizeof(name), "%s.%s", stem, part); /* fits */
                facts_set_number(f, name, ORIGIN_HW, tcb.parts[i]);
        }
}

static void set_version(struct facts *f, const char *stem, struct snp_version v)
{
        const struct {
                const char *name;
                uint8_t value;
        } rows[] = {{"major", v.major}, {"minor", v.minor}, {"build", v.build}};
        char name[FACT_NAME_LEN];

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                (void) snprintf(name, sizeof(name), "%s.%s", stem, rows[i].name); /* fits */
                facts_set_number(f, name, ORIGIN_HW, rows[i].value);
        }
}

static void set_guest(struct facts *f, const struct snp_report *r)
{
        facts_set_number(f, "snp.guest-svn", ORIGIN_HW, r->guest_svn);
        facts_set_number(f, "snp.vmpl", ORIGIN_HW, r->vmpl);
        facts_set_bytes(f, "snp.measurement", ORIGIN_HW, SPAN_OF(r->measurement));
        facts_set_bytes(f, "snp.report-data", ORIGIN_HW, SPAN_OF(r->report_data));
        facts_set_bytes(f, "snp.host-data", ORIGIN_HW, SPAN_OF(r->host_data));
        facts_set_bytes(f, "snp.family-id", ORIGIN_HW, SPAN_OF(r->family_id));
        facts_set_bytes(f, "snp.image-id", ORIGIN_HW, SPAN_OF(r->image_id));
        facts_set_bytes(f, "snp.id-key-digest", ORIGIN_HW, SPAN_OF(r->id_key_digest));
        facts_set_bytes(f, "snp.author-key-digest", ORIGIN_HW, SPAN_OF(r->author_key_digest));
        facts_set_flag(f, "snp.author-key", ORIGIN_HW, (r->flags & SNP_FLAG_AUTHOR_KEY) != 0);
        facts_set_bytes(f, "snp.report-id", ORIGIN_HW, SPAN_OF(r->report_id));
        facts_set_bytes(f, "snp.report-id-ma", ORIGIN_HW, SPAN_OF(r->report_id_ma));
}

static void set_firmware(struct facts *f, const struct snp_report *r, enum snp_product product)
{
        bool is_committed = snp_tcb_eq(r->current_tcb, r->committed_tcb) &&
                            memcmp(&r->current, &r->committed, sizeof r->current) == 0;

        set_tcb(f, "snp.tcb", product, r->reported_tcb);
        set_tcb(f, "snp.current-tcb", product, r->current_tcb);
        set_tcb(f, "snp.committed-tcb", product, r->committed_tcb);
        set_tcb(f, "snp.launch-tcb", product, r->launch_tcb);
        set_version(f, "snp.firmware", r->current);
        set_version(f, "snp.committed-firmware", r->committed);
        facts_set_flag(f, "snp.firmware-committed", ORIGIN_HW, is_committed);
        if (r->version >= SNP_VERSION_5) {
                facts_set_number(f, "snp.launch-mitigations", ORIGIN_HW, r->launch_mitigations);
                facts_set_number(f, "snp.current-mitigations", ORIGIN_HW, r->current_mitigations);
        }
}

static void set_chip(struct facts *f, const struct snp_report *r, const struct snp_chain *c)
{
        uint8_t chip_id[SNP_CHIP_ID_LEN];

        facts_set_text(f, "snp.product", ORIGIN_HW, span_str(snp_product_name(c->product)));
        facts_set_text(f, "snp.product-name", ORIGIN_HW, span_str(c->leaf.product_name));
        facts_set_text(f, "snp.signing-key", ORIGIN_HW, span_str(c->leaf.is_vlek ? "vlek" : "vcek"));
        if (r->version >= SNP_VERSION_3) {
                facts_set_number(f, "snp.cpu.family", ORIGIN_HW, r->cpu_family);
                facts_set_number(f, "snp.cpu.model", ORIGIN_HW, r->cpu_model);
                facts_set_number(f, "snp.cpu.stepping", ORIGIN_HW, r->cpu_stepping);
        }
        if (c->leaf.is_vlek) {
                facts_set_text(f, "snp.csp-id", ORIGIN_HW, span_str(c->leaf.csp_id));
                if (!span_is_zero(SPAN_OF(r->chip_id)))
                        facts_set_bytes(f, "snp.chip-id", ORIGIN_HW, SPAN_OF(r->chip_id));
                return;
        }
        snp_certificate_chip_id(&c->leaf, chip_id); /* also where the report has it masked */
        facts_set_bytes(f, "snp.chip-id", ORIGIN_HW, SPAN_OF(chip_id));
}

void snp_set_facts(const struct snp_report *r, const struct snp_chain *c, struct attestation_result *result)
{
        struct facts *f = &result->facts;

        facts_set_number(f, "snp.version", ORIGIN_HW, r->version);
        facts_set_text(f, "snp.root", ORIGIN_VERIFIER, span_str(c->is_configured ? "configured" : "amd"));
        set_chip(f, r, c);
        set_guest(f, r);
        set_policy(f, r);
        set_platform(f, r);
        set_firmware(f, r, c->product);
}
