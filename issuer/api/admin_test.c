/* Who may ask on the admin socket, and what health says when something is missing. */
#include "issuer/api/admin.h"

#include <dirent.h>
#include <signal.h>

#include "tests/fakes/issuer.h"

static struct fake_issuer issuer;

static struct fault *ask(const char *method, const char *path, uid_t uid, struct httpd_response *r)
{
        struct httpd_route routes[ADMIN_ROUTES];
        char plain[512];
        size_t path_len = strcspn(path, "?");
        (void) snprintf(plain, sizeof plain, "%.*s", (int) path_len, path);
        struct httpd_request q = fake_request(&issuer, method, plain, SPAN_NONE);
        if (path[path_len] == '?')
                q.query = path + path_len + 1;
        path = plain;
        admin_routes(&issuer.api, routes);
        q.remote_uid = uid;
        *r = fake_response();
        for (size_t i = 0; i < ADMIN_ROUTES; i++) {
                size_t len = strlen(routes[i].path);
                bool fits = routes[i].path[len - 1] == '*' ? strncmp(routes[i].path, path, len - 1) == 0
                                                           : strcmp(routes[i].path, path) == 0;
                if (fits && strcmp(routes[i].method, method) == 0)
                        return routes[i].handler(routes[i].self, &q, r);
        }
        fail_msg("no route %s", path);
        return NULL;
}

