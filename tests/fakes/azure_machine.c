#include "tests/fakes/azure_machine.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "lib/wire/json.h"
#include "tests/fakes/amd_pki.h"
#include "tests/fakes/intel_pki.h"

#define SEED        "guest" /* as tests/emulators/endorsements publishes */
#define BYTES_MAX   ((size_t) 64 * 1024)
#define SNP_VERSION 3
#define VM_ID       "6332533D-5649-4D02-8AA7-8F64B7C3EE21"

static void must(struct fault *f)
{
        if (f == NULL)
                return;
        (void) fprintf(stderr, "azure_machine: %s\n", fault_text(f));
        abort();
}

static void append_u32(struct buf *out, uint32_t v)
{
        for (unsigned i = 0; i < 4; i++)
                must(buf_append_byte(out, (uint8_t) (v >> (8 * i))));
}

static void append_zeros(struct buf *out, size_t count)
{
        for (size_t i = 0; i < count; i++)
                must(buf_append_byte(out, 0));
}

/* ---- runtime data ---- */

static void write_runtime_data(struct span modulus, struct buf *out)
{
        AUTO(json) struct json *all = json_new_object();
        struct json *keys = json_new_array(), *ak = json_new_object(), *vm = json_new_object();
        json_set_text(ak, "kid", "HCLAkPub");
        json_set_text(ak, "kty", "RSA");
        json_set_text(ak, "e", "AQAB");
        json_set_base64url(ak, "n", modulus);
        json_push(keys, ak);
        json_set(all, "keys", keys);
        json_set_bool(vm, "secure-boot", true);
        json_set_bool(vm, "tpm-enabled", true);
        json_set_text(vm, "vmUniqueId", VM_ID);
        json_set(all, "vm-configuration", vm);
        must(json_write(all, out));
}

/* ---- what the hardware says ---- */

static void append_snp(const struct azure_machine *m, const uint8_t digest[SHA256_LEN], struct buf *out)
{
        struct amd_leaf chip = amd_vcek(SNP_MILAN, m->now);
        uint8_t report[SNP_REPORT_LEN];
        amd_report(&chip, SNP_VERSION, report);
        memset(report + AMD_REPORT_DATA, 0, SHA512_LEN);
        memcpy(report + AMD_REPORT_DATA, digest, SHA256_LEN);
        if (m->is_debug)
                report[AMD_POLICY + 2] |= 1u << 3; /* bit 19 */
        amd_report_sign(&chip, report);
        must(buf_append(out, SPAN_OF(report)));
}

/* Where a quote's body has what a TDREPORT says. */
static const struct {
        size_t in_body, in_report, len;
} shared[] = {
        {INTEL_BODY_TEE_TCB_SVN, 264, 120}, /* … MRSEAM, MRSIGNERSEAM, SEAM attributes */
        {INTEL_BODY_ATTRIBUTES, 512, 400},  /* … RTMR 3 */
        {INTEL_BODY_REPORT_DATA, 128, 64},
};

static void append_td(const struct azure_machine *m, const uint8_t digest[SHA256_LEN], struct buf *out)
{
        uint8_t report[HCL_SLOT_LEN] = {0x81}; /* REPORTTYPE of a TD */
        struct intel_platform p;
        intel_platform_init(&p, 4, wall_unix_s(m->now));
        memset(p.body + INTEL_BODY_REPORT_DATA, 0, SHA512_LEN);
        memcpy(p.body + INTEL_BODY_REPORT_DATA, digest, SHA256_LEN);
        if (m->is_debug)
                p.body[INTEL_BODY_ATTRIBUTES] |= 1;
        for (size_t i = 0; i < COUNT_OF(shared); i++)
                memcpy(report + shared[i].in_report, p.body + shared[i].in_body, shared[i].len);
        intel_platform_clear(&p);
        must(buf_append(out, SPAN_OF(report)));
}

