/* `vouchsafe evidence`, with an attester in PATH that says what a row wants. */
#include "cli/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/fakes/expect.h"

static char folder[] = "/tmp/vouchsafe-evidence-XXXXXX";

static void attester_says(const char *script)
{
        char path[128];
        (void) snprintf(path, sizeof path, "%s/vouchsafe-attester", folder);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
        assert_true(dprintf(fd, "#!/bin/sh\n[ \"$1\" = probe ] || exit 3\n%s\n", script) > 0);
}

#define SNP_NOT                                                                                                        \
        "{\"kind\":\"sev-snp\",\"available\":false,\"check\":\"tee.missing\",\"reason\":\"no \\\\u001b[31mfolder\"}"
#define TPM_IS "{\"kind\":\"tpm\",\"available\":true}"

static void says_what_there_is(void **state)
{
        (void) state;
        static const struct {
                const char *name, *script, *kind;
                int exit;
                const char *text;  /* a part of it */
                const char *token; /* trouble; NULL: none */
        } rows[] = {
                {"something", "echo '{\"kinds\":[" SNP_NOT "," TPM_IS "],\"auto\":\"tpm\"}'", NULL, 0, "auto", NULL},
                {"auto, said", "echo '{\"kinds\":[" TPM_IS "],\"auto\":\"tpm\"}'", "auto", 0, "available", NULL},
                {"nothing", "echo '{\"kinds\":[" SNP_NOT "]}'", NULL, 1, "nothing", NULL},
                {"one that is", "echo '{\"kinds\":[" SNP_NOT "," TPM_IS "],\"auto\":\"tpm\"}'", "tpm", 0, "available",
                 NULL},
                {"one that isn't", "echo '{\"kinds\":[" SNP_NOT "," TPM_IS "],\"auto\":\"tpm\"}'", "sev-snp", 1,
                 "no \\x1b[31mfolder", NULL},
                {"one that is unknown", "echo '{\"kinds\":[" TPM_IS "]}'", "sgx", 0, "", "USAGE"},
                {"no kinds", "echo '{}'", NULL, 0, "", "BAD_FIELD"},
                {"no JSON", "echo hello", NULL, 0, "", "BAD_JSON"},
                {"a failure", "exit 1", NULL, 0, "", "NO_ATTESTER"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct invocation in = {0};
                AUTO(json) struct json *result = NULL;
                AUTO(buf) struct buf out = BUF(8192);
                int code = EXIT_FINE;
                attester_says(rows[i].script);
                if (rows[i].kind != NULL) {
                        in.flag_count = 1;
                        in.flags[0].flag = &command_evidence.flags[0];
                        in.flags[0].value = rows[i].kind;
                }
                struct fault *f = command_evidence.run(&in, &result, &code);
                if (rows[i].token != NULL) {
                        expect_fault_row(f, fault_code(f), rows[i].token, rows[i].name);
                        continue;
                }
                expect_ok(f);
                expect_ok(command_evidence.print(result, &out));
                if (code != rows[i].exit || strstr(buf_str(&out), rows[i].text) == NULL)
                        fail_msg("%s: exit %d\n%s", rows[i].name, code, buf_str(&out));
        }
}

static void there_may_be_no_attester(void **state)
{
        (void) state;
        char path[128];
        struct invocation in = {0};
        struct json *result = NULL;
        int code = EXIT_FINE;
        (void) snprintf(path, sizeof path, "%s/vouchsafe-attester", folder);
        (void) unlink(path);
        expect_fault(command_evidence.run(&in, &result, &code), FAULT_PRECONDITION, "NO_ATTESTER");
}

static int set_up(void **state)
{
        (void) state;
        char path[256];
        assert_non_null(mkdtemp(folder));
        (void) snprintf(path, sizeof path, "%s:/usr/bin:/bin", folder);
        return setenv("PATH", path, 1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static int tear_down(void **state)
{
        (void) state;
        char path[128];
        (void) snprintf(path, sizeof path, "%s/vouchsafe-attester", folder);
        (void) unlink(path);
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_there_is),
                                           cmocka_unit_test(there_may_be_no_attester)};
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
