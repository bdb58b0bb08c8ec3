#include "issuer/api/enrol_challenge.h"
#include "tests/fakes/expect.h"

#define AUDIENCE "https://issuer.example"
#define NOW_S    1795456800

static struct secret *master_of(uint8_t fill)
{
        struct secret *s = secret_new(MASTER_LEN);
        memset(secret_bytes(s), fill, MASTER_LEN);
        return s;
}

static void fill(struct enrol_challenge *c, const char *node)
{
        *c = (struct enrol_challenge){.expires_unix_s = NOW_S + ENROL_LIFE_S,
                                      .secret = secret_new(ENROL_SECRET_LEN),
                                      .record = NEW(struct ak_record)};
        memset(c->client_spki_digest, 1, SHA256_LEN);
        memset(secret_bytes(c->secret), 2, ENROL_SECRET_LEN);
        memset(c->record->ek_digest, 3, SHA256_LEN);
        memset(c->record->ek_root, 4, SHA256_LEN);
        c->record->name = BUF(64);
        c->record->public_area = BUF(64);
        expect_ok(buf_append(&c->record->name, SPAN("name of the key")));
        expect_ok(buf_append(&c->record->public_area, SPAN("its public area")));
        c->record->ek_issuer = alloc_string("CN=TPM maker");
        c->record->ek_not_after_unix_s = NOW_S + 1000;
        c->record->cluster = node != NULL ? alloc_string("demo") : NULL;
        c->record->node = node != NULL ? alloc_string(node) : NULL;
}

static void seal(const char *node, struct buf *sealed)
{
        AUTO(secret) struct secret *master = master_of(7);
        AUTO(enrol_challenge) struct enrol_challenge c;
        fill(&c, node);
        *sealed = BUF(4096);
        expect_ok(enrol_challenge_seal(master, AUDIENCE, &c, sealed));
}

static void what_is_sealed_comes_back(void **state)
{
        (void) state;
        static const char *const nodes[] = {"node-1", NULL};
        for (size_t i = 0; i < COUNT_OF(nodes); i++) {
                AUTO(secret) struct secret *master = master_of(7);
                AUTO(buf) struct buf sealed;
                AUTO(enrol_challenge) struct enrol_challenge c = {0};
                seal(nodes[i], &sealed);
                expect_ok(enrol_challenge_open(master, AUDIENCE, buf_span(&sealed), &c));
                assert_int_equal(c.expires_unix_s, NOW_S + ENROL_LIFE_S);
                assert_true(span_eq_str(buf_span(&c.record->name), "name of the key"));
                assert_true(span_eq_str(buf_span(&c.record->public_area), "its public area"));
                assert_string_equal(c.record->ek_issuer, "CN=TPM maker");
                assert_int_equal(c.record->ek_not_after_unix_s, NOW_S + 1000);
                assert_int_equal(c.record->ek_digest[31], 3);
                assert_int_equal(c.record->ek_root[31], 4);
                if (nodes[i] == NULL) {
                        assert_null(c.record->node);
                        assert_null(c.record->cluster);
                } else {
                        assert_string_equal(c.record->node, nodes[i]);
                        assert_string_equal(c.record->cluster, "demo");
                }
        }
}

static void what_was_not_sealed_here_is_refused(void **state)
{
        (void) state;
        AUTO(secret) struct secret *master = master_of(7), *other = master_of(8);
        AUTO(buf) struct buf sealed;
        struct enrol_challenge c = {0};
        seal("node-1", &sealed);
        expect_fault_row(enrol_challenge_open(other, AUDIENCE, buf_span(&sealed), &c), FAULT_UNAUTHENTICATED,
                         "enrol.challenge", "another master");
        expect_fault_row(enrol_challenge_open(master, "https://other.example", buf_span(&sealed), &c),
                         FAULT_UNAUTHENTICATED, "enrol.challenge", "another issuer");
        for (size_t len = 0; len < sealed.len; len += 7)
                expect_fault_row(enrol_challenge_open(master, AUDIENCE, span_make(sealed.data, len), &c),
                                 FAULT_UNAUTHENTICATED, "enrol.challenge", "cut");
        for (size_t i = 0; i < sealed.len; i++) {
                sealed.data[i] ^= 1;
                expect_fault_row(enrol_challenge_open(master, AUDIENCE, buf_span(&sealed), &c), FAULT_UNAUTHENTICATED,
                                 "enrol.challenge", "changed");
                sealed.data[i] ^= 1;
        }
}

static void claims_are_held_against_it(void **state)
{
        (void) state;
        AUTO(enrol_challenge) struct enrol_challenge c;
        fill(&c, "node-1");
        uint8_t client[SHA256_LEN], other[SHA256_LEN] = {0}, secret[ENROL_SECRET_LEN];
        memset(client, 1, sizeof client);
        memset(secret, 2, sizeof secret);
        const struct {
                const char *name;
                int64_t at_s;
                const uint8_t *client;
                size_t secret_len;
                uint8_t flip;
                const char *token;
        } rows[] = {
                {"good", NOW_S, client, ENROL_SECRET_LEN, 0, NULL},
                {"last second", NOW_S + ENROL_LIFE_S - 1, client, ENROL_SECRET_LEN, 0, NULL},
                {"a second late", NOW_S + ENROL_LIFE_S, client, ENROL_SECRET_LEN, 0, "enrol.expired"},
                {"another client", NOW_S, other, ENROL_SECRET_LEN, 0, "enrol.client_key"},
                {"wrong secret", NOW_S, client, ENROL_SECRET_LEN, 1, "enrol.secret"},
                {"short secret", NOW_S, client, ENROL_SECRET_LEN - 1, 0, "enrol.secret"},
                {"empty secret", NOW_S, client, 0, 0, "enrol.secret"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                secret[0] ^= rows[i].flip;
                struct fault *f = enrol_challenge_check(&c, wall_from_unix_s(rows[i].at_s), rows[i].client,
                                                        span_make(secret, rows[i].secret_len));
                secret[0] ^= rows[i].flip;
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_DENIED, rows[i].token, rows[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_sealed_comes_back),
                cmocka_unit_test(what_was_not_sealed_here_is_refused),
                cmocka_unit_test(claims_are_held_against_it),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
