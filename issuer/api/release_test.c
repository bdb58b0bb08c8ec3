/* The release of a stored key, with one thing wrong at a time behind valid signatures. */
#include "issuer/api/release.h"

#include "issuer/api/keys.h"
#include "issuer/keystore/credential.h"
#include "tests/fakes/credential_attempt.h"
#include "tests/fakes/sql.h"

#define OWN   "spiffe://demo.example/ns/payroll/sa/app"
#define OTHER "spiffe://demo.example/ns/payroll/sa/web"

#define HEAD(kind, name, owner)                                                                                        \
        "---\napiVersion: vouchsafe.dev/v1\nkind: " kind "\nmetadata: {name: " name ", owner: " owner "}\nspec: "
#define STORED(name, key)                                                                                              \
        HEAD("Profile", name, "a")                                                                                     \
        "{mechanism: key-release, slots: [{name: x509, type: x509, algorithms: [p256], ttl: 10m, key: " key "}]}\n"
#define GRANTED(name, profiles, account, id)                                                                           \
        HEAD("Workload", name, "team")                                                                                 \
        "{profiles: [" profiles "], k8s-grants: true, match: {all: [{in_set: nodes}, {k8s.service-account: " account   \
        "}]}, identity: \"" id "\"}\n"
#define RELEASED(name, owner, keys, match)                                                                             \
        HEAD("KeyRelease", name, owner)                                                                                \
        "{keys: [" keys "], k8s-grants: true, match: {all: [{in_set: nodes}, " match "]}}\n"

static const char documents[] = STORED("stored", "api") STORED("of-web", "webs") STORED("of-mallory", "foreign")
        STORED("unreleased", "lonely") STORED("large", "big")
                GRANTED("stored-app", "stored, of-web, of-mallory, unreleased, large", "app", OWN)
                        GRANTED("stored-web", "of-web", "web", OTHER)
                                RELEASED("api", "team", "api, webs, big", "{k8s.pod: {prefix: app-}}")
                                        RELEASED("foreign", "mallory", "foreign", "{k8s.pod: {prefix: app-}}");

static void make_key(const char *name, const char *identity, const char *algorithm)
{
        AUTO(stored_key) struct stored_key *k = NULL;
        const struct key_order o = {name, "team", identity, algorithm, NULL};
        expect_ok(keystore_create(issuer.api.keystore, &o, clock_wall(&issuer.time.clock), &k));
}

static int set_up_keys(void **state)
{
        AUTO(buf) struct buf text = BUF(1 << 16);
        assert_int_equal(set_up(state), 0);
        expect_ok(file_read(issuer.policies[0], &text));
        expect_ok(buf_append_str(&text, documents));
        fake_issuer_write(&issuer, "policy.yaml", buf_span(&text));
        expect_ok(policy_holder_reload(issuer.api.holder));
        make_key("api", OWN, "p256");
        make_key("webs", OTHER, "p256");
        make_key("foreign", OWN, "p256");
        make_key("lonely", OWN, "p256");
        make_key("big", OWN, "p384");
        return 0;
}

static void ask_for(struct attempt *a, const char *profile, const char *key)
{
        static char path[160];
        (void) snprintf(path, sizeof path, PATH_KEYS "/%s" PATH_RELEASE_TAIL, key);
        a->stored_key = key;
        a->q.path = path;
        set_text(&a->r.pods[0].profile, profile);
}

/* ---- what is released ---- */

static void expect_opens(const struct attempt *a, const struct release_reply *reply)
{
        const struct jwe_parties parties = {.producer = SPAN(ISSUER_AUDIENCE), .recipient = buf_span(&a->r.nonce)};
        const struct jwe_parties others = {.producer = SPAN(ISSUER_AUDIENCE), .recipient = SPAN("another nonce")};
        AUTO(secret) struct secret *pem = NULL, *none = NULL;
        AUTO(key) struct key *released = NULL, *stranger = NULL;
        AUTO(cert) struct cert *leaf = NULL;
        expect_ok(jwe_open(a->keys[0], &parties, span_str(reply->jwe), &pem));
        expect_ok(key_from_pem_private(secret_span(pem), &released));
        expect_ok(cert_from_der(buf_span(&reply->credential.chain[0]), &leaf));
        assert_true(span_eq(key_spki(released), key_spki(cert_key(leaf))));
        assert_string_equal(cert_uri(leaf, 0), OWN);
        expect_ok(key_generate(KEY_P256, &stranger));
        expect_fault(jwe_open(stranger, &parties, span_str(reply->jwe), &none), FAULT_UNAUTHENTICATED, "jwe.key");
        AUTO(fault) struct fault *other_nonce = jwe_open(a->keys[0], &others, span_str(reply->jwe), &none);
        assert_non_null(other_nonce);
}

