#include "issuer/keystore/keystore.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "issuer/keystore/seal.h"
#include "lib/base/file.h"
#include "tests/fakes/sql.h"
#include "tests/fakes/store_fixture.h"

#define OWNER    "payments"
#define IDENTITY "spiffe://demo.example/ns/payroll/sa/api"
static const struct jwe_parties parties = {.producer = {(const uint8_t *) "us", 2},
                                           .recipient = {(const uint8_t *) "n", 1}};

static void open_keystore(struct fixture *f, const char *current, const char *previous, struct keystore **ret)
{
        struct kek *now_used = NULL, *before = NULL;
        AUTO_STRING char *path = alloc_printf("%s-%s", f->dir, current);
        AUTO(fault) struct fault *there = kek_make_file(path);
        expect_ok(kek_open_file(path, &now_used));
        if (previous != NULL) {
                AUTO_STRING char *old = alloc_printf("%s-%s", f->dir, previous);
                expect_ok(kek_open_file(old, &before));
        }
        keystore_new(f->store, now_used, before, ret);
}

static void forget(struct fixture *f, const char *name)
{
        AUTO_STRING char *path = alloc_printf("%s-%s", f->dir, name);
        assert_int_equal(unlink(path), 0);
}

static struct key_order order(const char *algorithm)
{
        return (struct key_order){"api", OWNER, IDENTITY, algorithm, NULL};
}

/* What comes out is the private key of what is public. */
static void expect_released(struct keystore *ks, struct stored_key *k, uint32_t version)
{
        AUTO(key) struct key *to = NULL, *released = NULL;
        AUTO(buf) struct buf jwe = BUF(JWE_MAX);
        AUTO(secret) struct secret *pem = NULL;
        struct key_version *v = keystore_version(k, version);
        expect_ok(key_generate(KEY_P256, &to));
        expect_ok(keystore_release(ks, k, v, to, &parties, &jwe));
        expect_ok(jwe_open(to, &parties, buf_span(&jwe), &pem));
        expect_ok(key_from_pem_private(secret_span(pem), &released));
        assert_true(span_eq(key_spki(released), buf_span(&v->spki)));
}

static void makes_keys_of_each_algorithm(void **state)
{
        struct fixture *f = *state;
        AUTO(keystore) struct keystore *ks = NULL;
        open_keystore(f, "kek", NULL, &ks);
        static const char *const names[] = {"p256", "p384", "rsa3072"};
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                AUTO(stored_key) struct stored_key *k = NULL, *found = NULL;
                struct key_order o = order(names[i]);
                o.name = names[i];
                expect_ok(keystore_create(ks, &o, now, &k));
                expect_ok(store_find_key(f->store, names[i], &found));
                assert_string_equal(found->algorithm, names[i]);
                assert_string_equal(found->owner, OWNER);
                expect_released(ks, found, 0);
        }
        AUTO(stored_key_list) struct stored_key_list list = {0};
        expect_ok(store_list_keys(f->store, "p256", &list));
        assert_int_equal(list.count, 2);
        assert_string_equal(list.items[1]->name, "rsa3072");
        forget(f, "kek");
}

static void imports_what_it_is_given(void **state)
{
        struct fixture *f = *state;
        AUTO(keystore) struct keystore *ks = NULL;
        AUTO(key) struct key *own = NULL;
        AUTO(secret) struct secret *pem = NULL;
        AUTO(stored_key) struct stored_key *k = NULL;
        open_keystore(f, "kek", NULL, &ks);
        expect_ok(key_generate(KEY_P384, &own));
        expect_ok(key_to_pem_private(own, &pem));
        struct key_order o = order(NULL);
        o.pem = pem;
        expect_ok(keystore_create(ks, &o, now, &k));
        assert_string_equal(k->algorithm, "p384");
        assert_true(span_eq(key_spki(own), buf_span(&k->versions[0].spki)));
        expect_released(ks, k, 1);
        forget(f, "kek");
}

