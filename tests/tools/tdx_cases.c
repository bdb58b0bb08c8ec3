/* tdx_cases: quotes and collateral of a fake Intel, each changed at random in one or two places, for a second verifier's opinion.
 * usage: tdx_cases COUNT SEED DIR        writes DIR/0000/{quote.bin,root.pem,now,what,collateral/...}, and so on */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/parse.h"
#include "tests/fakes/intel_pki.h"

#define NOW_S 1795456800LL
#define DAY_S 86400

static uint64_t state; /* xorshift64*: the same cases for the same seed, everywhere */

static uint64_t pick(uint64_t below)
{
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return (state * 2685821657736338717ull >> 33) % below;
}

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        perror(what);
        exit(2); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static void write_file(const char *dir, const char *name, struct span bytes)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", dir, name);
        FILE *f = fopen(path, "w");
        must(f != NULL && fwrite(bytes.data, 1, bytes.len, f) == bytes.len && fclose(f) == 0, path);
}

/* ---- changes ---- */

static const char *const statuses[] = {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
        "Revoked",
};

static void change_tee_svn(struct intel_platform *p)
{
        static const uint8_t versions[] = {0, 1, 1, 1, 3, 2};
        size_t at = p->body_len == INTEL_BODY_15_LEN && pick(3) == 0 ? INTEL_BODY_TEE_TCB_SVN2 : INTEL_BODY_TEE_TCB_SVN;
        p->body[at] = (uint8_t) pick(9);
        p->body[at + 1] = versions[pick(COUNT_OF(versions))];
        p->body[at + 2] = (uint8_t) pick(5);
}

static void change_pck_svn(struct intel_platform *p)
{
        size_t at = pick(8);
        p->pck.components[at] = p->pck.cpusvn[at] = (uint8_t) pick(6); /* each verifier reads another of the two */
        if (pick(2) == 0)
                p->pck.pcesvn = (uint16_t) pick(16);
}

static void change_qe(struct intel_platform *p)
{
        static const size_t at[] = {16, 48, 56, 128, 256, 258, 258, 258};
        p->qe_report[at[pick(COUNT_OF(at))]] = (uint8_t) pick(8);
}

static void change_body(struct intel_platform *p)
{
        static const size_t at[] = {INTEL_BODY_MRSIGNER_SEAM, INTEL_BODY_SEAM_ATTRIBUTES,
                                    INTEL_BODY_ATTRIBUTES,    INTEL_BODY_ATTRIBUTES + 3,
                                    INTEL_BODY_XFAM,          INTEL_BODY_MRTD};
        p->body[at[pick(COUNT_OF(at))]] ^= (uint8_t) (1u << pick(8));
}

static void change_status(struct intel_platform *p)
{
        AUTO_STRING char *to = alloc_printf("2024-11-13T00:00:00Z\",\"tcbStatus\":\"%s\"},{\"tcb\":{\"sgx",
                                            statuses[pick(COUNT_OF(statuses))]);
        const char *from = "2024-11-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"sgx";
        if (strstr(p->tcb_info, from) != NULL)
                intel_edit(&p->tcb_info, from, to);
}

static void change_document(struct intel_platform *p)
{
        static const struct {
                bool qe;
                const char *from, *to;
        } edits[] = {
                {false, "\"id\":\"TDX\"", "\"id\":\"SGX\""},
                {false, "\"version\":3", "\"version\":2"},
                {false, "90C06F000000", "90C06F000001"},
                {false, "\"pceId\":\"0000\"", "\"pceId\":\"0001\""},
                {false, "\"id\":\"TDX_01\"", "\"id\":\"TDX_05\""},
                {false, "\"id\":\"TDX_01\"", "\"id\":\"tdx_01\""},
                {false, "{\"svn\":3},", ""},
                {true, "TD_QE", "QE"},
                {true, "\"version\":2", "\"version\":3"},
                {true, "\"isvprodid\":2", "\"isvprodid\":1"},
                {true, "DC9E2A", "DD9E2A"},
        };
        size_t i = pick(COUNT_OF(edits));
        char **text = edits[i].qe ? &p->qe_identity : &p->tcb_info;
        if (strstr(*text, edits[i].from) != NULL)
                intel_edit(text, edits[i].from, edits[i].to);
}

static void change_keys(struct intel_platform *p)
{
        enum intel_key *const keys[] = {&p->tcb_info_key,
                                        &p->qe_identity_key,
                                        &p->qe_report_key,
                                        &p->quote_key,
                                        &p->root_crl.issuer_key,
                                        &p->pck_crl.issuer_key,
                                        &p->certs[INTEL_CA].issuer_key,
                                        &p->certs[INTEL_PCK].issuer_key,
                                        &p->certs[INTEL_SIGNER].issuer_key};
        *keys[pick(COUNT_OF(keys))] = INTEL_KEY_OTHER;
}

static void change_revocation(struct intel_platform *p)
{
        if (pick(2) == 0)
                p->pck_crl.revoked = p->certs[INTEL_PCK].serial + pick(2);
        else
                p->root_crl.revoked = p->certs[pick(2) == 0 ? INTEL_CA : INTEL_SIGNER].serial + pick(2);
}

