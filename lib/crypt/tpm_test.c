#include "lib/crypt/tpm.h"

#include "tests/fakes/vector.h"

#include "lib/base/parse.h"
#include "lib/crypt/x509.h"
#include "lib/wire/json.h"

/* PCR values of a file {"sha256":{"0":"hex",…}} as tpm_pcr_digest wants them for a quote of one bank. */
struct pcrs {
        struct span values[TPM_BANKS_MAX][TPM_PCR_COUNT];
        uint8_t bytes[TPM_PCR_COUNT][HASH_MAX_LEN];
};

static void read_pcrs(const char *path, const char *bank, struct pcrs *p)
{
        AUTO(buf) struct buf text = vector_read(path);
        AUTO(json) struct json *j = NULL;

        memset(p, 0, sizeof *p);
        expect_ok(json_parse(buf_span(&text), &j));
        const struct json *values = json_get(j, bank);
        assert_non_null(values);
        for (unsigned pcr = 0; pcr < TPM_PCR_COUNT; pcr++) {
                AUTO_STRING char *name = alloc_printf("%u", pcr);
                AUTO(buf) struct buf value = BUF(HASH_MAX_LEN);
                struct span hex = SPAN_NONE;
                expect_ok(json_want_text(values, name, (size_t) 2 * HASH_MAX_LEN, &hex));
                if (hex.data == NULL)
                        continue;
                expect_ok(hex_decode(hex, &value));
                memcpy(p->bytes[pcr], value.data, value.len);
                p->values[0][pcr] = span_make(p->bytes[pcr], value.len);
        }
}

/* A verifier's view of an AK whose public area wasn't recorded. */
static struct tpm_public ak_of_pem(const char *path, uint16_t scheme)
{
        AUTO(buf) struct buf pem = vector_read(path);
        struct tpm_public ak = {.name_alg = HASH_SHA256, .scheme = scheme, .scheme_hash = HASH_SHA256};

        expect_ok(key_from_pem_public(buf_span(&pem), &ak.key));
        return ak;
}

struct quote_row {
        const char *name, *attest, *signature, *pcrs, *bank, *extra_hex;
        enum hash_alg bank_alg;
        uint32_t selection;
};

static void check_quote(const struct tpm_public *ak, const struct quote_row *row)
{
        AUTO(buf)
        struct buf attest = vector_read(row->attest), signature = vector_read(row->signature), extra = BUF(64);
        struct tpm_quote q;
        enum hash_alg alg;

        expect_ok(tpm_quote_read(buf_span(&attest), &q));
        expect_ok(hex_decode(span_str(row->extra_hex), &extra));
        assert_true(span_eq(q.extra_data, buf_span(&extra)));
        assert_int_equal(q.bank_count, 1);
        assert_int_equal(q.banks[0].bank, row->bank_alg);
        assert_int_equal(q.banks[0].pcrs, row->selection);
        expect_ok(tpm_signature_verify(ak, buf_span(&attest), buf_span(&signature), &alg));
        assert_int_equal(alg, HASH_SHA256);

        if (row->pcrs != NULL) {
                struct pcrs p;
                uint8_t digest[HASH_MAX_LEN];
                read_pcrs(row->pcrs, row->bank, &p);
                expect_ok(tpm_pcr_digest(&q, p.values, alg, digest));
                assert_true(span_eq(span_make(digest, hash_len(alg)), q.pcr_digest));
        }

        /* a bit anywhere in what was signed, or in the signature */
        for (size_t at = 0; at < attest.len; at += 7) {
                attest.data[at] ^= 1;
                expect_fault_row(tpm_signature_verify(ak, buf_span(&attest), buf_span(&signature), &alg), FAULT_DENIED,
                                 "tpm.signature", row->name);
                attest.data[at] ^= 1;
        }
        signature.data[signature.len - 1] ^= 1;
        expect_fault_row(tpm_signature_verify(ak, buf_span(&attest), buf_span(&signature), &alg), FAULT_DENIED,
                         "tpm.signature", row->name);
}

