/* Attestation keys that nobody enrolled: which are trusted, and what the quote of each must be. */
#include "issuer/verifier/tpm/tpm.h"

#include "lib/model/names.h"
#include "tests/fakes/tpm_quote.h"

#include "tests/fakes/expect.h"

#define NOW 1795456800
#define DAY 86400
static const struct span transcript = SPAN("transcript of a request");

static struct fake_tpm tpm;
static struct key *root_key, *other_key, *rsa, *p384;

static int set_up(void **state UNUSED)
{
        fake_tpm_init(&tpm);
        expect_ok(key_generate(KEY_P256, &root_key));
        expect_ok(key_generate(KEY_P256, &other_key));
        expect_ok(key_generate(KEY_RSA, &rsa));
        expect_ok(key_generate(KEY_P384, &p384));
        return 0;
}

static int tear_down(void **state UNUSED)
{
        key_free(root_key);
        key_free(other_key);
        key_free(rsa);
        key_free(p384);
        fake_tpm_clear(&tpm);
        return 0;
}

static struct fake_ek_certificate ak_certificate(void)
{
        struct fake_ek_certificate c = fake_ek_certificate(tpm.ak, "maker", root_key, NOW);
        c.key_usage = "critical,digitalSignature";
        c.extended_usage = "2.23.133.8.3";
        return c;
}

/* A quote with its parts; a row changes some. */
struct evidence {
        struct evidence_parts parts;
        struct buf ak, chain, anchors;
        uint8_t nonce[SHA256_LEN];
};

static void make(struct evidence *e, const struct fake_ek_certificate *certificate, const struct key *root)
{
        struct fake_quote q;
        AUTO(buf) struct buf item = BUF(EVIDENCE_ITEM_MAX);
        struct fake_ek_certificate ca = fake_ek_ca("maker", root, NOW);
        *e = (struct evidence){
                .parts = evidence_parts_new(), .ak = BUF(CERT_MAX), .chain = BUF(CERT_MAX), .anchors = BUF(CERT_MAX)};
        fake_quote_init(&q, &tpm, transcript);
        fake_quote_evidence(&q, &tpm, &item);
        expect_ok(tpm_unpack(buf_span(&item), &e->parts));
        if (certificate != NULL)
                fake_ek_certificate_write(certificate, &e->ak);
        fake_ek_certificate_write(&ca, &e->anchors);
        fake_quote_clear(&q);
}

static struct appraisal appraisal_of(struct evidence *e, struct span ak)
{
        binding_extra_data(transcript, e->nonce);
        struct appraisal in = {.kind = EVIDENCE_TPM,
                               .evidence = buf_span(&e->parts.evidence),
                               .nonce = SPAN_OF(e->nonce),
                               .now = wall_from_unix_s(NOW)};
        expect_ok(appraisal_add_part(&in, "sig", evidence_parts_find(&e->parts, "sig")));
        expect_ok(appraisal_add_part(&in, "pcrs", evidence_parts_find(&e->parts, "pcrs")));
        expect_ok(appraisal_add_part(&in, "ak", ak));
        if (e->chain.len > 0)
                expect_ok(appraisal_add_part(&in, "chain", buf_span(&e->chain)));
        if (e->anchors.len > 0)
                expect_ok(appraisal_add_part(&in, "anchors", buf_span(&e->anchors)));
        return in;
}

static struct fault *appraise(struct evidence *e, struct span ak, struct attestation_result *r)
{
        struct appraisal in = appraisal_of(e, ak);
        return verifier_appraise(&in, r);
}

static void evidence_clear(struct evidence *e)
{
        evidence_parts_clear(&e->parts);
        buf_clear(&e->ak);
        buf_clear(&e->chain);
        buf_clear(&e->anchors);
}

/* ---- certificates ---- */