static void refuses_orders(void **state)
{
        struct fixture *f = *state;
        AUTO(keystore) struct keystore *ks = NULL;
        AUTO(key) struct key *own = NULL;
        AUTO(secret) struct secret *pem = NULL, *junk = secret_copy(SPAN("-----BEGIN PRIVATE KEY-----\nAAAA\n"));
        open_keystore(f, "kek", NULL, &ks);
        expect_ok(key_generate(KEY_P256, &own));
        expect_ok(key_to_pem_private(own, &pem));
        const struct {
                const char *name;
                struct key_order o;
                enum fault_code code;
                const char *token;
        } rows[] = {
                {"no name", {"", OWNER, IDENTITY, "p256", NULL}, FAULT_INVALID, "keystore.name"},
                {"a slash", {"a/b", OWNER, IDENTITY, "p256", NULL}, FAULT_INVALID, "keystore.name"},
                {"capitals", {"Api", OWNER, IDENTITY, "p256", NULL}, FAULT_INVALID, "keystore.name"},
                {"ends with -", {"api-", OWNER, IDENTITY, "p256", NULL}, FAULT_INVALID, "keystore.name"},
                {"no owner", {"api", "", IDENTITY, "p256", NULL}, FAULT_INVALID, "keystore.owner"},
                {"no identity", {"api", OWNER, "https://x", "p256", NULL}, FAULT_INVALID, "keystore.identity"},
                {"unknown algorithm", {"api", OWNER, IDENTITY, "p521", NULL}, FAULT_INVALID, "keystore.algorithm"},
                {"no algorithm", {"api", OWNER, IDENTITY, NULL, NULL}, FAULT_INVALID, "keystore.algorithm"},
                {"another algorithm", {"api", OWNER, IDENTITY, "p384", pem}, FAULT_INVALID, "keystore.algorithm"},
                {"no key", {"api", OWNER, IDENTITY, NULL, junk}, FAULT_INVALID, "KEY_ENCODING"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(stored_key) struct stored_key *k = NULL;
                AUTO(fault) struct fault *got = keystore_create(ks, &rows[i].o, now, &k);
                if (got == NULL || fault_code(got) != rows[i].code || strcmp(fault_token(got), rows[i].token) != 0)
                        fail_msg("%s: %s", rows[i].name, got == NULL ? "accepted" : fault_token(got));
        }
        AUTO(stored_key) struct stored_key *k = NULL, *again = NULL;
        struct key_order o = order("p256");
        expect_ok(keystore_create(ks, &o, now, &k));
        expect_fault(keystore_create(ks, &o, now, &again), FAULT_EXISTS, "KEY_EXISTS");
        forget(f, "kek");
}

static void rotates_and_destroys(void **state)
{
        struct fixture *f = *state;
        AUTO(keystore) struct keystore *ks = NULL;
        AUTO(stored_key) struct stored_key *k = NULL, *second = NULL, *third = NULL, *none = NULL;
        struct key_order o = order("p256");
        open_keystore(f, "kek", NULL, &ks);
        expect_ok(keystore_create(ks, &o, now, &k));
        expect_ok(keystore_rotate(ks, "api", NULL, now, &second));
        assert_int_equal(second->version_count, 2);
        assert_int_equal(keystore_version(second, 0)->version, 2);
        assert_int_equal(keystore_version(second, 1)->version, 1);
        assert_null(keystore_version(second, 3));
        expect_released(ks, second, 1);
        expect_released(ks, second, 2);

        expect_ok(store_destroy_key(f->store, k->id, 2));
        expect_fault(store_destroy_key(f->store, k->id, 2), FAULT_NOT_FOUND, "NO_KEY");
        expect_ok(keystore_rotate(ks, "api", NULL, now, &third));
        assert_int_equal(keystore_version(third, 0)->version, 3); /* a number is not used again */
        expect_fault(store_put_key(f->store, third, &third->versions[0]), FAULT_EXISTS, "KEY_EXISTS");
        struct key_version late = third->versions[1];
        expect_fault(store_put_key(f->store, third, &late), FAULT_ABORTED, "KEY_CHANGED");

        expect_ok(store_destroy_key(f->store, k->id, 0));
        expect_fault(store_find_key(f->store, "api", &none), FAULT_NOT_FOUND, "NO_KEY");
        expect_fault(keystore_rotate(ks, "api", NULL, now, &none), FAULT_NOT_FOUND, "NO_KEY");
        forget(f, "kek");
}

static void has_a_limit_of_versions(void **state)
{
        struct fixture *f = *state;
        AUTO(keystore) struct keystore *ks = NULL;
        AUTO(stored_key) struct stored_key *k = NULL, *none = NULL;
        struct key_order o = order("p256");
        open_keystore(f, "kek", NULL, &ks);
        expect_ok(keystore_create(ks, &o, now, &k));
        for (size_t i = 1; i < KEY_VERSIONS_MAX; i++) {
                AUTO(stored_key) struct stored_key *more = NULL;
                expect_ok(keystore_rotate(ks, "api", NULL, now, &more));
        }
        expect_fault(keystore_rotate(ks, "api", NULL, now, &none), FAULT_EXHAUSTED, "keystore.versions");
        forget(f, "kek");
}

static void notices_rows_that_were_changed(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *name, *sql;
        } rows[] = {
                {"owner", "UPDATE stored_keys SET owner = 'mallory' WHERE name = 'api'"},
                {"identity", "UPDATE stored_keys SET identity = 'spiffe://demo.example/other' WHERE name = 'api'"},
                {"algorithm", "UPDATE stored_keys SET algorithm = 'p384' WHERE name = 'api'"},
                {"name", "UPDATE stored_keys SET name = 'gone' WHERE name = 'other'; "
                         "UPDATE stored_keys SET name = 'api2' WHERE name = 'api'; "
                         "UPDATE stored_keys SET name = 'api' WHERE name = 'gone'"},
                {"version",
                 "UPDATE key_versions SET version = 7 WHERE key = (SELECT id FROM stored_keys WHERE name = 'api')"},
                {"torn", "UPDATE key_versions SET sealed = substr(sealed, 1, length(sealed) - 1)"},
                {"one bit", "UPDATE key_versions SET sealed = zeroblob(length(sealed))"},
                {"data key", "UPDATE key_versions SET wrapped = zeroblob(length(wrapped))"},
                {"data key of another", "UPDATE key_versions SET wrapped = (SELECT wrapped FROM key_versions v WHERE "
                                        "v.key != key_versions.key)"},
                {"key of another", "UPDATE key_versions SET sealed = (SELECT sealed FROM key_versions v WHERE v.key != "
                                   "key_versions.key), "
                                   "wrapped = (SELECT wrapped FROM key_versions v WHERE v.key != key_versions.key)"},
                {"public key of another",
                 "UPDATE key_versions SET spki = (SELECT spki FROM key_versions v WHERE v.key != key_versions.key)"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(keystore) struct keystore *ks = NULL;
                AUTO(stored_key) struct stored_key *k = NULL, *other = NULL, *found = NULL;
                AUTO(key) struct key *to = NULL;
                AUTO(buf) struct buf jwe = BUF(JWE_MAX);
                struct key_order o = order("p256"), o2 = order("p256");
                o2.name = "other";
                open_keystore(f, "kek", NULL, &ks);
                expect_ok(keystore_create(ks, &o, now, &k));
                expect_ok(keystore_create(ks, &o2, now, &other));
                sql_exec(f->path, rows[i].sql);
                expect_ok(store_find_key(f->store, "api", &found));
                expect_ok(key_generate(KEY_P256, &to));
                AUTO(fault)
                struct fault *got = keystore_release(ks, found, keystore_version(found, 0), to, &parties, &jwe);
                if (got == NULL || fault_code(got) != FAULT_DATA_LOSS ||
                    strcmp(fault_token(got), "keystore.corrupt") != 0)
                        fail_msg("%s: %s", rows[i].name, got == NULL ? "released" : fault_token(got));
                assert_int_equal(jwe.len, 0);
                sql_exec(f->path, "DELETE FROM key_versions; DELETE FROM stored_keys");
        }
        forget(f, "kek");
}

static void changes_its_kek(void **state)
{
        struct fixture *f = *state;
        AUTO(keystore) struct keystore *first = NULL, *both = NULL, *second = NULL, *stranger = NULL;
        AUTO(stored_key) struct stored_key *k = NULL, *rotated = NULL, *after = NULL;
        AUTO(key) struct key *to = NULL;
        AUTO(buf) struct buf jwe = BUF(JWE_MAX);
        struct key_order o = order("p256");
        uint64_t count = 0;
        expect_ok(key_generate(KEY_P256, &to));
        open_keystore(f, "kek", NULL, &first);
        expect_ok(keystore_create(first, &o, now, &k));
        expect_ok(keystore_rotate(first, "api", NULL, now, &rotated));

        open_keystore(f, "kek2", "kek", &both);
        expect_released(both, rotated, 0); /* before it is rewrapped as well */
        open_keystore(f, "kek3", NULL, &stranger);
        expect_fault(keystore_rewrap(stranger, &count), FAULT_PRECONDITION, "keystore.kek");
        expect_ok(keystore_rewrap(both, &count));
        assert_int_equal(count, 2);
        expect_ok(keystore_rewrap(both, &count));
        assert_int_equal(count, 0);

        open_keystore(f, "kek2", NULL, &second);
        expect_ok(store_find_key(f->store, "api", &after));
        expect_released(second, after, 1);
        expect_released(second, after, 2);
        expect_fault(keystore_release(first, after, keystore_version(after, 0), to, &parties, &jwe), FAULT_PRECONDITION,
                     "keystore.kek");
        forget(f, "kek");
        forget(f, "kek2");
        forget(f, "kek3");
}

static void wants_a_kek_that_is_nobody_elses(void **state)
{
        struct fixture *f = *state;
        AUTO_STRING char *path = alloc_printf("%s-kek", f->dir);
        struct kek *k = NULL;
        expect_ok(kek_make_file(path));
        expect_fault(kek_make_file(path), FAULT_EXISTS, "KEK_FILE");
        assert_int_equal(chmod(path, 0640), 0);
        expect_fault(kek_open_file(path, &k), FAULT_PRECONDITION, "KEK_FILE");
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(truncate(path, 31), 0);
        expect_fault(kek_open_file(path, &k), FAULT_PRECONDITION, "KEK_FILE");
        assert_int_equal(truncate(path, 33), 0);
        expect_fault(kek_open_file(path, &k), FAULT_PRECONDITION, "KEK_FILE");
        forget(f, "kek");
        expect_fault(kek_open_file(path, &k), FAULT_PRECONDITION, "KEK_FILE");
}

/* The private key's bytes, in no file of the database. */
static void keeps_no_plaintext(void **state)
{
        struct fixture *f = *state;
        AUTO(keystore) struct keystore *ks = NULL;
        AUTO(key) struct key *own = NULL;
        AUTO(secret) struct secret *pem = NULL;
        AUTO(stored_key) struct stored_key *k = NULL;
        open_keystore(f, "kek", NULL, &ks);
        expect_ok(key_generate(KEY_P256, &own));
        expect_ok(key_to_pem_private(own, &pem));
        struct key_order o = order("p256");
        o.pem = pem;
        expect_ok(keystore_create(ks, &o, now, &k));
        struct span canary = span_slice(secret_span(pem), 60, 32);
        static const char *const files[] = {"db", "db-wal"};
        for (size_t i = 0; i < COUNT_OF(files); i++) {
                AUTO_STRING char *path = alloc_printf("%s/%s", f->dir, files[i]);
                AUTO(buf) struct buf bytes = BUF(64u << 20);
                expect_ok(file_read(path, &bytes));
                assert_null(memmem(bytes.data, bytes.len, canary.data, canary.len));
        }
        forget(f, "kek");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(makes_keys_of_each_algorithm),
                WITH_STORE(imports_what_it_is_given),
                WITH_STORE(refuses_orders),
                WITH_STORE(rotates_and_destroys),
                WITH_STORE(has_a_limit_of_versions),
                WITH_STORE(notices_rows_that_were_changed),
                WITH_STORE(changes_its_kek),
                WITH_STORE(wants_a_kek_that_is_nobody_elses),
                WITH_STORE(keeps_no_plaintext),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
