/* The TPM's evidence, with a TPM: swtpm through the same strings that an operator writes. */
#include "attester/evidence/tpm.h"

#include <fcntl.h>
#include <stdio.h>

#include "attester/evidence/tpm_ak.h"
#include "attester/evidence/tpm_ek.h"
#include "lib/base/file.h"
#include "lib/crypt/tpm.h"
#include "lib/crypt/x509.h"
#include "lib/model/tpm_evidence.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/swtpm.h"

#define NO_DA (1u << 10) /* TPMA_OBJECT noDA */
#define PCRS  "sha256:0,1,2,3,4,5,6,7,23+sha384:0"

static struct swtpm tpm;
static char state_dir[128];

static struct binding a_binding(void)
{
        struct binding b = {
                .purpose = BINDING_ISSUE, .nonce = SPAN("nonce-nonce-nonce"), .audience = SPAN("https://issuer")};
        memset(b.request_digest, 1, sizeof b.request_digest);
        memset(b.client_spki_digest, 2, sizeof b.client_spki_digest);
        memset(b.exporter, 3, sizeof b.exporter);
        return b;
}

static void open_source(const char *pcrs, struct evidence_source *ret)
{
        expect_ok(evidence_open(
                &(struct evidence_options){
                        .kind = EVIDENCE_TPM, .tpm_tcti = tpm.tcti, .tpm_pcrs = pcrs, .state_dir = state_dir},
                ret));
}

static struct fault *collect(const struct evidence_source *s, struct tpm_evidence *ret)
{
        const struct binding b = a_binding();
        AUTO(cmw) struct cmw c = {0};
        TRY(s->collect(s->self, &b, NULL, &c));
        assert_int_equal(c.count, 1);
        assert_string_equal(c.items[0].type, CMW_TPM_QUOTE);
        assert_int_equal(c.items[0].indicator, CMW_IND_EVIDENCE);
        return tpm_evidence_read(buf_span(&c.items[0].value), ret);
}

/* What the issuer does with it, in short. */
static void verify(const struct tpm_evidence *e, struct tpm_quote *ret_quote)
{
        AUTO(tpm_public) struct tpm_public ak = {0};
        enum hash_alg alg;
        uint8_t digest[HASH_MAX_LEN], extra_data[SHA256_LEN];
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        const struct binding b = a_binding();
        expect_ok(tpm_public_read(buf_span(&e->ak_public), &ak));
        assert_int_equal(ak.attributes, TPMA_FIXED_TPM | TPMA_FIXED_PARENT | TPMA_SENSITIVE_DATA_ORIGIN |
                                                TPMA_USER_WITH_AUTH | NO_DA | TPMA_SIGN | TPMA_RESTRICTED);
        assert_int_equal(key_kind(ak.key), KEY_P256);
        expect_ok(tpm_signature_verify(&ak, buf_span(&e->attest), buf_span(&e->signature), &alg));
        assert_int_equal(alg, HASH_SHA256);
        expect_ok(tpm_quote_read(buf_span(&e->attest), ret_quote));
        expect_ok(binding_write(&b, &t));
        binding_extra_data(buf_span(&t), extra_data);
        assert_true(span_eq(ret_quote->extra_data, SPAN_OF(extra_data)));
        expect_ok(tpm_evidence_pcr_digest(e, ret_quote, alg, digest));
        assert_true(span_eq(ret_quote->pcr_digest, span_make(digest, SHA256_LEN)));
}

static void assert_nothing_stays_loaded(void)
{
        static const char *const firsts[] = {"\x80\x00\x00\x00", "\x02\x00\x00\x00", "\x03\x00\x00\x00"};
        for (size_t i = 0; i < COUNT_OF(firsts); i++) {
                AUTO(buf) struct buf command = BUF(64), answer = BUF(1024);
                expect_ok(buf_append(&command,
                                     SPAN("\x80\x01\0\0\0\x16\0\0\x01\x7a\0\0\0\x01"))); /* GetCapability(handles) */
                expect_ok(buf_append(&command, span_make(firsts[i], 4)));
                expect_ok(buf_append(&command, SPAN("\0\0\0\x10")));
                expect_ok(swtpm_command(&tpm, buf_span(&command), &answer));
                assert_int_equal(answer.len, 10 + 1 + 4 + 4);
                assert_true(span_is_zero(span_slice(buf_span(&answer), 15, 4)));
        }
}

