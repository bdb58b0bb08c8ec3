/* What comes back from an issuer that is wrong in one way at a time. */
#include <stdio.h>

#include "attester/verify.h"
#include "lib/crypt/x509_build.h"
#include "tests/fakes/expect.h"

#define NOW_S 1800000000
#define ID    "spiffe://demo.example/ns/payroll/sa/app"

struct pki {
        struct key *root_key, *ca_key, *own, *other;
        struct cert *root, *ca;
        struct bundle bundle;
        struct cert_cache *certs; /* one for all rows: what a row leaves there must not help the next */
};
static struct pki pki;

static struct cert *cert_of(const struct buf *der)
{
        struct cert *c = NULL;
        expect_ok(cert_from_der(buf_span(der), &c));
        return c;
}

static struct cert *make_ca(const char *name, const struct key *key, const struct cert *issuer,
                            const struct key *issuer_key)
{
        const struct ca_spec spec = {.common_name = name,
                                     .uri = "spiffe://demo.example",
                                     .serial = {1},
                                     .not_before = wall_from_unix_s(NOW_S - 3600),
                                     .not_after = wall_from_unix_s(NOW_S + 86400),
                                     .key = key,
                                     .path_len = issuer == NULL ? 1 : 0};
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        expect_ok(ca_build(&spec, issuer, issuer_key, &der));
        return cert_of(&der);
}

static int make_pki(void **state UNUSED)
{
        struct key **keys[] = {&pki.root_key, &pki.ca_key, &pki.own, &pki.other};
        for (size_t i = 0; i < COUNT_OF(keys); i++)
                expect_ok(key_generate(KEY_P256, keys[i]));
        pki.root = make_ca("root", pki.root_key, NULL, pki.root_key);
        pki.ca = make_ca("online 1", pki.ca_key, pki.root, pki.root_key);
        pki.certs = cert_cache_new();
        pki.bundle.root_count = 1;
        pki.bundle.roots[0] = BUF(CERT_MAX);
        expect_ok(buf_append(&pki.bundle.roots[0], cert_der(pki.root)));
        return 0;
}

static int drop_pki(void **state UNUSED)
{
        cert_free(pki.root);
        cert_free(pki.ca);
        key_free(pki.root_key);
        key_free(pki.ca_key);
        key_free(pki.own);
        key_free(pki.other);
        bundle_clear(&pki.bundle);
        cert_cache_free(pki.certs);
        return 0;
}

/* What differs from a good reply. */
struct row {
        const char *name, *token;
        const char *uri, *promised; /* NULL: ID */
        bool other_key, other_ca, no_intermediate, no_chain, other_dates, is_wit;
        int64_t now_s;
};

static void issue(const struct row *row, struct issued_credential *ret)
{
        struct leaf_spec spec = {
                .serial = {0x11, 0x22},
                .issuer_name_der = cert_subject_der(pki.ca),
                .not_before = wall_from_unix_s(NOW_S - 30),
                .not_after = wall_from_unix_s(NOW_S + 600),
                .spki = key_spki(row->other_key ? pki.other : pki.own),
                .uri = row->uri != NULL ? row->uri : ID,
        };
        key_id(pki.ca_key, spec.issuer_key_id);
        *ret = (struct issued_credential){
                .slot = "x509", .not_before_unix_s = NOW_S - 30, .not_after_unix_s = NOW_S + 600};
        (void) snprintf(ret->type, sizeof ret->type, "%s", row->is_wit ? SLOT_TYPE_WIT : SLOT_TYPE_X509);
        ret->identity = alloc_string(row->promised != NULL ? row->promised : ID);
        ret->not_after_unix_s += row->other_dates ? 1 : 0;
        ret->chain_count = row->no_chain ? 0 : row->no_intermediate ? 1 : 2;
        ret->chain[0] = BUF(CERT_MAX);
        ret->chain[1] = BUF(CERT_MAX);
        expect_ok(leaf_build(&spec, row->other_ca ? pki.other : pki.ca_key, &ret->chain[0]));
        expect_ok(buf_append(&ret->chain[1], cert_der(pki.ca)));
}

static void refuses_what_does_not_fit(void **state UNUSED)
{
        static const struct row rows[] = {
                {.name = "good"},
                {.name = "last second", .now_s = NOW_S + 599},
                {.name = "no certificate", .token = "reply.chain", .no_chain = true},
                {.name = "another key's certificate", .token = "reply.key", .other_key = true},
                {.name = "another identity than promised", .token = "reply.identity", .promised = ID "x"},
                {.name = "another identity in the certificate",
                 .token = "reply.identity",
                 .uri = "spiffe://demo.example/ns/a/sa/b"},
                {.name = "promised identity is none", .token = "SPIFFE_ID", .promised = "https://demo.example/x"},
                {.name = "dates are not the promised ones", .token = "reply.validity", .other_dates = true},
                {.name = "expired", .token = "reply.validity", .now_s = NOW_S + 600},
                {.name = "not yet valid", .token = "x509.not_yet_valid", .now_s = NOW_S - 31},
                {.name = "no intermediate", .token = "x509.chain", .no_intermediate = true},
                {.name = "signed by somebody else", .token = "x509.signature", .other_ca = true},
                {.name = "a token where a certificate was asked for", .token = "reply.type", .is_wit = true},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct issued_credential c;
                issue(&rows[i], &c);
                char serial[41] = "";
                struct wall now = wall_from_unix_s(rows[i].now_s != 0 ? rows[i].now_s : NOW_S);
                AUTO(fault)
                struct fault *f = verify_credential(&c, SLOT_TYPE_X509, pki.own, &pki.bundle, pki.certs, now, serial);
                const char *got = f == NULL ? "" : fault_token(f), *wanted = rows[i].token != NULL ? rows[i].token : "";
                if (strcmp(got, wanted) != 0)
                        fail_msg("%s: got %s, wanted %s (%s)", rows[i].name, got, wanted, fault_text(f));
                if (f == NULL)
                        assert_string_equal(serial, "11220000000000000000000000000000");
                free(c.identity);
                buf_clear(&c.chain[0]);
                buf_clear(&c.chain[1]);
        }
}

static void clocks_agree_to_five_minutes(void **state UNUSED)
{
        struct wall now = wall_from_unix_s(NOW_S);
        expect_ok(verify_server_time(NOW_S + 300, now));
        expect_ok(verify_server_time(NOW_S - 300, now));
        expect_fault(verify_server_time(NOW_S + 301, now), FAULT_PRECONDITION, "clock.skew");
        expect_fault(verify_server_time(NOW_S - 301, now), FAULT_PRECONDITION, "clock.skew");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(refuses_what_does_not_fit),
                cmocka_unit_test(clocks_agree_to_five_minutes),
        };
        return cmocka_run_group_tests(tests, make_pki, drop_pki);
}