static void certified_keys(void **state UNUSED)
{
        static const struct {
                const char *name, *usage, *extended, *basic;
                int64_t from, until; /* seconds about now; 0: as ever */
                bool of_other_root, of_other_key;
                const char *odd, *token;
        } rows[] = {
                {.name = "good", .usage = "critical,digitalSignature", .extended = "2.23.133.8.3", .token = "OK"},
                {.name = "an endorsement key's extended usage",
                 .usage = "critical,digitalSignature",
                 .extended = "2.23.133.8.1",
                 .token = "OK"},
                {.name = "no extended usage", .usage = "critical,digitalSignature", .token = "OK"},
                {.name = "extended usage alone", .extended = "2.23.133.8.3", .token = "OK"},
                {.name = "no usage at all", .token = "ak.purpose"},
                {.name = "an endorsement key's usage",
                 .usage = "critical,keyAgreement",
                 .extended = "2.23.133.8.1",
                 .token = "ak.purpose"},
                {.name = "both usages", .usage = "critical,digitalSignature,keyEncipherment", .token = "ak.purpose"},
                {.name = "a server's",
                 .usage = "critical,digitalSignature",
                 .extended = "serverAuth",
                 .token = "ak.purpose"},
                {.name = "an authority's",
                 .usage = "critical,digitalSignature",
                 .basic = "critical,CA:TRUE",
                 .token = "ak.purpose"},
                {.name = "one that signs certificates",
                 .usage = "critical,digitalSignature,keyCertSign",
                 .token = "ak.purpose"},
                {.name = "its last second",
                 .usage = "critical,digitalSignature",
                 .from = -DAY,
                 .until = 0,
                 .token = "OK"},
                {.name = "a second too late",
                 .usage = "critical,digitalSignature",
                 .from = -DAY,
                 .until = -1,
                 .token = "ak.expired"},
                {.name = "its first second",
                 .usage = "critical,digitalSignature",
                 .from = 0,
                 .until = DAY,
                 .token = "OK"},
                {.name = "a second too early",
                 .usage = "critical,digitalSignature",
                 .from = 1,
                 .until = DAY,
                 .token = "ak.not_yet_valid"},
                {.name = "another root of the same name",
                 .usage = "critical,digitalSignature",
                 .of_other_root = true,
                 .token = "ak.signature"},
                {.name = "another key's",
                 .usage = "critical,digitalSignature",
                 .of_other_key = true,
                 .token = "tpm.signature"},
                {.name = "a critical extension that nobody knows",
                 .usage = "critical,digitalSignature",
                 .odd = "1.2.3.4.5",
                 .token = "ak.chain"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct fake_ek_certificate c = ak_certificate();
                c.key_usage = rows[i].usage;
                c.extended_usage = rows[i].extended;
                c.basic = rows[i].basic != NULL ? rows[i].basic : c.basic;
                c.odd_critical = rows[i].odd;
                c.issuer_key = rows[i].of_other_root ? other_key : root_key;
                c.key = rows[i].of_other_key ? other_key : tpm.ak;
                if (rows[i].from != 0 || rows[i].until != 0) {
                        c.not_before_unix_s = NOW + rows[i].from;
                        c.not_after_unix_s = NOW + rows[i].until;
                }
                struct evidence e;
                make(&e, &c, root_key);
                AUTO(attestation_result) struct attestation_result r = {0};
                AUTO(fault) struct fault *f = appraise(&e, buf_span(&e.ak), &r);
                const char *got = f == NULL ? "OK" : fault_token(f);
                if (strcmp(got, rows[i].token) != 0)
                        fail_msg("%s: %s (%s)", rows[i].name, got, f == NULL ? "" : fault_text(f));
                if (f == NULL)
                        assert_true(span_eq_str(facts_find(&r.facts, "tpm.ak-trust")->value, "certificate"));
                evidence_clear(&e);
        }
}

/* The public area, and its certificate beside it: attributes and place count then. */
static void a_public_area_with_its_certificate(void **state UNUSED)
{
        struct fake_ek_certificate c = ak_certificate();
        struct evidence e;
        make(&e, &c, root_key);
        expect_ok(buf_append(&e.chain, buf_span(&e.ak)));
        AUTO(attestation_result) struct attestation_result r = {0};
        expect_ok(appraise(&e, buf_span(&tpm.ak_public), &r));
        assert_true(span_eq(facts_find(&r.facts, "tpm.ak")->value, buf_span(&tpm.ak_name)));
        assert_int_equal(r.not_checked_count, 0);
        assert_int_equal(r.collateral_count, 1);
        evidence_clear(&e);
}

/* ---- what is remembered ---- */

static void expect_verdict(struct evidence *e, int64_t now_unix_s, const char *token)
{
        struct appraisal in = appraisal_of(e, buf_span(&e->ak));
        in.now = wall_from_unix_s(now_unix_s);
        AUTO(attestation_result) struct attestation_result r = {0};
        AUTO(fault) struct fault *f = verifier_appraise(&in, &r);
        assert_string_equal(f == NULL ? "OK" : fault_token(f), token);
}

static bool is_known_at(struct evidence *e, int64_t now_unix_s)
{
        struct appraisal in = appraisal_of(e, buf_span(&e->ak));
        in.now = wall_from_unix_s(now_unix_s);
        AUTO(tpm_ak) struct tpm_ak *ak = tpm_ak_known(&in);
        return ak != NULL;
}

/* The second time from the memo, and then no less is said of it. */
static void a_chain_is_remembered(void **state UNUSED)
{
        struct fake_ek_certificate c = ak_certificate();
        struct evidence e;
        make(&e, &c, root_key);
        AUTO(attestation_result) struct attestation_result first = {0}, second = {0};
        struct appraisal in = appraisal_of(&e, buf_span(&e.ak));
        tpm_ak_forget();
        assert_false(is_known_at(&e, NOW));
        expect_ok(verifier_appraise(&in, &first));
        assert_true(is_known_at(&e, NOW));
        AUTO(tpm_ak) struct tpm_ak *known = NULL, *again = NULL;
        expect_ok(tpm_ak_read(&in, &known));
        expect_ok(tpm_ak_read(&in, &again));
        assert_ptr_equal(known, again);

        expect_ok(verifier_appraise(&in, &second));
        assert_int_equal(first.facts.count, second.facts.count);
        assert_int_equal(first.collateral_count, second.collateral_count);
        assert_int_equal(first.not_checked_count, second.not_checked_count);
        assert_int_equal(first.not_after_unix_s, second.not_after_unix_s);
        assert_int_equal(first.status, second.status);
        tpm_ak_forget();
        assert_false(is_known_at(&e, NOW));
        evidence_clear(&e);
}

static void what_is_remembered_is_for_the_same_parts(void **state UNUSED)
{
        struct fake_ek_certificate c = ak_certificate(), other_ca = fake_ek_ca("maker", other_key, NOW);
        struct evidence e;
        make(&e, &c, root_key);
        tpm_ak_forget();
        expect_verdict(&e, NOW, "OK");
        assert_true(is_known_at(&e, NOW));

        fake_ek_certificate_write(&other_ca, &e.chain); /* more in the chain: another key, the same verdict */
        assert_false(is_known_at(&e, NOW));
        buf_clear(&e.chain);
        assert_true(is_known_at(&e, NOW));

        buf_clear(&e.anchors); /* that root is trusted no more */
        fake_ek_certificate_write(&other_ca, &e.anchors);
        assert_false(is_known_at(&e, NOW));
        expect_verdict(&e, NOW, "ak.signature");
        assert_false(is_known_at(&e, NOW)); /* a refusal isn't kept */
        buf_clear(&e.anchors);
        assert_false(is_known_at(&e, NOW));
        expect_verdict(&e, NOW, "ak.chain");
        evidence_clear(&e);
}

/* Its own end and its authority's: whichever is first. */
static void what_is_remembered_ends(void **state UNUSED)
{
        struct fake_ek_certificate c = ak_certificate();
        c.not_before_unix_s = NOW - DAY;
        c.not_after_unix_s = NOW + DAY;
        for (int by_authority = 0; by_authority < 2; by_authority++) {
                struct evidence e;
                int64_t end = by_authority ? NOW + DAY / 2 : NOW + DAY;
                make(&e, &c, root_key);
                if (by_authority) {
                        struct fake_ek_certificate ca = fake_ek_ca("maker", root_key, NOW);
                        ca.not_after_unix_s = end;
                        buf_clear(&e.anchors);
                        fake_ek_certificate_write(&ca, &e.anchors);
                }
                tpm_ak_forget();
                expect_verdict(&e, NOW, "OK");
                assert_true(is_known_at(&e, end));
                assert_false(is_known_at(&e, end + 1));
                expect_verdict(&e, end, "OK");
                expect_verdict(&e, end + 1, "ak.expired");
                assert_true(is_known_at(&e, NOW - DAY));
                expect_verdict(&e, NOW - DAY - 1, "ak.not_yet_valid");
                expect_verdict(&e, NOW, "OK");
                evidence_clear(&e);
        }
}

/* ---- what the public area says ---- */

static void attributes(void **state UNUSED)
{
        static const struct {
                const char *name;
                uint32_t set, clear;
                uint16_t scheme, scheme_hash;
                const char *token;
        } rows[] = {
                {"as it is", 0, 0, 0, 0, "OK"},
                {"not restricted", 0, TPMA_RESTRICTED, 0, 0, "ak.attributes"},
                {"not fixed to its TPM", 0, TPMA_FIXED_TPM, 0, 0, "ak.attributes"},
                {"not fixed to its parent", 0, TPMA_FIXED_PARENT, 0, 0, "ak.attributes"},
                {"not made in the TPM", 0, TPMA_SENSITIVE_DATA_ORIGIN, 0, 0, "ak.attributes"},
                {"does not sign", 0, TPMA_SIGN, 0, 0, "ak.attributes"},
                {"decrypts", TPMA_DECRYPT, 0, 0, 0, "ak.attributes"},
                {"without a scheme", 0, 0, 0x0010, 0, "ak.algorithm"},
                {"another hash than the signature's", 0, 0, 0x0018, 0x000c, "tpm.scheme"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct evidence e;
                make(&e, NULL, root_key);
                struct fake_public p = fake_ak(tpm.ak);
                p.attributes = (p.attributes | rows[i].set) & ~rows[i].clear;
                if (rows[i].scheme != 0) {
                        p.scheme = rows[i].scheme;
                        p.scheme_hash = rows[i].scheme_hash;
                }
                fake_public_write(&p, &e.ak);
                buf_truncate(&e.anchors, 0);
                expect_ok(buf_append(&e.anchors, key_spki(tpm.ak)));
                AUTO(attestation_result) struct attestation_result r = {0};
                AUTO(fault) struct fault *f = appraise(&e, buf_span(&e.ak), &r);
                const char *got = f == NULL ? "OK" : fault_token(f);
                if (strcmp(got, rows[i].token) != 0)
                        fail_msg("%s: %s (%s)", rows[i].name, got, f == NULL ? "" : fault_text(f));
                evidence_clear(&e);
        }
}

/* An anchor vouches for its key and for nothing else. */
static void anchors(void **state UNUSED)
{
        struct evidence e;
        make(&e, NULL, root_key);
        AUTO(attestation_result) struct attestation_result none = {0};
        expect_fault(appraise(&e, buf_span(&tpm.ak_public), &none), FAULT_DENIED, "tpm.ak_untrusted");
        buf_truncate(&e.anchors, 0);
        expect_ok(buf_append(&e.anchors, key_spki(other_key)));
        AUTO(attestation_result) struct attestation_result others = {0};
        expect_fault(appraise(&e, buf_span(&tpm.ak_public), &others), FAULT_DENIED, "tpm.ak_untrusted");
        AUTO(attestation_result) struct attestation_result swapped = {0};
        expect_fault(appraise(&e, key_spki(other_key), &swapped), FAULT_DENIED, "tpm.signature");
        buf_truncate(&e.anchors, 0);
        expect_ok(buf_append(&e.anchors, buf_span(&tpm.ak_public)));
        AUTO(attestation_result) struct attestation_result own = {0};
        expect_ok(appraise(&e, buf_span(&tpm.ak_public), &own));
        assert_int_equal(own.vector.hardware, 0); /* nobody says that a TPM holds it */
        evidence_clear(&e);
}

/* ---- other signatures ---- */

/* TPMS_ATTEST of the fake, signed anew by a key that the fake can't have. */
static void other_keys(void **state UNUSED)
{
        static const struct {
                const char *name;
                enum hash_alg hash;
                enum signature_form form;
                bool is_rsa;
                const char *token;
        } rows[] = {
                {"RSASSA", HASH_SHA256, SIGNATURE_RSASSA, true, "OK"},
                {"RSAPSS", HASH_SHA256, SIGNATURE_RSAPSS, true, "OK"},
                {"RSASSA with another hash than the digest's", HASH_SHA384, SIGNATURE_RSASSA, true, "tpm.signature"},
                {"P-384, raw", HASH_SHA256, SIGNATURE_RAW, false, "OK"},
                {"P-384 in DER", HASH_SHA256, SIGNATURE_DER, false, "OK"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct evidence e;
                struct key *k = rows[i].is_rsa ? rsa : p384;
                AUTO(buf) struct buf sig = BUF(SIGNATURE_MAX);
                make(&e, NULL, root_key);
                expect_ok(key_sign(k, rows[i].hash, rows[i].form, buf_span(&e.parts.evidence), &sig));
                buf_truncate(&e.anchors, 0);
                expect_ok(buf_append(&e.anchors, key_spki(k)));
                for (size_t p = 0; p < e.parts.count; p++)
                        if (strcmp(e.parts.parts[p].name, "sig") == 0) {
                                buf_truncate(&e.parts.parts[p].bytes, 0);
                                expect_ok(buf_append(&e.parts.parts[p].bytes, buf_span(&sig)));
                        }
                AUTO(attestation_result) struct attestation_result r = {0};
                AUTO(fault) struct fault *f = appraise(&e, key_spki(k), &r);
                const char *got = f == NULL ? "OK" : fault_token(f);
                if (strcmp(got, rows[i].token) != 0)
                        fail_msg("%s: %s (%s)", rows[i].name, got, f == NULL ? "" : fault_text(f));
                evidence_clear(&e);
        }
}

/* What a request carries beside the quote comes out as parts. */
static void a_request_with_chain_and_log(void **state UNUSED)
{
        struct fake_quote q;
        AUTO(buf) struct buf item = BUF(EVIDENCE_ITEM_MAX), more = BUF(EVIDENCE_ITEM_MAX);
        fake_quote_init(&q, &tpm, transcript);
        fake_quote_evidence(&q, &tpm, &item);
        buf_truncate(&item, item.len - 1);
        expect_ok(buf_append(&more, buf_span(&item)));
        expect_ok(buf_append_str(&more, ",\"chain\":\"MAA\",\"eventlog\":\"AQI\"}"));
        AUTO(evidence_parts) struct evidence_parts parts = evidence_parts_new();
        expect_ok(tpm_unpack(buf_span(&more), &parts));
        assert_true(span_eq(evidence_parts_find(&parts, "chain"), SPAN("\x30\x00")));
        assert_true(span_eq(evidence_parts_find(&parts, "eventlog"), SPAN("\x01\x02")));
        assert_int_equal(parts.count, 5);
        fake_quote_clear(&q);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(certified_keys),
                cmocka_unit_test(a_chain_is_remembered),
                cmocka_unit_test(what_is_remembered_is_for_the_same_parts),
                cmocka_unit_test(what_is_remembered_ends),
                cmocka_unit_test(a_public_area_with_its_certificate),
                cmocka_unit_test(attributes),
                cmocka_unit_test(anchors),
                cmocka_unit_test(other_keys),
                cmocka_unit_test(a_request_with_chain_and_log),
        };
        return cmocka_run_group_tests_name("attestation keys", tests, set_up, tear_down);
}
