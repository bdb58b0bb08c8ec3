/* The whole way of a credential request through the issuer, with one thing wrong at a time. */
#include <signal.h>

#include "tests/fakes/issuer.h"

#include "lib/crypt/binding.h"
#include "tests/fakes/sql.h"

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
};
typedef void (*change)(struct attempt *a);

static void get_nonce(struct buf *nonce, char **ret_policy)
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

static void add_pod(struct attempt *a, const char *account, const char *name)
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

static void begin(struct attempt *a)
{
        *a = (struct attempt){.evidence_type = CMW_TPM_QUOTE, .response = fake_response()};
        a->r.audience = alloc_string(ISSUER_AUDIENCE);
        get_nonce(&a->r.nonce, &a->r.policy);
        a->r.pods = alloc_zero(4, sizeof *a->r.pods);
        a->q = fake_request(&issuer, "POST", PATH_CREDENTIALS, SPAN_NONE);
        add_pod(a, "app", "app-0");
}

static void prove(struct attempt *a)
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

static void bind(struct attempt *a, struct span r)
{
        a->quoted = (struct binding){
                .purpose = BINDING_ISSUE, .nonce = buf_span(&a->r.nonce), .audience = SPAN(ISSUER_AUDIENCE)};
        sha256(r, a->quoted.request_digest);
        memcpy(a->quoted.client_spki_digest, a->q.client_spki_sha256, SHA256_LEN);
        memcpy(a->quoted.exporter, a->q.exporter, BINDING_EXPORTER_LEN);
}

static void write_body(struct attempt *a, struct span r, struct buf *body)
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

static void post(struct attempt *a, struct span body)
{
        a->q.body = body;
        expect_ok(credentials_post(&issuer.api, &a->q, &a->response));
}

/* Changes: before proofs are made, after, in what is quoted, and in the quote. Any may be NULL. */
static void send_changed(struct attempt *a, change before, change after, change quoted, change quote)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX);
        if (before != NULL)
                before(a);
        prove(a);
        if (after != NULL)
                after(a);
        expect_ok(issue_request_write(&a->r, &r));
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

static void end(struct attempt *a)
{
        for (size_t i = 0; i < COUNT_OF(a->keys); i++)
                key_free(a->keys[i]);
        issue_request_clear(&a->r);
        fake_quote_clear(&a->quote);
        buf_clear(&a->transcript);
        buf_clear(&a->response.body);
}

/* ---- what is issued ---- */

static void expect_leaf(const struct issued_credential *c, const struct key *key, const char *identity)
{
        AUTO(cert) struct cert *leaf = NULL;
        AUTO(cert_list) struct cert_list roots = {0}, intermediates = {.count = 1};
        assert_int_equal(c->chain_count, 2);
        expect_ok(cert_from_der(buf_span(&c->chain[0]), &leaf));
        expect_ok(cert_from_der(buf_span(&c->chain[1]), &intermediates.certs[0]));
        expect_ok(authority_roots(issuer.api.authority, &roots));
        expect_ok(cert_verify(leaf, &intermediates, &roots, CERT_PURPOSE_WORKLOAD, clock_wall(&clock_system)));
        assert_string_equal(cert_uri(leaf, 0), identity);
        assert_string_equal(c->identity, identity);
        assert_true(span_eq(key_spki(cert_key(leaf)), key_spki(key)));
        assert_int_equal(wall_unix_s(cert_not_after(leaf)), c->not_after_unix_s);
        int64_t now_s = wall_unix_s(clock_wall(&issuer.time.clock));
        assert_true(c->not_after_unix_s - now_s <= 600 && c->not_after_unix_s - now_s > 590);
        assert_true(now_s - c->not_before_unix_s >= 30 && now_s - c->not_before_unix_s < 40);
}

static struct span text_at(const struct json *j, const char *a, const char *b)
{
        const struct json *at = b != NULL ? json_get(json_get(j, a), b) : json_get(j, a);
        return at != NULL && json_kind(at) == JSON_TEXT ? json_text(at) : SPAN_NONE;
}

