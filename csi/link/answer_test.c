/* Answers that are nearly whole: what the volumes are never given. */
#include "csi/link/answer.h"

#include "tests/fakes/expect.h"

typedef Vouchsafe__Attester__V1__Acquired acquired_t;
typedef Vouchsafe__Attester__V1__Credential credential_t;
typedef Vouchsafe__Attester__V1__Bundle bundle_t;
typedef Vouchsafe__Attester__V1__Problem problem_t;

static uint8_t text[] = "-----BEGIN-----\n";
static uint8_t zeros[256 * 1024 + 1];

static ProtobufCBinaryData bytes(void *data, size_t len)
{
        return (ProtobufCBinaryData){len, data};
}

/* A whole answer with ACQUIRED_MAX + 1 credentials to choose from. */
struct whole {
        acquired_t acquired;
        bundle_t bundle;
        credential_t credentials[ACQUIRED_MAX + 1];
        credential_t *pointers[ACQUIRED_MAX + 1];
};

static void make_whole(struct whole *w)
{
        w->bundle = (bundle_t) VOUCHSAFE__ATTESTER__V1__BUNDLE__INIT;
        w->bundle.sequence = 7;
        w->bundle.refresh_hint_s = 300;
        w->bundle.roots_pem = bytes(text, sizeof text - 1);
        w->bundle.json = bytes(text, sizeof text - 1);
        for (size_t i = 0; i < COUNT_OF(w->credentials); i++) {
                credential_t *c = &w->credentials[i];
                *c = (credential_t) VOUCHSAFE__ATTESTER__V1__CREDENTIAL__INIT;
                c->slot = (char *) "x509";
                c->type = (char *) "x509";
                c->identity = (char *) "spiffe://demo.example/a";
                c->serial = (char *) "0a";
                c->record = (char *) "r1";
                c->private_key_pem = bytes(text, sizeof text - 1);
                c->chain_pem = bytes(text, sizeof text - 1);
                c->issued_unix_s = 100;
                c->not_before_unix_s = 70;
                c->not_after_unix_s = 700;
                w->pointers[i] = c;
        }
        w->acquired = (acquired_t) VOUCHSAFE__ATTESTER__V1__ACQUIRED__INIT;
        w->acquired.n_credentials = 1;
        w->acquired.credentials = w->pointers;
        w->acquired.bundle = &w->bundle;
        w->acquired.evidence_kind = (char *) "tpm";
        w->acquired.policy = (char *) "sha256:1";
        w->acquired.insecure_development = true;
}

static void whole_answer_is_taken(void **state UNUSED)
{
        struct whole w;
        AUTO(acquired) struct acquired a = {0};
        make_whole(&w);
        w.acquired.n_credentials = ACQUIRED_MAX;
        w.credentials[1].token = (char *) "a.b.c";
        w.credentials[1].private_key_jwk = bytes(text, sizeof text - 1);
        expect_ok(answer_to_acquired(&w.acquired, &a));
        assert_int_equal(a.count, ACQUIRED_MAX);
        assert_string_equal(a.credentials[0].identity, "spiffe://demo.example/a");
        assert_null(a.credentials[0].token);
        assert_string_equal(a.credentials[1].token, "a.b.c");
        assert_null(a.credentials[0].private_key_jwk);
        assert_true(secret_eq(a.credentials[1].private_key_jwk, span_make(text, sizeof text - 1)));
        assert_true(secret_eq(a.credentials[0].private_key_pem, span_make(text, sizeof text - 1)));
        assert_int_equal(a.credentials[0].not_after_unix_s, 700);
        assert_int_equal(a.bundle.sequence, 7);
        assert_string_equal(a.evidence_kind, "tpm");
        assert_true(a.insecure_development);
}

