/* Platform keys: the documents that hold them, who is found, and what the appraiser makes of that. */
#include "issuer/verifier/cca/keys.h"

#include "issuer/verifier/cca/cca.h"
#include "lib/base/parse.h"
#include "lib/crypt/jwt.h"
#include "lib/model/names.h"

#include "tests/fakes/cca_pki.h"
#include "tests/fakes/expect.h"

#define HEX_33 "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static const struct wall now = {1795456800000};
static struct key *mine, *yours, *realm;
static struct span our_id; /* of cca_pki_token */

static int make_keys(void **state UNUSED)
{
        expect_ok(key_generate(KEY_P384, &mine));
        expect_ok(key_generate(KEY_P384, &yours));
        expect_ok(key_generate(KEY_P384, &realm));
        our_id = cca_pki_token(mine, realm).platform.instance_id;
        return 0;
}

static int free_keys(void **state UNUSED)
{
        key_free(mine);
        key_free(yours);
        key_free(realm);
        return 0;
}

static void write_id(struct span id, bool in_hex, struct buf *out)
{
        expect_ok(in_hex ? hex_encode(id, out) : base64url_encode(id, out));
}

/* {"<id>": JWK}; an id without bytes: {"keys": [JWK]}. */
static void add(struct cca_keys *to, struct span id, bool in_hex, const struct key *k)
{
        AUTO(buf) struct buf text = BUF(4096), name = BUF(128);
        AUTO(json) struct json *document = json_new_object();
        if (id.len > 0) {
                write_id(id, in_hex, &name);
                json_set(document, buf_str(&name), jwk_from_key(k));
        } else {
                struct json *keys = json_new_array();
                json_push(keys, jwk_from_key(k));
                json_set(document, "keys", keys);
        }
        expect_ok(json_write(document, &text));
        expect_ok(cca_keys_add(to, buf_span(&text)));
}

static struct fault *appraise(const struct cca_keys *keys, const struct key *signer, struct attestation_result *r)
{
        AUTO(buf) struct buf token = BUF(65536);
        struct cca_pki_token t = cca_pki_token(signer, realm);
        cca_pki_sign(&t, &token);
        const struct appraisal in = {.kind = EVIDENCE_CCA,
                                     .evidence = buf_span(&token),
                                     .now = now,
                                     .report_data = t.realm.challenge,
                                     .cca_keys = keys};
        return verifier_appraise(&in, r);
}

static void a_platform_is_believed_by_its_own_key(void **state UNUSED)
{
        static const struct {
                const char *name;
                const char *own, *another, *shared; /* whose key: "m", "y"; NULL: none */
                const char *token;                  /* of a token of ours that our key signed */
        } rows[] = {
                {"none at all", NULL, NULL, NULL, "cca.instance"},
                {"its own", "m", NULL, NULL, NULL},
                {"its own and another's", "m", "y", NULL, NULL},
                {"its own is another key", "y", NULL, NULL, "cca.platform_signature"},
                {"of another platform alone", NULL, "m", NULL, "cca.instance"},
                {"of any", NULL, NULL, "m", NULL},
                {"of any, beside another's", NULL, "y", "m", NULL},
                {"of any, and it is another key", NULL, NULL, "y", "cca.platform_signature"},
                {"listed by its id: not by one of any", "y", NULL, "m", "cca.platform_signature"},
        };
        uint8_t another[CCA_INSTANCE_ID_LEN];
        memcpy(another, our_id.data, sizeof another);
        another[CCA_INSTANCE_ID_LEN - 1] ^= 1;
        for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
                size_t row = i / 2;
                AUTO(cca_keys) struct cca_keys *keys = cca_keys_new();
                AUTO(attestation_result) struct attestation_result r = {0};
                if (rows[row].own != NULL)
                        add(keys, our_id, i % 2 == 0, rows[row].own[0] == 'm' ? mine : yours);
                if (rows[row].another != NULL)
                        add(keys, SPAN_OF(another), i % 2 == 0, rows[row].another[0] == 'm' ? mine : yours);
                if (rows[row].shared != NULL)
                        add(keys, SPAN_NONE, false, rows[row].shared[0] == 'm' ? mine : yours);
                struct fault *f = appraise(keys, mine, &r);
                if (rows[row].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_DENIED, rows[row].token, rows[row].name);
        }
}

