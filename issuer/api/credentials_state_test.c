/* Credential requests and what the issuer remembers: nonces, enrolled keys, rates, records. */
#include <signal.h>

#include "tests/fakes/credential_attempt.h"
#include "tests/fakes/sql.h"

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
                        (void) snprintf(profile->slots[0].type, sizeof profile->slots[0].type, "key");
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_request_is_good_once),
                cmocka_unit_test(unknown_keys_are_told_to_enrol),
                cmocka_unit_test(too_many_requests_are_told_to_wait),
                cmocka_unit_test(a_root_that_is_not_configured_any_more),
                cmocka_unit_test(profiles_of_other_kinds_are_refused),
                cmocka_unit_test(what_was_recorded_and_not_signed_is_taken_back),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
