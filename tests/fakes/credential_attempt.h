/* credential_attempt: a credential request on its way through the issuer, in parts that a test may change before it is sent. */
#pragma once

#include "lib/crypt/binding.h"
#include "lib/model/release.h"
#include "tests/fakes/issuer.h"

static struct fake_issuer issuer;

/* A request on its way, in parts that a row may change. */
struct attempt {
        struct issue_request r;
        struct key *keys[4]; /* of pod n's first slot */
        struct fake_token tokens[4];
        bool has_token[4];
        struct httpd_request q;
        struct binding quoted; /* what the quote commits to */
        struct fake_quote quote;
        struct buf transcript;
        const char *evidence_type; /* NULL: none */
        struct httpd_response response;
        const char *stored_key; /* to be released; NULL: credentials are asked for */
        uint32_t stored_version;
};
typedef void (*change)(struct attempt *a);

static inline void get_nonce(struct buf *nonce, char **ret_policy)
{
        struct httpd_request q = fake_request(&issuer, "GET", PATH_CHALLENGE, SPAN_NONE);
        struct httpd_response r = fake_response();
        AUTO(challenge) struct challenge c = {0};
        expect_ok(challenge_get(&issuer.api, &q, &r));
        expect_ok(challenge_read(buf_span(&r.body), &c));
        *nonce = BUF(NONCE_MAX);
        expect_ok(buf_append(nonce, buf_span(&c.nonce)));
        *ret_policy = alloc_string(c.policy);
        buf_clear(&r.body);
}

static inline void add_pod(struct attempt *a, const char *account, const char *name)
{
        size_t at = a->r.pod_count++;
        struct pod_request *pod = &a->r.pods[at];
        pod->volume = alloc_printf("csi-%s", name);
        pod->profile = alloc_string("default");
        pod->node.namespace = alloc_string("payroll");
        pod->node.name = alloc_string(name);
        pod->node.uid = alloc_printf("uid-%s", name);
        pod->node.service_account = alloc_string(account);
        pod->credential_count = 1;
        pod->credentials[0].slot = alloc_string("x509");
        expect_ok(key_generate(KEY_P256, &a->keys[at]));
        a->tokens[at] = fake_token_of(account, pod->node.name, pod->node.uid);
        a->has_token[at] = true;
}

static inline void begin(struct attempt *a)
{
        *a = (struct attempt){.evidence_type = CMW_TPM_QUOTE, .response = fake_response()};
        a->r.audience = alloc_string(ISSUER_AUDIENCE);
        get_nonce(&a->r.nonce, &a->r.policy);
        a->r.pods = alloc_zero(4, sizeof *a->r.pods);
        a->q = fake_request(&issuer, "POST", PATH_CREDENTIALS, SPAN_NONE);
        add_pod(a, "app", "app-0");
}

static inline void prove(struct attempt *a)
{
        for (size_t i = 0; i < a->r.pod_count; i++) {
                struct pod_request *pod = &a->r.pods[i];
                for (size_t c = 0; c < pod->credential_count; c++) {
                        pod->credentials[c].spki = BUF(SPKI_MAX);
                        pod->credentials[c].pop = BUF(SIGNATURE_MAX);
                        expect_ok(buf_append(&pod->credentials[c].spki, key_spki(a->keys[i])));
                        expect_ok(pop_sign(a->keys[i], buf_span(&a->r.nonce), span_str(ISSUER_AUDIENCE),
                                           &pod->credentials[c].pop));
                }
                if (a->has_token[i])
                        pod->token = fake_token_sign(&issuer, &a->tokens[i]);
        }
}

static inline void bind(struct attempt *a, struct span r)
{
        a->quoted = (struct binding){.purpose = a->stored_key != NULL ? BINDING_RELEASE : BINDING_ISSUE,
                                     .nonce = buf_span(&a->r.nonce),
                                     .audience = SPAN(ISSUER_AUDIENCE)};
        sha256(r, a->quoted.request_digest);
        memcpy(a->quoted.client_spki_digest, a->q.client_spki_sha256, SHA256_LEN);
        memcpy(a->quoted.exporter, a->q.exporter, BINDING_EXPORTER_LEN);
}

