/* What the verifier's key signs, and what it does not: a signer that is asked for anything but its own verifier's results of this moment. */
#include "issuer/authority/result_key.h"

#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/model/ear.h"
#include "tests/fakes/folder.h"
#include "tests/fakes/jwk_set.h"

#define VERIFIER "https://v.example"

static char folder[64];

static struct result_key *load(void)
{
        AUTO_STRING char *path = alloc_printf("%s/verifier.key", folder);
        struct result_key *k = NULL;
        bool made = true;
        expect_ok(result_key_make_file(path, NULL));
        expect_ok(result_key_make_file(path, &made)); /* it stays */
        assert_false(made);
        expect_ok(result_key_load(path, VERIFIER, &k));
        expect_ok(result_key_rehearse(k));
        return k;
}

static struct json *claims_of(const char *verifier)
{
        static const uint8_t keys[1][SHA256_LEN] = {{1}};
        AUTO(key) struct key *holder = test_key(KEY_P256);
        AUTO(attestation_result) struct attestation_result r = {.kind = EVIDENCE_SEV_SNP, .status = EAR_AFFIRMING};
        struct json *claims = NULL;
        r.vector.hardware = TRUST_GENUINE_HARDWARE;
        facts_set_text(&r.facts, "evidence.kind", ORIGIN_VERIFIER, span_str(r.kind));
        facts_set_flag(&r.facts, "evidence.insecure-development", ORIGIN_VERIFIER, false);
        facts_set_text(&r.facts, "verifier.concerns", ORIGIN_VERIFIER, SPAN(""));
        facts_set_text(&r.facts, "verifier.status", ORIGIN_VERIFIER, SPAN("affirming"));
        const struct ear_order o = {.verifier = verifier,
                                    .build = "1",
                                    .id = "7",
                                    .audience = "https://i.example",
                                    .nonce = SPAN("0123456789abcdef"),
                                    .holder = holder,
                                    .key_count = 1,
                                    .keys = keys,
                                    .issued_unix_s = TEST_NOW_S,
                                    .expires_unix_s = TEST_NOW_S + 300,
                                    .result = &r};
        expect_ok(ear_claims(&o, &claims));
        return claims;
}

static struct fault *sign(const struct result_key *k, const struct json *claims, int64_t now_s, struct buf *ret)
{
        AUTO(buf) struct buf text = BUF(EAR_MAX);
        expect_ok(json_write(claims, &text));
        return result_key_sign(k, buf_span(&text), wall_from_unix_s(now_s), ret);
}

static void results_of_this_verifier_now(void **state UNUSED)
{
        AUTO(result_key) struct result_key *k = load();
        AUTO_STRING char *path = alloc_printf("%s/verifier.key.jwks", folder);
        AUTO(buf) struct buf token = BUF(0), text = BUF(4096);
        AUTO(json) struct json *claims = claims_of(VERIFIER);
        AUTO(jwk_set) struct jwk_set *keys = NULL;
        AUTO(ear) struct ear e = {0};
        expect_ok(sign(k, claims, TEST_NOW_S, &token));
        expect_ok(file_read(path, &text));
        expect_ok(jwk_set_parse(buf_span(&text), &keys));
        const struct ear_verifier trusted = {VERIFIER, keys};
        const struct ear_rules rules = {
                .verifiers = &trusted, .verifier_count = 1, .audience = "https://i.example", .now = TEST_NOW};
        expect_ok(ear_verify(buf_span(&token), &rules, &e));
        assert_string_equal(e.id, "7");
}

static void change_issuer(struct json *j)
{
        json_set_text(j, "iss", "https://other.example");
}
static void drop_binding(struct json *j)
{
        json_set(j, "cnf", json_new_object());
}
static void as_identity(struct json *j)
{
        json_set_text(j, "eat_profile", "wit");
}
static void unchanged(struct json *j UNUSED)
{
}

static void nothing_else_is_signed(void **state UNUSED)
{
        static const struct {
                const char *name;
                void (*change)(struct json *j);
                int64_t now_s;
        } rows[] = {
                {"another verifier's", change_issuer, TEST_NOW_S},
                {"bound to nobody", drop_binding, TEST_NOW_S},
                {"of another profile", as_identity, TEST_NOW_S},
                {"of before", unchanged, TEST_NOW_S + RESULT_CLOCK_S + 1},
                {"of later", unchanged, TEST_NOW_S - RESULT_CLOCK_S - 1},
        };
        AUTO(result_key) struct result_key *k = load();
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = BUF(0);
                AUTO(json) struct json *claims = claims_of(VERIFIER);
                rows[i].change(claims);
                expect_fault_row(sign(k, claims, rows[i].now_s, &token), FAULT_DENIED, "authority.result",
                                 rows[i].name);
        }
        AUTO(buf) struct buf token = BUF(0), large = BUF(RESULT_CLAIMS_MAX + 1);
        while (large.len <= RESULT_CLAIMS_MAX)
                expect_ok(buf_append_str(&large, " "));
        expect_fault(result_key_sign(k, buf_span(&large), TEST_NOW, &token), FAULT_DENIED, "authority.result");
        expect_fault(result_key_sign(k, SPAN("no JSON"), TEST_NOW, &token), FAULT_DENIED, "authority.result");
}

static void files(void **state UNUSED)
{
        AUTO_STRING char *path = alloc_printf("%s/verifier.key", folder), *none = alloc_printf("%s/none", folder);
        AUTO(result_key) struct result_key *k = NULL;
        expect_fault(result_key_load(none, VERIFIER, &k), FAULT_PRECONDITION, "NO_FILE");
        assert_int_equal(chmod(path, 0604), 0);
        expect_fault(result_key_load(path, VERIFIER, &k), FAULT_PRECONDITION, "RESULT_KEY_MODE");
        assert_int_equal(chmod(path, 0600), 0);
        expect_fault(result_key_make_file("/nowhere/at/all", NULL), FAULT_PRECONDITION, "NO_FILE");
}

static int set_up(void **state UNUSED)
{
        (void) snprintf(folder, sizeof folder, "/tmp/result-key-XXXXXX");
        return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
        return folder_remove(folder) ? 0 : -1;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(results_of_this_verifier_now),
                cmocka_unit_test(nothing_else_is_signed),
                cmocka_unit_test(files),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
