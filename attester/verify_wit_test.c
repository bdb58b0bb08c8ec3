/* Tokens that come back from an issuer that is wrong in one way at a time. */
#include <stdio.h>

#include "attester/verify.h"
#include "lib/crypt/x509_build.h"
#include "lib/model/wit.h"
#include "tests/fakes/expect.h"

#define NOW_S 1800000000
#define ID    "spiffe://demo.example/ns/payroll/sa/app"
#define JTI   "11220000000000000000000000000000"

static struct key *root_key, *token_key, *other_key, *own;
static struct bundle bundle;

static int make_keys(void **state UNUSED)
{
        struct key **keys[] = {&root_key, &token_key, &other_key, &own};
        for (size_t i = 0; i < COUNT_OF(keys); i++)
                expect_ok(key_generate(KEY_P256, keys[i]));
        const struct ca_spec spec = {.common_name = "root",
                                     .uri = "spiffe://demo.example",
                                     .serial = {1},
                                     .not_before = wall_from_unix_s(NOW_S - 3600),
                                     .not_after = wall_from_unix_s(NOW_S + 86400),
                                     .key = root_key,
                                     .path_len = 1};
        bundle.roots[0] = BUF(CERT_MAX);
        bundle.root_count = 1;
        expect_ok(ca_build(&spec, NULL, NULL, &bundle.roots[0]));
        bundle.token_keys = json_new_array();
        json_push(bundle.token_keys, jwk_published(token_key, "k1", WIT_USE));
        return 0;
}

static int drop_keys(void **state UNUSED)
{
        struct key *keys[] = {root_key, token_key, other_key, own};
        for (size_t i = 0; i < COUNT_OF(keys); i++)
                key_free(keys[i]);
        bundle_clear(&bundle);
        return 0;
}

struct row {
        const char *name, *token;
        const char *sub, *promised, *kid, *id; /* NULL: as it should be */
        bool other_signer, other_holder, other_end, other_start, no_token, no_keys, cut, is_x509;
        int64_t now_s;
};

static void issue(const struct row *row, struct issued_credential *ret)
{
        const struct wit w = {
                .id = (char *) (row->id != NULL ? row->id : JTI),
                .issuer = (char *) "spiffe://demo.example",
                .subject = (char *) (row->sub != NULL ? row->sub : ID),
                .issued_unix_s = NOW_S,
                .not_before_unix_s = NOW_S - 30,
                .expires_unix_s = NOW_S + 600,
                .key = row->other_holder ? other_key : own,
        };
        const struct jwt_signer signer =
                jwt_signer_of(row->other_signer ? other_key : token_key, row->kid != NULL ? row->kid : "k1");
        AUTO(buf) struct buf token = BUF(WIT_MAX);
        expect_ok(wit_build(&w, &signer, &token));
        if (row->cut)
                buf_truncate(&token, token.len - 1);
        *ret = (struct issued_credential){
                .slot = "wit",
                .identity = alloc_string(row->promised != NULL ? row->promised : ID),
                .token = row->no_token ? NULL : span_to_string(buf_span(&token)),
                .not_before_unix_s = NOW_S - (row->other_start ? 31 : 30),
                .not_after_unix_s = NOW_S + (row->other_end ? 601 : 600),
        };
        (void) snprintf(ret->type, sizeof ret->type, "%s", row->is_x509 ? SLOT_TYPE_X509 : SLOT_TYPE_WIT);
}

static void refuses_what_does_not_fit(void **state UNUSED)
{
        static const struct row rows[] = {
                {.name = "good"},
                {.name = "last second", .now_s = NOW_S + 599},
                {.name = "made by a clock that is ahead", .now_s = NOW_S - 300},
                {.name = "made by a clock that is too far ahead", .token = "wit.not_yet_valid", .now_s = NOW_S - 301},
                {.name = "no token", .token = "reply.token", .no_token = true},
                {.name = "half a token", .token = "jwt.structure", .cut = true},
                {.name = "an id that status.json has no room for",
                 .token = "reply.token",
                 .id = "11220000000000000000000000000000112200000"},
                {.name = "another key's token", .token = "reply.key", .other_holder = true},
                {.name = "another identity than promised", .token = "reply.identity", .promised = ID "x"},
                {.name = "another identity in the token",
                 .token = "reply.identity",
                 .sub = "spiffe://demo.example/ns/a/sa/b"},
                {.name = "another trust domain, by both",
                 .token = "wit.trust_domain",
                 .promised = "spiffe://other.example/a",
                 .sub = "spiffe://other.example/a"},
                {.name = "promised identity is none", .token = "SPIFFE_ID", .promised = "https://demo.example/x"},
                {.name = "another end than promised", .token = "reply.validity", .other_end = true},
                {.name = "another start than promised", .token = "reply.validity", .other_start = true},
                {.name = "expired", .token = "reply.validity", .now_s = NOW_S + 600},
                {.name = "signed by somebody else", .token = "jwt.signature", .other_signer = true},
                {.name = "by a key that nobody published", .token = "jwt.key", .kid = "k2"},
                {.name = "no token keys in the bundle", .token = "jwt.key", .no_keys = true},
                {.name = "a certificate where a token was asked for", .token = "reply.type", .is_x509 = true},
        };
        struct json *published = bundle.token_keys;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct issued_credential c;
                issue(&rows[i], &c);
                char id[SERIAL_TEXT_MAX + 1] = "";
                struct wall now = wall_from_unix_s(rows[i].now_s != 0 ? rows[i].now_s : NOW_S);
                bundle.token_keys = rows[i].no_keys ? NULL : published;
                struct fault *f = verify_credential(&c, SLOT_TYPE_WIT, own, &bundle, NULL, now, id);
                bundle.token_keys = published;
                if (rows[i].token != NULL) {
                        expect_fault_row(f, strcmp(rows[i].token, "SPIFFE_ID") == 0 ? FAULT_INVALID : FAULT_INTERNAL,
                                         rows[i].token, rows[i].name);
                } else {
                        expect_ok(f);
                        assert_string_equal(id, JTI);
                }
                issued_credential_clear(&c);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(refuses_what_does_not_fit)};
        return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
