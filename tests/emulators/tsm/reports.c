#include "tests/emulators/tsm/reports.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "issuer/verifier/cca/keys.h"
#include "lib/base/parse.h"
#include "lib/crypt/jwt.h"
#include "tests/emulators/tsm/control.h"
#include "tests/fakes/amd_pki.h"
#include "tests/fakes/cca_pki.h"
#include "tests/fakes/intel_pki.h"

#define SNP_VERSION 3
#define TDX_SEED    "guest" /* as tests/emulators/endorsements publishes */
#define GUID_VCEK   "\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd"
#define GUID_VLEK   "\xa8\x07\x4b\xc2\xa2\x5a\x48\x3e\xaa\xe6\x39\xc0\x45\xa0\xb8\xa1"
#define GUID_ASK    "\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82"

static const char *const names[] = {"sev_guest", "tdx_guest", "arm_cca_guest"};
_Static_assert(COUNT_OF(names) == PROVIDER_COUNT, "every provider has a name");

enum provider provider_by_name(const char *name)
{
        int p = 0;
        while (p < PROVIDER_COUNT && strcmp(names[p], name) != 0)
                p++;
        return (enum provider) p;
}

const char *provider_name(enum provider p)
{
        return names[p];
}

static void must(struct fault *f)
{
        if (f == NULL)
                return;
        (void) fprintf(stderr, "tsm: %s\n", fault_text(f));
        abort();
}

static struct wall now(void)
{
        return wall_from_unix_s(time(NULL));
}

/* ---- SEV-SNP ---- */

static enum snp_product machine(void)
{
        return control_is("machine", "Genoa") ? SNP_GENOA : control_is("machine", "Turin") ? SNP_TURIN : SNP_MILAN;
}

static unsigned digit(char c)
{
        return c >= '0' && c <= '9' ? (unsigned) (c - '0') : (unsigned) (c - 'a' + 10);
}

static struct amd_leaf leaf(void)
{
        enum snp_product p = machine();
        struct amd_leaf l = control_is("vlek", "1") ? amd_vlek(p, now()) : amd_vcek(p, now());
        const char *tcb = control_take("tcb");
        for (size_t i = 0; tcb != NULL && i < SNP_TCB_LEN; i++) /* a number: its last digits are part 0 */
                l.tcb.parts[SNP_TCB_LEN - 1 - i] = (uint8_t) (digit(tcb[2 * i]) << 4 | digit(tcb[2 * i + 1]));
        const char *chip = control_take("chip");
        if (chip != NULL)
                l.chip_id[0] = (uint8_t) (digit(chip[0]) << 4 | digit(chip[1]));
        return l;
}

static void make_table(const struct amd_leaf *l, struct buf *ret)
{
        AUTO(buf) struct buf leaf_der = BUF(8192), signer_der = BUF(8192);
        struct amd_authority signer = l->is_vlek ? amd_asvk(machine(), now()) : amd_ask(machine(), now());
        amd_leaf_write(l, &leaf_der);
        amd_authority_write(&signer, &signer_der);
        const struct amd_table_entry entries[] = {
                {l->is_vlek ? SPAN(GUID_VLEK) : SPAN(GUID_VCEK), buf_span(&leaf_der)},
                {SPAN(GUID_ASK), buf_span(&signer_der)},
        };
        amd_table_write(entries, COUNT_OF(entries), ret);
}

static void make_snp(const uint8_t report_data[REPORT_DATA_LEN], int level, struct buf *ret_report,
                     struct buf *ret_table)
{
        uint8_t report[SNP_REPORT_LEN];
        const struct amd_leaf l = leaf();
        amd_report(&l, SNP_VERSION, report);
        memcpy(report + AMD_REPORT_DATA, report_data, REPORT_DATA_LEN);
        if (level >= 0)
                amd_put_u32(report + AMD_VMPL, (uint32_t) level);
        if (control_is("debug", "1"))
                report[AMD_POLICY + 2] |= 1u << 3; /* bit 19 */
        amd_report_sign(&l, report);
        must(buf_append(ret_report, SPAN_OF(report)));
        make_table(&l, ret_table);
}

/* ---- TDX, CCA ---- */