/* ---- tests */

static void quote_verifies(void **unused)
{
        (void) unused;
        struct evidence_source s;
        open_source(PCRS, &s);
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        struct tpm_quote q;
        expect_ok(collect(&s, &e));
        verify(&e, &q);
        assert_int_equal(q.bank_count, 2);
        assert_int_equal(q.banks[0].bank, HASH_SHA256);
        assert_int_equal(q.banks[0].pcrs, 0x8000ff);
        assert_int_equal(q.banks[1].bank, HASH_SHA384);
        assert_int_equal(q.banks[1].pcrs, 1);
        assert_nothing_stays_loaded();
        s.close(s.self);
}

static void extend_is_seen(void **unused)
{
        (void) unused;
        struct evidence_source s;
        open_source(PCRS, &s);
        AUTO(tpm_evidence) struct tpm_evidence before = tpm_evidence_new(), after = tpm_evidence_new();
        struct tpm_quote q;
        uint8_t digest[SHA256_LEN] = {1}, both[2 * SHA256_LEN], wanted[SHA256_LEN];
        expect_ok(collect(&s, &before));
        expect_ok(swtpm_extend(&tpm, 23, digest)); /* while the source is open: it holds nothing */
        expect_ok(collect(&s, &after));
        verify(&after, &q);
        memcpy(both, before.values[HASH_SHA256][23].data, SHA256_LEN);
        memcpy(both + SHA256_LEN, digest, SHA256_LEN);
        sha256(SPAN_OF(both), wanted);
        assert_true(span_eq(after.values[HASH_SHA256][23], SPAN_OF(wanted)));
        s.close(s.self);
}

static void key_is_the_same_after_restarts(void **unused)
{
        (void) unused;
        struct evidence_source s;
        AUTO(tpm_evidence)
        struct tpm_evidence first = tpm_evidence_new(), restarted = tpm_evidence_new(), reset = tpm_evidence_new(),
                            both = tpm_evidence_new();
        struct tpm_quote q1, q2;
        open_source(PCRS, &s);
        expect_ok(collect(&s, &first));
        s.close(s.self);
        open_source(PCRS, &s); /* ours */
        expect_ok(collect(&s, &restarted));
        expect_ok(swtpm_reset(&tpm)); /* the TPM's: the saved context is worth nothing any more */
        expect_ok(collect(&s, &reset));
        verify(&restarted, &q1);
        verify(&reset, &q2);
        s.close(s.self);
        expect_ok(swtpm_reset(&tpm));
        open_source(PCRS, &s); /* both */
        expect_ok(collect(&s, &both));
        s.close(s.self);

        assert_true(span_eq(buf_span(&first.ak_public), buf_span(&restarted.ak_public)));
        assert_true(span_eq(buf_span(&first.ak_public), buf_span(&reset.ak_public)));
        assert_true(span_eq(buf_span(&first.ak_public), buf_span(&both.ak_public)));
        assert_true(q2.reset_count > q1.reset_count);
}

static void gone_and_back(void **unused)
{
        (void) unused;
        struct evidence_source s;
        open_source(PCRS, &s);
        AUTO(tpm_evidence) struct tpm_evidence none = tpm_evidence_new(), e = tpm_evidence_new();
        AUTO(enrolment_material) struct enrolment_material m = {0};
        struct tpm_quote q;
        swtpm_stop(&tpm);
        expect_fault(collect(&s, &none), FAULT_UNAVAILABLE, "tee.gone");
        expect_fault(s.enrolment(s.self, NULL, &m), FAULT_UNAVAILABLE, "tee.gone");
        expect_ok(swtpm_start(&tpm));
        expect_ok(collect(&s, &e));
        verify(&e, &q);
        s.close(s.self);
}

