#include "issuer/authority/ca.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "issuer/authority/signer_sandbox.h"
#include "lib/base/file.h"
#include "lib/crypt/x509_build.h"
#include "lib/model/names.h"
#include "tests/fakes/expect.h"

#define NOW 1795456800

struct fixture {
        char dir[32];
        char certificate[64], key[64];
        struct authority_options options;
};

static struct wall at(int64_t seconds)
{
        return wall_from_unix_s(NOW + seconds);
}

static int set_up(void **state)
{
        struct fixture *f = NEW(struct fixture);
        snprintf(f->dir, sizeof(f->dir), "%s", "/tmp/ca-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        snprintf(f->certificate, sizeof(f->certificate), "%s/root.pem", f->dir);
        snprintf(f->key, sizeof(f->key), "%s/root.key", f->dir);
        f->options = (struct authority_options){.trust_domain = "example.org",
                                                .root_certificate = f->certificate,
                                                .root_key = f->key,
                                                .intermediate_life_ms = 3600000,
                                                .max_leaf_life_ms = 600000,
                                                .backdate_ms = 30000};
        expect_ok(authority_init_root(&f->options, at(0)));
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        (void) unlink(f->certificate); /* a test may have removed it */
        (void) unlink(f->key);
        assert_int_equal(rmdir(f->dir), 0);
        free(f);
        return 0;
}

static struct cert *read_certificate(const char *path)
{
        AUTO(buf) struct buf pem = BUF(65536);
        AUTO(cert_list) struct cert_list list = {0};
        expect_ok(file_read(path, &pem));
        expect_ok(cert_list_from_pem(buf_span(&pem), &list));
        assert_int_equal(list.count, 1);
        list.count = 0;
        return list.certs[0];
}

static struct leaf_order order_for(const struct key *k, int64_t now_s)
{
        struct leaf_order o = {.identity = "spiffe://example.org/ns/a",
                               .spki = key_spki(k),
                               .not_before_unix_s = now_s - 30,
                               .not_after_unix_s = now_s + 300};
        authority_serial(o.serial);
        return o;
}

static void init_makes_a_root_once(void **state)
{
        struct fixture *f = *state;
        struct stat st;
        assert_int_equal(stat(f->key, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0400);
        AUTO(cert) struct cert *root = read_certificate(f->certificate);
        assert_true(cert_is_ca(root));
        assert_string_equal(cert_uri(root, 0), "spiffe://example.org");
        assert_int_equal(wall_unix_s(cert_not_after(root)), NOW + 3650LL * 86400);

        expect_ok(authority_init_root(&f->options, at(99)));
        AUTO(cert) struct cert *again = read_certificate(f->certificate);
        assert_true(span_eq(cert_der(root), cert_der(again)));
}

static void init_refuses_half_a_root(void **state)
{
        struct fixture *f = *state;
        assert_int_equal(unlink(f->certificate), 0);
        expect_fault(authority_init_root(&f->options, at(0)), FAULT_PRECONDITION, "ROOT_INCOMPLETE");
        assert_int_equal(unlink(f->key), 0);
        expect_ok(authority_init_root(&f->options, at(0)));
        assert_int_equal(unlink(f->key), 0);
        expect_fault(authority_init_root(&f->options, at(0)), FAULT_PRECONDITION, "ROOT_INCOMPLETE");
}

static void development_is_marked_and_nothing_else(void **state)
{
        struct fixture *f = *state;
        AUTO(ca) struct ca *ca = NULL;
        expect_ok(ca_load(&f->options, at(0), &ca));
        AUTO(key) struct key *k = NULL;
        expect_ok(key_generate(KEY_P256, &k));
        for (int insecure = 0; insecure < 2; insecure++) {
                struct leaf_order o = order_for(k, NOW);
                o.serial[0] = (uint8_t) (1 + insecure);
                o.insecure_development = insecure != 0;
                struct buf der;
                expect_ok(ca_issue(ca, &o, 1, at(0), &der));
                AUTO(cert) struct cert *leaf = NULL;
                expect_ok(cert_from_der(buf_span(&der), &leaf));
                buf_clear(&der);
                struct span mark = SPAN_NONE;
                AUTO(fault) struct fault *none = cert_extension(leaf, OID_INSECURE_DEVELOPMENT, &mark);
                assert_int_equal(none == NULL, insecure);
                if (insecure)
                        assert_true(span_eq(mark, SPAN("\x0c\x14insecure-development")));
        }
}

static void leaves_verify_up_to_the_root(void **state)
{
        struct fixture *f = *state;
        AUTO(ca) struct ca *ca = NULL;
        expect_ok(ca_load(&f->options, at(0), &ca));
        AUTO(key) struct key *k = NULL;
        expect_ok(key_generate(KEY_P256, &k));
        struct leaf_order o = order_for(k, NOW);
        const char *const dns[] = {"web.example.org"};
        o.dns = dns;
        o.dns_count = 1;
        struct buf der;
        expect_ok(ca_issue(ca, &o, 1, at(0), &der));

        AUTO(cert) struct cert *leaf = NULL;
        expect_ok(cert_from_der(buf_span(&der), &leaf));
        buf_clear(&der);
        AUTO(cert) struct cert *root = read_certificate(f->certificate);
        struct cert_list roots = {1, {root}};
        struct cert_list through = {1, {(struct cert *) ca_intermediate(ca)}};
        expect_ok(cert_verify(leaf, &through, &roots, CERT_PURPOSE_WORKLOAD, at(0)));
        expect_fault(cert_verify(leaf, &through, &roots, CERT_PURPOSE_WORKLOAD, at(301)), FAULT_DENIED, "x509.expired");
        assert_string_equal(cert_uri(leaf, 0), "spiffe://example.org/ns/a");
        assert_string_equal(cert_dns(leaf, 0), "web.example.org");
        assert_true(span_eq(cert_serial(leaf), SPAN_OF(o.serial)) || o.serial[0] == 0);
        assert_false(cert_is_ca(leaf));
        assert_true(span_eq(key_spki(cert_key(leaf)), key_spki(k)));
}

static void the_intermediate_changes_at_half_of_its_life(void **state)
{
        struct fixture *f = *state;
        AUTO(ca) struct ca *ca = NULL;
        expect_ok(ca_load(&f->options, at(0), &ca));
        AUTO_STRING char *first = alloc_string(cert_subject(ca_intermediate(ca)));
        uint8_t first_key[SHA256_LEN], second_key[SHA256_LEN];
        key_spki_sha256(cert_key(ca_intermediate(ca)), first_key);
        assert_int_equal(ca_renew_at_unix_s(ca), NOW + 1800);
        assert_int_equal(wall_unix_s(cert_not_after(ca_intermediate(ca))), NOW + 3600);

        expect_ok(ca_renew_if_due(ca, at(1799)));
        assert_string_equal(cert_subject(ca_intermediate(ca)), first);
        expect_ok(ca_renew_if_due(ca, at(1800)));
        assert_string_not_equal(cert_subject(ca_intermediate(ca)), first);
        key_spki_sha256(cert_key(ca_intermediate(ca)), second_key);
        assert_memory_not_equal(first_key, second_key, SHA256_LEN);
        assert_int_equal(wall_unix_s(cert_not_after(ca_intermediate(ca))), NOW + 5400);
        assert_int_equal(cert_uri_count(ca_intermediate(ca)), 1);
        assert_string_equal(cert_uri(ca_intermediate(ca), 0), "spiffe://example.org");
}

static void overwrite(const char *path, struct span text)
{
        assert_int_equal(chmod(path, 0600), 0);
        int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        expect_ok(fd_write_all(fd, text));
        close(fd);
}

static void goes_on_with_an_intermediate_that_lives(void **state)
{
        struct fixture *f = *state;
        AUTO(ca) struct ca *ca = NULL;
        AUTO(buf) struct buf root_key = BUF(8192);
        AUTO(key) struct key *k = NULL;
        expect_ok(file_read(f->key, &root_key));
        expect_ok(key_generate(KEY_P256, &k));
        expect_ok(ca_load(&f->options, at(0), &ca));
        overwrite(f->key, SPAN_NONE);

        static const struct {
                const char *name;
                int64_t at_s;
                uint64_t failures;
        } rows[] = {
                {"not due", 1799, 0},
                {"due", 1800, 1},
                {"not yet again", 1800 + CA_RENEW_RETRY_S - 1, 1},
                {"again", 1800 + CA_RENEW_RETRY_S, 2},
                {"its last second", 3599, 3},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                expect_ok(ca_renew_if_due(ca, at(rows[i].at_s)));
                struct ca_renewal r = ca_renewal(ca);
                if (r.failures != rows[i].failures || (r.problem != NULL) != (rows[i].failures > 0))
                        fail_msg("%s", rows[i].name);
                struct leaf_order o = order_for(k, NOW + rows[i].at_s);
                o.not_after_unix_s = o.not_after_unix_s < NOW + 3600 ? o.not_after_unix_s : NOW + 3600;
                struct buf leaf;
                expect_ok(ca_issue(ca, &o, 1, at(rows[i].at_s), &leaf));
                buf_clear(&leaf);
        }
        assert_string_equal(fault_token(ca_renewal(ca).problem), "EMPTY_FILE");

        for (int i = 0; i < 2; i++) /* at its end, however soon after the last attempt */
                expect_fault(ca_renew_if_due(ca, at(3600 + i)), FAULT_PRECONDITION, "EMPTY_FILE");
        assert_int_equal(ca_renewal(ca).failures, 5);
        overwrite(f->key, buf_span(&root_key));
        expect_ok(ca_renew_if_due(ca, at(3602)));
        assert_null(ca_renewal(ca).problem);
        assert_int_equal(ca_renewal(ca).failures, 5);
        assert_int_equal(wall_unix_s(cert_not_after(ca_intermediate(ca))), NOW + 3602 + 3600);
}

static void the_intermediate_never_outlives_the_root(void **state)
{
        struct fixture *f = *state;
        const int64_t root_end = 3650LL * 86400;
        AUTO(ca) struct ca *ca = NULL;
        expect_ok(ca_load(&f->options, at(root_end - 100), &ca));
        assert_int_equal(wall_unix_s(cert_not_after(ca_intermediate(ca))), NOW + root_end);
        expect_fault(ca_renew_if_due(ca, at(root_end + 1800)), FAULT_PRECONDITION, "ROOT_EXPIRED");
        struct ca *none = NULL;
        expect_fault(ca_load(&f->options, at(root_end), &none), FAULT_PRECONDITION, "ROOT_EXPIRED");
}

static void all_or_none(void **state)
{
        struct fixture *f = *state;
        AUTO(ca) struct ca *ca = NULL;
        expect_ok(ca_load(&f->options, at(0), &ca));
        AUTO(key) struct key *k = NULL;
        expect_ok(key_generate(KEY_P256, &k));
        struct leaf_order orders[] = {order_for(k, NOW), order_for(k, NOW), order_for(k, NOW)};
        orders[2].identity = "spiffe://example.com/ns/a";
        struct buf leaves[3];
        expect_fault(ca_issue(ca, orders, 3, at(0), leaves), FAULT_DENIED, "authority.trust_domain");

        struct leaf_order twice[] = {order_for(k, NOW), order_for(k, NOW)};
        memcpy(twice[1].serial, twice[0].serial, sizeof(twice[0].serial));
        expect_fault(ca_issue(ca, twice, 2, at(0), leaves), FAULT_DENIED, "authority.serial_reuse");
}

/* What the signer does hours after its filter was loaded must need nothing that it forbids. */
static void renews_and_issues_inside_the_sandbox(void **state)
{
        struct fixture *f = *state;
        AUTO(key) struct key *rsa = NULL;
        expect_ok(key_generate(KEY_RSA, &rsa));
        pid_t parent = getpid(), child = fork();
        if (child == 0) {
                struct ca *ca = NULL;
                struct buf leaf;
                struct leaf_order early = order_for(rsa, NOW), late = order_for(rsa, NOW + 7000);
                if (signer_sandbox_prepare(parent) != NULL || ca_load(&f->options, at(0), &ca) != NULL ||
                    ca_issue(ca, &early, 1, at(0), &leaf) != NULL || signer_sandbox_enter() != NULL)
                        _exit(1);
                _exit(ca_renew_if_due(ca, at(7000)) == NULL && ca_issue(ca, &late, 1, at(7000), &leaf) == NULL ? 0 : 2);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void refuses_roots_that_do_not_fit(void **state)
{
        struct fixture *f = *state;
        struct ca *none = NULL;
        assert_int_equal(chmod(f->key, 0404), 0);
        expect_fault(ca_load(&f->options, at(0), &none), FAULT_PRECONDITION, "ROOT_KEY_MODE");
        assert_int_equal(chmod(f->key, 0440), 0); /* a group may: that is how Kubernetes mounts secrets */
        AUTO(ca) struct ca *ca = NULL;
        expect_ok(ca_load(&f->options, at(0), &ca));

        /* another root's certificate */
        AUTO_STRING char *kept = alloc_printf("%s.kept", f->key);
        assert_int_equal(rename(f->key, kept), 0);
        assert_int_equal(unlink(f->certificate), 0);
        expect_ok(authority_init_root(&f->options, at(0)));
        assert_int_equal(rename(kept, f->key), 0);
        expect_fault(ca_load(&f->options, at(0), &none), FAULT_PRECONDITION, "ROOT_MISMATCH");

        /* its key gone, empty, or no key */
        assert_int_equal(unlink(f->key), 0);
        expect_fault(ca_load(&f->options, at(0), &none), FAULT_PRECONDITION, "NO_FILE");
        int fd = open(f->key, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        expect_fault(ca_load(&f->options, at(0), &none), FAULT_PRECONDITION, "EMPTY_FILE");
        expect_ok(fd_write_all(fd, SPAN("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")));
        close(fd);
        AUTO(fault) struct fault *bad = ca_load(&f->options, at(0), &none);
        assert_non_null(bad);
        assert_null(none);
}

static void refuses_a_root_that_is_no_ca(void **state)
{
        struct fixture *f = *state;
        AUTO(key) struct key *k = NULL;
        expect_ok(key_generate(KEY_P256, &k));
        static const char *const dns[] = {"a.example.org", NULL};
        static const char *const ip[] = {NULL};
        struct tls_cert_spec spec = {.common_name = "no ca",
                                     .dns = dns,
                                     .ip = ip,
                                     .serial = {1},
                                     .not_before = at(0),
                                     .not_after = at(1000),
                                     .key = k};
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        AUTO(buf) struct buf pem = BUF(65536);
        AUTO(cert) struct cert *c = NULL;
        expect_ok(tls_cert_build(&spec, NULL, NULL, &der));
        expect_ok(cert_from_der(buf_span(&der), &c));
        expect_ok(cert_to_pem(c, &pem));
        AUTO(buf) struct buf root = BUF(65536);
        expect_ok(file_read(f->certificate, &root));
        struct ca *none = NULL;
        for (int after_the_root = 1; after_the_root >= 0; after_the_root--) {
                assert_int_equal(unlink(f->certificate), 0);
                int fd = open(f->certificate, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
                if (after_the_root)
                        expect_ok(fd_write_all(fd, buf_span(&root)));
                expect_ok(fd_write_all(fd, buf_span(&pem)));
                close(fd);
                expect_fault(ca_load(&f->options, at(0), &none), FAULT_PRECONDITION, "ROOT_NOT_CA");
        }
}

static void refuses_options_out_of_bounds(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *name;
                int64_t intermediate_ms, leaf_ms, backdate_ms;
        } rows[] = {
                {"intermediate too short", INTERMEDIATE_LIFE_MIN_MS - 1, 1000, 0},
                {"intermediate too long", INTERMEDIATE_LIFE_MAX_MS + 1, 1000, 0},
                {"no leaf life", 3600000, 0, 0},
                {"negative backdating", 3600000, 1000, -1},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct authority_options o = f->options;
                o.intermediate_life_ms = rows[i].intermediate_ms;
                o.max_leaf_life_ms = rows[i].leaf_ms;
                o.backdate_ms = rows[i].backdate_ms;
                struct ca *none = NULL;
                expect_fault_row(ca_load(&o, at(0), &none), FAULT_INVALID, "BAD_OPTION", rows[i].name);
        }
        struct authority_options o = f->options;
        o.trust_domain = "Example.org";
        struct ca *none = NULL;
        expect_fault(ca_load(&o, at(0), &none), FAULT_INVALID, "SPIFFE_ID");
}

int main(void)
{
#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                WITH_ROOT(init_makes_a_root_once),
                WITH_ROOT(init_refuses_half_a_root),
                WITH_ROOT(leaves_verify_up_to_the_root),
                WITH_ROOT(development_is_marked_and_nothing_else),
                WITH_ROOT(the_intermediate_changes_at_half_of_its_life),
                WITH_ROOT(goes_on_with_an_intermediate_that_lives),
                WITH_ROOT(the_intermediate_never_outlives_the_root),
                WITH_ROOT(all_or_none),
                WITH_ROOT(renews_and_issues_inside_the_sandbox),
                WITH_ROOT(refuses_roots_that_do_not_fit),
                WITH_ROOT(refuses_a_root_that_is_no_ca),
                WITH_ROOT(refuses_options_out_of_bounds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
