#include "cli/inspect.h"

#include <fcntl.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/crypt/x509_build.h"
#include "lib/model/bundle.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

#define NOW_MS        1795456800000 /* 2026-11-23T18:00:00Z */
#define ID            "spiffe://demo.example/ns/payroll/sa/app"
#define IDENTITY_LINE "identity     " ID "\n"

static char dir[] = FOLDER_TEMPLATE;
static struct fake_clock now;
static struct key *ca_key, *leaf_key, *other_key;
static struct cert *root, *leaf, *next_leaf, *other_root;

static struct cert *make_root(const struct key *key, uint8_t serial)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct cert *c;
        const struct ca_spec spec = {.common_name = "root",
                                     .uri = "spiffe://demo.example",
                                     .serial = {serial},
                                     .path_len = -1,
                                     .not_before = {NOW_MS - 1000},
                                     .not_after = {NOW_MS + 86400000},
                                     .key = key};
        expect_ok(ca_build(&spec, NULL, NULL, &der));
        expect_ok(cert_from_der(buf_span(&der), &c));
        return c;
}

static struct cert *make_leaf(const struct key *key, uint8_t serial)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct cert *c;
        static const char *const dns[] = {"app.payroll.svc"};
        struct leaf_spec spec = {.serial = {serial},
                                 .issuer_name_der = cert_subject_der(root),
                                 .uri = ID,
                                 .dns = dns,
                                 .dns_count = 1,
                                 .not_before = {NOW_MS - 1000},
                                 .not_after = {NOW_MS + 3600000},
                                 .spki = key_spki(key)};
        key_id(ca_key, spec.issuer_key_id);
        expect_ok(leaf_build(&spec, ca_key, &der));
        expect_ok(cert_from_der(buf_span(&der), &c));
        return c;
}

static void write_file(const char *name, struct span bytes)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", dir, name);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        expect_ok(fd_write_all(fd, bytes));
}

static void write_certs(const char *name, const struct key *key, const struct cert *c)
{
        AUTO(buf) struct buf pem = BUF(1 << 16);
        if (key != NULL) {
                AUTO(secret) struct secret *text = NULL;
                expect_ok(key_to_pem_private(key, &text));
                expect_ok(buf_append(&pem, secret_span(text)));
        }
        if (c != NULL)
                expect_ok(cert_to_pem(c, &pem));
        write_file(name, buf_span(&pem));
}

static void write_bundle(const struct cert *c)
{
        AUTO(buf) struct buf text = BUF(1 << 16);
        AUTO(bundle)
        struct bundle b = {.sequence = 9, .refresh_hint_s = 60, .root_count = 1, .token_keys = json_new_array()};
        b.roots[0] = BUF(CERT_MAX);
        expect_ok(buf_append(&b.roots[0], cert_der(c)));
        expect_ok(bundle_write(&b, &text));
        write_file("trust-bundle.json", buf_span(&text));
}

static void write_status(const struct cert *c)
{
        char serial[2 * CERT_SERIAL_MAX + 1];
        hex_string(cert_serial(c), serial);
        AUTO_STRING char *text = alloc_printf(
                "{\"version\":1,\"state\":\"fresh\",\"record\":\"cafe\",\"renewAt\":\"2026-11-23T18:40:00Z\","
                "\"credentials\":[{\"slot\":\"x509\",\"serial\":\"%s\"}]}",
                serial);
        write_file("status.json", span_str(text));
}

static int make_volume(void **state UNUSED)
{
        write_certs("tls.crt", NULL, leaf);
        write_certs("tls.key", leaf_key, NULL);
        write_certs("credential-bundle.pem", leaf_key, leaf);
        write_certs("ca.crt", NULL, root);
        write_bundle(root);
        write_status(leaf);
        fake_clock_init(&now, NOW_MS, 0);
        return 0;
}

static struct json *inspect(const char *name, int *ret_exit, struct buf *ret_text)
{
        AUTO_STRING char *path = name == NULL ? alloc_string(dir) : alloc_printf("%s/%s", dir, name);
        struct invocation in = {.clock = &now.clock, .word_count = 1, .words = {path}};
        struct json *j = NULL;
        *ret_exit = EXIT_FINE;
        expect_ok(command_inspect.run(&in, &j, ret_exit));
        expect_ok(command_inspect.print(j, ret_text));
        return j;
}

static bool says_key(const struct json *j, const struct buf *text)
{
        AUTO(buf) struct buf all = BUF(1 << 20);
        expect_ok(json_write(j, &all));
        expect_ok(buf_append(&all, buf_span(text)));
        AUTO(secret) struct secret *pem = NULL;
        expect_ok(key_to_pem_private(leaf_key, &pem));
        struct span body = span_slice(secret_span(pem), 40, 60); /* inside its base64 */
        return strstr(buf_str(&all), "PRIVATE KEY") != NULL || memmem(all.data, all.len, body.data, body.len) != NULL;
}

static void a_whole_volume_fits(void **state UNUSED)
{
        AUTO(buf) struct buf text = BUF(1 << 20);
        int code;
        AUTO(json) struct json *j = inspect(NULL, &code, &text);
        if (code != EXIT_FINE)
                print_error("%s", buf_str(&text));
        assert_int_equal(code, EXIT_FINE);
        assert_non_null(strstr(buf_str(&text), IDENTITY_LINE));
        static const char *const lines[] = {"dns          app.payroll.svc\n", "state        fresh\n",
                                            "record       cafe\n", "bundle       sequence 9, 1 roots\n",
                                            "valid        2026-11-23T17:59:59Z to 2026-11-23T19:00:00Z\n"};
        for (size_t i = 0; i < COUNT_OF(lines); i++)
                assert_non_null(strstr(buf_str(&text), lines[i]));
        assert_false(says_key(j, &text));
}