void azure_machine_report(const struct azure_machine *m, struct span modulus, struct buf *out)
{
        AUTO(buf) struct buf runtime = BUF(BYTES_MAX);
        uint8_t digest[SHA256_LEN];
        write_runtime_data(modulus, &runtime);
        sha256(buf_span(&runtime), digest);

        must(buf_append(out, SPAN("HCLA")));
        append_u32(out, 1); /* version */
        append_u32(out, HCL_SLOT_LEN);
        append_u32(out, 2); /* request type */
        append_u32(out, 0); /* status */
        append_zeros(out, 12);
        if (m->type == HCL_TDX)
                append_td(m, digest, out);
        else
                append_snp(m, digest, out);
        append_u32(out, (uint32_t) (20 + runtime.len));
        append_u32(out, 1); /* version */
        append_u32(out, (uint32_t) m->type);
        append_u32(out, HCL_HASH_SHA256);
        append_u32(out, (uint32_t) runtime.len);
        must(buf_append(out, buf_span(&runtime)));
        append_zeros(out, 4);
}

/* ---- what the metadata service says ---- */

static void set_pem(struct json *o, const char *name, const struct buf *ders, size_t count)
{
        BIO *text = BIO_new(BIO_s_mem());
        char *pem = NULL;
        for (size_t i = 0; i < count; i++) {
                const uint8_t *at = ders[i].data;
                X509 *x = d2i_X509(NULL, &at, (long) ders[i].len);
                PEM_write_bio_X509(text, x);
                X509_free(x);
        }
        long len = BIO_get_mem_data(text, &pem);
        json_set_span(o, name, span_make(pem, (size_t) len));
        BIO_free(text);
}

void azure_machine_certificates(struct wall now, struct buf *out)
{
        AUTO(json) struct json *answer = json_new_object();
        AUTO(buf) struct buf vcek = BUF(BYTES_MAX);
        struct buf chain[] = {BUF(BYTES_MAX), BUF(BYTES_MAX)};
        struct amd_authority ark = amd_ark(SNP_MILAN, now), ask = amd_ask(SNP_MILAN, now);
        struct amd_leaf chip = amd_vcek(SNP_MILAN, now);
        amd_leaf_write(&chip, &vcek);
        amd_authority_write(&ask, &chain[0]);
        amd_authority_write(&ark, &chain[1]);
        set_pem(answer, "vcekCert", &vcek, 1);
        json_set_text(answer, "tcbm", "DB18000000000004");
        set_pem(answer, "certificateChain", chain, COUNT_OF(chain));
        json_set_text(answer, "cacheControl", "86400");
        must(json_write(answer, out));
        for (size_t i = 0; i < COUNT_OF(chain); i++)
                buf_clear(&chain[i]);
}

static void make_quote(struct wall now, struct span tdreport, struct buf *out)
{
        struct intel_pki pki;
        struct intel_platform p;
        struct intel_set set;
        intel_pki_init(&pki, SEED);
        intel_platform_init(&p, 4, wall_unix_s(now));
        for (size_t i = 0; i < COUNT_OF(shared); i++)
                memcpy(p.body + shared[i].in_body, tdreport.data + shared[i].in_report, shared[i].len);
        intel_set_make(&pki, &p, &set);
        must(buf_append(out, buf_span(&set.quote)));
        intel_set_clear(&set);
        intel_platform_clear(&p);
        intel_pki_clear(&pki);
}

bool azure_machine_td_quote(struct wall now, struct span request, struct buf *out)
{
        AUTO(json) struct json *asked = NULL, *answer = json_new_object();
        AUTO(buf) struct buf tdreport = BUF(HCL_TDREPORT_LEN), quote = BUF(BYTES_MAX);
        AUTO(fault) struct fault *f = json_parse(request, &asked);
        if (f == NULL)
                f = json_need_base64url(asked, "report", &tdreport);
        if (f != NULL || tdreport.len != HCL_TDREPORT_LEN)
                return false;
        make_quote(now, buf_span(&tdreport), &quote);
        json_set_base64url(answer, "quote", buf_span(&quote));
        must(json_write(answer, out));
        return true;
}
