/* Workload Identity Tokens beside certificates of several kinds, from one quote. */
#include "lib/model/wit.h"
#include "tests/fakes/credential_attempt.h"

#define SLOTS 3

/* A key for each slot, unlike the other tests' one for a pod. */
static struct key *keys[SLOTS];

static void add_credential(struct attempt *a, const char *slot, enum key_kind kind)
{
        struct pod_request *pod = &a->r.pods[0];
        struct credential_request *c = &pod->credentials[pod->credential_count];
        struct key **key = &keys[pod->credential_count++];
        c->slot = alloc_string(slot);
        c->spki = BUF(SPKI_MAX);
        c->pop = BUF(SIGNATURE_MAX);
        key_free(*key);
        expect_ok(key_generate(kind, key));
        expect_ok(buf_append(&c->spki, key_spki(*key)));
        expect_ok(pop_sign(*key, buf_span(&a->r.nonce), SPAN(ISSUER_AUDIENCE), &c->pop));
}

static enum key_kind kind_of_wit;
static const char *slot_of_wit;

/* Runs after `prove`, which knows of one key a pod: its credential is taken out again. */
static void all_slots(struct attempt *a)
{
        struct pod_request *pod = &a->r.pods[0];
        free(pod->credentials[0].slot);
        buf_clear(&pod->credentials[0].spki);
        buf_clear(&pod->credentials[0].pop);
        pod->credential_count = 0;
        set_text(&pod->profile, "tokens");
        add_credential(a, "x509", KEY_P384);
        add_credential(a, slot_of_wit, kind_of_wit);
        add_credential(a, "rsa", KEY_RSA);
}

static void ask_as(const char *account, enum key_kind kind, const char *slot, struct issue_reply *ret)
{
        struct attempt a;
        kind_of_wit = kind;
        slot_of_wit = slot;
        begin(&a);
        a.tokens[0].service_account = account;
        set_text(&a.r.pods[0].node.service_account, account);
        send_changed(&a, NULL, all_slots, NULL, NULL);
        assert_int_equal(a.response.status, 200);
        expect_ok(issue_reply_read(buf_span(&a.response.body), ret));
        end(&a);
}

static void ask(enum key_kind kind, const char *slot, struct issue_reply *ret)
{
        ask_as("app", kind, slot, ret);
}

static void expect_token(const struct issued_credential *c)
{
        AUTO(json) struct json *published = NULL, *set = json_new_object();
        AUTO(buf) struct buf text = BUF(65536), claims = BUF(4096);
        AUTO(jwk_set) struct jwk_set *token_keys = NULL;
        AUTO(wit) struct wit w = {0};
        int64_t until_s = 0;
        expect_ok(authority_token_keys(issuer.api.authority, &published, &until_s));
        json_set(set, "keys", TAKE(published));
        expect_ok(json_write(set, &text));
        expect_ok(jwk_set_parse_use(buf_span(&text), WIT_USE, &token_keys));
        const struct wit_rules rules = {"demo.example", clock_wall(&clock_system), 5};
        expect_ok(wit_verify(span_str(c->token), token_keys, &rules, &w));
        assert_string_equal(w.subject, "spiffe://demo.example/ns/payroll/sa/app");
        assert_string_equal(w.subject, c->identity);
        assert_true(span_eq(key_spki(w.key), key_spki(keys[1])));
        assert_int_equal(w.expires_unix_s, c->not_after_unix_s);
        assert_int_equal(w.not_before_unix_s, c->not_before_unix_s);
        expect_ok(json_write(w.claims, &claims));
        assert_string_equal(buf_str(&claims), "{\"demo.example/app\":\"Payroll\",\"demo.example/tier\":2}");

        AUTO(json) struct json *found = NULL;
        expect_ok(ledger_find(issuer.api.ledger, w.id, &found)); /* by its jti */
        assert_true(span_eq_str(json_text(json_get(found, "id")), c->record));
}

static void one_quote_three_credentials(void **state UNUSED)
{
        AUTO(issue_reply) struct issue_reply reply = {0};
        uint64_t records = ledger_records(issuer.api.ledger);
        ask(KEY_P256, "wit", &reply);
        assert_int_equal(reply.result_count, 1);
        const struct pod_result *r = &reply.results[0];
        if (r->problem != NULL)
                fail_msg("%s: %s", fault_token(r->problem), fault_text(r->problem));
        assert_int_equal(ledger_records(issuer.api.ledger), records + 1);
        assert_int_equal(r->credential_count, SLOTS);
        static const char *const ids[] = {"spiffe://demo.example/ns/payroll/sa/app", NULL,
                                          "spiffe://demo.example/app/inner"};
        static const char *const types[] = {"x509", "wit", "x509"};
        for (size_t i = 0; i < SLOTS; i++) {
                assert_string_equal(r->credentials[i].type, types[i]);
                assert_string_equal(r->credentials[i].record, r->credentials[0].record);
                if (i == 1)
                        continue;
                AUTO(cert) struct cert *leaf = NULL;
                expect_ok(cert_from_der(buf_span(&r->credentials[i].chain[0]), &leaf));
                assert_true(span_eq(key_spki(cert_key(leaf)), key_spki(keys[i])));
                assert_string_equal(cert_uri(leaf, 0), ids[i]);
                assert_string_equal(r->credentials[i].identity, ids[i]);
        }
        expect_token(&r->credentials[1]);

        AUTO(json) struct json *found = NULL;
        expect_ok(ledger_find(issuer.api.ledger, r->credentials[0].record, &found));
        const struct json *credentials = json_get(json_get(found, "record"), "credentials");
        assert_null(json_get(json_at(credentials, 0), "identity"));
        assert_true(span_eq_str(json_text(json_get(json_at(credentials, 2), "identity")), ids[2]));
}

static void expect_problem(enum key_kind kind, const char *slot, const char *token)
{
        AUTO(issue_reply) struct issue_reply reply = {0};
        ask(kind, slot, &reply);
        assert_non_null(reply.results[0].problem);
        assert_string_equal(fault_token(reply.results[0].problem), token);
}

static void refused(void **state UNUSED)
{
        expect_problem(KEY_P384, "wit", "slot.algorithm");
        expect_problem(KEY_P256, "token", "slots.unknown");

        AUTO(issue_reply) struct issue_reply reply = {0};
        ask_as("long", KEY_P256, "wit", &reply);
        assert_non_null(reply.results[0].problem);
        assert_string_equal(fault_token(reply.results[0].problem), "claims.size");
}

static int clear_keys(void **state)
{
        for (size_t i = 0; i < SLOTS; i++)
                key_free(keys[i]);
        return tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_quote_three_credentials),
                cmocka_unit_test(refused),
        };
        return cmocka_run_group_tests(tests, set_up, clear_keys);
}
