/* Tokens under a platform key of our own, each with one thing wrong; the recorded one is in tests/flow/test_appraise.py. */
#include "issuer/verifier/cca/cca.h"

#include "lib/crypt/jwt.h"
#include "lib/model/names.h"

#include "tests/fakes/cca_pki.h"
#include "tests/fakes/expect.h"

static const struct wall now = {1795456800000};
static struct key *platform_key, *realm_key, *other_key;
static struct buf cpak, cpaks;

static int make_keys(void **state UNUSED)
{
        expect_ok(key_generate(KEY_P384, &platform_key));
        expect_ok(key_generate(KEY_P384, &realm_key));
        expect_ok(key_generate(KEY_P384, &other_key));
        cpak = BUF(4096);
        cpaks = BUF(4096);
        struct json *j = jwk_from_key(platform_key), *set = json_new_object(), *keys = json_new_array();
        expect_ok(json_write(j, &cpak));
        json_push(keys, jwk_from_key(other_key));
        json_push(keys, j);
        json_set(set, "keys", keys);
        expect_ok(json_write(set, &cpaks));
        json_free(set);
        return 0;
}

static int free_keys(void **state UNUSED)
{
        key_free(platform_key);
        key_free(realm_key);
        key_free(other_key);
        buf_clear(&cpak);
        buf_clear(&cpaks);
        return 0;
}

static struct fault *appraise(const struct cca_pki_token *t, const char *part, struct span keys, struct span challenge,
                              struct attestation_result *r)
{
        AUTO(buf) struct buf token = BUF(65536);
        cca_pki_sign(t, &token);
        struct appraisal in = {
                .kind = EVIDENCE_CCA, .evidence = buf_span(&token), .now = now, .report_data = challenge};
        if (part != NULL)
                expect_ok(appraisal_add_part(&in, part, keys));
        return verifier_appraise(&in, r);
}

static void sound_tokens_become_facts(void **state UNUSED)
{
        for (unsigned i = 0; i < 4; i++) {
                struct cca_pki_token t = cca_pki_token(platform_key, realm_key);
                t.old_key_form = i % 2 == 1;
                if (i == 2)
                        t.realm.public_key_hash_alg = SPAN("sha-512");
                AUTO(attestation_result) struct attestation_result r = {0};
                expect_ok(appraise(&t, i < 2 ? "cpak" : "anchors", buf_span(i % 2 == 0 ? &cpak : &cpaks),
                                   t.realm.challenge, &r));
                assert_int_equal(r.status, EAR_AFFIRMING);
                assert_int_equal(r.concern_count, 0);
                assert_int_equal(r.not_checked_count, 0);
                assert_int_equal(facts_find(&r.facts, "cca.platform.lifecycle")->number, 0x3003);
                assert_int_equal(facts_find(&r.facts, "cca.realm.initial")->value.len, 64);
                assert_int_equal(facts_find(&r.facts, "cca.platform.component.1")->value.data[0], 2);
                uint8_t spki[SHA256_LEN];
                key_spki_sha256(platform_key, spki);
                assert_true(span_eq(facts_find(&r.facts, "cca.platform.key")->value, SPAN_OF(spki)));
        }
}

static void freshness_may_be_left_open(void **state UNUSED)
{
        struct cca_pki_token t = cca_pki_token(platform_key, realm_key);
        AUTO(attestation_result) struct attestation_result r = {0};
        expect_ok(appraise(&t, "cpak", buf_span(&cpak), SPAN_NONE, &r));
        assert_int_equal(r.not_checked_count, 1);
}

static void an_unsecured_platform_is_a_concern(void **state UNUSED)
{
        static const struct {
                uint64_t lifecycle;
                bool secured;
        } rows[] = {{0x2fff, false}, {0x3000, true},   {0x30ff, true}, {0x3100, false},
                    {0x4003, false}, {0x13000, false}, {0, false}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct cca_pki_token t = cca_pki_token(platform_key, realm_key);
                t.platform.lifecycle = rows[i].lifecycle;
                AUTO(attestation_result) struct attestation_result r = {0};
                expect_ok(appraise(&t, "cpak", buf_span(&cpak), t.realm.challenge, &r));
                assert_int_equal(r.concern_count, rows[i].secured ? 0 : 1);
                assert_int_equal(r.status, rows[i].secured ? EAR_AFFIRMING : EAR_CONTRAINDICATED);
        }
}