static void make_tdx(const uint8_t report_data[REPORT_DATA_LEN], struct buf *ret_report)
{
        struct intel_pki pki;
        struct intel_platform p;
        struct intel_set set;
        intel_pki_init(&pki, TDX_SEED);
        intel_platform_init(&p, control_is("quote-version", "5") ? 5 : 4, wall_unix_s(now()));
        memcpy(p.body + INTEL_BODY_REPORT_DATA, report_data, REPORT_DATA_LEN);
        if (control_is("debug", "1"))
                p.body[INTEL_BODY_ATTRIBUTES] |= 1;
        intel_set_make(&pki, &p, &set);
        must(buf_append(ret_report, buf_span(&set.quote)));
        intel_set_clear(&set);
        intel_platform_clear(&p);
        intel_pki_clear(&pki);
}

static void make_cca(const uint8_t report_data[REPORT_DATA_LEN], struct buf *ret_report)
{
        AUTO(key) struct key *platform = cca_pki_key(control_is("cpak", "other") ? "another platform" : "platform");
        AUTO(key) struct key *realm = NULL;
        uint8_t instance[CCA_INSTANCE_ID_LEN] = {1}, initial[SHA512_LEN];
        must(key_generate(KEY_P384, &realm));
        struct cca_pki_token token = cca_pki_token(platform, realm);
        token.realm.challenge = span_make(report_data, REPORT_DATA_LEN);
        if (control_is("instance", "other"))
                token.platform.instance_id = SPAN_OF(instance);
        if (control_is("image", "other")) {
                memset(initial, 0xee, sizeof initial);
                token.realm.initial = SPAN_OF(initial);
        }
        if (control_is("debug", "1"))
                token.platform.lifecycle = 0x4003; /* non-secure: debug is possible */
        cca_pki_sign(&token, ret_report);
}

void report_make(enum provider p, const uint8_t report_data[REPORT_DATA_LEN], int level, struct buf *ret_report,
                 struct buf *ret_table)
{
        switch (p) {
        case PROVIDER_SNP:
                make_snp(report_data, level, ret_report, ret_table);
                return;
        case PROVIDER_TDX:
                make_tdx(report_data, ret_report);
                return;
        default:
                make_cca(report_data, ret_report);
        }
}

/* ---- roots ---- */

static void write_pem(struct span der, struct buf *ret)
{
        AUTO(buf) struct buf text = BUF(16384);
        must(buf_grow(&text, (der.len + 2) / 3 * 4 + 1, &(uint8_t *){NULL}));
        (void) EVP_EncodeBlock(text.data, der.data, (int) der.len); /* as long as was made room for */
        must(buf_append_str(ret, "-----BEGIN CERTIFICATE-----\n"));
        const char *at = (const char *) text.data;
        for (size_t left = strlen(at); left > 0;) {
                size_t line = left < 64 ? left : 64;
                must(buf_printf(ret, "%.*s\n", (int) line, at));
                at += line;
                left -= line;
        }
        must(buf_append_str(ret, "-----END CERTIFICATE-----\n"));
}

/* {"<instance id>": JWK} */
static void write_platform_keys(struct buf *ret)
{
        AUTO(key) struct key *platform = cca_pki_key("platform");
        AUTO(json) struct json *all = json_new_object();
        AUTO(buf) struct buf id = BUF(128);
        must(hex_encode(cca_pki_token(platform, platform).platform.instance_id, &id));
        json_set(all, buf_str(&id), jwk_from_key(platform));
        must(json_write(all, ret));
}

void report_anchor(enum provider p, struct buf *ret)
{
        AUTO(buf) struct buf der = BUF(8192);
        if (p == PROVIDER_SNP) {
                struct amd_authority ark = amd_ark(machine(), now());
                amd_authority_write(&ark, &der);
                write_pem(buf_span(&der), ret);
        } else if (p == PROVIDER_TDX) {
                struct intel_pki pki;
                struct intel_platform platform;
                struct intel_set set;
                intel_pki_init(&pki, TDX_SEED);
                intel_platform_init(&platform, 4, wall_unix_s(now()));
                intel_set_make(&pki, &platform, &set);
                must(buf_append(ret, buf_span(&set.root_pem)));
                intel_set_clear(&set);
                intel_platform_clear(&platform);
                intel_pki_clear(&pki);
        } else {
                write_platform_keys(ret);
        }
}