static inline void write_body(struct attempt *a, struct span r, struct buf *body)
{
        AUTO(cmw) struct cmw evidence = {0};
        if (a->evidence_type != NULL) {
                struct cmw_item *item = &evidence.items[evidence.count++];
                (void) snprintf(item->type, sizeof item->type, "%s", a->evidence_type);
                item->value = BUF(EVIDENCE_ITEM_MAX);
                fake_quote_evidence(&a->quote, &issuer.tpm, &item->value);
        }
        expect_ok(envelope_write(r, a->evidence_type != NULL ? &evidence : NULL, body));
}

static inline void post(struct attempt *a, struct span body)
{
        a->q.body = body;
        struct fault *(*handler)(void *, const struct httpd_request *, struct httpd_response *) =
                a->stored_key != NULL ? release_post : credentials_post;
        expect_ok(handler(&issuer.api, &a->q, &a->response));
}

static inline struct fault *write_r(const struct attempt *a, struct buf *r)
{
        struct release_request release = {.version = a->stored_version, .request = a->r}; /* borrows */
        if (a->stored_key == NULL)
                return issue_request_write(&a->r, r);
        (void) snprintf(release.key, sizeof release.key, "%s", a->stored_key);
        return release_request_write(&release, r);
}

/* Changes: before proofs are made, after, in what is quoted, and in the quote. Any may be NULL. */
static inline void send_changed(struct attempt *a, change before, change after, change quoted, change quote)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX);
        if (before != NULL)
                before(a);
        prove(a);
        if (after != NULL)
                after(a);
        expect_ok(write_r(a, &r));
        bind(a, buf_span(&r));
        if (quoted != NULL)
                quoted(a);
        a->transcript = BUF(BINDING_T_MAX);
        expect_ok(binding_write(&a->quoted, &a->transcript));
        fake_quote_init(&a->quote, &issuer.tpm, buf_span(&a->transcript));
        a->quote.clock_ms = (uint64_t) clock_wall(&issuer.time.clock).unix_ms;
        if (quote != NULL)
                quote(a);
        write_body(a, buf_span(&r), &body);
        post(a, buf_span(&body));
        a->q.body = SPAN_NONE;
}

static inline void end(struct attempt *a)
{
        for (size_t i = 0; i < COUNT_OF(a->keys); i++)
                key_free(a->keys[i]);
        issue_request_clear(&a->r);
        fake_quote_clear(&a->quote);
        buf_clear(&a->transcript);
        buf_clear(&a->response.body);
}

static inline struct span text_at(const struct json *j, const char *a, const char *b)
{
        const struct json *at = b != NULL ? json_get(json_get(j, a), b) : json_get(j, a);
        return at != NULL && json_kind(at) == JSON_TEXT ? json_text(at) : SPAN_NONE;
}