static void no_credential(struct whole *w)
{
        w->acquired.n_credentials = 0;
}
static void too_many(struct whole *w)
{
        w->acquired.n_credentials = ACQUIRED_MAX + 1;
}
static void no_key(struct whole *w)
{
        w->credentials[0].private_key_pem = bytes(NULL, 0);
}
static void key_too_long(struct whole *w)
{
        w->credentials[0].private_key_pem = bytes(zeros, SECRET_MAX + 1);
}
static void jwk_too_long(struct whole *w)
{
        w->credentials[0].private_key_jwk = bytes(zeros, SECRET_MAX + 1);
}
static void nothing_issued(struct whole *w)
{
        w->credentials[0].chain_pem = bytes(NULL, 0);
}
static void chain_too_long(struct whole *w)
{
        w->credentials[0].chain_pem = bytes(zeros, 64 * 1024 + 1);
}
static void no_life(struct whole *w)
{
        w->credentials[0].not_after_unix_s = w->credentials[0].issued_unix_s;
}
static void second_is_not_whole(struct whole *w)
{
        w->acquired.n_credentials = 2;
        w->credentials[1].private_key_pem = bytes(NULL, 0);
}
static void no_bundle(struct whole *w)
{
        w->acquired.bundle = NULL;
}
static void bundle_without_roots(struct whole *w)
{
        w->bundle.roots_pem = bytes(NULL, 0);
}
static void bundle_without_document(struct whole *w)
{
        w->bundle.json = bytes(NULL, 0);
}
static void bundle_too_long(struct whole *w)
{
        w->bundle.json = bytes(zeros, 256 * 1024 + 1);
}

static void what_is_not_whole_is_refused(void **state UNUSED)
{
        static const struct {
                const char *name;
                void (*change)(struct whole *w);
                enum fault_code code;
                const char *token;
        } rows[] = {
                {"no credential", no_credential, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"one credential too many", too_many, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"no key", no_key, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"key longer than a secret", key_too_long, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"a key as JWK that is too long", jwk_too_long, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"neither certificate nor token", nothing_issued, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"chain a byte too long", chain_too_long, FAULT_EXHAUSTED, "TOO_LARGE"},
                {"ends when it was issued", no_life, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"second credential without key", second_is_not_whole, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"no bundle", no_bundle, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"bundle without roots", bundle_without_roots, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"bundle without document", bundle_without_document, FAULT_INTERNAL, "ATTESTER_ANSWER"},
                {"bundle a byte too long", bundle_too_long, FAULT_EXHAUSTED, "TOO_LARGE"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct whole w;
                struct acquired a = {0};
                make_whole(&w);
                rows[i].change(&w);
                expect_fault_row(answer_to_acquired(&w.acquired, &a), rows[i].code, rows[i].token, rows[i].name);
                assert_int_equal(a.count, 0);
        }
}

static void problems_keep_their_code(void **state UNUSED)
{
        static const struct {
                const char *name, *token, *wanted_token;
                uint32_t code;
                enum fault_code wanted;
        } rows[] = {
                {"denied", "tpm.pcr", "tpm.pcr", 7, FAULT_DENIED},
                {"first code", "CANCELLED", "CANCELLED", 1, FAULT_CANCELLED},
                {"last code", "x", "x", 16, FAULT_UNAUTHENTICATED},
                {"no code", "x", "x", 0, FAULT_UNKNOWN},
                {"a code past the last", "x", "x", 17, FAULT_UNKNOWN},
                {"a token that is none", "a token", "PEER_TOKEN", 14, FAULT_UNAVAILABLE},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                problem_t p = VOUCHSAFE__ATTESTER__V1__PROBLEM__INIT;
                p.code = rows[i].code;
                p.token = (char *) rows[i].token;
                p.text = (char *) "100%s of it";
                p.retry_after_ms = 1500;
                struct fault *f = answer_to_fault(&p);
                assert_string_equal(fault_text(f), "100%s of it");
                assert_int_equal(fault_retry_after_ms(f), 1500);
                expect_fault_row(f, rows[i].wanted, rows[i].wanted_token, rows[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_answer_is_taken),
                cmocka_unit_test(what_is_not_whole_is_refused),
                cmocka_unit_test(problems_keep_their_code),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
