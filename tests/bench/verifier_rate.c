/* verifier_rate: what an appraisal costs, in processor time, for each kind of evidence, beside the bare signature verifications of OpenSSL
 * that it can't do without. Evidence is recorded (tests/vectors), "now" is its own date.
 *
 * cold: nothing of what the verifier remembers is there; every signature between pinned root and evidence counts as unavoidable, each once.
 * warm: the same again. Chains, Intel's collateral and a TDX platform (PCK chain, the quoting enclave's report and its key) are proven
 * already, as they are for any machine that came before; only what is new with each evidence counts. For TDX this is one signature, the
 * quote's: the quoting enclave signs its report once a boot, not once a quote.
 *
 * usage: verifier_rate APPRAISALS (of each kind and state, in rounds in which appraisals and bare operations take turns). In the root of the
 * source. Prints one JSON object; `ratio` is time of the bare operations to time of the appraisal. */
#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "issuer/verifier/nitro/chain.h"
#include "issuer/verifier/snp/chain.h"
#include "issuer/verifier/snp/revocation.h"
#include "issuer/verifier/tdx/tdx.h"
#include "issuer/verifier/tpm/tpm.h"
#include "issuer/verifier/verifier.h"
#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "tests/fakes/expect.h"

#define VECTORS      "tests/vectors/"
#define FILE_MAX_LEN (1 << 20)
#define ROUNDS       10

/* ---- the bare operations ---- */

enum operation { P256, P384, RSA_2048, RSA_4096, OPERATION_COUNT };
struct bare {
        const char *name, *curve; /* curve NULL: RSA */
        unsigned bits;
        const EVP_MD *(*hash)(void);
        EVP_PKEY *key;
        uint8_t signature[512];
        size_t len;
};
static struct bare bare[OPERATION_COUNT] = {
        [P256] = {"p256", "P-256", 0, EVP_sha256, NULL, {0}, 0},
        [P384] = {"p384", "P-384", 0, EVP_sha384, NULL, {0}, 0},
        [RSA_2048] = {"rsa2048", NULL, 2048, EVP_sha256, NULL, {0}, 0},
        [RSA_4096] = {"rsa4096", NULL, 4096, EVP_sha384, NULL, {0}, 0},
};
static const uint8_t message[640] = {1}; /* about as long as a report, or a quote */

static void make_signature(struct bare *b)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        b->key = b->curve != NULL ? EVP_EC_gen(b->curve) : EVP_RSA_gen(b->bits);
        b->len = sizeof b->signature;
        assert_int_equal(EVP_DigestSignInit(context, NULL, b->hash(), NULL, b->key), 1);
        assert_int_equal(EVP_DigestSign(context, b->signature, &b->len, message, sizeof message), 1);
        EVP_MD_CTX_free(context);
}

static void verify(const struct bare *b)
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestVerifyInit(context, NULL, b->hash(), NULL, b->key), 1);
        assert_int_equal(EVP_DigestVerify(context, b->signature, b->len, message, sizeof message), 1);
        EVP_MD_CTX_free(context);
}

/* ---- the evidence ---- */

