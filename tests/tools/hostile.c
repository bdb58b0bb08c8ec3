/* hostile: an attester that lies in one place at a time, for the flow tests. It makes a real request with a real quote through the
 * attester's own parts, changes one thing where the case says, sends it, and prints the check that refused it, or "accepted".
 *
 * usage: hostile CASE TOKEN-FILE POD-UID --config attester.yaml
 *        hostile enrol-CASE TOKEN-FILE EK-CERTIFICATE --config attester.yaml       (a pod's token, another TPM's certificate) */
#include <stdio.h>

#include "attester/config.h"
#include "attester/evidence/source.h"
#include "attester/issuer.h"
#include "lib/base/file.h"
#include "lib/model/names.h"
#include "lib/model/tpm_evidence.h"
#include "tests/tools/hostile_enrol.h"

#define DEADLINE_MS 20000

static const char *which;

static bool is_case(const char *name)
{
        return strcmp(which, name) == 0;
}

struct exchange {
        struct issuer *issuer;
        struct evidence_source source;
        struct cancel cancel;
        const char *token_file, *pod_uid;
        struct buf nonce; /* kept over a reply, for replays */
};

static struct fault *fill_credential(struct exchange *x, struct credential_request *c)
{
        AUTO(key) struct key *key = NULL, *other = NULL;
        TRY(key_generate(KEY_P256, &key));
        TRY(key_generate(KEY_P256, &other));
        c->slot = alloc_string("x509");
        c->spki = BUF(SPKI_MAX);
        c->pop = BUF(SIGNATURE_MAX);
        TRY(buf_append(&c->spki, key_spki(is_case("pop-other-key") ? other : key)));
        struct span audience =
                span_str(is_case("pop-other-audience") ? "https://other.example" : issuer_audience(x->issuer));
        TRY(pop_sign(key, is_case("pop-other-nonce") ? SPAN("other nonce") : buf_span(&x->nonce), audience, &c->pop));
        if (is_case("pop-corrupt"))
                c->pop.data[5] ^= 1;
        return NULL;
}

static struct fault *build(struct exchange *x, struct buf *ret_r)
{
        AUTO(issue_request) struct issue_request request = {0};
        request.audience = alloc_string(is_case("audience") ? "https://other.example" : issuer_audience(x->issuer));
        request.policy = alloc_string(is_case("stale-policy") ? "sha256:0000" : issuer_policy(x->issuer));
        request.nonce = BUF(NONCE_MAX);
        TRY(buf_append(&request.nonce, buf_span(&x->nonce)));
        if (is_case("nonce-foreign"))
                request.nonce.data[request.nonce.len - 1] ^= 1;
        if (is_case("nonce-short"))
                buf_truncate(&request.nonce, request.nonce.len - 1);
        request.pod_count = 1;
        request.pods = alloc_zero(1, sizeof *request.pods);
        struct pod_request *pod = &request.pods[0];
        pod->volume = alloc_string("csi-hostile");
        pod->profile = alloc_string(is_case("profile") ? "nosuch" : "default");
        TRY(file_read_secret(x->token_file, &pod->token));
        pod->node.namespace = alloc_string("payroll");
        pod->node.name = alloc_string("app-0");
        pod->node.uid = alloc_string(x->pod_uid);
        pod->node.service_account = alloc_string("app");
        if (!is_case("no-credential")) {
                pod->credential_count = 1;
                TRY(fill_credential(x, &pod->credentials[0]));
        }
        return issue_request_write(&request, ret_r);
}

/* The transcript that is quoted; what is sent stays as it is. */
static void lie_in_binding(struct binding *b)
{
        if (is_case("other-tls-key"))
                b->client_spki_digest[0] ^= 1;
        if (is_case("other-exporter"))
                b->exporter[0] ^= 1;
        if (is_case("other-request"))
                b->request_digest[0] ^= 1;
        if (is_case("quote-other-audience"))
                b->audience = SPAN("https://other.example");
        if (is_case("quote-other-nonce"))
                b->nonce = SPAN("other nonce");
        if (is_case("quote-for-enrolment"))
                b->purpose = BINDING_ENROL;
}

