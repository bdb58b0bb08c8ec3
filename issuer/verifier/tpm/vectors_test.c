/* Recorded quotes: each gets the verdict that tests/vectors/README.md states. */
#include "issuer/verifier/tpm/tpm.h"

#include "issuer/verifier/tpm/roots.h"

#include "lib/model/names.h"
#include "tests/fakes/recorded.h"

#define GCE      "tpm/gce-cos85-nonce9009/"
#define CERTS    "tpm/gce-certs/"
#define ROOT(f)  "tpm/roots/" f
#define KEYLIME  "tpm/keylime-sim/"
#define PARSEC   "tpm/parsec-certify/"
#define QUOTE(b) .kind = EVIDENCE_TPM, .evidence = GCE "quote-" b ".attest"
#define PARTS(b)                                                                                                       \
        {"sig", GCE "quote-" b ".sig"},                                                                                \
        {                                                                                                              \
                "pcrs", GCE "pcrs-" b ".json"                                                                          \
        }
#define AK_CERT                                                                                                        \
        {"ak", GCE "ak.cert.der"},                                                                                     \
        {                                                                                                              \
                "chain", ROOT("tpm_ek_intermediate_2.crt")                                                             \
        }
#define LOG                                                                                                            \
        {                                                                                                              \
                "eventlog", GCE "eventlog.bin"                                                                         \
        }
#define K_PARTS                                                                                                        \
        {"sig", KEYLIME "quote.sig"}, {"pcrs", KEYLIME "pcrs.json"},                                                   \
        {                                                                                                              \
                "ak", KEYLIME "ak.pub.pem"                                                                             \
        }
#define K_NONCE "db1db298db6d60e6385b7231743e9c3056a18003"
#define K_ANCHOR                                                                                                       \
        {                                                                                                              \
                "anchors", KEYLIME "ak.pub.pem"                                                                        \
        }

