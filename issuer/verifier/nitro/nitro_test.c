/* Documents under a root of our own, each with one thing wrong; those recorded are in tests/flow/test_appraise.py. */
#include "issuer/verifier/nitro/nitro.h"

#include "issuer/verifier/nitro/chain.h"
#include "lib/base/file.h"
#include "lib/crypt/cose.h"
#include "lib/model/names.h"

#include "tests/fakes/expect.h"
#include "tests/fakes/nitro_pki.h"

static const struct wall now = {1795456800000};

struct scene {
        struct nitro_pki *pki;
        struct buf evidence;
        struct appraisal in;
        struct attestation_result r;
};
static void scene_clear(struct scene *s)
{
        nitro_pki_free(s->pki);
        buf_clear(&s->evidence);
        attestation_result_clear(&s->r);
}
DEFINE_AUTO_VALUE(scene)

static void sign(struct scene *s, enum nitro_pki_flaw flaw, const struct nitro_pki_document *from)
{
        s->pki = nitro_pki_new(now, flaw);
        s->evidence = BUF(65536);
        nitro_pki_sign(s->pki, from, &s->evidence);
        s->in = (struct appraisal){.kind = EVIDENCE_NITRO, .evidence = buf_span(&s->evidence), .now = now};
        expect_ok(appraisal_add_part(&s->in, "anchors", buf_span(&s->pki->certs[0])));
}

static void a_sound_document_becomes_facts(void **state UNUSED)
{
        struct nitro_pki_document from = nitro_pki_document(now);
        from.d.nonce = SPAN("a nonce");
        from.d.user_data = SPAN("data");
        from.d.public_key = SPAN("key");
        for (int i = 0; i < 2; i++) {
                AUTO(scene) struct scene s = {0};
                from.is_indefinite = i == 1;
                from.unknown = i == 1 ? "something_new" : NULL;
                sign(&s, NITRO_PKI_SOUND, &from);
                s.in.nonce = SPAN("a nonce");
                expect_ok(verifier_appraise(&s.in, &s.r));
                assert_int_equal(s.r.status, EAR_AFFIRMING);
                assert_int_equal(s.r.concern_count, 0);
                assert_int_equal(s.r.not_checked_count, 0);
                assert_int_equal(s.r.not_after_unix_s, wall_unix_s(now) + 3 * 3600);
                assert_true(span_eq_str(facts_find(&s.r.facts, "nitro.root")->value, "configured"));
                assert_int_equal(facts_find(&s.r.facts, "nitro.debug")->number, 0);
                assert_int_equal(facts_find(&s.r.facts, "nitro.pcr.4")->value.data[0], 0x14);
                assert_int_equal(facts_find(&s.r.facts, "nitro.parent-role")->value.data[0], 0x13);
        }
}

static void freshness_may_be_left_open(void **state UNUSED)
{
        struct nitro_pki_document from = nitro_pki_document(now);
        AUTO(scene) struct scene s = {0};
        sign(&s, NITRO_PKI_SOUND, &from);
        expect_ok(verifier_appraise(&s.in, &s.r));
        assert_int_equal(s.r.not_checked_count, 1);
        assert_string_equal(s.r.not_checked[0], "freshness");
}

static void a_debug_enclave_is_a_concern(void **state UNUSED)
{
        static const uint8_t zero[NITRO_PCR_LEN];
        struct nitro_pki_document from = nitro_pki_document(now);
        for (size_t i = 0; i < 3; i++)
                from.d.pcrs[i] = SPAN_OF(zero);
        AUTO(scene) struct scene s = {0};
        sign(&s, NITRO_PKI_SOUND, &from);
        expect_ok(verifier_appraise(&s.in, &s.r));
        assert_int_equal(s.r.status, EAR_CONTRAINDICATED);
        assert_int_equal(s.r.concern_count, 1);
        assert_string_equal(s.r.concerns[0], "nitro.debug");
}