static void frozen_is_given_up_in_time(void **unused)
{
        (void) unused;
        struct evidence_source s;
        struct cancel cancel;
        const struct binding b = a_binding();
        AUTO(cmw) struct cmw none = {0};
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        open_source(PCRS, &s);
        swtpm_freeze(&tpm);
        cancel_init(&cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + 60});
        expect_fault(s.collect(s.self, &b, &cancel, &none), FAULT_DEADLINE, "DEADLINE");
        cancel_clear(&cancel);
        swtpm_thaw(&tpm);
        expect_ok(collect(&s, &e));
        assert_nothing_stays_loaded();
        s.close(s.self);
}

static void tcp_works_as_well(void **unused)
{
        (void) unused;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence unix_e = tpm_evidence_new(), tcp_e = tpm_evidence_new();
        struct tpm_quote q;
        open_source(PCRS, &s);
        expect_ok(collect(&s, &unix_e));
        s.close(s.self);
        const struct swtpm before = tpm;
        swtpm_stop(&tpm);
        tpm.over_tcp = true;
        expect_ok(swtpm_start(&tpm));
        open_source(PCRS, &s);
        expect_ok(collect(&s, &tcp_e));
        verify(&tcp_e, &q);
        assert_true(span_eq(buf_span(&unix_e.ak_public), buf_span(&tcp_e.ak_public)));
        s.close(s.self);
        swtpm_stop(&tpm);
        tpm.over_tcp = false;
        snprintf(tpm.tcti, sizeof tpm.tcti, "%s", before.tcti);
        expect_ok(swtpm_start(&tpm));
}

static void leftovers_are_flushed(void **unused)
{
        (void) unused;
        /* StartAuthSession (HMAC, SHA-256), thrice: what a crashed user without resource manager leaves */
        static const char start[] = "\x80\x01\0\0\0\x2b\0\0\x01\x76\x40\0\0\x07\x40\0\0\x07\0\x10"
                                    "0123456789abcdef\0\0\0\0\x10\0\x0b";
        for (int i = 0; i < 3; i++)
                expect_ok(swtpm_command(&tpm, span_make(start, sizeof start - 1), NULL));
        struct evidence_source s;
        open_source(PCRS, &s);
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        expect_ok(collect(&s, &e));
        assert_nothing_stays_loaded();
        s.close(s.self);
}

static void activates(const struct evidence_source *s, const char *wanted_kind)
{
        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(tpm_public) struct tpm_public ek = {0};
        AUTO(buf) struct buf name = BUF(80), id_object = BUF(1024), encrypted = BUF(1024);
        AUTO(secret) struct secret *secret = NULL;
        AUTO(secret) struct secret *none = NULL;
        expect_ok(s->enrolment(s->self, NULL, &m));
        expect_ok(tpm_public_read(buf_span(&m.ek_public), &ek));
        assert_true(tpm_is_ek_template(&ek));
        assert_string_equal(key_kind(ek.key) == KEY_RSA ? "rsa" : "ecc", wanted_kind);
        expect_ok(tpm_name(buf_span(&m.ak_public), &name));
        expect_ok(tpm_make_credential(ek.key, buf_span(&name), SPAN("0123456789abcdef0123456789abcdef"), &id_object,
                                      &encrypted));
        expect_ok(s->activate(s->self, buf_span(&id_object), buf_span(&encrypted), NULL, &secret));
        assert_true(span_eq(secret_span(secret), SPAN("0123456789abcdef0123456789abcdef")));
        assert_nothing_stays_loaded();

        /* nearly right */
        encrypted.data[encrypted.len - 1] ^= 1;
        expect_fault(s->activate(s->self, buf_span(&id_object), buf_span(&encrypted), NULL, &none), FAULT_DENIED,
                     "tpm.activate");
        encrypted.data[encrypted.len - 1] ^= 1;
        struct span cut = span_slice(buf_span(&id_object), 0, id_object.len - 1);
        expect_fault(s->activate(s->self, cut, buf_span(&encrypted), NULL, &none), FAULT_INVALID, "TPM_STRUCTURE");
        expect_ok(buf_append_byte(&id_object, 0));
        expect_fault(s->activate(s->self, buf_span(&id_object), buf_span(&encrypted), NULL, &none), FAULT_INVALID,
                     "TPM_STRUCTURE");
        expect_fault(s->activate(s->self, SPAN_NONE, SPAN_NONE, NULL, &none), FAULT_INVALID, "TPM_STRUCTURE");
        buf_truncate(&name, 0);
        buf_truncate(&id_object, 0);
        buf_truncate(&encrypted, 0);
        expect_ok(tpm_name(buf_span(&m.ek_public), &name)); /* another object's name */
        expect_ok(tpm_make_credential(ek.key, buf_span(&name), SPAN("0123456789abcdef"), &id_object, &encrypted));
        expect_fault(s->activate(s->self, buf_span(&id_object), buf_span(&encrypted), NULL, &none), FAULT_DENIED,
                     "tpm.activate");
        assert_nothing_stays_loaded();
}