static const struct recorded rows[] = {
        {.name = "gce-sha256", QUOTE("sha256"), .parts = {PARTS("sha256"), AK_CERT, LOG}, .nonce = "9009"},
        {.name = "gce-sha384", QUOTE("sha384"), .parts = {PARTS("sha384"), AK_CERT, LOG}, .nonce = "9009"},
        {.name = "gce-sha1", QUOTE("sha1"), .parts = {PARTS("sha1"), AK_CERT}, .nonce = "9009", .refused = "tpm.hash"},
        {.name = "gce-other-nonce",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), AK_CERT},
         .nonce = "9010",
         .refused = "tpm.extra_data"},
        {.name = "gce-longer-nonce",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), AK_CERT},
         .nonce = "900900",
         .refused = "tpm.extra_data"},
        {.name = "gce-no-nonce", QUOTE("sha256"), .parts = {PARTS("sha256"), AK_CERT}},
        {.name = "gce-root-as-anchor",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), AK_CERT, {"anchors", ROOT("tpm_ek_root_1.cer")}},
         .nonce = "9009"},
        {.name = "gce-no-intermediate",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", GCE "ak.cert.der"}},
         .refused = "ak.chain"},
        {.name = "gce-other-intermediate",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", GCE "ak.cert.der"}, {"chain", ROOT("tpm_ek_intermediate_3.crt")}},
         .refused = "ak.chain"},
        {.name = "gce-not-yet",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), AK_CERT},
         .at = "2021-08-31T23:11:04Z",
         .refused = "ak.not_yet_valid"},
        {.name = "gce-first-second",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), AK_CERT},
         .at = "2021-08-31T23:11:05Z"},
        {.name = "gce-last-second", QUOTE("sha256"), .parts = {PARTS("sha256"), AK_CERT}, .at = "2051-08-24T23:16:05Z"},
        {.name = "gce-expired",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), AK_CERT},
         .at = "2051-08-24T23:16:06Z",
         .refused = "ak.expired"},
        {.name = "gce-public-area-and-certificate",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"),
                   {"ak", GCE "ak.tpmt_public"},
                   {"chain", GCE "ak.cert.der"},
                   {"chain", ROOT("tpm_ek_intermediate_2.crt")},
                   LOG},
         .nonce = "9009"},
        {.name = "gce-public-area-as-anchor",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", GCE "ak.tpmt_public"}, {"anchors", GCE "ak.tpmt_public"}},
         .nonce = "9009"},
        {.name = "gce-certificate-as-anchor",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", GCE "ak.pub.pem"}, {"anchors", GCE "ak.cert.der"}},
         .nonce = "9009"},
        {.name = "gce-self-asserted",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", GCE "ak.tpmt_public"}},
         .nonce = "9009",
         .refused = "tpm.ak_untrusted"},
        {.name = "gce-self-asserted-with-roots",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", GCE "ak.pub.pem"}, {"anchors", ROOT("tpm_ek_root_1.cer")}},
         .refused = "tpm.ak_untrusted"},
        {.name = "gce-others-key-as-anchor",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", GCE "ak.pub.pem"}, {"anchors", KEYLIME "ak.pub.pem"}},
         .refused = "tpm.ak_untrusted"},
        {.name = "gce-others-pcrs",
         QUOTE("sha256"),
         .parts = {{"sig", GCE "quote-sha256.sig"}, {"pcrs", GCE "pcrs-sha384.json"}, AK_CERT},
         .refused = "tpm.selection"},
        {.name = "gce-others-signature",
         QUOTE("sha256"),
         .parts = {{"sig", GCE "quote-sha384.sig"}, {"pcrs", GCE "pcrs-sha256.json"}, AK_CERT},
         .refused = "tpm.signature"},
        {.name = "gce-others-log",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), AK_CERT, {"eventlog", "eventlog/rhel8-gcp.bin"}},
         .refused = "eventlog.replay"},
        {.name = "gce-others-certificate",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"),
                   {"ak", CERTS "pca_tpm_rsa_sign_cert.pem"},
                   {"chain", ROOT("gcp_ek_ak_ca_intermediate_v3.crt")}},
         .refused = "tpm.signature"},
        {.name = "gce-ecc-certificate",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"),
                   {"ak", CERTS "uca_tpm_ecc_sign_cert.pem"},
                   {"chain", ROOT("tpm_ek_intermediate_3.crt")}},
         .refused = "tpm.signature"},
        {.name = "gce-rsa-endorsement-certificate",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"),
                   {"ak", CERTS "pca_tpm_rsa_enc_cert.pem"},
                   {"chain", ROOT("gcp_ek_ak_ca_intermediate_v3.crt")}},
         .refused = "ak.purpose"},
        {.name = "gce-ecc-endorsement-certificate",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"),
                   {"ak", CERTS "uca_tpm_ecc_enc_cert.pem"},
                   {"chain", ROOT("tpm_ek_intermediate_3.crt")}},
         .refused = "ak.purpose"},
        {.name = "gce-authority-as-key",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", ROOT("tpm_ek_intermediate_2.crt")}},
         .refused = "ak.purpose"},
        {.name = "gce-rubbish-key",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", "eventlog/bogus-truncated.bin"}},
         .refused = "tpm.ak"},
        {.name = "gce-rubbish-chain",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), {"ak", GCE "ak.cert.der"}, {"chain", "eventlog/bogus-truncated.bin"}},
         .refused = "ak.chain"},
        {.name = "gce-rubbish-anchors",
         QUOTE("sha256"),
         .parts = {PARTS("sha256"), AK_CERT, {"anchors", "eventlog/bogus-truncated.bin"}},
         .refused = "tpm.anchors"},
        {.name = "gce-rubbish-pcrs",
         QUOTE("sha256"),
         .parts = {{"sig", GCE "quote-sha256.sig"}, {"pcrs", "eventlog/bogus-truncated.bin"}, AK_CERT},
         .refused = "evidence.format"},
        {.name = "gce-no-signature", QUOTE("sha256"), .parts = {AK_CERT}, .refused = "evidence.parts"},
        {.name = "gce-no-key", QUOTE("sha256"), .parts = {PARTS("sha256")}, .refused = "evidence.parts"},
        {.name = "keylime",
         .kind = EVIDENCE_TPM,
         .evidence = KEYLIME "quote.attest",
         .parts = {K_PARTS, K_ANCHOR},
         .nonce = K_NONCE},
        {.name = "keylime-self-asserted",
         .kind = EVIDENCE_TPM,
         .evidence = KEYLIME "quote.attest",
         .parts = {K_PARTS},
         .nonce = K_NONCE,
         .refused = "tpm.ak_untrusted"},
        {.name = "parsec",
         .kind = EVIDENCE_TPM,
         .evidence = PARSEC "quote.attest",
         .parts = {{"sig", PARSEC "quote.sig"}, {"ak", PARSEC "ak.pub.pem"}, {"anchors", PARSEC "ak.pub.pem"}},
         .nonce = "deadbeefdeadbeef"},
        {.name = "parsec-certify",
         .kind = EVIDENCE_TPM,
         .evidence = PARSEC "certify.attest",
         .parts = {{"sig", PARSEC "certify.sig"}, {"ak", PARSEC "ak.pub.pem"}, {"anchors", PARSEC "ak.pub.pem"}},
         .nonce = "deadbeefdeadbeef",
         .refused = "tpm.type"},
};