static void others_get_nothing(void **state UNUSED)
{
        static const struct {
                const char *name, *method, *path;
                uid_t uid;
                const char *check; /* NULL: answered */
        } rows[] = {
                {"record", "GET", "/v1/records/00", 12345, "admin.uid"},
                {"refusals", "GET", "/v1/refusals", 12345, "admin.uid"},
                {"reload", "POST", "/v1/policy/reload", 12345, "admin.uid"},
                {"keys", "GET", "/v1/attestation-keys", 12345, "admin.uid"},
                {"forget", "DELETE", "/v1/attestation-keys/000b", 12345, "admin.uid"},
                {"export", "GET", "/v1/endorsements", 12345, "admin.uid"},
                {"import", "POST", "/v1/endorsements", 12345, "admin.uid"},
                {"endorsements", "GET", "/v1/endorsements/status", 12345, "admin.uid"},
                {"nobody knows who", "POST", "/v1/policy/reload", (uid_t) -1, "admin.uid"},
                {"root: no such record", "GET", "/v1/records/00", 0, "NO_RECORD"},
                {"root: refusals", "GET", "/v1/refusals", 0, NULL},
                {"root: reload", "POST", "/v1/policy/reload", 0, NULL},
                {"health is everybody's", "GET", "/healthz", 12345, NULL},
                {"metrics as well", "GET", "/metrics", 12345, NULL},
                {"ready", "GET", "/readyz", 12345, NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct httpd_response r;
                AUTO(fault) struct fault *refused = ask(rows[i].method, rows[i].path, rows[i].uid, &r);
                if ((refused == NULL) != (rows[i].check == NULL) ||
                    (refused != NULL && strcmp(fault_token(refused), rows[i].check) != 0))
                        fail_msg("%s: %s", rows[i].name, refused != NULL ? fault_token(refused) : "answered");
                assert_int_equal(refused == NULL, r.body.len > 0);
                buf_clear(&r.body);
        }
}

static struct json *list_keys(const char *query)
{
        struct httpd_response r;
        struct json *j = NULL;
        AUTO_STRING char *path = alloc_printf("/v1/attestation-keys%s", query);
        expect_ok(ask("GET", path, 0, &r));
        expect_ok(json_parse(buf_span(&r.body), &j));
        buf_clear(&r.body);
        return j;
}

static void a_key_is_listed_until_it_is_forgotten(void **state UNUSED)
{
        char name[2 * 64 + 1];
        hex_string(buf_span(&issuer.tpm.ak_name), name);
        fake_issuer_enrolled(&issuer, CLUSTER_NODE);
        AUTO(json) struct json *listed = list_keys("");
        AUTO_STRING char *beyond = alloc_printf("?after=%s", name);
        AUTO(json) struct json *behind = list_keys(beyond);
        const struct json *keys = json_get(listed, "attestation_keys"), *key = json_at(keys, 0);
        assert_int_equal(json_count(keys), 1);
        assert_int_equal(json_count(key), 6);
        assert_null(json_get(listed, "next"));
        assert_true(span_eq_str(json_text(json_get(key, "name")), name));
        assert_true(span_eq_str(json_text(json_get(key, "node")), CLUSTER_NODE));
        assert_true(span_eq_str(json_text(json_get(key, "ek_issuer")), "CN=maker"));
        assert_int_equal(json_text(json_get(key, "ek")).len, 64);
        assert_int_equal(json_count(json_get(behind, "attestation_keys")), 0);

        struct httpd_response r;
        AUTO_STRING char *path = alloc_printf("/v1/attestation-keys/%s", name);
        expect_ok(ask("DELETE", path, 0, &r));
        AUTO(json) struct json *forgotten = NULL;
        expect_ok(json_parse(buf_span(&r.body), &forgotten));
        assert_true(span_eq_str(json_text(json_get(forgotten, "name")), name));
        buf_clear(&r.body);
        AUTO(json) struct json *none = list_keys("");
        assert_int_equal(json_count(json_get(none, "attestation_keys")), 0);
}

static void what_is_no_enrolled_key(void **state UNUSED)
{
        char longest[2 * 64 + 3];
        memset(longest, 'a', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        AUTO_STRING char *too_long = alloc_printf("/v1/attestation-keys/%s", longest);
        AUTO_STRING char *after_too_long = alloc_printf("/v1/attestation-keys?after=%s", longest);
        const struct {
                const char *method, *path, *check;
        } rows[] = {
                {"DELETE", "/v1/attestation-keys/000b00", "NO_AK"},
                {"DELETE", "/v1/attestation-keys/", "BAD_AK_NAME"},
                {"DELETE", too_long, "BAD_AK_NAME"},
                {"DELETE", "/v1/attestation-keys/000", "BAD_HEX"},
                {"DELETE", "/v1/attestation-keys/00zz", "BAD_HEX"},
                {"GET", "/v1/attestation-keys?after=", "BAD_AK_NAME"},
                {"GET", "/v1/attestation-keys?after=0", "BAD_HEX"},
                {"GET", "/v1/attestation-keys?after=00&after=00", "DUPLICATE_PARAMETER"},
                {"GET", after_too_long, "BAD_AK_NAME"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct httpd_response r;
                AUTO(fault) struct fault *f = ask(rows[i].method, rows[i].path, 0, &r);
                if (f == NULL || strcmp(fault_token(f), rows[i].check) != 0)
                        fail_msg("%s: %s", rows[i].path, f != NULL ? fault_token(f) : "answered");
                buf_clear(&r.body);
        }
}

static void an_intermediate_that_has_ended_is_not_ready(void **state UNUSED)
{
        struct httpd_response r;
        fake_clock_step_wall_ms(&issuer.time, INTERMEDIATE_LIFE_MAX_MS + 1000);
        expect_fault(ask("GET", "/readyz", 0, &r), FAULT_UNAVAILABLE, "INTERMEDIATE_EXPIRED");
        buf_clear(&r.body);
        expect_ok(ask("GET", "/healthz", 0, &r));
        buf_clear(&r.body);
}

/* The one child process of this test is the signer. */
static pid_t find_signer(void)
{
        AUTO_STRING char *path = alloc_printf("/proc/self/task/%d/children", (int) getpid());
        FILE *children = fopen(path, "re");
        char line[32] = "";
        uint64_t pid = 0;
        assert_non_null(children);
        assert_non_null(fgets(line, sizeof line, children));
        assert_int_equal(fclose(children), 0);
        line[strcspn(line, " ")] = '\0';
        expect_ok(parse_u64(span_str(line), 2, INT32_MAX, &pid));
        return (pid_t) pid;
}

static void a_dead_signer_is_neither_healthy_nor_ready(void **state UNUSED)
{
        assert_int_equal(kill(find_signer(), SIGKILL), 0);
        for (int i = 0; i < 2000 && !authority_is_dead(issuer.api.authority); i++)
                usleep(1000);
        static const char *const paths[] = {"/healthz", "/readyz"};
        for (size_t i = 0; i < COUNT_OF(paths); i++) {
                struct httpd_response r;
                AUTO(fault) struct fault *f = ask("GET", paths[i], 0, &r);
                assert_non_null(f);
                assert_int_equal(fault_code(f), FAULT_UNAVAILABLE);
                buf_clear(&r.body);
        }
        struct httpd_response r;
        expect_ok(ask("GET", "/metrics", 0, &r));
        buf_clear(&r.body);
}

static int set_up(void **state UNUSED)
{
        log_set_level(LOG_ERROR);
        fake_issuer_start(&issuer);
        return 0;
}

static int tear_down(void **state UNUSED)
{
        fake_issuer_stop(&issuer);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(others_get_nothing),
                cmocka_unit_test(a_key_is_listed_until_it_is_forgotten),
                cmocka_unit_test(what_is_no_enrolled_key),
                cmocka_unit_test(an_intermediate_that_has_ended_is_not_ready),
                cmocka_unit_test(a_dead_signer_is_neither_healthy_nor_ready),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