static void rsa_ek_activates_and_has_its_certificate(void **unused)
{
        (void) unused;
        struct evidence_source s;
        open_source(PCRS, &s);
        activates(&s, "rsa");

        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(cert) struct cert *leaf = NULL;
        AUTO(cert_list) struct cert_list roots = {0}, intermediates = {0};
        AUTO(buf) struct buf root_pem = BUF(65536), issuer_pem = BUF(65536);
        expect_ok(s.enrolment(s.self, NULL, &m));
        assert_int_equal(m.certificate_count, 1);
        expect_ok(cert_from_der(buf_span(&m.certificates[0]), &leaf));
        char path[256];
        snprintf(path, sizeof path, "%s/swtpm-localca-rootca-cert.pem", tpm.ca);
        expect_ok(file_read(path, &root_pem));
        snprintf(path, sizeof path, "%s/issuercert.pem", tpm.ca);
        expect_ok(file_read(path, &issuer_pem));
        expect_ok(cert_list_from_pem(buf_span(&root_pem), &roots));
        expect_ok(cert_list_from_pem(buf_span(&issuer_pem), &intermediates));
        expect_ok(cert_verify(leaf, &intermediates, &roots, CERT_PURPOSE_EK, clock_wall(&clock_system)));
        s.close(s.self);
}

static void wiped_is_noticed_and_enrolled_anew(void **unused)
{
        (void) unused;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence before = tpm_evidence_new(), after = tpm_evidence_new();
        AUTO(enrolment_material) struct enrolment_material m = {0};
        AUTO(secret) struct secret *none = NULL;
        struct tpm_quote q;
        open_source(PCRS, &s);
        expect_ok(collect(&s, &before));
        expect_ok(swtpm_wipe(&tpm));
        expect_ok(swtpm_start(&tpm));
        expect_fault(collect(&s, &after), FAULT_PRECONDITION, "tee.wiped");
        expect_fault(collect(&s, &after), FAULT_PRECONDITION, "tee.wiped"); /* and stays so */
        expect_fault(s.activate(s.self, SPAN("x"), SPAN("x"), NULL, &none), FAULT_PRECONDITION, "tee.wiped");
        s.close(s.self);
        open_source(PCRS, &s);
        expect_fault(collect(&s, &after), FAULT_PRECONDITION, "tee.wiped"); /* over a restart */

        expect_ok(s.enrolment(s.self, NULL, &m));
        expect_ok(collect(&s, &after));
        verify(&after, &q);
        assert_true(span_eq(buf_span(&after.ak_public), buf_span(&m.ak_public)));
        assert_false(span_eq(buf_span(&after.ak_public), buf_span(&before.ak_public)));
        s.close(s.self);
}

static void broken_state_is_named(void **unused)
{
        (void) unused;
        static const struct {
                const char *name, *text, *token;
        } rows[] = {
                {"empty", "", "tee.wiped"},
                {"torn", "{\"v\":1,\"uni", "tee.wiped"},
                {"short unique", "{\"v\":1,\"unique\":\"AAAA\",\"name\":\"AAAA\"}", "tee.wiped"},
                {"newer", "{\"v\":2}", "evidence.state_version"},
        };
        struct evidence_source s;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
                AUTO_CLOSE int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                expect_ok(file_write_atomic_at(dir, TPM_AK_STATE_FILE, span_str(rows[i].text), 0600));
                open_source(PCRS, &s);
                expect_fault_row(collect(&s, &e), FAULT_PRECONDITION, rows[i].token, rows[i].name);
                s.close(s.self);
        }
        AUTO(enrolment_material) struct enrolment_material m = {0};
        open_source(PCRS, &s);
        expect_fault(s.enrolment(s.self, NULL, &m), FAULT_PRECONDITION, "evidence.state_version"); /* nor thrown away */
        s.close(s.self);
        AUTO_CLOSE int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(unlinkat(dir, TPM_AK_STATE_FILE, 0), 0);
}

