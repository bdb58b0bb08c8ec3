#include "lib/crypt/x509.h"

#include "tests/fakes/pki.h"

/* Files of PEM or DER as one list. */
static struct cert_list load(const char *const *paths)
{
        struct cert_list all = {0};

        for (size_t i = 0; paths[i] != NULL; i++) {
                AUTO(buf) struct buf bytes = vector_read(paths[i]);
                if (bytes.data[0] == '-') {
                        struct cert_list one = {0};
                        expect_ok(cert_list_from_pem(buf_span(&bytes), &one));
                        assert_int_equal(one.count, 1);
                        all.certs[all.count++] = one.certs[0];
                } else {
                        struct span der;
                        expect_ok(cert_trim(buf_span(&bytes), &der));
                        all.certs[all.count++] = test_cert(der);
                }
        }
        return all;
}

#define STM   "tpm/ek-stm-rsa/"
#define GCE   "tpm/gce-certs/"
#define ROOTS "tpm/roots/"

static void recorded_chains(void **state UNUSED)
{
        static const struct {
                const char *name, *leaf[2], *middle[3], *root[2];
                const char *purpose; /* token of CERT_PURPOSE_EK, NULL: fine */
        } rows[] = {
                {"STM EK",
                 {STM "ek.nvpadded.der"},
                 {STM "STM_RSA_05I.pem", STM "STM_RSA_RT.pem"},
                 {STM "GS_TPM_RT.pem"},
                 NULL},
                {"GCE EK, no EKU",
                 {GCE "pca_tpm_rsa_enc_cert.pem"},
                 {ROOTS "gcp_ek_ak_ca_intermediate_v3.crt"},
                 {ROOTS "gcp_ek_ak_ca_root.crt"},
                 NULL},
                {"GCE AK is no EK",
                 {GCE "pca_tpm_rsa_sign_cert.pem"},
                 {ROOTS "gcp_ek_ak_ca_intermediate_v3.crt"},
                 {ROOTS "gcp_ek_ak_ca_root.crt"},
                 "x509.purpose"},
                {"GCE P-256 EK, directoryName",
                 {GCE "uca_tpm_ecc_enc_cert.pem"},
                 {ROOTS "tpm_ek_intermediate_3.crt"},
                 {ROOTS "tpm_ek_root_1.cer"},
                 NULL},
                {"GCE P-256 AK is no EK",
                 {GCE "uca_tpm_ecc_sign_cert.pem"},
                 {ROOTS "tpm_ek_intermediate_3.crt"},
                 {ROOTS "tpm_ek_root_1.cer"},
                 "x509.purpose"},
                {"GCE AK of the quotes",
                 {"tpm/gce-cos85-nonce9009/ak.cert.der"},
                 {ROOTS "tpm_ek_intermediate_2.crt"},
                 {ROOTS "tpm_ek_root_1.cer"},
                 "x509.purpose"},
        };
        static const char *const foreign_paths[] = {ROOTS "gcp_ek_ak_ca_root.crt", STM "GS_TPM_RT.pem", NULL};

        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const char *const leaf_path[] = {rows[i].leaf[0], NULL};
                const char *const middle_paths[] = {rows[i].middle[0], rows[i].middle[1], NULL};
                const char *const root_paths[] = {rows[i].root[0], NULL};
                AUTO(cert_list)
                struct cert_list leaf = load(leaf_path), middle = load(middle_paths), roots = load(root_paths);
                const struct cert *c = leaf.certs[0];
                struct wall first = cert_not_before(c), last = cert_not_after(c);
                struct wall early = {first.unix_ms - 1000}, late = {last.unix_ms + 1000};

                /* now and then the chain ends before the leaf does: its shortest life counts */
                for (size_t j = 0; j < middle.count; j++) {
                        if (cert_not_after(middle.certs[j]).unix_ms < last.unix_ms)
                                fail_msg("%s: row for another test", rows[i].name);
                }
                expect_ok(cert_verify(c, &middle, &roots, CERT_PURPOSE_ANY, first));
                expect_ok(cert_verify(c, &middle, &roots, CERT_PURPOSE_ANY, last));
                struct cert_window window;
                expect_ok(cert_verify_window(c, &middle, &roots, CERT_PURPOSE_ANY, first, &window));
                assert_int_equal(window.from_unix_s, wall_unix_s(first));
                assert_int_equal(window.until_unix_s, wall_unix_s(last));
                expect_fault_row(cert_verify(c, &middle, &roots, CERT_PURPOSE_ANY, early), FAULT_DENIED,
                                 "x509.not_yet_valid", rows[i].name);
                expect_fault_row(cert_verify(c, &middle, &roots, CERT_PURPOSE_ANY, late), FAULT_DENIED, "x509.expired",
                                 rows[i].name);
                struct fault *f = cert_verify(c, &middle, &roots, CERT_PURPOSE_EK, first);
                if (rows[i].purpose == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_DENIED, rows[i].purpose, rows[i].name);

                /* without the middle, without roots, and with an intermediate for a root */
                struct cert_list none = {0};
                expect_fault_row(cert_verify(c, NULL, &roots, CERT_PURPOSE_ANY, first), FAULT_DENIED, "x509.chain",
                                 rows[i].name);
                expect_fault_row(cert_verify(c, &middle, &none, CERT_PURPOSE_ANY, first), FAULT_DENIED, "x509.chain",
                                 rows[i].name);
                struct cert_list partial = {1, {middle.certs[0]}};
                expect_fault_row(cert_verify(c, &middle, &partial, CERT_PURPOSE_ANY, first), FAULT_DENIED, "x509.chain",
                                 rows[i].name);
        }
        AUTO(cert_list) struct cert_list foreign = load(foreign_paths);
        const char *const ak_path[] = {"tpm/gce-cos85-nonce9009/ak.cert.der", NULL};
        const char *const middle_path[] = {ROOTS "tpm_ek_intermediate_2.crt", NULL};
        AUTO(cert_list) struct cert_list ak = load(ak_path), middle = load(middle_path);
        expect_fault(cert_verify(ak.certs[0], &middle, &foreign, CERT_PURPOSE_ANY, cert_not_before(ak.certs[0])),
                     FAULT_DENIED, "x509.chain");
}