static void change_certificates(struct intel_platform *p)
{
        switch (pick(4)) {
        case 0:
                return intel_platform_use_processor_ca(p);
        case 1:
                p->certs[INTEL_CA].is_ca = false;
                return;
        case 2:
                p->pck.leave_out = (unsigned) pick(8);
                return;
        default:
                p->chain_ends_in_nul = false;
        }
}

static void change_sizes(struct intel_platform *p)
{
        int *const sizes[] = {&p->outer_size_off, &p->inner_size_off, &p->auth_size_off, &p->signature_size_off};
        uint16_t *const types[] = {&p->outer_type, &p->inner_type};
        if (pick(2) == 0)
                *sizes[pick(COUNT_OF(sizes))] = (int) pick(5) - 2;
        else
                *types[pick(2)] = (uint16_t) (pick(8));
}

static void change_header(struct intel_platform *p)
{
        p->header[pick(8)] = (uint8_t) pick(6);
}

/* Far from any edge: at the very second of a list's nextUpdate the other verifier says it is over. */
static void change_time(int64_t *now)
{
        static const int64_t days[] = {-2, 28, 31, 400};
        *now += days[pick(COUNT_OF(days))] * DAY_S;
}

static const struct {
        const char *name;
        void (*change)(struct intel_platform *p);
} changes[] = {
        {"tee svn", change_tee_svn},
        {"tee svn", change_tee_svn},
        {"tee svn", change_tee_svn},
        {"pck svn", change_pck_svn},
        {"pck svn", change_pck_svn},
        {"qe", change_qe},
        {"qe", change_qe},
        {"status", change_status},
        {"status", change_status},
        {"body", change_body},
        {"document", change_document},
        {"keys", change_keys},
        {"revocation", change_revocation},
        {"certificates", change_certificates},
        {"sizes", change_sizes},
        {"header", change_header},
};

/* ---- a case ---- */

static void write_case(const char *dir, const struct intel_platform *p, const struct intel_set *s, int64_t now,
                       const char *what)
{
        AUTO_STRING char *collateral = alloc_printf("%s/collateral", dir);
        AUTO_STRING char *now_text = alloc_printf("%lld", (long long) now);
        must(mkdir(dir, 0755) == 0, dir);
        must(mkdir(collateral, 0755) == 0, collateral);
        write_file(dir, "quote.bin", buf_span(&s->quote));
        write_file(dir, "root.pem", buf_span(&s->root_pem));
        write_file(dir, "now", span_str(now_text));
        write_file(dir, "what", span_str(what));
        write_file(collateral, "tcb_info.json", span_str(p->tcb_info));
        write_file(collateral, "tcb_info.sig", buf_span(&s->tcb_info_sig));
        write_file(collateral, "qe_identity.json", span_str(p->qe_identity));
        write_file(collateral, "qe_identity.sig", buf_span(&s->qe_identity_sig));
        write_file(collateral, "tcb_signing_chain.pem", buf_span(&s->tcb_chain));
        write_file(collateral, "pck_crl.der", buf_span(&s->pck_crl));
        write_file(collateral, "pck_crl_issuer_chain.pem", buf_span(&s->pck_crl_chain));
        write_file(collateral, "root_crl.der", buf_span(&s->root_crl));
}

static void make_case(const struct intel_pki *pki, const char *dir)
{
        struct intel_platform p;
        struct intel_set s;
        int64_t now = NOW_S;
        char *what = alloc_string("");

        intel_platform_init(&p, pick(2) == 0 ? 4 : 5, NOW_S);
        for (uint64_t n = pick(3); n > 0; n--) {
                size_t i = pick(COUNT_OF(changes) + 1);
                char *longer = alloc_printf("%s %s", what, i == COUNT_OF(changes) ? "time" : changes[i].name);
                free(what);
                what = longer;
                if (i == COUNT_OF(changes))
                        change_time(&now);
                else
                        changes[i].change(&p);
        }
        intel_set_make(pki, &p, &s);
        write_case(dir, &p, &s, now, what);
        intel_set_clear(&s);
        intel_platform_clear(&p);
        free(what);
}

int main(int argc, char **argv)
{
        uint64_t count = 0;
        struct intel_pki pki;

        if (argc != 4)
                return 2;
        AUTO(fault) struct fault *f = parse_u64(span_str(argv[1]), 1, 10000, &count);
        if (f == NULL)
                f = parse_u64(span_str(argv[2]), 1, UINT64_MAX, &state);
        if (f != NULL) {
                (void) fprintf(stderr, "tdx_cases: %s\n", fault_text(f)); /* nowhere else to say it */
                return 2;
        }
        intel_pki_init(&pki, "tdx_cases");
        for (uint64_t i = 0; i < count; i++) {
                AUTO_STRING char *dir = alloc_printf("%s/%04llu", argv[3], (unsigned long long) i);
                make_case(&pki, dir);
        }
        intel_pki_clear(&pki);
        return 0;
}
