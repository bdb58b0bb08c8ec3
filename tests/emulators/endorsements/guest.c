/* guest: machines under the test PKIs (tests/fakes/amd_pki.h, intel_pki.h), without machines: what their makers publish, as a folder, and
 * requests for credentials with their evidence.
 *
 * usage: guest publish FOLDER [DAYS]             everything about these machines, by canonical path (kds/…, pcs/…, pcs-root/…; PATH.chain for the issuer
 *                                                chain of a header), issued DAYS days ago; the roots as amd-root.der and intel-root.pem
 *        guest snp|tdx COUNT --config attester.yaml   COUNT connections each with a finished request; sends all at the same time and prints a line
 *                                                of JSON for each answer
 *        guest patient snp|tdx COUNT --config …  the same, but each comes again when Retry-After is over until it is served; one line each
 * The issuer must have no clusters: no tokens are sent. */
#include <errno.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "attester/config.h"
#include "attester/issuer.h"
#include "issuer/verifier/verifier.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "lib/model/names.h"
#include "tests/fakes/amd_pki.h"
#include "tests/fakes/intel_pki.h"

#define SEED        "guest"
#define BYTES_MAX   ((size_t) 1 << 20)
#define DEADLINE_MS 40000
#define CLIENTS_MAX 256
#define TRIES_MAX   200

/* ---- evidence ---- */

static struct wall now(void)
{
        return clock_wall(&clock_system);
}

static struct fault *snp_evidence(const uint8_t report_data[SHA512_LEN], struct buf *out)
{
        struct amd_leaf machine = amd_vcek(SNP_MILAN, now());
        uint8_t report[SNP_REPORT_LEN];
        amd_report(&machine, 3, report);
        memcpy(report + AMD_REPORT_DATA, report_data, SHA512_LEN);
        amd_report_sign(&machine, report);
        return buf_append(out, SPAN_OF(report));
}

static struct fault *tdx_evidence(const uint8_t report_data[SHA512_LEN], struct buf *out)
{
        struct intel_pki pki;
        struct intel_platform p;
        struct intel_set set;
        intel_pki_init(&pki, SEED);
        intel_platform_init(&p, 4, wall_unix_s(now()));
        memcpy(p.body + INTEL_BODY_REPORT_DATA, report_data, SHA512_LEN);
        intel_set_make(&pki, &p, &set);
        struct fault *f = buf_append(out, buf_span(&set.quote));
        intel_set_clear(&set);
        intel_platform_clear(&p);
        intel_pki_clear(&pki);
        return f;
}

static struct fault *make_evidence(bool is_snp, const uint8_t report_data[SHA512_LEN], struct buf *out)
{
        return is_snp ? snp_evidence(report_data, out) : tdx_evidence(report_data, out);
}

/* ---- publishing ---- */

static struct fault *write_at(const char *folder, const char *path, const char *end, struct span bytes)
{
        AUTO_STRING char *name = alloc_printf("%s/%s%s", folder, path, end);
        for (char *c = name; *c != '\0'; c++) {
                if (*c == ':')
                        memmove(c, c + 1, strlen(c)); /* "kds:/…" is kds/… */
                if (*c != '/' || c == name)
                        continue;
                *c = '\0';
                if (mkdir(name, 0755) != 0 && errno != EEXIST)
                        return fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "make %s", name);
                *c = '/';
        }
        const char *slash = strrchr(name, '/');
        AUTO_STRING char *parent = alloc_printf("%.*s", (int) (slash - name), name);
        AUTO_CLOSE int dir = -1;
        TRY(dir_open_make(parent, 0755, &dir));
        return file_write_atomic_at(dir, slash + 1, bytes, 0644);
}

static struct fault *append_pem(struct span der, struct buf *out)
{
        const uint8_t *at = der.data;
        X509 *x = d2i_X509(NULL, &at, (long) der.len);
        BIO *text = BIO_new(BIO_s_mem());
        char *pem = NULL;
        PEM_write_bio_X509(text, x);
        long len = BIO_get_mem_data(text, &pem);
        struct fault *f = buf_append(out, span_make(pem, (size_t) len));
        BIO_free(text);
        X509_free(x);
        return f;
}