struct pki {
        struct key *root_key, *ca_key, *leaf_key;
        struct cert *root, *ca, *leaf;
};

static struct pki make_pki(void)
{
        struct pki p = {.root_key = test_key(KEY_P384), .ca_key = test_key(KEY_P256), .leaf_key = test_key(KEY_P256)};
        p.root = test_ca("root 1", p.root_key, NULL, NULL, wall_from_unix_s(TEST_NOW_S - 7200),
                         wall_from_unix_s(TEST_NOW_S + 99999));
        p.ca = test_ca("ca 1", p.ca_key, p.root, p.root_key, TEST_FROM, TEST_UNTIL);
        struct leaf_spec spec = test_leaf_spec(p.ca, p.ca_key, p.leaf_key);
        p.leaf = test_leaf(&spec, p.ca_key);
        return p;
}

static void pki_clear(struct pki *p)
{
        key_free(p->root_key);
        key_free(p->ca_key);
        key_free(p->leaf_key);
        cert_free(p->root);
        cert_free(p->ca);
        cert_free(p->leaf);
}
DEFINE_AUTO_VALUE(pki)

static void deny(const struct cert *leaf, const struct cert *middle, const struct cert *root, enum cert_purpose purpose,
                 struct wall now, const char *token, const char *name)
{
        struct cert_list intermediates = {1, {(struct cert *) middle}}, roots = {1, {(struct cert *) root}};

        expect_fault_row(cert_verify(leaf, &intermediates, &roots, purpose, now), FAULT_DENIED, token, name);
}