static void gce_quotes(void **state UNUSED)
{
        static const struct quote_row rows[] = {
                {"sha256", "tpm/gce-cos85-nonce9009/quote-sha256.attest", "tpm/gce-cos85-nonce9009/quote-sha256.sig",
                 "tpm/gce-cos85-nonce9009/pcrs-sha256.json", "sha256", "9009", HASH_SHA256, 0xffffff},
                {"sha384", "tpm/gce-cos85-nonce9009/quote-sha384.attest", "tpm/gce-cos85-nonce9009/quote-sha384.sig",
                 "tpm/gce-cos85-nonce9009/pcrs-sha384.json", "sha384", "9009", HASH_SHA384, 0xffffff},
                {"sha1 bank", "tpm/gce-cos85-nonce9009/quote-sha1.attest", "tpm/gce-cos85-nonce9009/quote-sha1.sig",
                 "tpm/gce-cos85-nonce9009/pcrs-sha1.json", "sha1", "9009", HASH_SHA1, 0xffffff},
        };
        AUTO(buf)
        struct buf bytes = vector_read("tpm/gce-cos85-nonce9009/ak.tpmt_public"),
                   der = vector_read("tpm/gce-cos85-nonce9009/ak.cert.der"), name = BUF(64);
        AUTO(tpm_public) struct tpm_public ak = {0};
        AUTO(cert) struct cert *cert = NULL;

        expect_ok(tpm_public_read(buf_span(&bytes), &ak));
        assert_int_equal(ak.attributes, 0x00050072);
        assert_int_equal(ak.scheme, 0x0014);
        assert_int_equal(ak.scheme_hash, HASH_SHA256);
        assert_false(tpm_is_ek_template(&ak));
        expect_ok(tpm_name(buf_span(&bytes), &name));
        assert_int_equal(name.len, 34);
        assert_memory_equal(name.data, "\x00\x0b", 2);
        expect_ok(cert_from_der(buf_span(&der), &cert));
        assert_true(span_eq(key_spki(cert_key(cert)), key_spki(ak.key)));
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                check_quote(&ak, &rows[i]);
}

static void other_quotes(void **state UNUSED)
{
        static const struct quote_row keylime = {"keylime",
                                                 "tpm/keylime-sim/quote.attest",
                                                 "tpm/keylime-sim/quote.sig",
                                                 "tpm/keylime-sim/pcrs.json",
                                                 "sha256",
                                                 "db1db298db6d60e6385b7231743e9c3056a18003",
                                                 HASH_SHA256,
                                                 1u << 15 | 1u << 16 | 1u << 22};
        static const struct quote_row parsec = {"parsec",
                                                "tpm/parsec-certify/quote.attest",
                                                "tpm/parsec-certify/quote.sig",
                                                NULL,
                                                NULL,
                                                "deadbeefdeadbeef",
                                                HASH_SHA256,
                                                7};
        AUTO(tpm_public) struct tpm_public rsa = ak_of_pem("tpm/keylime-sim/ak.pub.pem", 0x0014);
        AUTO(tpm_public) struct tpm_public ec = ak_of_pem("tpm/parsec-certify/ak.pub.pem", 0x0018);
        AUTO(buf)
        struct buf certify = vector_read("tpm/parsec-certify/certify.attest"),
                   signature = vector_read("tpm/parsec-certify/certify.sig"),
                   app = vector_read("tpm/parsec-certify/appkey.tpmt_public"), name = BUF(64);
        AUTO(tpm_public) struct tpm_public app_key = {0};
        struct tpm_quote q;
        enum hash_alg alg;

        check_quote(&rsa, &keylime);
        check_quote(&ec, &parsec);
        /* signed by the same AK, and no quote */
        expect_ok(tpm_signature_verify(&ec, buf_span(&certify), buf_span(&signature), &alg));
        expect_fault(tpm_quote_read(buf_span(&certify), &q), FAULT_DENIED, "tpm.type");
        /* the name in it is that of the application's key */
        expect_ok(tpm_public_read(buf_span(&app), &app_key));
        assert_int_equal(app_key.attributes, 0x40072);
        assert_int_equal(key_kind(app_key.key), KEY_P256);
        expect_ok(tpm_name(buf_span(&app), &name));
        assert_memory_equal(certify.data + 79, name.data, name.len);
}