static struct fault *publish_amd(const char *folder, const struct needs *needs, struct wall when)
{
        AUTO(buf)
        struct buf ark = BUF(BYTES_MAX), ask = BUF(BYTES_MAX), vcek = BUF(BYTES_MAX), list = BUF(BYTES_MAX),
                   chain = BUF(BYTES_MAX);
        struct amd_authority root = amd_ark(SNP_MILAN, now()), signer = amd_ask(SNP_MILAN, now());
        struct amd_leaf machine = amd_vcek(SNP_MILAN, now());
        struct amd_list revoked = amd_list(SNP_MILAN, when);
        amd_authority_write(&root, &ark);
        amd_authority_write(&signer, &ask);
        amd_leaf_write(&machine, &vcek);
        amd_list_write(&revoked, &list);
        TRY(append_pem(buf_span(&ask), &chain));
        TRY(append_pem(buf_span(&ark), &chain));
        TRY(write_at(folder, "amd-root.der", "", buf_span(&ark)));
        for (size_t i = 0; i < needs->count; i++) {
                const char *part = needs->items[i].part;
                const struct buf *bytes = strcmp(part, "vcek") == 0    ? &vcek
                                          : strcmp(part, "chain") == 0 ? &chain
                                                                       : &list;
                TRY(write_at(folder, needs->items[i].path, "", buf_span(bytes)));
        }
        return NULL;
}

static struct fault *publish_intel(const char *folder, const struct needs *needs, struct wall when)
{
        struct intel_pki pki;
        struct intel_platform p;
        struct intel_set s;
        intel_pki_init(&pki, SEED);
        intel_platform_init(&p, 4, wall_unix_s(when));
        intel_set_make(&pki, &p, &s);
        const struct {
                const char *part;
                const struct buf *body, *chain;
        } rows[] = {
                {"tcb_info.response.json", &s.tcb_info_response, &s.tcb_chain},
                {"qe_identity.response.json", &s.qe_identity_response, &s.tcb_chain},
                {"pck_crl.der", &s.pck_crl, &s.pck_crl_chain},
                {"root_crl.der", &s.root_crl, NULL},
        };
        struct fault *f = write_at(folder, "intel-root.pem", "", buf_span(&s.root_pem));
        for (size_t i = 0; f == NULL && i < needs->count; i++)
                for (size_t r = 0; f == NULL && r < COUNT_OF(rows); r++) {
                        if (strcmp(rows[r].part, needs->items[i].part) != 0)
                                continue;
                        f = write_at(folder, needs->items[i].path, "", buf_span(rows[r].body));
                        if (f == NULL && rows[r].chain != NULL)
                                f = write_at(folder, needs->items[i].path, ".chain", buf_span(rows[r].chain));
                }
        intel_set_clear(&s);
        intel_platform_clear(&p);
        intel_pki_clear(&pki);
        return f;
}

static struct fault *publish(const char *folder, uint64_t days)
{
        static const uint8_t report_data[SHA512_LEN];
        struct wall when = {now().unix_ms - (int64_t) days * 24 * 3600 * 1000};
        for (int is_snp = 0; is_snp < 2; is_snp++) {
                AUTO(buf) struct buf evidence = BUF(BYTES_MAX);
                struct needs needs = {0};
                TRY(make_evidence(is_snp, report_data, &evidence));
                const struct appraisal in = {.kind = is_snp ? EVIDENCE_SEV_SNP : EVIDENCE_TDX,
                                             .evidence = buf_span(&evidence),
                                             .now = now()};
                TRY(verifier_needs(&in, &needs));
                TRY(is_snp ? publish_amd(folder, &needs, when) : publish_intel(folder, &needs, when));
                for (size_t i = 0; i < needs.count; i++)
                        printf("%s\n", needs.items[i].path);
        }
        return NULL;
}

/* ---- requests ---- */

struct crowd {
        const struct attester_config *config;
        bool is_snp, is_patient;
        pthread_mutex_t mu;
        pthread_cond_t changed;
        size_t ready, count;
};
struct guest {
        struct crowd *crowd;
        size_t number;
        struct issuer *issuer;
        struct cancel cancel;
        struct buf r;
        struct binding binding;
        struct cmw evidence;
};