static void each_flaw_has_its_refusal(void **state UNUSED)
{
        static const uint8_t short_pcr[47], long_field[NITRO_FIELD_MAX + 1], long_text[256] = {'a'};
        static const struct {
                const char *name, *token;
                enum nitro_pki_flaw flaw;
                const char *twice, *without;
                int64_t algorithm;
                int64_t late_ms; /* of the timestamp */
                const char *nonce, *digest, *report_data;
                int odd; /* 1: a PCR of 47 bytes, 2: a long field, 3: a long module id, 4: no root in the bundle */
        } rows[] = {
                {.name = "no authority", .token = "nitro.chain", .flaw = NITRO_PKI_NO_CA},
                {.name = "another issuer", .token = "nitro.chain", .flaw = NITRO_PKI_OTHER_ISSUER},
                {.name = "an authority as leaf", .token = "nitro.chain", .flaw = NITRO_PKI_CA_LEAF},
                {.name = "signed by another", .token = "nitro.chain_signature", .flaw = NITRO_PKI_BAD_SIGNATURE},
                {.name = "signed with SHA-256", .token = "nitro.chain_signature", .flaw = NITRO_PKI_SHA256},
                {.name = "P-256 leaf", .token = "nitro.signature", .flaw = NITRO_PKI_P256_LEAF},
                {.name = "ES256", .token = "nitro.algorithm", .algorithm = COSE_ES256},
                {.name = "early", .token = "nitro.timestamp", .late_ms = -1},
                {.name = "in the future", .token = "nitro.timestamp", .late_ms = 5 * 60 * 1000 + 1},
                {.name = "module_id twice", .token = "nitro.document", .twice = "module_id"},
                {.name = "nonce twice", .token = "nitro.document", .twice = "nonce"},
                {.name = "no module_id", .token = "nitro.document", .without = "module_id"},
                {.name = "no digest", .token = "nitro.document", .without = "digest"},
                {.name = "no timestamp", .token = "nitro.document", .without = "timestamp"},
                {.name = "no pcrs", .token = "nitro.document", .without = "pcrs"},
                {.name = "no certificate", .token = "nitro.document", .without = "certificate"},
                {.name = "no cabundle", .token = "nitro.document", .without = "cabundle"},
                {.name = "another digest", .token = "nitro.document", .digest = "SHA256"},
                {.name = "a short PCR", .token = "nitro.document", .odd = 1},
                {.name = "a long field", .token = "nitro.document", .odd = 2},
                {.name = "a long module_id", .token = "nitro.document", .odd = 3},
                {.name = "another nonce", .token = "nitro.nonce", .nonce = "another"},
                {.name = "other user_data", .token = "nitro.user_data", .report_data = "other"},
                {.name = "no root in the bundle", .token = "nitro.root", .odd = 4},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct nitro_pki_document from = nitro_pki_document(now);
                from.twice = rows[i].twice;
                from.without = rows[i].without;
                from.algorithm = rows[i].algorithm;
                from.d.timestamp_ms = (uint64_t) (now.unix_ms + rows[i].late_ms);
                from.d.digest = rows[i].digest != NULL ? span_str(rows[i].digest) : from.d.digest;
                from.d.nonce = SPAN("a nonce");
                if (rows[i].odd == 1)
                        from.d.pcrs[3] = SPAN_OF(short_pcr);
                if (rows[i].odd == 2)
                        from.d.public_key = SPAN_OF(long_field);
                if (rows[i].odd == 3)
                        from.d.module_id = SPAN_OF(long_text);
                AUTO(scene) struct scene s = {0};
                AUTO(nitro_pki) struct nitro_pki *other = rows[i].odd == 4 ? nitro_pki_new(now, NITRO_PKI_SOUND) : NULL;
                if (other != NULL)
                        from.d.ca[from.d.ca_count++] = buf_span(&other->certs[1]);
                sign(&s, rows[i].flaw, &from);
                s.in.nonce = span_str(rows[i].nonce != NULL ? rows[i].nonce : "a nonce");
                s.in.report_data = rows[i].report_data != NULL ? span_str(rows[i].report_data) : SPAN_NONE;
                bool is_shape = strcmp(rows[i].token, "nitro.document") == 0;
                expect_fault_row(verifier_appraise(&s.in, &s.r), is_shape ? FAULT_INVALID : FAULT_DENIED, rows[i].token,
                                 rows[i].name);
                assert_string_equal(check_first_failure(s.r.checks)->name, rows[i].token);
                assert_int_equal(s.r.facts.count, 0);
        }
}

static void roots_are_pinned_by_key(void **state UNUSED)
{
        struct nitro_pki_document from = nitro_pki_document(now);
        AUTO(scene) struct scene s = {0};
        sign(&s, NITRO_PKI_SOUND, &from);
        s.in.part_count = 0; /* a root of the same names, nobody's anchor */
        expect_fault(verifier_appraise(&s.in, &s.r), FAULT_DENIED, "nitro.root");
        attestation_result_clear(&s.r);
        expect_ok(appraisal_add_part(&s.in, "anchors", SPAN("no certificate")));
        expect_fault(verifier_appraise(&s.in, &s.r), FAULT_INVALID, "nitro.anchors");
}

static void dates_are_exact(void **state UNUSED)
{
        static const struct {
                int64_t after_ms;
                const char *token; /* NULL: fine */
                enum nitro_pki_flaw flaw;
        } rows[] = {
                {0, NULL, NITRO_PKI_SOUND},
                {-1000, "nitro.not_yet_valid", NITRO_PKI_SOUND},
                {3 * 3600 * 1000, NULL, NITRO_PKI_SOUND},
                {(3 * 3600 + 1) * 1000, "nitro.expired", NITRO_PKI_SOUND},
                {2 * 3600 * 1000, NULL, NITRO_PKI_SHORT_ZONE},
                {(2 * 3600 + 1) * 1000, "nitro.expired", NITRO_PKI_SHORT_ZONE},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct nitro_pki_document from = nitro_pki_document(now);
                AUTO(scene) struct scene s = {0};
                sign(&s, rows[i].flaw, &from);
                s.in.now.unix_ms += rows[i].after_ms;
                if (rows[i].token != NULL)
                        expect_fault_row(verifier_appraise(&s.in, &s.r), FAULT_DENIED, rows[i].token, rows[i].token);
                else
                        expect_ok(verifier_appraise(&s.in, &s.r));
        }
}