/* The values have to be exactly those of the selection. */
static void pcr_values(void **state UNUSED)
{
        AUTO(buf) struct buf attest = vector_read("tpm/keylime-sim/quote.attest");
        struct tpm_quote q, wider;
        struct pcrs p;
        uint8_t digest[HASH_MAX_LEN];
        static const uint8_t zeros[HASH_MAX_LEN];

        expect_ok(tpm_quote_read(buf_span(&attest), &q));
        read_pcrs("tpm/keylime-sim/pcrs.json", "sha256", &p);
        p.values[0][3] = span_make(zeros, 32);
        expect_fault_row(tpm_pcr_digest(&q, p.values, HASH_SHA256, digest), FAULT_DENIED, "tpm.pcr_values", "one more");
        p.values[0][3] = SPAN_NONE;
        struct span kept = p.values[0][15];
        p.values[0][15] = SPAN_NONE;
        expect_fault_row(tpm_pcr_digest(&q, p.values, HASH_SHA256, digest), FAULT_DENIED, "tpm.pcr_values", "one less");
        p.values[0][15] = span_make(zeros, 20);
        expect_fault_row(tpm_pcr_digest(&q, p.values, HASH_SHA256, digest), FAULT_DENIED, "tpm.pcr_values",
                         "SHA-1 value");
        p.values[0][15] = span_make(zeros, 33);
        expect_fault_row(tpm_pcr_digest(&q, p.values, HASH_SHA256, digest), FAULT_DENIED, "tpm.pcr_values", "33 bytes");
        p.values[0][15] = kept;
        wider = q;
        wider.banks[0].pcrs |= 1;
        expect_fault_row(tpm_pcr_digest(&wider, p.values, HASH_SHA256, digest), FAULT_DENIED, "tpm.pcr_values",
                         "another selection");
        expect_ok(tpm_pcr_digest(&q, p.values, HASH_SHA384, digest));
        assert_memory_not_equal(digest, q.pcr_digest.data, 32); /* not the signature's hash */
}

struct byte_row {
        const char *name;
        size_t at;
        uint8_t value;
        enum fault_code code;
        const char *token;
};

static void malformed_quotes(void **state UNUSED)
{
        static const struct byte_row rows[] = {
                {"magic", 0, 0xfe, FAULT_DENIED, "tpm.magic"},
                {"magic's last byte", 3, 0x46, FAULT_DENIED, "tpm.magic"},
                {"type certify", 5, 0x17, FAULT_DENIED, "tpm.type"},
                {"type creation", 5, 0x1a, FAULT_DENIED, "tpm.type"},
                {"signer one long", 7, 0x23, FAULT_INVALID, "TPM_STRUCTURE"},
                {"signer one short", 7, 0x21, FAULT_INVALID, "TPM_STRUCTURE"},
                {"signer over its limit", 7, 67, FAULT_INVALID, "TPM_STRUCTURE"},
                {"signer huge", 6, 0xff, FAULT_INVALID, "TPM_STRUCTURE"},
                {"extraData huge", 42, 0xff, FAULT_INVALID, "TPM_STRUCTURE"},
                {"safe 2", 62, 2, FAULT_INVALID, "TPM_STRUCTURE"},
                {"five banks", 74, 5, FAULT_INVALID, "TPM_STRUCTURE"},
                {"banks over 2^24", 71, 1, FAULT_INVALID, "TPM_STRUCTURE"},
                {"two banks, one there", 74, 2, FAULT_INVALID, "TPM_ALGORITHM"},
                {"unknown bank", 76, 0x12, FAULT_INVALID, "TPM_ALGORITHM"},
                {"bitmap of two bytes", 77, 2, FAULT_INVALID, "TPM_STRUCTURE"},
                {"bitmap of four bytes", 77, 4, FAULT_INVALID, "TPM_STRUCTURE"},
                {"digest one short", 82, 31, FAULT_INVALID, "TPM_STRUCTURE"},
                {"digest one long", 82, 33, FAULT_INVALID, "TPM_STRUCTURE"},
        };
        AUTO(buf) struct buf attest = vector_read("tpm/gce-cos85-nonce9009/quote-sha256.attest");
        struct tpm_quote q;

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                uint8_t kept = attest.data[rows[i].at];
                attest.data[rows[i].at] = rows[i].value;
                expect_fault_row(tpm_quote_read(buf_span(&attest), &q), rows[i].code, rows[i].token, rows[i].name);
                attest.data[rows[i].at] = kept;
        }
        for (size_t len = 0; len < attest.len; len++)
                expect_fault_row(tpm_quote_read(span_make(attest.data, len), &q), FAULT_INVALID, "TPM_STRUCTURE",
                                 "cut");
        expect_ok(tpm_quote_read(buf_span(&attest), &q));
        expect_ok(buf_append_byte(&attest, 0));
        expect_fault(tpm_quote_read(buf_span(&attest), &q), FAULT_INVALID, "TPM_STRUCTURE");
}