static struct fault *fill_pod(const struct guest *g, struct pod_request *pod)
{
        AUTO(key) struct key *key = NULL;
        struct credential_request *c = &pod->credentials[0];
        pod->volume = alloc_printf("csi-%zu", g->number);
        pod->profile = alloc_string("default");
        pod->node.namespace = alloc_string("guests");
        pod->node.name = alloc_printf("app-%zu", g->number);
        pod->node.uid = alloc_printf("uid-%zu", g->number);
        pod->node.service_account = alloc_string("app");
        pod->credential_count = 1;
        TRY(key_generate(KEY_P256, &key));
        c->slot = alloc_string("x509");
        c->spki = BUF(SPKI_MAX);
        c->pop = BUF(SIGNATURE_MAX);
        TRY(buf_append(&c->spki, key_spki(key)));
        return pop_sign(key, issuer_nonce(g->issuer), span_str(issuer_audience(g->issuer)), &c->pop);
}

static struct fault *bind_evidence(struct guest *g)
{
        AUTO(buf) struct buf transcript = BUF(BINDING_T_MAX), bytes = BUF(BYTES_MAX);
        AUTO(evidence_parts) struct evidence_parts parts = evidence_parts_new();
        uint8_t report_data[SHA512_LEN];
        struct cmw_item *item = &g->evidence.items[0];
        TRY(binding_write(&g->binding, &transcript));
        binding_report_data(buf_span(&transcript), report_data);
        TRY(make_evidence(g->crowd->is_snp, report_data, &bytes));
        TRY(buf_append(&parts.evidence, buf_span(&bytes)));
        g->evidence.count = 1;
        (void) snprintf(item->type, sizeof item->type, "%s", g->crowd->is_snp ? CMW_SEV_SNP : CMW_TDX); /* fits */
        item->value = BUF(EVIDENCE_ITEM_MAX);
        return evidence_parts_write(&parts, &item->value);
}

static struct fault *prepare(struct guest *g)
{
        AUTO(issue_request) struct issue_request request = {0};
        cancel_clear(&g->cancel);
        cancel_init(&g->cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + DEADLINE_MS});
        TRY(issuer_prepare(g->issuer, &g->cancel));
        request.audience = alloc_string(issuer_audience(g->issuer));
        request.policy = alloc_string(issuer_policy(g->issuer));
        request.nonce = BUF(NONCE_MAX);
        TRY(buf_append(&request.nonce, issuer_nonce(g->issuer)));
        request.pod_count = 1;
        request.pods = alloc_zero(1, sizeof *request.pods);
        TRY(fill_pod(g, &request.pods[0]));
        buf_clear(&g->r);
        cmw_clear(&g->evidence);
        g->r = BUF(BODY_MAX);
        TRY(issue_request_write(&request, &g->r));
        TRY(issuer_binding(g->issuer, BINDING_ISSUE, buf_span(&g->r), &g->binding));
        return bind_evidence(g);
}

static struct fault *send_request(struct guest *g)
{
        AUTO(http_reply) struct http_reply reply = {0};
        AUTO(issue_reply) struct issue_reply read = {0};
        TRY(issuer_post(g->issuer, PATH_CREDENTIALS, buf_span(&g->r), &g->evidence, &g->binding, &g->cancel, &reply));
        TRY(issue_reply_read(buf_span(&reply.body), &read));
        return read.result_count == 1 ? TAKE(read.results[0].problem)
                                      : fault(FAULT_INTERNAL, "reply.results", "%zu results", read.result_count);
}

static void tell(struct guest *g, const struct fault *failed, unsigned tries, int64_t took_ms)
{
        pthread_mutex_lock(&g->crowd->mu);
        printf("{\"check\":\"%s\",\"code\":\"%s\",\"retry_after_ms\":%lld,\"took_ms\":%lld,\"tries\":%u,\"text\":\"%"
               "s\"}\n",
               failed != NULL ? fault_token(failed) : "issued",
               failed != NULL ? fault_code_name(fault_code(failed)) : "OK",
               failed != NULL ? (long long) fault_retry_after_ms(failed) : 0, (long long) took_ms, tries,
               failed != NULL ? fault_text(failed) : "");
        pthread_mutex_unlock(&g->crowd->mu);
}