struct file {
        const char *part, *path;
};
static const struct row {
        const char *name, *kind, *at, *evidence, *nonce;
        struct file parts[6];
        const char *collateral; /* every file of this folder is a part under its own name */
        unsigned cold[OPERATION_COUNT], warm[OPERATION_COUNT];
} rows[] = {
        {"sev-snp v3",
         "sev-snp",
         "2026-06-01T00:00:00Z",
         "snp/milan-v3/report.bin",
         NULL,
         {{"vcek", "snp/milan-v3/vcek.pem"}},
         NULL,
         {[P384] = 1, [RSA_4096] = 2},
         {[P384] = 1}},
        {"sev-snp v3 vlek",
         "sev-snp",
         "2025-06-01T00:00:00Z",
         "snp/milan-v3-vlek/report.bin",
         NULL,
         {{"vlek", "snp/milan-v3-vlek/vlek.der"}},
         NULL,
         {[P384] = 1, [RSA_4096] = 2},
         {[P384] = 1}},
        {"sev-snp v5",
         "sev-snp",
         "2026-06-01T00:00:00Z",
         "snp/turin-v5/report.bin",
         NULL,
         {{"vcek", "snp/turin-v5/vcek.pem"}},
         NULL,
         {[P384] = 1, [RSA_4096] = 2},
         {[P384] = 1}},
        /* quote, quoting enclave's report, PCK, its CA, two CRLs, TCB signer, TCB info, QE identity */
        {"tdx v4",
         "tdx",
         "2025-06-19T10:32:27Z",
         "tdx/v4-uptodate/quote.bin",
         NULL,
         {{0}},
         "tdx/v4-uptodate/collateral",
         {[P256] = 9},
         {[P256] = 1}},
        {"tdx v5",
         "tdx",
         "2026-03-01T00:00:00Z",
         "tdx/v5-uptodate/quote.bin",
         NULL,
         {{0}},
         "tdx/v5-uptodate/collateral",
         {[P256] = 9},
         {[P256] = 1}},
        {"az-sev-snp",
         "az-sev-snp",
         "2026-06-01T00:00:00Z",
         "azure/snp-milan-v3-userdata/hcl-report.bin",
         "982f5c6e45df0ed3f10b6f60b02f0c8390e281300f3805e2279c16168cd6ae9aa398f647caa2338748cd0fd9f5f819ef",
         {{"quote", "azure/snp-milan-v3-userdata/quote.attest"},
          {"sig", "azure/snp-milan-v3-userdata/quote.sig"},
          {"pcrs", "azure/snp-milan-v3-userdata/pcrs.json"},
          {"vcek", "azure/snp-milan-v3-userdata/vcek.der"}},
         NULL,
         {[P384] = 1, [RSA_4096] = 2, [RSA_2048] = 1},
         {[P384] = 1, [RSA_2048] = 1}},
        {"tpm",
         "tpm",
         "2026-06-01T00:00:00Z",
         "tpm/gce-cos85-nonce9009/quote-sha256.attest",
         "9009",
         {{"sig", "tpm/gce-cos85-nonce9009/quote-sha256.sig"},
          {"pcrs", "tpm/gce-cos85-nonce9009/pcrs-sha256.json"},
          {"ak", "tpm/gce-cos85-nonce9009/ak.cert.der"},
          {"chain", "tpm/roots/tpm_ek_intermediate_2.crt"},
          {"anchors", "tpm/roots/tpm_ek_root_1.cer"}},
         NULL,
         {[RSA_2048] = 2, [RSA_4096] = 1},
         {[RSA_2048] = 1}},
        {"tpm with boot log",
         "tpm",
         "2026-06-01T00:00:00Z",
         "tpm/gce-cos85-nonce9009/quote-sha256.attest",
         "9009",
         {{"sig", "tpm/gce-cos85-nonce9009/quote-sha256.sig"},
          {"pcrs", "tpm/gce-cos85-nonce9009/pcrs-sha256.json"},
          {"ak", "tpm/gce-cos85-nonce9009/ak.cert.der"},
          {"chain", "tpm/roots/tpm_ek_intermediate_2.crt"},
          {"anchors", "tpm/roots/tpm_ek_root_1.cer"},
          {"eventlog", "tpm/gce-cos85-nonce9009/eventlog.bin"}},
         NULL,
         {[RSA_2048] = 2, [RSA_4096] = 1},
         {[RSA_2048] = 1}},
        /* document; its certificate and three authorities below the root */
        {"nitro",
         "nitro",
         "2022-10-13T09:30:00Z",
         "nitro/prod-2022.cbor",
         NULL,
         {{0}},
         NULL,
         {[P384] = 5},
         {[P384] = 1}},
        {"cca",
         "cca",
         "2026-06-01T00:00:00Z",
         "cca/trustee-example.cbor",
         NULL,
         {{"cpak", "cca/trustee-example.cpak.jwk"}},
         NULL,
         {[P384] = 2},
         {[P384] = 2}},
};

struct loaded {
        struct appraisal in;
        size_t count;
        struct buf bytes[PARTS_MAX + 2];
        char *names[PARTS_MAX + 2];
};

static struct span load_file(struct loaded *l, const char *path)
{
        AUTO_STRING char *whole = alloc_printf(VECTORS "%s", path);
        struct buf *b = &l->bytes[l->count++];
        *b = BUF(FILE_MAX_LEN);
        expect_ok(file_read(whole, b));
        return buf_span(b);
}

static void load_collateral(struct loaded *l, const char *folder)
{
        AUTO_STRING char *whole = alloc_printf(VECTORS "%s", folder);
        struct dirent **entries = NULL;
        int count = scandir(whole, &entries, NULL, alphasort);
        assert_true(count > 0);
        for (int i = 0; i < count; i++) {
                if (entries[i]->d_name[0] != '.') {
                        AUTO_STRING char *path = alloc_printf("%s/%s", folder, entries[i]->d_name);
                        char *name = l->names[l->count] = alloc_string(entries[i]->d_name);
                        expect_ok(appraisal_add_part(&l->in, name, load_file(l, path)));
                }
                free(entries[i]);
        }
        free(entries);
}

