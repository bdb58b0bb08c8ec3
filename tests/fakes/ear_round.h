/* ear_round: an attestation result as a signed token and back: a policy must not be able to tell the two apart. */
#pragma once

#include "tests/fakes/jwk_set.h"

#include "lib/model/ear.h"

static inline struct buf ear_round_facts(const struct facts *f)
{
        struct buf text = BUF(EAR_MAX);
        AUTO(json) struct json *j = facts_to_json(f);
        expect_ok(json_write(j, &text));
        return text;
}

/* Whatever the verifier found, as long as it found anything. */
static inline void expect_ear_round(const struct attestation_result *r)
{
        static const uint8_t digests[1][SHA256_LEN] = {{1}};
        AUTO(key) struct key *verifier = test_key(KEY_P256), *holder = test_key(KEY_P256);
        AUTO(jwk_set) struct jwk_set *keys = test_key_set(verifier, "k", "sig");
        AUTO(buf) struct buf token = BUF(EAR_MAX);
        AUTO(ear) struct ear e = {0};
        const struct ear_order o = {.verifier = "https://v.example",
                                    .build = "1",
                                    .id = "1",
                                    .audience = "https://i.example",
                                    .nonce = SPAN("0123456789abcdef"),
                                    .holder = holder,
                                    .key_count = 1,
                                    .keys = digests,
                                    .issued_unix_s = TEST_NOW_S,
                                    .expires_unix_s = TEST_NOW_S + 300,
                                    .result = r};
        struct jwt_signer signer = jwt_signer_of(verifier, "k");

        expect_ok(ear_build(&o, &signer, &token));
        const struct ear_verifier trusted = {o.verifier, keys};
        const struct ear_rules rules = {
                .verifiers = &trusted, .verifier_count = 1, .audience = o.audience, .now = TEST_NOW};
        expect_ok(ear_verify(buf_span(&token), &rules, &e));

        AUTO(buf) struct buf before = ear_round_facts(&r->facts), after = ear_round_facts(&e.result.facts);
        assert_string_equal(buf_str(&before), buf_str(&after));
        assert_string_equal(r->kind, e.result.kind);
        assert_int_equal(r->status, e.result.status);
        assert_memory_equal(&r->vector, &e.result.vector, sizeof r->vector);
        assert_int_equal(r->submodule_count, e.result.submodule_count);
        assert_int_equal(r->concern_count, e.result.concern_count);
        assert_int_equal(r->not_checked_count, e.result.not_checked_count);
        assert_int_equal(r->collateral_count, e.result.collateral_count);
        assert_int_equal(r->not_after_unix_s, e.result.not_after_unix_s);
        assert_int_equal(r->insecure_development, e.result.insecure_development);
}
