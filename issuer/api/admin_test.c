/* Who may ask on the admin socket, and what health says when something is missing. */
#include "issuer/api/admin.h"

#include <dirent.h>
#include <signal.h>

#include "tests/fakes/issuer.h"

static struct fake_issuer issuer;

static struct fault *ask(const char *method, const char *path, uid_t uid, struct httpd_response *r)
{
        struct httpd_route routes[ADMIN_ROUTES];
        struct httpd_request q = fake_request(&issuer, method, path, SPAN_NONE);
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
        AUTO_STRING char *command = alloc_printf("pgrep -P %d vouchsafe-signe", (int) getpid());
        FILE *out = popen(command, "r");
        char line[32] = "";
        uint64_t pid = 0;
        assert_non_null(out);
        assert_non_null(fgets(line, sizeof line, out));
        pclose(out);
        line[strcspn(line, "\n")] = '\0';
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
                cmocka_unit_test(an_intermediate_that_has_ended_is_not_ready),
                cmocka_unit_test(a_dead_signer_is_neither_healthy_nor_ready),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