static void damage_key(void)
{
        write_certs("tls.key", other_key, NULL);
}
static void damage_both_key(void)
{
        write_certs("credential-bundle.pem", other_key, leaf);
}
static void damage_both_leaf(void)
{
        write_certs("credential-bundle.pem", leaf_key, next_leaf);
}
static void damage_root(void)
{
        write_certs("ca.crt", NULL, other_root);
}
static void damage_bundle(void)
{
        write_bundle(other_root);
}
static void damage_status(void)
{
        write_status(next_leaf);
}
static void damage_status_text(void)
{
        write_file("status.json", SPAN("{"));
}
static void damage_chain(void)
{
        write_file("tls.crt", SPAN("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
}
static void damage_dates(void)
{
        fake_clock_step_wall_ms(&now, 3601000);
}
static void damage_no_key(void)
{
        write_file("tls.key", SPAN("nothing\n"));
}

static void what_does_not_fit_is_named(void **state)
{
        static const struct {
                const char *check;
                void (*damage)(void);
                const char *says;
        } rows[] = {
                {"FAIL key ", damage_key, "another key"},
                {"FAIL key ", damage_no_key, "no private key"},
                {"FAIL credential-bundle ", damage_both_key, "another certificate or key"},
                {"FAIL credential-bundle ", damage_both_leaf, "another certificate or key"},
                {"FAIL chain ", damage_root, NULL},
                {"FAIL chain ", damage_dates, NULL},
                {"FAIL trust-bundle.json ", damage_bundle, "not those of ca.crt"},
                {"FAIL status ", damage_status, NULL},
                {"FAIL status.json ", damage_status_text, NULL},
                {"FAIL certificates ", damage_chain, NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf text = BUF(1 << 20);
                int code;
                make_volume(state);
                rows[i].damage();
                AUTO(json) struct json *j = inspect(NULL, &code, &text);
                const char *line = strstr(buf_str(&text), rows[i].check);
                if (code != EXIT_NEGATIVE || line == NULL ||
                    (rows[i].says != NULL && strstr(line, rows[i].says) == NULL))
                        print_error("%zu: %s in\n%s", i, rows[i].check, buf_str(&text));
                assert_int_equal(code, EXIT_NEGATIVE);
                assert_true(line != NULL && (rows[i].says == NULL || strstr(line, rows[i].says) != NULL));
                assert_false(says_key(j, &text));
        }
}

static void files_are_told_by_their_content(void **state UNUSED)
{
        static const struct {
                const char *file, *says;
                int code;
        } rows[] = {
                {"tls.crt", IDENTITY_LINE, EXIT_FINE},
                {"tls.key", "private key  present", EXIT_FINE},
                {"credential-bundle.pem", "ok   key.match", EXIT_FINE},
                {"trust-bundle.json", "spiffe_sequence", EXIT_FINE},
                {"status.json", "fresh", EXIT_FINE},
                {"mixed", "FAIL key.match", EXIT_NEGATIVE},
        };
        write_certs("mixed", other_key, leaf);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf text = BUF(1 << 20);
                int code;
                AUTO(json) struct json *j = inspect(rows[i].file, &code, &text);
                if (strstr(buf_str(&text), rows[i].says) == NULL)
                        print_error("%s: %s", rows[i].file, buf_str(&text));
                assert_int_equal(code, rows[i].code);
                assert_non_null(strstr(buf_str(&text), rows[i].says));
                assert_false(says_key(j, &text));
        }
        write_file("odd", SPAN("hello\n"));
        AUTO_STRING char *odd = alloc_printf("%s/odd", dir);
        struct invocation in = {.clock = &now.clock, .word_count = 1, .words = {odd}};
        struct json *none = NULL;
        int code = 0;
        expect_fault(command_inspect.run(&in, &none, &code), FAULT_INVALID, "UNKNOWN_CONTENT");
        write_file("odd", SPAN(""));
        expect_fault(command_inspect.run(&in, &none, &code), FAULT_INVALID, "UNKNOWN_CONTENT");
        write_file("odd", SPAN("-----BEGIN CERTIFICATE-----"));
        expect_fault(command_inspect.run(&in, &none, &code), FAULT_INVALID, "UNKNOWN_CONTENT");
}

static int start(void **state UNUSED)
{
        assert_true(folder_make(dir));
        expect_ok(key_generate(KEY_P256, &ca_key));
        expect_ok(key_generate(KEY_P256, &leaf_key));
        expect_ok(key_generate(KEY_P256, &other_key));
        root = make_root(ca_key, 1);
        other_root = make_root(other_key, 2);
        leaf = make_leaf(leaf_key, 3);
        next_leaf = make_leaf(leaf_key, 4);
        return 0;
}

static int stop(void **state UNUSED)
{
        struct cert *certs[] = {root, other_root, leaf, next_leaf};
        struct key *keys[] = {ca_key, leaf_key, other_key};
        for (size_t i = 0; i < COUNT_OF(certs); i++)
                cert_free(certs[i]);
        for (size_t i = 0; i < COUNT_OF(keys); i++)
                key_free(keys[i]);
        return !folder_remove(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(a_whole_volume_fits, make_volume),
                cmocka_unit_test_setup(what_does_not_fit_is_named, make_volume),
                cmocka_unit_test_setup(files_are_told_by_their_content, make_volume),
        };
        return cmocka_run_group_tests_name("cli_inspect", tests, start, stop);
}