/* Two banks in one quote keep their order, and none may be there twice. */
static void several_banks(void **state UNUSED)
{
        static const char two[] = "\xff\x54\x43\x47\x80\x18\0\0\0\0"
                                  "\0\0\0\0\0\0\0\1\0\0\0\2\0\0\0\3\1\0\0\0\0\0\0\0\4"
                                  "\0\0\0\2\0\x0c\3\1\0\0\0\x0b\3\0\0\x80\0\0";
        uint8_t bytes[sizeof two - 1];
        struct tpm_quote q;

        memcpy(bytes, two, sizeof bytes);
        expect_ok(tpm_quote_read(SPAN_OF(bytes), &q));
        assert_int_equal(q.clock_ms, 1);
        assert_int_equal(q.reset_count, 2);
        assert_int_equal(q.restart_count, 3);
        assert_true(q.safe);
        assert_int_equal(q.firmware_version, 4);
        assert_int_equal(q.bank_count, 2);
        assert_int_equal(q.banks[0].bank, HASH_SHA384);
        assert_int_equal(q.banks[0].pcrs, 1);
        assert_int_equal(q.banks[1].bank, HASH_SHA256);
        assert_int_equal(q.banks[1].pcrs, 1u << 23);
        bytes[sizeof bytes - 7] = 0x0c;
        expect_fault(tpm_quote_read(SPAN_OF(bytes), &q), FAULT_INVALID, "TPM_STRUCTURE");
}

static void malformed_publics(void **state UNUSED)
{
        static const struct byte_row rsa[] = {
                {"type keyed hash", 1, 0x08, FAULT_INVALID, "TPM_ALGORITHM"},
                {"name with SHA-1", 3, 0x04, FAULT_INVALID, "TPM_ALGORITHM"},
                {"name with SM3", 3, 0x12, FAULT_INVALID, "TPM_ALGORITHM"},
                {"policy of one byte", 9, 1, FAULT_INVALID, "TPM_STRUCTURE"},
                {"symmetric Camellia", 11, 0x26, FAULT_INVALID, "TPM_ALGORITHM"},
                {"scheme ECDSA", 13, 0x18, FAULT_INVALID, "TPM_ALGORITHM"},
                {"scheme unknown", 13, 0x99, FAULT_INVALID, "TPM_ALGORITHM"},
                {"scheme hash SHA-1", 15, 0x04, FAULT_INVALID, "TPM_ALGORITHM"},
                {"bits 3072", 16, 0x0c, FAULT_INVALID, "TPM_STRUCTURE"},
                {"exponent 3", 21, 3, FAULT_INVALID, "TPM_ALGORITHM"},
                {"modulus one short", 22, 0, FAULT_INVALID, "TPM_STRUCTURE"},
                {"modulus of 2047 bits", 24, 0x7f, FAULT_INVALID, "TPM_STRUCTURE"},
        };
        static const struct byte_row ecc[] = {
                {"scheme RSASSA", 13, 0x14, FAULT_INVALID, "TPM_ALGORITHM"},
                {"curve P-521", 17, 5, FAULT_INVALID, "TPM_ALGORITHM"},
                {"curve P-384", 17, 4, FAULT_INVALID, "KEY_KIND"},
                {"KDF", 19, 0x20, FAULT_INVALID, "TPM_ALGORITHM"},
                {"x too long", 20, 1, FAULT_INVALID, "TPM_STRUCTURE"},
                {"point next to the curve", 53, 0xff, FAULT_INVALID, "KEY_KIND"},
        };
        static const struct {
                const char *path;
                const struct byte_row *rows;
                size_t count;
        } tables[] = {{"tpm/gce-cos85-nonce9009/ak.tpmt_public", rsa, COUNT_OF(rsa)},
                      {"tpm/parsec-certify/appkey.tpmt_public", ecc, COUNT_OF(ecc)}};

        for (size_t t = 0; t < COUNT_OF(tables); t++) {
                AUTO(buf) struct buf bytes = vector_read(tables[t].path), name = BUF(64);
                AUTO(tpm_public) struct tpm_public p = {0};
                for (size_t i = 0; i < tables[t].count; i++) {
                        const struct byte_row *row = &tables[t].rows[i];
                        uint8_t kept = bytes.data[row->at];
                        bytes.data[row->at] = row->value;
                        expect_fault_row(tpm_public_read(buf_span(&bytes), &p), row->code, row->token, row->name);
                        bytes.data[row->at] = kept;
                }
                for (size_t len = 0; len < bytes.len; len++)
                        expect_fault_row(tpm_public_read(span_make(bytes.data, len), &p), FAULT_INVALID,
                                         "TPM_STRUCTURE", "cut");
                expect_ok(buf_append_byte(&bytes, 0));
                expect_fault(tpm_public_read(buf_span(&bytes), &p), FAULT_INVALID, "TPM_STRUCTURE");
                expect_fault(tpm_name(span_make(bytes.data, 3), &name), FAULT_INVALID, "TPM_STRUCTURE");
                bytes.data[3] = 4;
                expect_fault(tpm_name(buf_span(&bytes), &name), FAULT_INVALID, "TPM_ALGORITHM");
        }
}