static void workloads(void **state UNUSED)
{
        AUTO(pki) struct pki p = make_pki();
        struct cert_list middle = {1, {p.ca}}, roots = {1, {p.root}};

        expect_ok(cert_verify(p.leaf, &middle, &roots, CERT_PURPOSE_WORKLOAD, TEST_NOW));
        deny(p.ca, p.ca, p.root, CERT_PURPOSE_WORKLOAD, TEST_NOW, "x509.purpose", "CA as leaf");
        deny(p.ca, p.ca, p.root, CERT_PURPOSE_EK, TEST_NOW, "x509.purpose", "CA as EK");
        deny(p.leaf, p.ca, p.root, CERT_PURPOSE_EK, TEST_NOW, "x509.purpose", "leaf as EK");

        /* a TLS certificate of the same CA has no URI */
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct tls_cert_spec tls = {"srv", NULL, NULL, {5}, TEST_FROM, TEST_UNTIL, p.leaf_key};
        expect_ok(tls_cert_build(&tls, p.ca, p.ca_key, &der));
        AUTO(cert) struct cert *server = test_cert(buf_span(&der));
        expect_ok(cert_verify(server, &middle, &roots, CERT_PURPOSE_ANY, TEST_NOW));
        deny(server, p.ca, p.root, CERT_PURPOSE_WORKLOAD, TEST_NOW, "x509.purpose", "no URI");

        /* a leaf that issues */
        AUTO(key) struct key *k = test_key(KEY_P256);
        struct leaf_spec spec = test_leaf_spec(p.leaf, p.leaf_key, k);
        spec.issuer_name_der = cert_subject_der(p.leaf);
        AUTO(cert) struct cert *below = test_leaf(&spec, p.leaf_key);
        struct cert_list both = {2, {p.leaf, p.ca}};
        expect_fault_row(cert_verify(below, &both, &roots, CERT_PURPOSE_WORKLOAD, TEST_NOW), FAULT_DENIED, "x509.chain",
                         "issued by a leaf");
}

static void look_alikes(void **state UNUSED)
{
        AUTO(pki) struct pki p = make_pki(), fake = make_pki(); /* the same names, other keys */

        assert_string_equal(cert_subject(p.root), cert_subject(fake.root));
        deny(p.leaf, p.ca, fake.root, CERT_PURPOSE_ANY, TEST_NOW, "x509.chain", "root of the same name");
        deny(fake.leaf, fake.ca, p.root, CERT_PURPOSE_ANY, TEST_NOW, "x509.chain", "chain of the same names");
        deny(p.leaf, fake.ca, p.root, CERT_PURPOSE_ANY, TEST_NOW, "x509.chain", "intermediate of the same name");
        /* the peer brings its own root along */
        struct cert_list brought = {2, {fake.ca, fake.root}}, roots = {1, {p.root}};
        expect_fault(cert_verify(fake.leaf, &brought, &roots, CERT_PURPOSE_ANY, TEST_NOW), FAULT_DENIED, "x509.chain");
        deny(fake.root, p.ca, p.root, CERT_PURPOSE_ANY, TEST_NOW, "x509.chain", "a self-signed root itself");

        /* the right key id, and a signature of somebody else */
        struct leaf_spec spec = test_leaf_spec(p.ca, p.ca_key, p.leaf_key);
        AUTO(cert) struct cert *forged = test_leaf(&spec, fake.ca_key);
        deny(forged, p.ca, p.root, CERT_PURPOSE_ANY, TEST_NOW, "x509.signature", "signature of another key");
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        expect_ok(buf_append(&der, cert_der(p.leaf)));
        uint8_t *at = memmem(der.data, der.len, "sa/b", 4);
        assert_non_null(at);
        at[3] = 'c';
        AUTO(cert) struct cert *bent = test_cert(buf_span(&der));
        deny(bent, p.ca, p.root, CERT_PURPOSE_ANY, TEST_NOW, "x509.signature", "name changed afterwards");
}

/* Each certificate of the chain has its edges, to the second. */
static void edges_of_time(void **state UNUSED)
{
        AUTO(pki) struct pki p = make_pki();
        struct cert_list middle = {1, {p.ca}}, roots = {1, {p.root}};
        struct leaf_spec spec = test_leaf_spec(p.ca, p.ca_key, p.leaf_key);
        spec.not_before = TEST_NOW;
        spec.not_after = wall_from_unix_s(TEST_NOW_S + 20);
        AUTO(cert) struct cert *brief = test_leaf(&spec, p.ca_key);
        static const struct {
                const char *name;
                bool is_brief;
                int64_t at_ms; /* from TEST_NOW */
                const char *token;
        } rows[] = {
                {"leaf, a second early", true, -1000, "x509.not_yet_valid"},
                {"leaf, first second", true, 0, NULL},
                {"leaf, last second", true, 20000, NULL},
                {"leaf, end of the last second", true, 20999, NULL},
                {"leaf, a second late", true, 21000, "x509.expired"},
                {"CA, a second early", false, -3601000, "x509.not_yet_valid"},
                {"CA, first second", false, -3600000, NULL},
                {"CA, last second", false, 86400000, NULL},
                {"CA, a second late", false, 86401000, "x509.expired"},
                {"root, too late as well", false, 100000000, "x509.expired"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct wall now = {TEST_NOW_S * 1000 + rows[i].at_ms};
                struct fault *f =
                        cert_verify(rows[i].is_brief ? brief : p.leaf, &middle, &roots, CERT_PURPOSE_WORKLOAD, now);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_DENIED, rows[i].token, rows[i].name);
        }
}