static void expect_record(const char *id, const char *decision, const char *check)
{
        AUTO(json) struct json *found = NULL;
        expect_ok(ledger_find(issuer.api.ledger, id, &found));
        const struct json *record = json_get(found, "record");
        assert_true(span_eq_str(text_at(record, "decision", NULL), decision));
        if (check != NULL)
                assert_true(span_eq_str(text_at(record, "check", NULL), check));
        assert_true(span_starts_with(text_at(record, "evidence", "digest"), SPAN("sha256:")));
        AUTO(check) struct check *tree = NULL;
        expect_ok(check_from_json(json_get(record, "tree"), &tree));
        assert_int_equal(tree->ok, check == NULL);
        const struct check *failure = check_first_failure(tree);
        assert_int_equal(failure == NULL, check == NULL);
}

static void pods_get_credentials_and_records(void **state UNUSED)
{
        struct attempt a;
        AUTO(issue_reply) struct issue_reply reply = {0};
        begin(&a);
        add_pod(&a, "web", "web-0");
        uint64_t before = ledger_records(issuer.api.ledger);
        send_changed(&a, NULL, NULL, NULL, NULL);
        assert_int_equal(a.response.status, 200);
        expect_ok(issue_reply_read(buf_span(&a.response.body), &reply));
        assert_int_equal(reply.result_count, 2);
        assert_int_equal(reply.nonce.len, NONCE_LEN);
        assert_string_equal(reply.policy, a.r.policy);
        assert_int_equal(reply.bundle_sequence, issuer.bundle.sequence);
        assert_int_equal(ledger_records(issuer.api.ledger), before + 2);
        static const char *const ids[] = {"spiffe://demo.example/ns/payroll/sa/app",
                                          "spiffe://demo.example/ns/payroll/sa/web"};
        for (size_t i = 0; i < 2; i++) {
                assert_null(reply.results[i].problem);
                assert_int_equal(reply.results[i].credential_count, 1);
                expect_leaf(&reply.results[i].credentials[0], a.keys[i], ids[i]);
                expect_record(reply.results[i].credentials[0].record, "issued", NULL);
        }
        end(&a);
}

/* ---- refusals of the whole request ---- */

static void set_text(char **where, const char *text)
{
        free(*where);
        *where = alloc_string(text);
}
static void other_audience(struct attempt *a)
{
        set_text(&a->r.audience, "https://other.example");
}
static void other_policy(struct attempt *a)
{
        set_text(&a->r.policy, "sha256:00");
}
static void short_nonce(struct attempt *a)
{
        buf_truncate(&a->r.nonce, a->r.nonce.len - 1);
}
static void changed_nonce(struct attempt *a)
{
        a->r.nonce.data[a->r.nonce.len - 1] ^= 1;
}
static void old_nonce(struct attempt *a UNUSED)
{
        fake_clock_advance_ms(&issuer.time, NONCE_LIFE_MS);
}
static void early_nonce(struct attempt *a UNUSED)
{
        fake_clock_step_wall_ms(&issuer.time, -60000);
}
static void no_client_key(struct attempt *a)
{
        a->q.has_client_spki = false;
}
static void no_exporter(struct attempt *a)
{
        a->q.has_exporter = false;
}
static void corrupt_proof(struct attempt *a)
{
        a->r.pods[0].credentials[0].pop.data[9] ^= 1;
}
/* The key is swapped after its proof was made (T9, T10). */
static void swapped_key(struct attempt *a)
{
        AUTO(key) struct key *other = NULL;
        struct buf *spki = &a->r.pods[0].credentials[0].spki;
        expect_ok(key_generate(KEY_P256, &other));
        buf_truncate(spki, 0);
        expect_ok(buf_append(spki, key_spki(other)));
}
static void no_key(struct attempt *a)
{
        struct buf *spki = &a->r.pods[0].credentials[0].spki;
        buf_truncate(spki, spki->len - 1);
}
static void other_client(struct attempt *a)
{
        a->quoted.client_spki_digest[0] ^= 1;
}
static void other_exporter(struct attempt *a)
{
        a->quoted.exporter[0] ^= 1;
}
static void other_request(struct attempt *a)
{
        a->quoted.request_digest[0] ^= 1;
}
static void enrolment_purpose(struct attempt *a)
{
        a->quoted.purpose = BINDING_ENROL;
}
static void quoted_audience(struct attempt *a)
{
        a->quoted.audience = SPAN("https://other.example");
}
static void bad_signature(struct attempt *a)
{
        a->quote.signature_is_wrong = true;
}
static void old_clock(struct attempt *a)
{
        a->quote.clock_ms = 1;
}
static void no_evidence(struct attempt *a)
{
        a->evidence_type = NULL;
}
static void odd_evidence(struct attempt *a)
{
        a->evidence_type = "application/vnd.nobody+json";
}
static void software_evidence(struct attempt *a)
{
        a->evidence_type = CMW_SOFTWARE;
}