static void malformed_signatures(void **state UNUSED)
{
        static const struct byte_row rsa[] = {
                {"scheme PSS", 1, 0x16, FAULT_DENIED, "tpm.scheme"},
                {"scheme ECDSA", 1, 0x18, FAULT_DENIED, "tpm.scheme"},
                {"scheme HMAC", 1, 0x05, FAULT_INVALID, "TPM_ALGORITHM"},
                {"scheme NULL", 1, 0x10, FAULT_INVALID, "TPM_ALGORITHM"},
                {"hash SHA-1", 3, 0x04, FAULT_DENIED, "tpm.hash"},
                {"hash SHA-384", 3, 0x0c, FAULT_DENIED, "tpm.scheme"},
                {"hash unknown", 3, 0x12, FAULT_INVALID, "TPM_ALGORITHM"},
                {"one short", 4, 0, FAULT_INVALID, "TPM_STRUCTURE"},
                {"a bit", 6, 0, FAULT_DENIED, "tpm.signature"},
        };
        AUTO(buf)
        struct buf bytes = vector_read("tpm/gce-cos85-nonce9009/ak.tpmt_public"),
                   attest = vector_read("tpm/gce-cos85-nonce9009/quote-sha256.attest"),
                   signature = vector_read("tpm/gce-cos85-nonce9009/quote-sha256.sig");
        AUTO(tpm_public) struct tpm_public ak = {0};
        enum hash_alg alg;

        expect_ok(tpm_public_read(buf_span(&bytes), &ak));
        for (size_t i = 0; i < COUNT_OF(rsa); i++) {
                uint8_t kept = signature.data[rsa[i].at];
                signature.data[rsa[i].at] = rsa[i].value;
                expect_fault_row(tpm_signature_verify(&ak, buf_span(&attest), buf_span(&signature), &alg), rsa[i].code,
                                 rsa[i].token, rsa[i].name);
                signature.data[rsa[i].at] = kept;
        }
        for (size_t len = 0; len < signature.len; len++)
                expect_fault(tpm_signature_verify(&ak, buf_span(&attest), span_make(signature.data, len), &alg),
                             FAULT_INVALID, "TPM_STRUCTURE");
        expect_ok(buf_append_byte(&signature, 0));
        expect_fault(tpm_signature_verify(&ak, buf_span(&attest), buf_span(&signature), &alg), FAULT_INVALID,
                     "TPM_STRUCTURE");
        /* the raw 256 bytes that some tools give */
        expect_fault(tpm_signature_verify(&ak, buf_span(&attest), span_make(signature.data + 6, 256), &alg),
                     FAULT_INVALID, "TPM_ALGORITHM");
        /* a key without a scheme of its own isn't an attestation key */
        ak.scheme = 0x0010;
        expect_fault(tpm_signature_verify(&ak, buf_span(&attest), span_make(signature.data, 262), &alg), FAULT_DENIED,
                     "tpm.scheme");
}

static void ecdsa_halves(void **state UNUSED)
{
        AUTO(tpm_public) struct tpm_public ak = ak_of_pem("tpm/parsec-certify/ak.pub.pem", 0x0018);
        AUTO(buf)
        struct buf attest = vector_read("tpm/parsec-certify/quote.attest"),
                   good = vector_read("tpm/parsec-certify/quote.sig"), padded = BUF(128);
        enum hash_alg alg;

        /* r with a zero in front: one byte wider than the field */
        expect_ok(buf_append(&padded, span_make(good.data, 4)));
        expect_ok(buf_append(&padded, SPAN("\x00\x21\x00")));
        expect_ok(buf_append(&padded, span_make(good.data + 6, good.len - 6)));
        expect_fault(tpm_signature_verify(&ak, buf_span(&attest), buf_span(&padded), &alg), FAULT_INVALID,
                     "TPM_STRUCTURE");
        expect_fault(tpm_signature_verify(&ak, buf_span(&attest), SPAN("\0\x18\0\x0b\0\0\0\0"), &alg), FAULT_DENIED,
                     "tpm.signature");
        expect_ok(tpm_signature_verify(&ak, buf_span(&attest), buf_span(&good), &alg));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(gce_quotes),           cmocka_unit_test(other_quotes),
                cmocka_unit_test(pcr_values),           cmocka_unit_test(malformed_quotes),
                cmocka_unit_test(several_banks),        cmocka_unit_test(malformed_publics),
                cmocka_unit_test(malformed_signatures), cmocka_unit_test(ecdsa_halves),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