static void document_of(struct span evidence, struct nitro_document *ret)
{
        struct cose_sign1 cose = {0};
        expect_ok(cose_sign1_read(evidence, &cose));
        expect_ok(nitro_document_read(cose.payload, ret));
}

/* One object for the same certificates and anchors, whatever the document says; another for any other. */
static void chains_are_remembered(void **state UNUSED)
{
        struct nitro_pki_document from = nitro_pki_document(now);
        AUTO(scene) struct scene s = {0}, other = {0};
        struct nitro_document d, shorter;
        sign(&s, NITRO_PKI_SOUND, &from);
        sign(&other, NITRO_PKI_SOUND, &from);
        document_of(buf_span(&s.evidence), &d);
        shorter = d;
        shorter.ca_count--;
        struct span anchors = buf_span(&s.pki->certs[0]);
        AUTO(buf) struct buf more = BUF(65536);
        expect_ok(cert_der_to_pem(anchors, &more));
        expect_ok(cert_der_to_pem(buf_span(&other.pki->certs[0]), &more));

        nitro_chain_forget();
        AUTO(nitro_chain) struct nitro_chain *first = NULL, *again = NULL, *wider = NULL, *anew = NULL, *none = NULL;
        expect_ok(nitro_chain_prove(&d, anchors, now, &first));
        expect_ok(nitro_chain_prove(&d, anchors, now, &again));
        assert_ptr_equal(first, again);
        expect_ok(nitro_chain_prove(&d, buf_span(&more), now, &wider));
        assert_ptr_not_equal(first, wider);

        expect_fault(nitro_chain_prove(&d, SPAN_NONE, now, &none), FAULT_DENIED, "nitro.root");
        expect_fault(nitro_chain_prove(&d, buf_span(&other.pki->certs[0]), now, &none), FAULT_DENIED, "nitro.root");
        expect_fault(nitro_chain_prove(&shorter, anchors, now, &none), FAULT_DENIED, "nitro.chain");

        nitro_chain_forget();
        expect_ok(nitro_chain_prove(&d, anchors, now, &anew));
        assert_ptr_not_equal(first, anew);
}

static void a_remembered_chain_ends_like_any(void **state UNUSED)
{
        struct nitro_pki_document from = nitro_pki_document(now);
        AUTO(scene) struct scene s = {0};
        struct nitro_document d;
        sign(&s, NITRO_PKI_SHORT_ZONE, &from);
        document_of(buf_span(&s.evidence), &d);
        struct span anchors = buf_span(&s.pki->certs[0]);
        const struct wall last = {now.unix_ms + 2 * 3600 * 1000}, late = {last.unix_ms + 1000},
                          early = {now.unix_ms - 1000};
        AUTO(nitro_chain) struct nitro_chain *first = NULL, *at_last = NULL, *none = NULL;

        nitro_chain_forget();
        expect_fault(nitro_chain_prove(&d, anchors, late, &none), FAULT_DENIED, "nitro.expired"); /* and remembered */
        expect_ok(nitro_chain_prove(&d, anchors, now, &first));
        expect_ok(nitro_chain_prove(&d, anchors, last, &at_last));
        assert_ptr_equal(first, at_last);
        expect_fault(nitro_chain_prove(&d, anchors, late, &none), FAULT_DENIED, "nitro.expired");
        expect_fault(nitro_chain_prove(&d, anchors, early, &none), FAULT_DENIED, "nitro.not_yet_valid");
        s.in.now = late;
        expect_fault(verifier_appraise(&s.in, &s.r), FAULT_DENIED, "nitro.expired");
}

/* Every byte is either signed or part of the frame: no changed document is accepted. */
static void every_flipped_bit_is_refused(void **state UNUSED)
{
        struct nitro_pki_document from = nitro_pki_document(now);
        AUTO(scene) struct scene s = {0};
        sign(&s, NITRO_PKI_SOUND, &from);
        size_t accepted = 0;
        for (size_t at = 0; at < s.evidence.len; at += 7) {
                AUTO(attestation_result) struct attestation_result r = {0};
                s.evidence.data[at] ^= (uint8_t) (1u << at % 8);
                AUTO(fault) struct fault *f = verifier_appraise(&s.in, &r);
                s.evidence.data[at] ^= (uint8_t) (1u << at % 8);
                accepted += f == NULL;
        }
        assert_int_equal(accepted, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_sound_document_becomes_facts), cmocka_unit_test(freshness_may_be_left_open),
                cmocka_unit_test(a_debug_enclave_is_a_concern),   cmocka_unit_test(each_flaw_has_its_refusal),
                cmocka_unit_test(roots_are_pinned_by_key),        cmocka_unit_test(dates_are_exact),
                cmocka_unit_test(chains_are_remembered),          cmocka_unit_test(a_remembered_chain_ends_like_any),
                cmocka_unit_test(every_flipped_bit_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