static void one_thing_wrong_refuses_the_request(void **state UNUSED)
{
        static const struct {
                const char *name;
                change before, after, quoted, quote;
                int status;
                const char *check;
        } rows[] = {
                {"for another issuer", other_audience, NULL, NULL, NULL, 403, "audience"},
                {"slots of an older policy", other_policy, NULL, NULL, NULL, 409, "stale_policy"},
                {"nonce a byte short", short_nonce, NULL, NULL, NULL, 401, "nonce.malformed"},
                {"nonce changed", changed_nonce, NULL, NULL, NULL, 401, "nonce.foreign"},
                {"nonce too old", old_nonce, NULL, NULL, NULL, 401, "nonce.expired"},
                {"nonce of a clock ahead", early_nonce, NULL, NULL, NULL, 401, "nonce.future"},
                {"no client certificate", no_client_key, NULL, NULL, NULL, 401, "binding.client_key"},
                {"no exporter", no_exporter, NULL, NULL, NULL, 401, "binding.exporter"},
                {"proof corrupted", NULL, corrupt_proof, NULL, NULL, 403, "pop"},
                {"key swapped", NULL, swapped_key, NULL, NULL, 403, "pop"},
                {"no key", NULL, no_key, NULL, NULL, 400, "KEY_ENCODING"},
                {"quoted for another client key", NULL, NULL, other_client, NULL, 403, "tpm.extra_data"},
                {"quoted on another connection", NULL, NULL, other_exporter, NULL, 403, "tpm.extra_data"},
                {"quoted for another request", NULL, NULL, other_request, NULL, 403, "tpm.extra_data"},
                {"quoted for an enrolment", NULL, NULL, enrolment_purpose, NULL, 403, "tpm.extra_data"},
                {"quoted for another issuer", NULL, NULL, quoted_audience, NULL, 403, "tpm.extra_data"},
                {"signature of the quote", NULL, NULL, NULL, bad_signature, 403, "tpm.signature"},
                {"an older quote", NULL, NULL, NULL, old_clock, 403, "tpm.clock"},
                {"no evidence", no_evidence, NULL, NULL, NULL, 400, "evidence.missing"},
                {"evidence of no known kind", odd_evidence, NULL, NULL, NULL, 403, "evidence.kind"},
                {"development evidence", software_evidence, NULL, NULL, NULL, 403, "evidence.insecure_development"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct attempt a;
                begin(&a);
                uint64_t before = ledger_records(issuer.api.ledger);
                send_changed(&a, rows[i].before, rows[i].after, rows[i].quoted, rows[i].quote);
                expect_refusal(&a.response, rows[i].status, rows[i].check, rows[i].name);
                assert_int_equal(ledger_records(issuer.api.ledger), before); /* nobody fills the ledger with these */
                end(&a);
                fake_clock_step_wall_ms(&issuer.time,
                                        clock_wall(&clock_system).unix_ms - clock_wall(&issuer.time.clock).unix_ms);
        }
}

static void stale_policy_brings_the_new_slots(void **state UNUSED)
{
        struct attempt a;
        AUTO(json) struct json *j = NULL;
        begin(&a);
        send_changed(&a, other_policy, NULL, NULL, NULL);
        expect_ok(json_parse(buf_span(&a.response.body), &j));
        assert_int_equal(json_count(json_get(j, "profiles")), 2);
        assert_true(span_starts_with(json_text(json_get(j, "policy")), SPAN("sha256:")));
        end(&a);
}

/* ---- refusals of one pod ---- */

static void unknown_profile(struct attempt *a)
{
        set_text(&a->r.pods[0].profile, "nosuch");
}
static void unknown_slot(struct attempt *a)
{
        set_text(&a->r.pods[0].credentials[0].slot, "other");
}
static void missing_slot(struct attempt *a)
{
        set_text(&a->r.pods[0].profile, "two");
        set_text(&a->r.pods[0].credentials[0].slot, "in");
}
static void wrong_algorithm(struct attempt *a)
{
        key_free(a->keys[0]);
        expect_ok(key_generate(KEY_P384, &a->keys[0]));
}
static void same_key(struct attempt *a)
{
        AUTO(secret) struct secret *pem = NULL;
        expect_ok(key_to_pem_private(a->keys[1], &pem));
        key_free(a->keys[0]);
        expect_ok(key_from_pem_private(secret_span(pem), &a->keys[0]));
}
static void no_token(struct attempt *a)
{
        a->has_token[0] = false;
}
static void other_pods_token(struct attempt *a)
{
        a->tokens[0].uid = "uid-of-another";
}
static void other_nodes_token(struct attempt *a)
{
        a->tokens[0].node = "node-2";
}
static void nodeless_token(struct attempt *a)
{
        a->tokens[0].node = NULL;
}
static void other_account(struct attempt *a)
{
        a->tokens[0].service_account = "web";
}
static void expired_token(struct attempt *a)
{
        a->tokens[0].life_s = -60;
}
static void apiserver_token(struct attempt *a)
{
        a->tokens[0].audience = "https://kubernetes.default.svc";
}
static void foreign_token(struct attempt *a)
{
        a->tokens[0].issuer = "https://evil.example";
}
static void corrupt_token(struct attempt *a)
{
        a->tokens[0].is_corrupt = true;
}
static void unknown_account(struct attempt *a)
{
        a->tokens[0].service_account = "nobody";
        set_text(&a->r.pods[0].node.service_account, "nobody");
}

static void one_pods_fault_is_its_own(void **state UNUSED)
{
        static const struct {
                const char *name;
                change before;
                const char *check;
                size_t refused; /* which of the two pods */
        } rows[] = {
                {"no such profile", unknown_profile, "policy.no_profile", 0},
                {"no such slot", unknown_slot, "slots.unknown", 0},
                {"a slot left out", missing_slot, "slots.missing", 0},
                {"a key of another algorithm", wrong_algorithm, "slot.algorithm", 0},
                {"the neighbour's key", same_key, "slots.same_key", 1},
                {"no token", no_token, "policy.no_match", 0},
                {"token of another pod", other_pods_token, "k8s.pod", 0},
                {"token of another node", other_nodes_token, "k8s.node", 0},
                {"token without a node", nodeless_token, "k8s.node", 0},
                {"token of another account", other_account, "k8s.service_account", 0},
                {"expired token", expired_token, "k8s.expired", 0},
                {"token for the API server", apiserver_token, "k8s.audience", 0},
                {"token of another cluster", foreign_token, "k8s.issuer", 0},
                {"token's signature", corrupt_token, "k8s.signature", 0},
                {"account without a workload", unknown_account, "policy.no_match", 0},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct attempt a;
                AUTO(issue_reply) struct issue_reply reply = {0};
                begin(&a);
                add_pod(&a, "web", "web-0");
                uint64_t before = ledger_records(issuer.api.ledger);
                send_changed(&a, rows[i].before, NULL, NULL, NULL);
                if (a.response.status != 200)
                        fail_msg("%s: %s", rows[i].name, buf_str(&a.response.body));
                expect_ok(issue_reply_read(buf_span(&a.response.body), &reply));
                struct fault *problem = reply.results[rows[i].refused].problem;
                if (problem == NULL || strcmp(fault_token(problem), rows[i].check) != 0)
                        fail_msg("%s: %s", rows[i].name, problem != NULL ? fault_token(problem) : "issued");
                assert_null(reply.results[1 - rows[i].refused].problem);
                assert_int_equal(ledger_records(issuer.api.ledger), before + 2); /* denials are recorded as well */
                end(&a);
        }
}

/* ---- single use ---- */

static void a_request_is_good_once(void **state UNUSED)
{
        struct attempt a;
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX);
        begin(&a);
        send_changed(&a, NULL, NULL, NULL, NULL);
        assert_int_equal(a.response.status, 200);
        expect_ok(issue_request_write(&a.r, &r));
        write_body(&a, buf_span(&r), &body);
        for (int again = 0; again < 2; again++) {
                uint64_t before = ledger_records(issuer.api.ledger);
                buf_truncate(&a.response.body, 0);
                post(&a, buf_span(&body));
                expect_refusal(&a.response, 409, "nonce.replayed", "replay");
                assert_int_equal(ledger_records(issuer.api.ledger), before + 1);
        }
        end(&a);
}