static void a_key_is_released_to_its_workload(void **state UNUSED)
{
        struct attempt a;
        AUTO(release_reply) struct release_reply reply = {0};
        AUTO(json) struct json *found = NULL;
        begin(&a);
        ask_for(&a, "stored", "api");
        uint64_t before = ledger_records(issuer.api.ledger);
        send_changed(&a, NULL, NULL, NULL, NULL);
        assert_int_equal(a.response.status, 200);
        expect_ok(release_reply_read(buf_span(&a.response.body), &reply));
        assert_string_equal(reply.key, "api");
        assert_int_equal(reply.version, 1);
        expect_opens(&a, &reply);
        assert_int_equal(ledger_records(issuer.api.ledger), before + 2); /* its certificate, and its release */
        expect_ok(ledger_find(issuer.api.ledger, reply.credential.record, &found));
        const struct json *record = json_get(found, "record");
        assert_true(span_eq_str(text_at(record, "decision", NULL), "released"));
        assert_true(span_eq_str(text_at(record, "mechanism", NULL), "key-release"));
        assert_true(span_eq_str(text_at(record, "key", "name"), "api"));
        assert_true(span_eq_str(text_at(record, "identity", NULL), OWN));
        int64_t life_s = reply.credential.not_after_unix_s - wall_unix_s(clock_wall(&issuer.time.clock));
        assert_true(life_s <= 600 && life_s > 590); /* the slot's ttl */

        /* the same nonce and bytes again */
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX);
        expect_ok(write_r(&a, &r));
        write_body(&a, buf_span(&r), &body);
        buf_clear(&a.response.body);
        a.response = fake_response();
        post(&a, buf_span(&body));
        expect_refusal(&a.response, 409, "nonce.replayed", "again");
        end(&a);
}

static void versions_are_the_askers_choice(void **state UNUSED)
{
        AUTO(stored_key) struct stored_key *rotated = NULL;
        make_key("turning", OWN, "p256"); /* no profile has it: the one that is rotated is api */
        expect_ok(keystore_rotate(issuer.api.keystore, "api", NULL, clock_wall(&issuer.time.clock), &rotated));
        static const struct {
                uint32_t asked, got;
        } rows[] = {{0, 2}, {1, 1}, {2, 2}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct attempt a;
                AUTO(release_reply) struct release_reply reply = {0};
                begin(&a);
                ask_for(&a, "stored", "api");
                a.stored_version = rows[i].asked;
                send_changed(&a, NULL, NULL, NULL, NULL);
                expect_ok(release_reply_read(buf_span(&a.response.body), &reply));
                assert_int_equal(reply.version, rows[i].got);
                expect_opens(&a, &reply);
                end(&a);
        }
}

/* A certificate is made anew when half of its life is over, and not before. */
static void certificates_are_made_ahead(void **state UNUSED)
{
        AUTO(stored_key) struct stored_key *k = NULL;
        AUTO(ruleset) struct ruleset *rules = policy_holder_get(issuer.api.holder);
        char first[KEY_SERIAL_MAX];
        expect_ok(store_find_key(issuer.api.store, "lonely", &k));
        struct key_version *v = keystore_version(k, 0);
        assert_true(credential_is_due(v, clock_wall(&issuer.time.clock)));
        expect_ok(keys_certify(&issuer.api, rules->policy, k, v));
        memcpy(first, v->serial, sizeof first);
        expect_ok(keys_certify(&issuer.api, rules->policy, k, v));
        assert_string_equal(v->serial, first);
        int64_t middle_s = v->not_before_unix_s + (v->not_after_unix_s - v->not_before_unix_s) / 2;
        assert_false(credential_is_due(v, wall_from_unix_s(middle_s - 1)));
        assert_true(credential_is_due(v, wall_from_unix_s(middle_s)));
        assert_true(credential_is_due(v, wall_from_unix_s(v->not_before_unix_s - 1)));
}

/* ---- refusals ---- */

static void other_path(struct attempt *a)
{
        a->q.path = PATH_KEYS "/lonely" PATH_RELEASE_TAIL;
}
static void issue_purpose(struct attempt *a)
{
        a->quoted.purpose = BINDING_ISSUE;
}
static void to_default(struct attempt *a)
{
        set_text(&a->r.pods[0].profile, "default");
}
static void no_such_version(struct attempt *a)
{
        a->stored_version = 9;
}
static void other_pod(struct attempt *a)
{
        a->tokens[0].pod = "web-0";
        set_text(&a->r.pods[0].node.name, "web-0");
}
static void torn_row(struct attempt *a UNUSED)
{
        AUTO_STRING char *database = alloc_printf("%s/ledger.db", issuer.folder);
        sql_exec(database, "UPDATE key_versions SET sealed = zeroblob(length(sealed)) "
                           "WHERE key = (SELECT id FROM stored_keys WHERE name = 'api')");
}

