#include "issuer/api/bundle_state.h"
#include "tests/fakes/expect.h"

#include <fcntl.h>
#include <stdio.h>

#include "lib/base/file.h"
#include "lib/crypt/jwt.h"
#include "lib/crypt/x509_build.h"

#define NOW_S 1795456800

static struct cert *make_root(uint8_t serial)
{
        AUTO(key) struct key *key = NULL;
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct cert *c = NULL;
        expect_ok(key_generate(KEY_P256, &key));
        const struct ca_spec spec = {.common_name = "root",
                                     .uri = "spiffe://example.org",
                                     .serial = {1, serial},
                                     .not_before = wall_from_unix_s(NOW_S),
                                     .not_after = wall_from_unix_s(NOW_S + 86400),
                                     .key = key,
                                     .path_len = 1};
        expect_ok(ca_build(&spec, NULL, NULL, &der));
        expect_ok(cert_from_der(buf_span(&der), &c));
        return c;
}

static int make_dir(char path[32])
{
        (void) snprintf(path, 32, "/tmp/bundle-state-XXXXXX"); /* it fits */
        assert_non_null(mkdtemp(path));
        int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir >= 0);
        return dir;
}

static void remove_dir(const char *path, int dir)
{
        (void) unlinkat(dir, "bundle.json", 0);
        (void) rmdir(path);
}

static uint64_t sequence_of(int dir, const struct cert_list *roots, int64_t now_s)
{
        AUTO(bundle_state) struct bundle_state b = {0};
        AUTO(bundle) struct bundle read = {0};
        expect_ok(bundle_state_load(dir, roots, NULL, 300, wall_from_unix_s(now_s), &b));
        expect_ok(bundle_read(buf_span(&b.json), &read));
        assert_int_equal(read.sequence, b.sequence);
        assert_int_equal(read.root_count, roots->count);
        return b.sequence;
}

