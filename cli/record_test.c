#include "cli/command.h"

#include "lib/model/facts.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/unix_httpd.h"

static struct unix_httpd server;

static struct json *make_record(void)
{
        static const char text[] =
                "{\"v\":1,\"time\":1795456800,\"decision\":\"denied\",\"check\":\"policy.no_match\",\"reason\":\"no "
                "workload matches\","
                "\"profile\":\"default\",\"workload\":\"payroll\",\"owner\":\"team-payroll\",\"policy\":{\"digest\":"
                "\"sha256:00\",\"revision\":7},"
                "\"references\":[\"nodes/n1\",\"boot/v1\"],\"verifier\":{\"id\":\"issuer\",\"build\":\"0.1.0\"},"
                "\"evidence\":{\"kind\":\"tpm\",\"digest\":\"sha256:11\",\"insecure_development\":true},\"volume\":"
                "\"csi-1\","
                "\"pod\":{\"namespace\":\"payroll\",\"name\":\"app-1\",\"uid\":\"u1\",\"service_account\":\"app\","
                "\"cluster\":\"lab\",\"verified\":false},"
                "\"claims\":{\"app\":\"Payroll\"},"
                "\"credentials\":[{\"slot\":\"x509\",\"type\":\"x509\",\"serial\":\"0a1b\",\"not_before\":1795456800,"
                "\"not_after\":1795460400}]}";
        struct json *r = NULL;
        expect_ok(json_parse(span_str(text), &r));
        AUTO(check) struct check *top = check_new("policy", false);
        struct check *leaf =
                check_add(top, "workload/payroll/all[2]", false, "k8s.namespace = \"payroll\"", "\"shop\"", ORIGIN_K8S);
        check_set_owner(leaf, "team-payroll");
        json_set(r, "tree", check_to_json(top));
        return r;
}

static struct fault *on_record(void *self UNUSED, const struct httpd_request *q, struct httpd_response *s)
{
        const char *serial = q->path + strlen("/v1/records/");
        if (strcmp(serial, "broken") == 0)
                return buf_append_str(&s->body, "not json");
        if (strcmp(serial, "forbidden") == 0)
                return fault(FAULT_DENIED, "ADMIN_UID", "this user may not ask");
        if (strcmp(serial, "0a1b") != 0)
                return fault(FAULT_NOT_FOUND, "NO_RECORD", "no record of %s", serial);
        s->status = 200;
        AUTO(json) struct json *j = json_new_object();
        json_set_text(j, "id", "cafe");
        json_set_int(j, "index", 42);
        json_set(j, "record", make_record());
        return json_write(j, &s->body);
}

static int start(void **state UNUSED)
{
        static const struct httpd_route routes[] = {{"GET", "/v1/records/*", 1024, on_record, NULL}};
        unix_httpd_start(&server, routes, COUNT_OF(routes));
        return 0;
}

static int stop(void **state UNUSED)
{
        return unix_httpd_stop(&server);
}

static struct fault *ask(const char *serial, struct json **ret, int *ret_exit)
{
        struct invocation in = {.clock = &clock_system, .word_count = 1, .words = {serial}, .flag_count = 1};
        in.flags[0].flag = &command_record.flags[0]; /* --socket */
        in.flags[0].value = server.path;
        *ret_exit = EXIT_FINE;
        return command_record.run(&in, ret, ret_exit);
}

static void a_serial_is_taken_as_people_have_it(void **state UNUSED)
{
        static const char *const forms[] = {"0a1b", "0A1B", "0a:1b", "0A:1B", "serial=0A1B"};
        for (size_t i = 0; i < COUNT_OF(forms); i++) {
                AUTO(json) struct json *j = NULL;
                int code;
                expect_ok(ask(forms[i], &j, &code));
                assert_int_equal(code, EXIT_FINE);
                assert_string_equal(member_text(j, "id", ""), "cafe");
        }
        static const char *const bad[] = {"", "serial=", ":", "../x", "a/b", "a b", "a?b", ".", "\xc3\xa4"};
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                AUTO(json) struct json *j = NULL;
                int code;
                expect_fault_row(ask(bad[i], &j, &code), FAULT_INVALID, "USAGE", bad[i]);
        }
}

static void everything_recorded_is_shown(void **state UNUSED)
{
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf text = BUF(1 << 16);
        int code;
        expect_ok(ask("0a1b", &j, &code));
        expect_ok(command_record.print(j, &text));
        static const char *const lines[] = {
                "record       cafe\n",
                "index        42\n",
                "time         2026-11-23T18:00:00Z\n",
                "decision     denied (policy.no_match)\n",
                "reason       no workload matches\n",
                "workload     payroll (of team-payroll)\n",
                "profile      default\n",
                "pod          payroll/app-1 (uid u1)\n",
                "account      app\n",
                "cluster      lab\n",
                "NOTE         the pod is the node's word",
                "volume       csi-1\n",
                "policy       sha256:00\n",
                "revision     7\n",
                "references   nodes/n1, boot/v1\n",
                "verifier     issuer (build 0.1.0)\n",
                "evidence     tpm (sha256:11)\n",
                "WARNING      development evidence",
                "credential   x509 x509 0a1b, 2026-11-23T18:00:00Z to 2026-11-23T19:00:00Z\n",
                "claims       {\"app\":\"Payroll\"}\n",
                "FAIL workload/payroll/all[2]  wanted k8s.namespace = \"payroll\"  got \"shop\"  (k8s, team-payroll)\n",
        };
        for (size_t i = 0; i < COUNT_OF(lines); i++) {
                if (strstr(buf_str(&text), lines[i]) == NULL)
                        print_error("missing: %sin:\n%s", lines[i], buf_str(&text));
                assert_non_null(strstr(buf_str(&text), lines[i]));
        }
}

static void what_is_missing_is_left_out(void **state UNUSED)
{
        static const char *const records[] = {
                "{}",
                "{\"record\":{}}",
                "{\"decision\":1,\"time\":\"x\",\"pod\":[],\"policy\":7,\"references\":{},\"credentials\":[1,{}]}",
                "{\"tree\":{}}",
                "{\"tree\":[{\"depth\":5}]}",
                "{\"time\":-1,\"time2\":0}",
                "{\"reason\":\"a\\u001b[31mb\"}"};
        for (size_t i = 0; i < COUNT_OF(records); i++) {
                AUTO(json) struct json *j = NULL;
                AUTO(buf) struct buf text = BUF(1 << 16);
                expect_ok(json_parse(span_str(records[i]), &j));
                expect_ok(print_record(j, &text));
                assert_null(strchr(buf_str(&text), '\x1b')); /* a terminal is not driven by records */
        }
}

static void what_the_issuer_refuses(void **state UNUSED)
{
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf text = BUF(1 << 16);
        int code;
        expect_ok(ask("ffff", &j, &code));
        assert_int_equal(code, EXIT_NEGATIVE);
        expect_ok(command_record.print(j, &text));
        assert_non_null(strstr(buf_str(&text), "not found    ffff"));
        struct json *none = NULL;
        expect_fault(ask("forbidden", &none, &code), FAULT_DENIED, "ADMIN_UID");
        expect_fault(ask("broken", &none, &code), FAULT_INVALID, "BAD_JSON");
        assert_null(none);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_serial_is_taken_as_people_have_it),
                cmocka_unit_test(everything_recorded_is_shown),
                cmocka_unit_test(what_is_missing_is_left_out),
                cmocka_unit_test(what_the_issuer_refuses),
        };
        return cmocka_run_group_tests_name("cli_record", tests, start, stop);
}