static void recorded_quotes(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                expect_recorded(&rows[i]);
}

/* Google's roots as they are published. */
static void builtin_roots(void **state UNUSED)
{
        static const char *const files[] = {"gcp_ek_ak_ca_root.crt", "tpm_ek_root_1.cer"};
        for (size_t i = 0; i < COUNT_OF(files); i++) {
                AUTO_STRING char *name = alloc_printf("tpm/roots/%s", files[i]);
                AUTO(buf) struct buf der = vector_read(name);
                assert_true(span_eq(cert_der(tpm_roots()->certs[i]), buf_span(&der)));
        }
        assert_int_equal(tpm_roots()->count, COUNT_OF(files));
}

/* Vendors' roots that are not DER to the letter are refused with a reason, or taken: never a crash. */
static void an_odd_anchor(void **state UNUSED)
{
        static const struct recorded row = {
                .name = "odd",
                QUOTE("sha256"),
                .parts = {PARTS("sha256"), AK_CERT, {"anchors", "tpm/ek-nuvoton-root-badder/nuvoton-root-2110.der"}}};
        struct recorded_files f;
        recorded_read(&row, &f);
        const char *token = recorded_token(&f);
        assert_true(strcmp(token, "OK") == 0 || strcmp(token, "tpm.anchors") == 0);
        recorded_clear(&f);
}

/* Every bit of the quote and of its signature counts; of the registers' values, too. */
static void every_bit_counts(void **state UNUSED)
{
        static const struct recorded row = {.name = "bits",
                                            .kind = EVIDENCE_TPM,
                                            .evidence = KEYLIME "quote.attest",
                                            .parts = {K_PARTS, K_ANCHOR},
                                            .nonce = K_NONCE};
        struct recorded_files f;
        recorded_read(&row, &f);
        struct buf *parts[] = {&f.evidence, recorded_part(&row, &f, "sig")};
        for (size_t p = 0; p < COUNT_OF(parts); p++)
                for (size_t bit = 0; bit < parts[p]->len * 8; bit++) {
                        parts[p]->data[bit / 8] ^= (uint8_t) (1u << bit % 8);
                        if (strcmp(recorded_token(&f), "OK") == 0)
                                fail_msg("bit %zu of part %zu", bit, p);
                        parts[p]->data[bit / 8] ^= (uint8_t) (1u << bit % 8);
                }
        assert_string_equal(recorded_token(&f), "OK");
        recorded_clear(&f);
}