static void sleep_ms(int64_t ms)
{
        (void) nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); /* a shorter one does no harm */
}

static void *run_guest(void *arg)
{
        struct guest *g = arg;
        struct crowd *c = g->crowd;
        AUTO(fault) struct fault *failed = prepare(g);
        pthread_mutex_lock(&c->mu);
        c->ready++;
        pthread_cond_broadcast(&c->changed);
        while (c->ready < c->count)
                pthread_cond_wait(&c->changed, &c->mu);
        pthread_mutex_unlock(&c->mu);

        int64_t began_ms = clock_boot(&clock_system).ms;
        unsigned tries = 1;
        if (failed == NULL)
                failed = send_request(g);
        for (; c->is_patient && failed != NULL && fault_code(failed) == FAULT_UNAVAILABLE && tries < TRIES_MAX;
             tries++) {
                sleep_ms(fault_retry_after_ms(failed));
                fault_free(failed);
                failed = prepare(g);
                if (failed == NULL)
                        failed = send_request(g);
        }
        tell(g, failed, tries, clock_boot(&clock_system).ms - began_ms);
        return NULL;
}

static struct fault *run(struct crowd *c)
{
        const struct issuer_options options = {.url = c->config->issuer_url,
                                               .audience = c->config->issuer_audience,
                                               .ca_file = c->config->issuer_ca_file,
                                               .pin = c->config->issuer_pin,
                                               .server_name = c->config->issuer_server_name,
                                               .clock = &clock_system};
        struct guest *all = alloc_zero(c->count, sizeof *all);
        pthread_t *threads = alloc_zero(c->count, sizeof *threads);
        for (size_t i = 0; i < c->count; i++) {
                all[i] = (struct guest){.crowd = c, .number = i};
                cancel_init(&all[i].cancel, &clock_system, CANCEL_NO_DEADLINE);
                TRY(issuer_new(&options, &all[i].issuer));
                if (pthread_create(&threads[i], NULL, run_guest, &all[i]) != 0)
                        return fault(FAULT_INTERNAL, "THREAD", "start guest %zu", i);
        }
        for (size_t i = 0; i < c->count; i++) {
                pthread_join(threads[i], NULL);
                issuer_free(all[i].issuer);
                buf_clear(&all[i].r);
                cmw_clear(&all[i].evidence);
                cancel_clear(&all[i].cancel);
        }
        free(threads);
        free(all);
        return NULL;
}

static struct fault *run_words(struct crowd *c, const struct program_args *args)
{
        char **words = args->words;
        int count = args->word_count;
        uint64_t number = 0;
        c->is_patient = count > 0 && strcmp(words[0], "patient") == 0;
        words += c->is_patient;
        count -= c->is_patient;
        if (count != 2 || (strcmp(words[0], "snp") != 0 && strcmp(words[0], "tdx") != 0))
                return fault(FAULT_INVALID, "USAGE", "guest [patient] snp|tdx COUNT, or guest publish FOLDER [DAYS]");
        TRY(parse_u64(span_str(words[1]), 1, CLIENTS_MAX, &number));
        c->is_snp = strcmp(words[0], "snp") == 0;
        c->count = (size_t) number;
        return run(c);
}

int main(int argc, char **argv)
{
        static struct crowd c = {.mu = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        program_init("guest");
        log_set_level(LOG_ERROR);
        if (argc >= 3 && strcmp(argv[1], "publish") == 0) {
                uint64_t days = 0;
                struct fault *f = argc == 4 ? parse_u64(span_str(argv[3]), 0, 365, &days) : NULL;
                if (f == NULL)
                        f = publish(argv[2], days);
                return f != NULL ? program_fail(f) : 0;
        }
        struct program_args args = {0};
        enum program_next next;
        struct fault *failed = program_args_read(&attester_program, argc, argv, NULL, &args, &next);
        if (failed != NULL)
                return program_fail(failed);
        c.config = args.config;
        failed = run_words(&c, &args);
        options_free(&attester_program, args.config);
        return failed != NULL ? program_fail(failed) : 0;
}
