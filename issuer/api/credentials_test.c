/* The whole way of a credential request through the issuer, with one thing wrong at a time. */
#include "tests/fakes/credential_attempt.h"

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
        assert_int_equal(reply.bundle_sequence, bundle_holder_sequence(issuer.api.bundle));
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
        assert_int_equal(json_count(json_get(j, "profiles")), 3);
        assert_true(span_starts_with(json_text(json_get(j, "policy")), SPAN("sha256:")));
        end(&a);
}

/* ---- refusals of one pod ---- */

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pods_get_credentials_and_records),
                cmocka_unit_test(one_thing_wrong_refuses_the_request),
                cmocka_unit_test(stale_policy_brings_the_new_slots),
                cmocka_unit_test(one_pods_fault_is_its_own),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