static void load(const struct row *row, struct loaded *l)
{
        *l = (struct loaded){.in = {.kind = row->kind}};
        expect_ok(wall_parse(span_str(row->at), &l->in.now));
        l->in.evidence = load_file(l, row->evidence);
        for (size_t i = 0; i < COUNT_OF(row->parts) && row->parts[i].part != NULL; i++)
                expect_ok(appraisal_add_part(&l->in, row->parts[i].part, load_file(l, row->parts[i].path)));
        if (row->collateral != NULL)
                load_collateral(l, row->collateral);
        if (row->nonce != NULL) {
                l->bytes[l->count] = BUF(256);
                expect_ok(hex_decode(span_str(row->nonce), &l->bytes[l->count]));
                l->in.nonce = buf_span(&l->bytes[l->count++]);
        }
}

static void unload(struct loaded *l)
{
        for (size_t i = 0; i < l->count; i++) {
                buf_clear(&l->bytes[i]);
                free(l->names[i]);
        }
}

/* ---- measured ---- */

static double cpu_us(void)
{
        struct timespec t;
        assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
        return (double) t.tv_sec * 1e6 + (double) t.tv_nsec / 1e3;
}

static void forget(void)
{
        snp_chain_forget();
        snp_revocation_forget();
        tdx_forget();
        nitro_chain_forget();
        tpm_ak_forget();
}

static void appraise_once(const struct row *row, const struct appraisal *in)
{
        AUTO(attestation_result) struct attestation_result r = {0};
        struct fault *f = verifier_appraise(in, &r);
        if (f != NULL)
                (void) fprintf(stderr, "%s: %s\n", row->name, fault_text(f));
        expect_ok(f);
        assert_int_equal(r.status, EAR_AFFIRMING);
}

/* One round: `count` appraisals, and as many times what they can't do without. */
static void measure_round(const struct row *row, const struct appraisal *in, bool is_cold, size_t count,
                          double *ret_appraisals_us, double *ret_bare_us)
{
        const unsigned *needed = is_cold ? row->cold : row->warm;
        double began = cpu_us();
        for (size_t i = 0; i < count; i++) {
                if (is_cold)
                        forget();
                appraise_once(row, in);
        }
        *ret_appraisals_us += cpu_us() - began;

        began = cpu_us();
        for (size_t i = 0; i < count; i++)
                for (size_t op = 0; op < OPERATION_COUNT; op++)
                        for (unsigned n = 0; n < needed[op]; n++)
                                verify(&bare[op]);
        *ret_bare_us += cpu_us() - began;
}

static void measure(const struct row *row, bool is_cold, size_t appraisals)
{
        size_t count = appraisals / ROUNDS > 0 ? appraisals / ROUNDS : 1;
        double appraisals_us = 0, bare_us = 0;
        struct loaded l;

        load(row, &l);
        appraise_once(row, &l.in);
        for (int i = 0; i < ROUNDS; i++)
                measure_round(row, &l.in, is_cold, count, &appraisals_us, &bare_us);
        unload(&l);

        double each_us = appraisals_us / (double) (count * ROUNDS);
        printf("\"%s\":{\"cpu_us\":%.1f,\"bare_us\":%.1f,\"per_core_per_s\":%.0f,\"ratio\":%.3f}",
               is_cold ? "cold" : "warm", each_us, bare_us / (double) (count * ROUNDS), 1e6 / each_us,
               bare_us / appraisals_us);
}

int main(int argc, char **argv)
{
        uint64_t appraisals = 0;
        const char *only = argc == 3 ? argv[2] : "";
        bool is_first = true;
        if (argc < 2 || argc > 3 || parse_u64(span_str(argv[1]), 1, 1000000, &appraisals) != NULL) {
                (void) fprintf(stderr, "usage: verifier_rate APPRAISALS [ROWS THAT BEGIN WITH]\n");
                return 2;
        }
        for (size_t op = 0; op < OPERATION_COUNT; op++)
                make_signature(&bare[op]);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                if (strncmp(rows[i].name, only, strlen(only)) != 0)
                        continue;
                printf("%s\"%s\":{", is_first ? "{" : ",", rows[i].name);
                is_first = false;
                measure(&rows[i], /* is_cold= */ true, (size_t) appraisals);
                printf(",");
                measure(&rows[i], /* is_cold= */ false, (size_t) appraisals);
                printf("}");
        }
        printf("%s}\n", is_first ? "{" : "");
        for (size_t op = 0; op < OPERATION_COUNT; op++)
                EVP_PKEY_free(bare[op].key);
        return 0;
}