static struct fault *lie_in_evidence(struct cmw *evidence)
{
        struct cmw_item *item = &evidence->items[0];
        if (is_case("evidence-type"))
                (void) snprintf(item->type, sizeof item->type, "application/vnd.nobody+json");
        if (is_case("evidence-software"))
                (void) snprintf(item->type, sizeof item->type, "%s", CMW_SOFTWARE);
        if (is_case("evidence-truncated"))
                buf_truncate(&item->value, item->value.len / 2);
        AUTO(tpm_evidence) struct tpm_evidence quote = {0};
        if (!is_case("quote-corrupt") && !is_case("signature-corrupt") && !is_case("pcr-value"))
                return NULL;
        TRY(tpm_evidence_read(buf_span(&item->value), &quote));
        if (is_case("quote-corrupt"))
                quote.attest.data[quote.attest.len - 1] ^= 1;
        if (is_case("signature-corrupt"))
                quote.signature.data[quote.signature.len - 1] ^= 1;
        if (is_case("pcr-value"))
                ((uint8_t *) quote.values[HASH_SHA256][7].data)[0] ^= 1; /* into its own storage */
        buf_clear(&item->value);
        return tpm_evidence_write(&quote, &item->value);
}

static struct fault *exchange(struct exchange *x)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX);
        TRY(build(x, &r));
        struct binding sent, quoted;
        TRY(issuer_binding(x->issuer, BINDING_ISSUE, buf_span(&r), &sent));
        sent.nonce = buf_span(&x->nonce);
        quoted = sent;
        lie_in_binding(&quoted);
        AUTO(cmw) struct cmw evidence = {0};
        TRY(x->source.collect(x->source.self, &quoted, &x->cancel, &evidence));
        TRY(lie_in_evidence(&evidence));
        AUTO(http_reply) struct http_reply reply = {0};
        bool without = is_case("no-evidence");
        TRY(issuer_post(x->issuer, PATH_CREDENTIALS, buf_span(&r), without ? NULL : &evidence, &sent, &x->cancel,
                        &reply));
        AUTO(issue_reply) struct issue_reply read = {0};
        TRY(issue_reply_read(buf_span(&reply.body), &read));
        return TAKE(read.results[0].problem);
}

static struct fault *run(const struct attester_config *c, struct exchange *x)
{
        const struct issuer_options options = {.url = c->issuer_url,
                                               .audience = c->issuer_audience,
                                               .ca_file = c->issuer_ca_file,
                                               .pin = c->issuer_pin,
                                               .server_name = c->issuer_server_name,
                                               .clock = &clock_system};
        const struct evidence_options evidence = {.kind = c->evidence_kind,
                                                  .tpm_tcti = c->tpm_tcti,
                                                  .tpm_pcrs = is_case("fewer-pcrs") ? "sha256:0,1" : c->tpm_pcrs,
                                                  .state_dir = c->state_dir};
        TRY(issuer_new(&options, &x->issuer));
        TRY(evidence_open(&evidence, &x->source));
        cancel_init(&x->cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + DEADLINE_MS});
        TRY(issuer_prepare(x->issuer, &x->cancel));
        if (strncmp(which, "enrol-", 6) == 0) {
                struct hostile_enrol e = {which + 6,  x->issuer,     &options,           &x->source,
                                          &x->cancel, x->token_file, c->node_token_file, x->pod_uid};
                return hostile_enrol(&e);
        }
        x->nonce = BUF(NONCE_MAX);
        TRY(buf_append(&x->nonce, issuer_nonce(x->issuer)));
        TRY(exchange(x));
        if (!is_case("replay"))
                return NULL;
        /* the same nonce once more, everything else as it should be */
        return exchange(x);
}

int main(int argc, char **argv)
{
        program_init("hostile");
        struct program_args args = {0};
        enum program_next next;
        struct fault *failed = program_args_read(&attester_program, argc, argv, NULL, &args, &next);
        if (failed != NULL)
                return program_fail(failed);
        if (args.word_count != 3)
                return 2;
        which = args.words[0];
        struct exchange x = {.token_file = args.words[1], .pod_uid = args.words[2]};
        failed = run(args.config, &x);
        printf("%s\n", failed == NULL ? "accepted" : fault_token(failed));
        if (failed != NULL)
                fprintf(stderr, "%s: %s\n", fault_code_name(fault_code(failed)), fault_text(failed));
        fault_free(failed);
        if (x.source.close != NULL)
                x.source.close(x.source.self);
        issuer_free(x.issuer);
        buf_clear(&x.nonce);
        options_free(&attester_program, args.config);
        return 0;
}