/* The signature without its structure, as Azure and some tools pass it on. */
static void bare_signatures(void **state UNUSED)
{
        static const struct recorded row = {.name = "bare",
                                            .kind = EVIDENCE_TPM,
                                            .evidence = KEYLIME "quote.attest",
                                            .parts = {K_PARTS, K_ANCHOR},
                                            .nonce = K_NONCE};
        struct recorded_files f;
        recorded_read(&row, &f);
        struct buf *sig = recorded_part(&row, &f, "sig");
        memmove(sig->data, sig->data + 6, sig->len - 6);
        buf_truncate(sig, sig->len - 6);
        recorded_bind(&row, &f);
        assert_string_equal(recorded_token(&f), "OK");
        sig->data[0] ^= 1;
        assert_string_equal(recorded_token(&f), "tpm.signature");
        recorded_clear(&f);

        static const struct recorded ecdsa = {
                .name = "bare-ecdsa",
                .kind = EVIDENCE_TPM,
                .evidence = PARSEC "quote.attest",
                .parts = {{"sig", PARSEC "quote.sig"}, {"ak", PARSEC "ak.pub.pem"}, {"anchors", PARSEC "ak.pub.pem"}}};
        recorded_read(&ecdsa, &f);
        sig = recorded_part(&ecdsa, &f, "sig");
        uint8_t raw[64];
        memcpy(raw, sig->data + 6, 32);
        memcpy(raw + 32, sig->data + 40, 32);
        buf_truncate(sig, 0);
        expect_ok(buf_append(sig, SPAN_OF(raw)));
        recorded_bind(&ecdsa, &f);
        assert_string_equal(recorded_token(&f), "OK");

        /* the same in DER; both halves of this one have their top bit clear, or get a zero before it */
        uint8_t der[80] = {0x30, 0};
        size_t at = 2;
        for (size_t half = 0; half < 2; half++) {
                bool needs_zero = (raw[32 * half] & 0x80) != 0;
                der[at++] = 0x02;
                der[at++] = needs_zero ? 33 : 32;
                if (needs_zero)
                        der[at++] = 0;
                memcpy(der + at, raw + 32 * half, 32);
                at += 32;
        }
        der[1] = (uint8_t) (at - 2);
        buf_truncate(sig, 0);
        expect_ok(buf_append(sig, span_make(der, at)));
        recorded_bind(&ecdsa, &f);
        assert_string_equal(recorded_token(&f), "OK");
        recorded_clear(&f);
}

/* TPM2B_PUBLIC, as tpm2-tools write it, and a certificate with the padding of its NV area. */
static void other_forms_of_a_key(void **state UNUSED)
{
        static const struct recorded row = {
                .name = "forms",
                QUOTE("sha256"),
                .parts = {PARTS("sha256"), {"ak", GCE "ak.tpmt_public"}, {"anchors", GCE "ak.pub.pem"}}};
        struct recorded_files f;
        recorded_read(&row, &f);
        struct buf *ak = recorded_part(&row, &f, "ak");
        AUTO(buf) struct buf sized = BUF(1024);
        expect_ok(buf_append_u16be(&sized, (uint16_t) ak->len));
        expect_ok(buf_append(&sized, buf_span(ak)));
        f.in.parts[2].bytes = buf_span(&sized);
        assert_string_equal(recorded_token(&f), "OK");
        recorded_clear(&f);

        static const struct recorded padded = {.name = "padded", QUOTE("sha256"), .parts = {PARTS("sha256"), AK_CERT}};
        recorded_read(&padded, &f);
        ak = recorded_part(&padded, &f, "ak");
        for (size_t i = 0; i < 100; i++)
                expect_ok(buf_append_byte(ak, 0xff));
        recorded_bind(&padded, &f);
        assert_string_equal(recorded_token(&f), "OK");
        recorded_clear(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(recorded_quotes), cmocka_unit_test(builtin_roots),
                cmocka_unit_test(an_odd_anchor),   cmocka_unit_test(every_bit_counts),
                cmocka_unit_test(bare_signatures), cmocka_unit_test(other_forms_of_a_key),
        };
        return cmocka_run_group_tests_name("tpm vectors", tests, NULL, NULL);
}