/* ---- keys that are not enrolled ---- */

static void unknown_keys_are_told_to_enrol(void **state UNUSED)
{
        struct fake_tpm known = issuer.tpm;
        struct attempt a;
        fake_tpm_init(&issuer.tpm);
        begin(&a);
        send_changed(&a, NULL, NULL, NULL, NULL);
        expect_refusal(&a.response, 403, "tpm.ak_unknown", "never seen");
        end(&a);

        fake_issuer_enrolled(&issuer, NULL);
        begin(&a);
        send_changed(&a, NULL, NULL, NULL, NULL);
        expect_refusal(&a.response, 403, "tpm.ak_unknown", "enrolled without a node");
        end(&a);
        fake_tpm_clear(&issuer.tpm);
        issuer.tpm = known;
}

/* Whoever takes a maker's root out of the configuration takes back the keys that came by it, with the next reload. */
static void a_root_that_is_not_configured_any_more(void **state UNUSED)
{
        AUTO_STRING char *path = alloc_printf("%s/ek.pem", issuer.folder);
        AUTO(buf) struct buf saved = BUF(1 << 16), der = BUF(CERT_MAX), other = BUF(1 << 16);
        AUTO(key) struct key *maker = NULL;
        AUTO(cert) struct cert *root = NULL;
        expect_ok(file_read(path, &saved));
        expect_ok(key_generate(KEY_P256, &maker));
        struct fake_ek_certificate ca = fake_ek_ca("maker", maker, wall_unix_s(clock_wall(&issuer.time.clock)));
        fake_ek_certificate_write(&ca, &der);
        expect_ok(cert_from_der(buf_span(&der), &root));
        expect_ok(cert_to_pem(root, &other));

        struct attempt a;
        fake_issuer_write(&issuer, "ek.pem", buf_span(&other));
        expect_ok(policy_holder_reload(issuer.api.holder));
        begin(&a);
        send_changed(&a, NULL, NULL, NULL, NULL);
        expect_refusal(&a.response, 403, "ek.root", "the root is another maker's");
        end(&a);

        fake_issuer_write(&issuer, "ek.pem", buf_span(&saved));
        expect_ok(policy_holder_reload(issuer.api.holder));
        begin(&a);
        send_changed(&a, NULL, NULL, NULL, NULL);
        assert_int_equal(a.response.status, 200);
        end(&a);
}