static void sequence_grows_with_every_change_of_roots(void **state)
{
        (void) state;
        char path[32];
        AUTO_CLOSE int dir = make_dir(path);
        AUTO(cert_list) struct cert_list both = {.count = 2, .certs = {make_root(1), make_root(2)}};
        struct cert_list first = {.count = 1, .certs = {both.certs[0]}}; /* borrows */
        const struct {
                const char *name;
                const struct cert_list *roots;
                int64_t now_s;
                uint64_t sequence;
        } rows[] = {
                {"the first start", &first, NOW_S, NOW_S},
                {"a restart", &first, NOW_S + 100, NOW_S},
                {"another root", &both, NOW_S + 200, NOW_S + 200},
                {"a restart, the clock gone back", &both, NOW_S - 5000, NOW_S + 200},
                {"back to the roots from before, in the same second", &first, NOW_S + 200, NOW_S + 201},
                {"a change while the clock is behind", &both, NOW_S - 5000, NOW_S + 202},
                {"no clock at all", &first, -1, NOW_S + 203},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (sequence_of(dir, rows[i].roots, rows[i].now_s) != rows[i].sequence)
                        fail_msg("%s", rows[i].name);
        remove_dir(path, dir);
}

/* The folder of yesterday, brought back: its number does not come twice, and an issuer that lost the file goes on above it. */
static struct json *token_key(const char *kid)
{
        AUTO(key) struct key *key = NULL;
        struct json *keys = json_new_array();
        expect_ok(key_generate(KEY_P256, &key));
        json_push(keys, jwk_published(key, kid, "wit-svid"));
        return keys;
}

static void sequence_grows_with_every_change_of_token_keys(void **state)
{
        (void) state;
        char path[32];
        AUTO_CLOSE int dir = make_dir(path);
        AUTO(cert_list) struct cert_list roots = {.count = 1, .certs = {make_root(1)}};
        AUTO(json) struct json *first = token_key("a"), *second = token_key("b"), *none = json_new_array();
        const struct {
                const char *name;
                const struct json *keys;
                uint64_t sequence;
        } rows[] = {
                {"no keys, as before there were any", NULL, NOW_S},
                {"none", none, NOW_S},
                {"the first", first, NOW_S + 1},
                {"a restart", first, NOW_S + 1},
                {"rotated", second, NOW_S + 2},
                {"gone", NULL, NOW_S + 3},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(bundle_state) struct bundle_state b = {0};
                AUTO(bundle) struct bundle read = {0};
                expect_ok(bundle_state_load(dir, &roots, rows[i].keys, 300, wall_from_unix_s(NOW_S), &b));
                expect_ok(bundle_read(buf_span(&b.json), &read));
                assert_int_equal(json_count(read.token_keys), json_count(rows[i].keys));
                if (b.sequence != rows[i].sequence)
                        fail_msg("%s", rows[i].name);
        }
        remove_dir(path, dir);
}

static void a_restored_folder_does_not_give_a_number_twice(void **state)
{
        (void) state;
        char path[32];
        AUTO_CLOSE int dir = make_dir(path);
        AUTO(buf) struct buf yesterday = BUF(4096);
        AUTO(cert_list) struct cert_list all = {.count = 3, .certs = {make_root(1), make_root(2), make_root(3)}};
        struct cert_list one = {.count = 1, .certs = {all.certs[0]}}; /* borrow */
        struct cert_list two = {.count = 2, .certs = {all.certs[0], all.certs[1]}};
        assert_int_equal(sequence_of(dir, &one, NOW_S), NOW_S);
        expect_ok(file_read_at(dir, "bundle.json", &yesterday));
        uint64_t seen = sequence_of(dir, &two, NOW_S + 86400);

        expect_ok(file_write_atomic_at(dir, "bundle.json", buf_span(&yesterday), 0600));
        assert_true(sequence_of(dir, &all, NOW_S + 90000) > seen);
        expect_ok(file_write_atomic_at(dir, "bundle.json", buf_span(&yesterday), 0600));
        assert_int_equal(unlinkat(dir, "bundle.json", 0), 0);
        assert_true(sequence_of(dir, &one, NOW_S + 90000) > seen);
        remove_dir(path, dir);
}

static void a_file_that_is_not_understood_is_not_overwritten(void **state)
{
        (void) state;
        static const struct {
                const char *name, *text;
        } rows[] = {
                {"empty", ""},
                {"cut", "{\"v\":1,\"sequence\":4"},
                {"newer", "{\"v\":2,\"sequence\":4,\"roots\":\"aa\"}"},
                {"sequence 0", "{\"v\":1,\"sequence\":0,\"roots\":\"aa\"}"},
                {"no roots", "{\"v\":1,\"sequence\":4}"},
        };
        AUTO(cert_list) struct cert_list roots = {.count = 1, .certs = {make_root(1)}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char path[32];
                AUTO_CLOSE int dir = make_dir(path);
                struct bundle_state b = {0};
                expect_ok(file_write_atomic_at(dir, "bundle.json", span_str(rows[i].text), 0600));
                expect_fault_row(bundle_state_load(dir, &roots, NULL, 300, wall_from_unix_s(NOW_S), &b),
                                 FAULT_PRECONDITION, "BUNDLE_STATE", rows[i].name);
                AUTO(buf) struct buf after = BUF(4096);
                expect_ok(file_read_at(dir, "bundle.json", &after));
                assert_true(span_eq_str(buf_span(&after), rows[i].text));
                remove_dir(path, dir);
        }
}

static void etag_is_compared_weakly(void **state)
{
        (void) state;
        const struct bundle_state b = {.etag = "\"abc\""};
        static const struct {
                const char *header;
                bool matches;
        } rows[] = {
                {NULL, false},       {"", false},    {"\"abc\"", true},
                {"W/\"abc\"", true}, {"*", true},    {"\"x\", \"abc\"", true},
                {"\"abcd\"", false}, {"abc", false}, {"\"ab\"", false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                assert_int_equal(bundle_state_matches(&b, rows[i].header), rows[i].matches);
}

static void no_root_is_refused(void **state)
{
        (void) state;
        char path[32];
        AUTO_CLOSE int dir = make_dir(path);
        struct bundle_state b = {0};
        const struct cert_list none = {0};
        expect_fault(bundle_state_load(dir, &none, NULL, 300, wall_from_unix_s(NOW_S), &b), FAULT_PRECONDITION,
                     "BUNDLE_ROOTS");
        remove_dir(path, dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sequence_grows_with_every_change_of_roots),
                cmocka_unit_test(sequence_grows_with_every_change_of_token_keys),
                cmocka_unit_test(a_restored_folder_does_not_give_a_number_twice),
                cmocka_unit_test(a_file_that_is_not_understood_is_not_overwritten),
                cmocka_unit_test(etag_is_compared_weakly),
                cmocka_unit_test(no_root_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