static void each_claim_is_there_once(void **state UNUSED)
{
        static const char *const claims[] = {
                "platform/profile",
                "platform/challenge",
                "platform/implementation id",
                "platform/instance id",
                "platform/config",
                "platform/lifecycle",
                "platform/components",
                "platform/hash algorithm",
                "realm/challenge",
                "realm/personalization value",
                "realm/public key",
                "realm/hash algorithm",
                "realm/the public key's hash algorithm",
                "realm/initial measurement",
                "realm/extensible measurements",
        };
        for (size_t i = 0; i < 2 * COUNT_OF(claims); i++) {
                const char *claim = claims[i / 2];
                struct cca_pki_token t = cca_pki_token(platform_key, realm_key);
                *(i % 2 == 0 ? &t.twice : &t.without) = claim;
                AUTO(attestation_result) struct attestation_result r = {0};
                expect_fault_row(appraise(&t, "cpak", buf_span(&cpak), t.realm.challenge, &r), FAULT_INVALID,
                                 claim[0] == 'p' ? "cca.platform_claims" : "cca.realm_claims", claim);
        }
}

static void each_flaw_has_its_refusal(void **state UNUSED)
{
        static const uint8_t long_bytes[300] = {1};
        for (unsigned i = 0; i < 17; i++) {
                struct cca_pki_token t = cca_pki_token(platform_key, realm_key);
                const char *part = "cpak", *token = NULL;
                struct span keys = buf_span(&cpak), challenge = t.realm.challenge;
                enum fault_code code = FAULT_DENIED;
                switch (i) {
                case 0:
                        part = NULL, token = "cca.cpak", code = FAULT_UNAVAILABLE;
                        break;
                case 1:
                        keys = SPAN("no JSON"), token = "cca.cpak_format", code = FAULT_INVALID;
                        break;
                case 2:
                        t.platform_key = other_key, token = "cca.platform_signature";
                        break;
                case 3:
                        t.swap_signers = true, token = "cca.platform_signature";
                        break;
                case 4:
                        t.other_challenge = true, token = "cca.realm_key";
                        break;
                case 5:
                        t.realm.public_key_hash_alg = SPAN("md5"), token = "cca.hash";
                        break;
                case 6:
                        challenge = span_make(long_bytes, 64), token = "cca.challenge";
                        break;
                case 7:
                        t.halves = 1, token = "cca.structure", code = FAULT_INVALID;
                        break;
                case 8:
                        t.halves = 2, token = "cca.structure", code = FAULT_INVALID;
                        break;
                case 9:
                        t.halves = 3, token = "cca.structure", code = FAULT_INVALID;
                        break;
                case 16:
                        keys = SPAN("{}"), token = "cca.instance";
                        break;
                case 10:
                        t.platform.implementation_id.len = 31, token = "cca.platform_claims", code = FAULT_INVALID;
                        break;
                case 11:
                        t.platform.config = SPAN_OF(long_bytes), token = "cca.platform_claims", code = FAULT_INVALID;
                        break;
                case 12:
                        t.platform.components[1].measurement.len = 31, token = "cca.platform_claims";
                        code = FAULT_INVALID;
                        break;
                case 13:
                        t.realm.extensible[3] = SPAN_NONE, token = "cca.realm_claims", code = FAULT_INVALID;
                        break;
                case 14:
                        t.realm.initial.len = 63, token = "cca.realm_claims", code = FAULT_INVALID;
                        break;
                default:
                        t.realm.challenge.len = 32, token = "cca.realm_claims", code = FAULT_INVALID;
                        break;
                }
                AUTO(attestation_result) struct attestation_result r = {0};
                expect_fault_row(appraise(&t, part, keys, challenge, &r), code, token, token);
                assert_string_equal(check_first_failure(r.checks)->name, token);
                assert_int_equal(r.facts.count, 0);
        }
}

static void the_realm_signs_with_the_key_it_names(void **state UNUSED)
{
        struct cca_pki_token t = cca_pki_token(platform_key, realm_key);
        AUTO(buf) struct buf token = BUF(65536);
        cca_pki_sign(&t, &token);
        size_t accepted = 0, realm = 0;
        struct appraisal in = {.kind = EVIDENCE_CCA, .evidence = buf_span(&token), .now = now};
        expect_ok(appraisal_add_part(&in, "cpak", buf_span(&cpak)));
        for (size_t at = 0; at < token.len; at += 5) { /* every byte is signed, or part of the frame */
                AUTO(attestation_result) struct attestation_result r = {0};
                token.data[at] ^= (uint8_t) (1u << at % 8);
                AUTO(fault) struct fault *f = verifier_appraise(&in, &r);
                token.data[at] ^= (uint8_t) (1u << at % 8);
                accepted += f == NULL;
                realm += f != NULL && strcmp(fault_token(f), "cca.realm_signature") == 0;
        }
        assert_int_equal(accepted, 0);
        assert_true(realm > 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sound_tokens_become_facts),
                cmocka_unit_test(freshness_may_be_left_open),
                cmocka_unit_test(an_unsecured_platform_is_a_concern),
                cmocka_unit_test(each_claim_is_there_once),
                cmocka_unit_test(each_flaw_has_its_refusal),
                cmocka_unit_test(the_realm_signs_with_the_key_it_names),
        };
        return cmocka_run_group_tests(tests, make_keys, free_keys);
}