/* One more CA than the path length, and than CHAIN_MAX, allows. */
static void lengths(void **state UNUSED)
{
        AUTO(key) struct key *k = test_key(KEY_P256);
        AUTO(cert_list) struct cert_list cas = {0};
        struct cert *root = test_ca("root", k, NULL, NULL, TEST_FROM, TEST_UNTIL);
        struct cert_list roots = {1, {root}};

        for (const struct cert *above = root; cas.count < CHAIN_MAX; above = cas.certs[cas.count - 1]) {
                char name[] = "ca 0";
                name[3] = (char) ('0' + cas.count);
                struct leaf_spec spec = test_leaf_spec(above, k, k);
                AUTO(cert) struct cert *leaf = test_leaf(&spec, k);
                struct fault *f = cert_verify(leaf, &cas, &roots, CERT_PURPOSE_WORKLOAD, TEST_NOW);
                if (cas.count + 2 <= CHAIN_MAX)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_DENIED, "x509.chain", "too long");
                cas.certs[cas.count] = test_ca(name, k, above, k, TEST_FROM, TEST_UNTIL);
                cas.count++;
        }
        cert_free(root);

        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct ca_spec narrow = {"narrow", "spiffe://td.example", {1}, TEST_FROM, TEST_UNTIL, k, 0};
        expect_ok(ca_build(&narrow, NULL, NULL, &der));
        AUTO(cert)
        struct cert *top = test_cert(buf_span(&der)), *sub = test_ca("sub", k, top, k, TEST_FROM, TEST_UNTIL);
        struct leaf_spec spec = test_leaf_spec(sub, k, k);
        AUTO(cert) struct cert *leaf = test_leaf(&spec, k);
        deny(leaf, sub, top, CERT_PURPOSE_WORKLOAD, TEST_NOW, "x509.chain", "path length 0 and an intermediate");
}

/* An extension that is critical and that nobody here understands. */
static void unknown_critical(void **state UNUSED)
{
        AUTO(pki) struct pki p = make_pki();
        struct cert_extra extra = {"1.2.3.4", SPAN("\x01\x01\xff\x05\x00")};
        struct leaf_spec spec = test_leaf_spec(p.ca, p.ca_key, p.leaf_key);
        spec.extra = &extra;
        spec.extra_count = 1;
        AUTO(cert) struct cert *plain = test_leaf(&spec, p.ca_key);
        struct cert_list middle = {1, {p.ca}}, roots = {1, {p.root}};
        expect_ok(cert_verify(plain, &middle, &roots, CERT_PURPOSE_WORKLOAD, TEST_NOW));

        /* OCTET STRING of five bytes turned into critical TRUE and an OCTET STRING of two: the signature no longer fits, and that is
         * looked at later */
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        expect_ok(buf_append(&der, cert_der(plain)));
        uint8_t *at = memmem(der.data, der.len, "\x2a\x03\x04\x04\x05\x01\x01\xff\x05\x00", 10);
        assert_non_null(at);
        const struct span critical_true = SPAN("\x01\x01\xff\x04\x02\x05\x00");
        memcpy(at + 3, critical_true.data, critical_true.len);
        AUTO(cert) struct cert *critical = test_cert(buf_span(&der));
        deny(critical, p.ca, p.root, CERT_PURPOSE_WORKLOAD, TEST_NOW, "x509.chain", "unknown critical extension");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(recorded_chains), cmocka_unit_test(workloads), cmocka_unit_test(look_alikes),
                cmocka_unit_test(edges_of_time),   cmocka_unit_test(lengths),   cmocka_unit_test(unknown_critical),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