static void refusals(void **state UNUSED)
{
        static const struct {
                const char *name, *profile, *key;
                change before, after, quoted, quote;
                int status;
                const char *check;
                uint64_t records; /* that it leaves */
        } rows[] = {
                {"for another issuer", "stored", "api", other_audience, NULL, NULL, NULL, 403, "audience", 0},
                {"slots of an older policy", "stored", "api", other_policy, NULL, NULL, NULL, 409, "stale_policy", 0},
                {"nonce changed", "stored", "api", changed_nonce, NULL, NULL, NULL, 401, "nonce.foreign", 0},
                {"no client certificate", "stored", "api", no_client_key, NULL, NULL, NULL, 401, "binding.client_key",
                 0},
                {"no exporter", "stored", "api", no_exporter, NULL, NULL, NULL, 401, "binding.exporter", 0},
                {"proof corrupted", "stored", "api", NULL, corrupt_proof, NULL, NULL, 403, "pop", 0},
                {"wrapping key swapped", "stored", "api", NULL, swapped_key, NULL, NULL, 403, "pop", 0},
                {"wrapping key cut", "stored", "api", NULL, no_key, NULL, NULL, 400, "KEY_ENCODING", 0},
                {"wrapping key on another curve", "stored", "api", wrong_algorithm, NULL, NULL, NULL, 403,
                 "release.wrap", 0},
                {"path of another key", "stored", "api", other_path, NULL, NULL, NULL, 403, "release.path", 0},
                {"no evidence", "stored", "api", no_evidence, NULL, NULL, NULL, 400, "evidence.missing", 0},
                {"quoted to be issued", "stored", "api", NULL, NULL, issue_purpose, NULL, 403, "tpm.extra_data", 0},
                {"quoted on another connection", "stored", "api", NULL, NULL, other_exporter, NULL, 403,
                 "tpm.extra_data", 0},
                {"quoted for another request", "stored", "api", NULL, NULL, other_request, NULL, 403, "tpm.extra_data",
                 0},
                {"signature of the quote", "stored", "api", NULL, NULL, NULL, bad_signature, 403, "tpm.signature", 0},
                {"no such profile", "nosuch", "api", NULL, NULL, NULL, NULL, 403, "policy.no_profile", 1},
                {"a profile that is issued", "stored", "api", to_default, NULL, NULL, NULL, 403, "profile.mechanism",
                 1},
                {"no such slot", "stored", "api", unknown_slot, NULL, NULL, NULL, 403, "slots.unknown", 1},
                {"no token", "stored", "api", no_token, NULL, NULL, NULL, 403, "policy.no_match", 1},
                {"token of another pod", "stored", "api", other_pods_token, NULL, NULL, NULL, 403, "k8s.pod", 1},
                {"no such key", "stored", "nosuch", NULL, NULL, NULL, NULL, 403, "release.key", 1},
                {"a key of another identity", "of-web", "webs", NULL, NULL, NULL, NULL, 403, "release.identity", 1},
                {"the slot is for another key", "stored", "lonely", NULL, NULL, NULL, NULL, 403, "release.slot", 1},
                {"no KeyRelease", "unreleased", "lonely", NULL, NULL, NULL, NULL, 403, "release.no_policy", 1},
                {"a KeyRelease of somebody else", "of-mallory", "foreign", NULL, NULL, NULL, NULL, 403, "release.owner",
                 1},
                {"what the owner demands", "stored", "api", other_pod, NULL, NULL, NULL, 403, "release/api", 1},
                {"a key of another algorithm", "large", "big", NULL, NULL, NULL, NULL, 403, "slot.algorithm", 1},
                {"no such version", "stored", "api", no_such_version, NULL, NULL, NULL, 403, "release.version", 1},
                {"a row that was changed", "stored", "api", torn_row, NULL, NULL, NULL, 500, "keystore.corrupt", 1},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct attempt a;
                begin(&a);
                ask_for(&a, rows[i].profile, rows[i].key);
                uint64_t before = ledger_records(issuer.api.ledger);
                send_changed(&a, rows[i].before, rows[i].after, rows[i].quoted, rows[i].quote);
                expect_refusal(&a.response, rows[i].status, rows[i].check, rows[i].name);
                if (ledger_records(issuer.api.ledger) != before + rows[i].records)
                        fail_msg("%s: %d records", rows[i].name, (int) (ledger_records(issuer.api.ledger) - before));
                end(&a);
        }
}

static void an_issuer_without_a_key_store_says_so(void **state UNUSED)
{
        struct attempt a;
        begin(&a);
        ask_for(&a, "stored", "api");
        struct keystore *kept = TAKE(issuer.api.keystore);
        send_changed(&a, NULL, NULL, NULL, NULL);
        issuer.api.keystore = kept;
        expect_refusal(&a.response, 501, "keystore.off", "no Key store");
        end(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_key_is_released_to_its_workload),
                cmocka_unit_test(versions_are_the_askers_choice),
                cmocka_unit_test(certificates_are_made_ahead),
                cmocka_unit_test(an_issuer_without_a_key_store_says_so),
                cmocka_unit_test(refusals), /* last: it tears a row */
        };
        return cmocka_run_group_tests(tests, set_up_keys, tear_down);
}