static inline void set_text(char **where, const char *text)
{
        free(*where);
        *where = alloc_string(text);
}
static inline void other_audience(struct attempt *a)
{
        set_text(&a->r.audience, "https://other.example");
}
static inline void other_policy(struct attempt *a)
{
        set_text(&a->r.policy, "sha256:00");
}
static inline void short_nonce(struct attempt *a)
{
        buf_truncate(&a->r.nonce, a->r.nonce.len - 1);
}
static inline void changed_nonce(struct attempt *a)
{
        a->r.nonce.data[a->r.nonce.len - 1] ^= 1;
}
static inline void old_nonce(struct attempt *a UNUSED)
{
        fake_clock_advance_ms(&issuer.time, NONCE_LIFE_MS);
}
static inline void early_nonce(struct attempt *a UNUSED)
{
        fake_clock_step_wall_ms(&issuer.time, -60000);
}
static inline void no_client_key(struct attempt *a)
{
        a->q.has_client_spki = false;
}
static inline void no_exporter(struct attempt *a)
{
        a->q.has_exporter = false;
}
static inline void corrupt_proof(struct attempt *a)
{
        a->r.pods[0].credentials[0].pop.data[9] ^= 1;
}
/* The key is swapped after its proof was made (T9, T10). */
static inline void swapped_key(struct attempt *a)
{
        AUTO(key) struct key *other = NULL;
        struct buf *spki = &a->r.pods[0].credentials[0].spki;
        expect_ok(key_generate(KEY_P256, &other));
        buf_truncate(spki, 0);
        expect_ok(buf_append(spki, key_spki(other)));
}
static inline void no_key(struct attempt *a)
{
        struct buf *spki = &a->r.pods[0].credentials[0].spki;
        buf_truncate(spki, spki->len - 1);
}
static inline void other_client(struct attempt *a)
{
        a->quoted.client_spki_digest[0] ^= 1;
}
static inline void other_exporter(struct attempt *a)
{
        a->quoted.exporter[0] ^= 1;
}
static inline void other_request(struct attempt *a)
{
        a->quoted.request_digest[0] ^= 1;
}
static inline void enrolment_purpose(struct attempt *a)
{
        a->quoted.purpose = BINDING_ENROL;
}
static inline void quoted_audience(struct attempt *a)
{
        a->quoted.audience = SPAN("https://other.example");
}
static inline void bad_signature(struct attempt *a)
{
        a->quote.signature_is_wrong = true;
}
static inline void old_clock(struct attempt *a)
{
        a->quote.clock_ms = 1;
}
static inline void no_evidence(struct attempt *a)
{
        a->evidence_type = NULL;
}
static inline void odd_evidence(struct attempt *a)
{
        a->evidence_type = "application/vnd.nobody+json";
}
static inline void software_evidence(struct attempt *a)
{
        a->evidence_type = CMW_SOFTWARE;
}

static inline void unknown_profile(struct attempt *a)
{
        set_text(&a->r.pods[0].profile, "nosuch");
}
static inline void unknown_slot(struct attempt *a)
{
        set_text(&a->r.pods[0].credentials[0].slot, "other");
}
static inline void missing_slot(struct attempt *a)
{
        set_text(&a->r.pods[0].profile, "two");
        set_text(&a->r.pods[0].credentials[0].slot, "in");
}
static inline void wrong_algorithm(struct attempt *a)
{
        key_free(a->keys[0]);
        expect_ok(key_generate(KEY_P384, &a->keys[0]));
}
static inline void same_key(struct attempt *a)
{
        AUTO(secret) struct secret *pem = NULL;
        expect_ok(key_to_pem_private(a->keys[1], &pem));
        key_free(a->keys[0]);
        expect_ok(key_from_pem_private(secret_span(pem), &a->keys[0]));
}
static inline void no_token(struct attempt *a)
{
        a->has_token[0] = false;
}
static inline void other_pods_token(struct attempt *a)
{
        a->tokens[0].uid = "uid-of-another";
}
static inline void other_nodes_token(struct attempt *a)
{
        a->tokens[0].node = "node-2";
}
static inline void nodeless_token(struct attempt *a)
{
        a->tokens[0].node = NULL;
}
static inline void other_account(struct attempt *a)
{
        a->tokens[0].service_account = "web";
}
static inline void expired_token(struct attempt *a)
{
        a->tokens[0].life_s = -60;
}
static inline void apiserver_token(struct attempt *a)
{
        a->tokens[0].audience = "https://kubernetes.default.svc";
}
static inline void foreign_token(struct attempt *a)
{
        a->tokens[0].issuer = "https://evil.example";
}
static inline void corrupt_token(struct attempt *a)
{
        a->tokens[0].is_corrupt = true;
}
static inline void unknown_account(struct attempt *a)
{
        a->tokens[0].service_account = "nobody";
        set_text(&a->r.pods[0].node.service_account, "nobody");
}

/* ---- set-up ---- */

static inline int set_up(void **state UNUSED)
{
        log_set_level(LOG_ERROR);
        fake_issuer_start(&issuer);
        fake_issuer_enrolled(&issuer, CLUSTER_NODE);
        return 0;
}

static inline int tear_down(void **state UNUSED)
{
        fake_issuer_stop(&issuer);
        return 0;
}
