#include "issuer/verifier/verifier.h"

#include "lib/model/ear.h"
#include "lib/model/names.h"
#include "lib/model/software_evidence.h"

#include "tests/fakes/expect.h"

static const struct wall now = {1795456800000};
static const struct span transcript = SPAN("transcript of a request");
static struct key *key;

static int make_key(void **state UNUSED)
{
        expect_ok(key_generate(KEY_P256, &key));
        return 0;
}

static int free_key(void **state UNUSED)
{
        key_free(key);
        return 0;
}

static void item_with(const char *claim, const char *value, struct cmw_item *ret)
{
        AUTO(software_evidence) struct software_evidence e = software_evidence_new();
        expect_ok(software_evidence_claim(&e, SPAN("stage"), SPAN("test")));
        if (claim != NULL)
                expect_ok(software_evidence_claim(&e, span_str(claim), span_str(value)));
        expect_ok(software_evidence_sign(&e, key, transcript));
        *ret = (struct cmw_item){.type = CMW_SOFTWARE, .value = BUF(EVIDENCE_ITEM_MAX)};
        expect_ok(software_evidence_write(&e, &ret->value));
}

static struct fault *appraise(const struct cmw_item *item, struct span t, bool insecure, struct attestation_result *r)
{
        const struct appraisal in = {.kind = EVIDENCE_SOFTWARE,
                                     .evidence = buf_span(&item->value),
                                     .transcript = t,
                                     .now = now,
                                     .insecure_development = insecure};
        return verifier_appraise(&in, r);
}

static void is_admitted_only_where_the_configuration_says_so(void **state UNUSED)
{
        struct cmw_item item;
        item_with("image", "sha256:00", &item);
        AUTO(attestation_result) struct attestation_result refused = {0}, r = {0};
        expect_fault(appraise(&item, transcript, false, &refused), FAULT_DENIED, "evidence.insecure_development");
        assert_int_equal(refused.facts.count, 0);

        expect_ok(appraise(&item, transcript, true, &r));
        assert_true(r.insecure_development);
        assert_int_equal(r.status, EAR_CONTRAINDICATED);
        assert_false(r.has_clock);
        const struct fact *image = facts_find(&r.facts, "software.image");
        assert_int_equal(image->origin, ORIGIN_SOFTWARE);
        assert_true(span_eq_str(image->value, "sha256:00"));
        uint8_t digest[SHA256_LEN];
        key_spki_sha256(key, digest);
        assert_true(span_eq(facts_find(&r.facts, "software.key")->value, SPAN_OF(digest)));
        assert_int_equal(facts_find(&r.facts, "evidence.insecure-development")->number, 1);
        assert_true(span_eq_str(facts_find(&r.facts, "verifier.status")->value, "contraindicated"));
        buf_clear(&item.value);
}

static void no_fact_of_it_comes_from_anywhere_better(void **state UNUSED)
{
        struct cmw_item item;
        item_with("version", "1", &item);
        AUTO(attestation_result) struct attestation_result r = {0};
        expect_ok(appraise(&item, transcript, true, &r));
        for (size_t i = 0; i < r.facts.count; i++)
                if (strncmp(r.facts.items[i].name, "software.", 9) == 0)
                        assert_int_equal(r.facts.items[i].origin, ORIGIN_SOFTWARE);
                else
                        assert_int_equal(r.facts.items[i].origin, ORIGIN_VERIFIER);
        buf_clear(&item.value);
}

static void refuses_what_does_not_fit(void **state UNUSED)
{
        struct cmw_item item, shadowing;
        item_with(NULL, NULL, &item);
        item_with("key", "00", &shadowing);
        AUTO(attestation_result) struct attestation_result a = {0}, b = {0}, c = {0};
        expect_fault(appraise(&item, SPAN("another transcript"), true, &a), FAULT_DENIED, "software.signature");
        expect_fault(appraise(&shadowing, transcript, true, &b), FAULT_DENIED, "software.claim");
        buf_truncate(&item.value, item.value.len - 1);
        expect_fault(appraise(&item, transcript, true, &c), FAULT_INVALID, "evidence.format");
        buf_clear(&item.value);
        buf_clear(&shadowing.value);
}

/* ---- as an EAR ---- */

static void an_ear_has_the_draft_s_names(void **state UNUSED)
{
        struct cmw_item item;
        item_with(NULL, NULL, &item);
        AUTO(attestation_result) struct attestation_result r = {0};
        expect_ok(appraise(&item, transcript, true, &r));
        AUTO(json) struct json *ear = attestation_result_to_ear(&r, "vouchsafe 1", now);
        assert_true(span_eq_str(json_text(json_get(ear, "eat_profile")), "tag:ietf.org,2026:rats/ear#03"));
        assert_int_equal(json_int(json_get(ear, "iat")), 1795456800);
        assert_true(span_eq_str(json_text(json_get(json_get(ear, "ear_verifier_id"), "build")), "vouchsafe 1"));
        const struct json *part = json_get(json_get(ear, "submods"), "software");
        assert_true(span_eq_str(json_text(json_get(part, "ear_status")), "contraindicated"));
        const struct json *vector = json_get(part, "ear_trustworthiness_vector");
        assert_int_equal(json_int(json_get(vector, "hardware")), 97);
        assert_null(json_get(vector, "executables")); /* no claim is no member */
        assert_true(json_bool(json_get(part, "vouchsafe.dev/insecure-development")));
        AUTO(buf) struct buf text = BUF(65536);
        expect_ok(json_write(ear, &text));
        AUTO(json) struct json *again = NULL;
        expect_ok(json_parse(buf_span(&text), &again));
        buf_clear(&item.value);
}

static void status_names(void **state UNUSED)
{
        assert_string_equal(ear_status_name(EAR_NONE), "none");
        assert_string_equal(ear_status_name(EAR_AFFIRMING), "affirming");
        assert_string_equal(ear_status_name(EAR_WARNING), "warning");
        assert_string_equal(ear_status_name(EAR_CONTRAINDICATED), "contraindicated");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(is_admitted_only_where_the_configuration_says_so),
                cmocka_unit_test(no_fact_of_it_comes_from_anywhere_better),
                cmocka_unit_test(refuses_what_does_not_fit),
                cmocka_unit_test(an_ear_has_the_draft_s_names),
                cmocka_unit_test(status_names),
        };
        return cmocka_run_group_tests(tests, make_key, free_key);
}
