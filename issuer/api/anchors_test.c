/* Anchors as an operator names them: files, and for CCA folders of platform keys. */
#include "issuer/api/anchors.h"

#include <unistd.h>

#include "issuer/config.h"
#include "issuer/verifier/cca/keys.h"
#include "lib/crypt/jwt.h"
#include "lib/model/names.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

#define INSTANCE(digit) "01" #digit "00000000000000000000000000000000000000000000000000000000000000" #digit

static char folder[sizeof FOLDER_TEMPLATE];
static struct key *platform;
static struct buf jwk;

static int set_up(void **state UNUSED)
{
        memcpy(folder, FOLDER_TEMPLATE, sizeof folder);
        assert_true(folder_make(folder));
        expect_ok(key_generate(KEY_P384, &platform));
        AUTO(json) struct json *j = jwk_from_key(platform);
        jwk = BUF(1024);
        expect_ok(json_write(j, &jwk));
        return 0;
}

static int tear_down(void **state UNUSED)
{
        key_free(platform);
        buf_clear(&jwk);
        return folder_remove(folder) ? 0 : -1;
}

/* %s in the text is a JWK. */
static void put(const char *name, const char *text)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", folder, name);
        const char *at = strstr(text, "%s");
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        if (at == NULL)
                assert_true(fputs(text, f) >= 0);
        else
                assert_true(fprintf(f, "%.*s%s%s", (int) (at - text), text, buf_str(&jwk), at + 2) > 0);
        assert_int_equal(fclose(f), 0);
}

static struct fault *load(const char *kind, const char *name, struct anchors *ret)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", folder, name);
        AUTO_STRING char *kind_text = alloc_string(kind);
        const struct anchors_config c = {.kind = kind_text, .file = path};
        return anchors_load(&c, ret);
}

/* What a kind gets of them: platform keys, or a part. */
static void of_each_kind(void **state UNUSED)
{
        static const struct {
                const char *kind, *text, *token; /* NULL: taken */
                bool has_keys, has_part;
        } rows[] = {
                {EVIDENCE_CCA, "%s", NULL, true, false},
                {EVIDENCE_CCA, "{\"keys\":[%s]}", NULL, true, false},
                {EVIDENCE_CCA, "-----BEGIN CERTIFICATE-----", "cca.cpak_format", false, false},
                {EVIDENCE_TDX, "any bytes: the appraiser reads them", NULL, false, true},
                {"sgx", "%s", "CONFIG", false, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct anchors a = {0};
                struct appraisal in = {0};
                put("one", rows[i].text);
                struct fault *f = load(rows[i].kind, "one", &a);
                if (rows[i].token != NULL) {
                        expect_fault_row(f, FAULT_INVALID, rows[i].token, rows[i].text);
                } else {
                        expect_ok(f);
                        expect_ok(anchors_lend(&a, &in));
                        assert_true((in.cca_keys != NULL) == rows[i].has_keys);
                        assert_true((appraisal_part(&in, "anchors").len > 0) == rows[i].has_part);
                }
                anchors_clear(&a);
        }
        struct appraisal in = {0};
        expect_ok(anchors_lend(NULL, &in));
        assert_null(in.cca_keys);
}

static void a_folder_of_platforms(void **state UNUSED)
{
        AUTO_STRING char *keys = alloc_printf("%s/keys", folder), *inside = alloc_printf("%s/keys/inside", folder);
        AUTO_STRING char *link = alloc_printf("%s/keys/linked", folder), *to = alloc_printf("%s/elsewhere", folder);
        static const struct {
                const char *name, *text, *token; /* what comes to the folder; NULL: it is taken */
                size_t count;                    /* of keys then */
        } rows[] = {
                {NULL, NULL, NULL, 0}, /* an empty folder: no platform */
                {"keys/rack-1", "{\"" INSTANCE(1) "\":%s}", NULL, 1},
                {"keys/rack-2", "{\"" INSTANCE(2) "\":%s}", NULL, 2},
                {"keys/.hidden", "no JSON", NULL, 2},
                {"elsewhere", "{\"" INSTANCE(3) "\":%s}", NULL, 3}, /* by the link */
                {"keys/rack-4", "{\"" INSTANCE(2) "\":%s}", "cca.cpak_format", 0},
                {"keys/rack-4", "", "cca.cpak_format", 0},
        };
        assert_int_equal(mkdir(keys, 0755), 0);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct anchors a = {0};
                if (rows[i].name != NULL)
                        put(rows[i].name, rows[i].text);
                if (i == 4) {
                        assert_int_equal(symlink(to, link), 0);
                        assert_int_equal(mkdir(inside, 0755), 0); /* isn't entered */
                }
                struct fault *f = load(EVIDENCE_CCA, "keys", &a);
                if (rows[i].token != NULL) {
                        expect_fault_row(f, FAULT_INVALID, rows[i].token, rows[i].name);
                } else {
                        expect_ok(f);
                        assert_int_equal(cca_keys_count(a.cca_keys), rows[i].count);
                }
                anchors_clear(&a);
        }
}

static void what_is_not_there(void **state UNUSED)
{
        struct anchors a = {0};
        expect_fault(load(EVIDENCE_CCA, "nothing", &a), FAULT_NOT_FOUND, "NO_FILE");
        anchors_clear(&a);
        expect_fault(load(EVIDENCE_TDX, "nothing", &a), FAULT_NOT_FOUND, "NO_FILE");
        anchors_clear(&a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(of_each_kind),
                cmocka_unit_test(a_folder_of_platforms),
                cmocka_unit_test(what_is_not_there),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