static void documents_are_read_strictly(void **state UNUSED)
{
        AUTO(buf) struct buf jwk = BUF(1024), both = BUF(4096), id = BUF(128);
        AUTO(json) struct json *one = jwk_from_key(mine);
        expect_ok(json_write(one, &jwk));
        write_id(our_id, true, &id);
        /* the same instance, written in two ways */
        expect_ok(buf_printf(&both, "{\"%s\":%s,", buf_str(&id), buf_str(&jwk)));
        buf_clear(&id);
        id = BUF(128);
        write_id(our_id, false, &id);
        expect_ok(buf_printf(&both, "\"%s\":%s}", buf_str(&id), buf_str(&jwk)));
        AUTO_STRING char *short_id = alloc_printf("{\"%.64s\":%s}", HEX_33, buf_str(&jwk));
        AUTO_STRING char *long_id = alloc_printf("{\"%s01\":%s}", HEX_33, buf_str(&jwk));
        AUTO_STRING char *no_id = alloc_printf("{\"g%s\":%s}", &HEX_33[1], buf_str(&jwk));
        AUTO_STRING char *good = alloc_printf("{\"%s\":%s}", HEX_33, buf_str(&jwk));
        const struct {
                const char *name, *text;
                bool is_taken;
                size_t count;
        } rows[] = {
                {"empty text", "", false, 0},
                {"no object", "[]", false, 0},
                {"an empty object", "{}", true, 0},
                {"an empty set", "{\"keys\":[]}", true, 0},
                {"keys of other types are passed over", "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}]}", true, 0},
                {"keys that are none", "{\"keys\":[5]}", false, 0},
                {"keys is no list", "{\"keys\":{}}", false, 0},
                {"one key", buf_str(&jwk), true, 1},
                {"one key of another type", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", false, 0},
                {"a point off the curve", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", false, 0},
                {"an instance", good, true, 1},
                {"an id a byte short", short_id, false, 0},
                {"an id a byte long", long_id, false, 0},
                {"an id that is none", no_id, false, 0},
                {"an instance without a key", "{\"" HEX_33 "\":5}", false, 0},
                {"an instance with a key of another type", "{\"" HEX_33 "\":{\"kty\":\"OKP\"}}", false, 0},
                {"an instance twice", buf_str(&both), false, 1},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(cca_keys) struct cca_keys *keys = cca_keys_new();
                struct fault *f = cca_keys_add(keys, span_str(rows[i].text));
                if (rows[i].is_taken)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "cca.cpak_format", rows[i].name);
                assert_int_equal(cca_keys_count(keys), rows[i].count);
        }
}

static void another_document_may_not_say_otherwise(void **state UNUSED)
{
        AUTO(cca_keys) struct cca_keys *keys = cca_keys_new();
        AUTO(buf) struct buf text = BUF(4096), id = BUF(128);
        AUTO(json) struct json *document = json_new_object();
        add(keys, our_id, true, mine);
        write_id(our_id, false, &id);
        json_set(document, buf_str(&id), jwk_from_key(yours));
        expect_ok(json_write(document, &text));
        expect_fault(cca_keys_add(keys, buf_span(&text)), FAULT_INVALID, "cca.cpak_format");
        assert_int_equal(cca_keys_count(keys), 1);
        assert_null(cca_keys_at(keys, our_id, 1));
        assert_null(cca_keys_at(keys, span_slice(our_id, 0, 32), 0));
}

static void keys_of_any_platform_are_few(void **state UNUSED)
{
        AUTO(cca_keys) struct cca_keys *keys = cca_keys_new();
        AUTO(buf) struct buf text = BUF(4096);
        AUTO(json) struct json *one = jwk_from_key(mine);
        expect_ok(json_write(one, &text));
        for (size_t i = 0; i < CCA_SHARED_KEYS_MAX; i++)
                expect_ok(cca_keys_add(keys, buf_span(&text)));
        expect_fault(cca_keys_add(keys, buf_span(&text)), FAULT_EXHAUSTED, "cca.cpak_format");
        assert_int_equal(cca_keys_count(keys), CCA_SHARED_KEYS_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_platform_is_believed_by_its_own_key),
                cmocka_unit_test(documents_are_read_strictly),
                cmocka_unit_test(another_document_may_not_say_otherwise),
                cmocka_unit_test(keys_of_any_platform_are_few),
        };
        return cmocka_run_group_tests(tests, make_keys, free_keys);
}
