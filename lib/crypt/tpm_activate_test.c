#include "lib/crypt/tpm.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "tests/fakes/expect.h"
#include "tests/fakes/swtpm.h"

#include "lib/base/file.h"

/* A TPM opens what tpm_make_credential made: swtpm, driven by tpm2-tools. Skipped where those tools aren't. */

static bool tool(const struct swtpm *tpm, const char *verb, const char *a, const char *b)
{
        AUTO_STRING char *tcti = alloc_printf("TPM2TOOLS_TCTI=%s", tpm->tcti);
        char *environment[] = {"PATH=/usr/bin:/bin", tcti, NULL};
        char *argv[] = {"tests/tools/tpm-activate", (char *) verb, (char *) a, (char *) b, NULL};
        pid_t pid;
        int status;

        assert_int_equal(posix_spawn(&pid, argv[0], NULL, NULL, argv, environment), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status == 0;
}

static struct buf read_at(const char *folder, const char *name)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", folder, name);
        struct buf out = BUF(4096);

        expect_ok(file_read(path, &out));
        return out;
}

/* tpm2-tools' file: magic and version, then the two structures. */
static void write_credential(int folder, struct span id_object, struct span sealed)
{
        AUTO(buf) struct buf out = BUF(4096);

        expect_ok(buf_append(&out, SPAN("\xba\xdc\xc0\xde\0\0\0\1")));
        expect_ok(buf_append(&out, id_object));
        expect_ok(buf_append(&out, sealed));
        expect_ok(file_write_atomic_at(folder, "credential", buf_span(&out), 0600));
}

static void activate(const struct swtpm *tpm, const char *alg)
{
        const char *folder = tpm->folder;
        static const char secret[] = "0123456789abcdef0123456789abcdef";

        assert_true(tool(tpm, "prepare", alg, folder));
        AUTO(buf)
        struct buf ek = read_at(folder, "ek.tpmt"), ak = read_at(folder, "ak.tpmt"),
                   wanted_name = read_at(folder, "ak.name");
        AUTO(tpm_public) struct tpm_public ek_public = {0}, ak_public = {0};
        AUTO(buf)
        struct buf name = BUF(64), id_object = BUF(256), sealed = BUF(1024), other = BUF(256), other_sealed = BUF(1024);
        AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        expect_ok(tpm_public_read(buf_span(&ek), &ek_public));
        assert_true(tpm_is_ek_template(&ek_public));
        expect_ok(tpm_public_read(buf_span(&ak), &ak_public));
        assert_false(tpm_is_ek_template(&ak_public));
        expect_ok(tpm_name(buf_span(&ak), &name));
        assert_true(span_eq(buf_span(&name), buf_span(&wanted_name)));

        expect_ok(tpm_make_credential(ek_public.key, buf_span(&name), SPAN(secret), &id_object, &sealed));
        write_credential(fd, buf_span(&id_object), buf_span(&sealed));
        assert_true(tool(tpm, "activate", folder, NULL));
        AUTO(buf) struct buf opened = read_at(folder, "opened");
        assert_true(span_eq(buf_span(&opened), SPAN(secret)));

        name.data[name.len - 1] ^= 1; /* for another AK: this TPM refuses */
        expect_ok(tpm_make_credential(ek_public.key, buf_span(&name), SPAN(secret), &other, &other_sealed));
        write_credential(fd, buf_span(&other), buf_span(&other_sealed));
        assert_false(tool(tpm, "activate", folder, NULL));
}

static void a_tpm_opens_it(void **state UNUSED)
{
        if (access("/usr/bin/tpm2_activatecredential", X_OK) != 0 || access("/usr/bin/swtpm", X_OK) != 0)
                skip();

        AUTO(swtpm) struct swtpm tpm = {0};
        expect_ok(swtpm_make(&tpm, SWTPM_PLAIN));
        expect_ok(swtpm_start(&tpm));
        activate(&tpm, "rsa");
        activate(&tpm, "ecc");
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(a_tpm_opens_it)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