static void inactive_bank_is_named(void **unused)
{
        (void) unused;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        open_source("sha256:0+sha512:0", &s);
        expect_fault(collect(&s, &e), FAULT_PRECONDITION, "evidence.bank");
        s.close(s.self);
}

static void bindings_are_checked_before_the_tpm(void **unused)
{
        (void) unused;
        struct evidence_source s;
        open_source(PCRS, &s);
        struct binding b = a_binding();
        b.nonce = SPAN_NONE;
        AUTO(cmw) struct cmw c = {0};
        expect_fault(s.collect(s.self, &b, NULL, &c), FAULT_INVALID, "BINDING_FIELD");
        s.close(s.self);
}

static void missing_device_is_named(void **unused)
{
        (void) unused;
        struct evidence_source s;
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        expect_ok(evidence_open(&(struct evidence_options){.kind = EVIDENCE_TPM,
                                                           .tpm_tcti = "device:/dev/there-is-no-tpm",
                                                           .state_dir = state_dir},
                                &s));
        expect_fault(collect(&s, &e), FAULT_PRECONDITION, "tee.missing");
        s.close(s.self);
}

static int make_tpm(void **unused)
{
        (void) unused;
        expect_ok(swtpm_make(&tpm, SWTPM_EK_CERTIFICATE));
        expect_ok(swtpm_start(&tpm));
        snprintf(state_dir, sizeof state_dir, "%s/attester", tpm.folder);
        return 0;
}

static int clear_tpm(void **unused)
{
        (void) unused;
        swtpm_clear(&tpm);
        return 0;
}

static void the_log_is_of_the_device(void **unused)
{
        (void) unused;
        static const struct {
                const char *tcti, *said, *path;
        } rows[] = {
                {"device:/dev/tpmrm0", NULL, "/sys/kernel/security/tpm0/binary_bios_measurements"},
                {"device:/dev/tpm1", NULL, "/sys/kernel/security/tpm1/binary_bios_measurements"},
                {"device:/dev/tpmrm0", "", ""},
                {"device:/dev/tpmrm0", "/run/log", "/run/log"},
                {"swtpm:path=/run/tpm.sock", "/run/log", "/run/log"},
                {"swtpm:path=/run/tpm.sock", NULL, ""},
                {"device:/dev/tpm", NULL, ""},
                {"device:/dev/tpmrm0x", NULL, ""},
                {"device:/dev/tpmrm70000", NULL, ""},
                {NULL, NULL, ""},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const struct evidence_options o = {.tpm_tcti = rows[i].tcti, .tpm_eventlog = rows[i].said};
                AUTO_STRING char *path = evidence_tpm_log_path(&o);
                assert_string_equal(path, rows[i].path);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(quote_verifies),
                cmocka_unit_test(the_log_is_of_the_device),
                cmocka_unit_test(extend_is_seen),
                cmocka_unit_test(key_is_the_same_after_restarts),
                cmocka_unit_test(gone_and_back),
                cmocka_unit_test(frozen_is_given_up_in_time),
                cmocka_unit_test(tcp_works_as_well),
                cmocka_unit_test(leftovers_are_flushed),
                cmocka_unit_test(rsa_ek_activates_and_has_its_certificate),
                cmocka_unit_test(inactive_bank_is_named),
                cmocka_unit_test(bindings_are_checked_before_the_tpm),
                cmocka_unit_test(missing_device_is_named),
                cmocka_unit_test(wiped_is_noticed_and_enrolled_anew),
                cmocka_unit_test(broken_state_is_named),
        };
        return cmocka_run_group_tests(tests, make_tpm, clear_tpm);
}