/* The policy's compiler lets none of these through in this version; the way of a request does not rely on it. */
static void profiles_of_other_kinds_are_refused(void **state UNUSED)
{
        AUTO(ruleset) struct ruleset *rules = policy_holder_get(issuer.api.holder);
        struct profile_shape *profile = (struct profile_shape *) policy_find_profile(rules->policy, "default");
        const struct profile_shape saved = *profile;
        for (int is_type = 0; is_type < 2; is_type++) {
                struct attempt a;
                AUTO(issue_reply) struct issue_reply reply = {0};
                if (is_type)
                        (void) snprintf(profile->slots[0].type, sizeof profile->slots[0].type, "wit");
                else
                        (void) snprintf(profile->mechanism, sizeof profile->mechanism, "passport");
                begin(&a);
                send_changed(&a, NULL, NULL, NULL, NULL);
                *profile = saved;
                expect_ok(issue_reply_read(buf_span(&a.response.body), &reply));
                assert_non_null(reply.results[0].problem);
                assert_string_equal(fault_token(reply.results[0].problem), is_type ? "slot.type" : "profile.mechanism");
                end(&a);
        }
}

static pid_t signer_pid(void)
{
        AUTO_STRING char *path = alloc_printf("/proc/self/task/%d/children", (int) getpid());
        AUTO(buf) struct buf text = BUF(256);
        uint64_t pid = 0;
        expect_ok(file_read(path, &text));
        expect_ok(parse_u64(span_slice(buf_span(&text), 0, strcspn(buf_str(&text), " ")), 1, INT32_MAX, &pid));
        return (pid_t) pid;
}

/* Last: the signer is gone after it. Each decision is on record by then, and a second record says that nothing left. */
static void what_was_recorded_and_not_signed_is_taken_back(void **state UNUSED)
{
        struct attempt a;
        begin(&a);
        add_pod(&a, "web", "web-0");
        uint64_t before = ledger_records(issuer.api.ledger);
        assert_int_equal(kill(signer_pid(), SIGKILL), 0);
        send_changed(&a, unknown_profile, NULL, NULL, NULL); /* the first pod is refused: nothing to take back there */
        expect_refusal(&a.response, 503, "SIGNER_GONE", "no signer");
        assert_int_equal(ledger_records(issuer.api.ledger), before + 3);
        end(&a);

        AUTO_STRING char *database = alloc_printf("%s/ledger.db", issuer.folder);
        char *serial = sql_text(database, "SELECT serial FROM serials ORDER BY idx DESC LIMIT 1");
        AUTO(json) struct json *found = NULL;
        expect_ok(ledger_find(issuer.api.ledger, serial, &found));
        free(serial);
        assert_true(span_eq_str(text_at(found, "record", "decision"), "issued"));
        const struct json *correction = json_get(found, "correction");
        assert_non_null(correction);
        assert_true(span_eq_str(text_at(correction, "record", "decision"), "not-issued"));
        assert_true(span_eq_str(text_at(correction, "record", "check"), "SIGNER_GONE"));
        assert_true(span_eq(text_at(correction, "record", "corrects"), text_at(found, "id", NULL)));
}

static void too_many_requests_are_told_to_wait(void **state UNUSED)
{
        struct rate_limit *usual = issuer.api.rates;
        struct httpd_request q = fake_request(&issuer, "GET", PATH_CHALLENGE, SPAN_NONE);
        issuer.api.rates = rate_limit_new(1, 2);
        for (int i = 0; i < 3; i++) {
                struct httpd_response r = fake_response();
                expect_ok(challenge_get(&issuer.api, &q, &r));
                if (i < 2) {
                        assert_int_equal(r.status, 200);
                } else {
                        expect_refusal(&r, 429, "RATE_LIMITED", "third");
                        assert_int_equal(r.retry_after_s, 1);
                }
                buf_clear(&r.body);
        }
        rate_limit_free(issuer.api.rates);
        issuer.api.rates = usual;
}

/* ---- set-up ---- */

static int set_up(void **state UNUSED)
{
        log_set_level(LOG_ERROR);
        fake_issuer_start(&issuer);
        fake_issuer_enrolled(&issuer, CLUSTER_NODE);
        return 0;
}

static int tear_down(void **state UNUSED)
{
        fake_issuer_stop(&issuer);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pods_get_credentials_and_records),
                cmocka_unit_test(one_thing_wrong_refuses_the_request),
                cmocka_unit_test(stale_policy_brings_the_new_slots),
                cmocka_unit_test(one_pods_fault_is_its_own),
                cmocka_unit_test(a_request_is_good_once),
                cmocka_unit_test(unknown_keys_are_told_to_enrol),
                cmocka_unit_test(too_many_requests_are_told_to_wait),
                cmocka_unit_test(a_root_that_is_not_configured_any_more),
                cmocka_unit_test(profiles_of_other_kinds_are_refused),
                cmocka_unit_test(what_was_recorded_and_not_signed_is_taken_back),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
