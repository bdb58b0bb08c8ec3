/* evidence: what this machine can attest with, and why not. The attester knows; it is the program beside this one, or the one in PATH, and is asked as it
 * is (`vouchsafe-attester probe`): with the same configuration it will find the same. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTESTER   "vouchsafe-attester"
#define ANSWER_MAX ((size_t) 64 * 1024)
#define KINDS_MAX  64

extern char **environ;

static const struct flag flags[] = {
        {"kind", "KIND", "auto (the default): whatever there is; or sev-snp, tdx, cca, az-sev-snp, az-tdx, nitro, tpm"},
        {"config", "FILE", "the attester's configuration, where it isn't the default"},
        {NULL, NULL, NULL},
};

/* ---- asking ---- */

/* Beside this program; else the bare name, for PATH. */
static void find_attester(char *ret, size_t size)
{
        char self[512];
        ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
        self[len > 0 ? len : 0] = '\0';
        char *slash = strrchr(self, '/');
        if (slash != NULL) {
                *slash = '\0';
                if ((size_t) snprintf(ret, size, "%s/" ATTESTER, self) < size && access(ret, X_OK) == 0)
                        return;
        }
        (void) snprintf(ret, size, "%s", ATTESTER); /* fits */
}

static struct fault *read_all(int fd, struct buf *out)
{
        char step[4096];
        for (;;) {
                ssize_t got = read(fd, step, sizeof step);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "read what " ATTESTER " says");
                if (got == 0)
                        return NULL;
                TRY(buf_append(out, span_make(step, (size_t) got)));
        }
}

static struct fault *start(const char *config, int out, pid_t *ret)
{
        char program[600], word[] = "probe", flag[] = "--config";
        AUTO_STRING char *file = alloc_string(config == NULL ? "" : config);
        find_attester(program, sizeof program);
        char *argv[] = {program, word, config == NULL ? NULL : flag, file, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        int error = posix_spawnp(ret, program, &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        return error == 0 ? NULL
                          : fault_errno(FAULT_PRECONDITION, "NO_ATTESTER", error,
                                        "start " ATTESTER ", beside this program or in PATH");
}

static struct fault *ask(const char *config, struct buf *out)
{
        int ends[2];
        pid_t pid;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "make a pipe");
        AUTO_CLOSE int in = ends[0];
        struct fault *f = start(config, ends[1], &pid);
        (void) close(ends[1]); /* the child's now */
        TRY(f);
        AUTO(fault) struct fault *unread = read_all(in, out);
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (unread != NULL)
                return TAKE(unread);
        return status == 0 ? NULL : fault(FAULT_PRECONDITION, "NO_ATTESTER", ATTESTER " probe failed: see above");
}

/* ---- what it said ---- */

static const struct json *find_kind(const struct json *kinds, const char *name)
{
        for (size_t i = 0; i < json_count(kinds); i++)
                if (strcmp(member_text(json_at(kinds, i), "kind", ""), name) == 0)
                        return json_at(kinds, i);
        return NULL;
}

static bool is_available(const struct json *row)
{
        const struct json *j = json_get(row, "available");
        return j != NULL && json_kind(j) == JSON_BOOL && json_bool(j);
}

static struct fault *judge(const struct json *answer, const char *kind, int *ret_exit)
{
        const struct json *kinds = NULL;
        TRY_AS(json_need_array(answer, "kinds", KINDS_MAX, &kinds), "read what " ATTESTER " says");
        if (strcmp(kind, "auto") == 0) {
                *ret_exit = json_get(answer, "auto") == NULL ? EXIT_NEGATIVE : EXIT_FINE;
                return NULL;
        }
        const struct json *row = find_kind(kinds, kind);
        if (row == NULL)
                return fault(FAULT_INVALID, "USAGE", "this attester doesn't know evidence of kind \"%s\"", kind);
        *ret_exit = is_available(row) ? EXIT_FINE : EXIT_NEGATIVE;
        return NULL;
}

static struct fault *run(const struct invocation *in, struct json **ret, int *ret_exit)
{
        const char *kind = invocation_flag(in, "kind");
        AUTO(buf) struct buf text = BUF(ANSWER_MAX);
        AUTO(json) struct json *answer = NULL;
        if (kind == NULL)
                kind = "auto";
        TRY(ask(invocation_flag(in, "config"), &text));
        TRY_AS(json_parse(buf_span(&text), &answer), "read what " ATTESTER " says");
        TRY(judge(answer, kind, ret_exit));
        json_set_text(answer, "asked", kind);
        *ret = TAKE(answer);
        return NULL;
}

static struct fault *print(const struct json *result, struct buf *out)
{
        const struct json *kinds = json_get(result, "kinds");
        const char *asked = member_text(result, "asked", "auto");
        bool is_all = strcmp(asked, "auto") == 0;
        for (size_t i = 0; i < json_count(kinds); i++) {
                const struct json *row = json_at(kinds, i);
                const char *kind = member_text(row, "kind", "");
                if (is_all || strcmp(kind, asked) == 0)
                        TRY(print_field(out, kind, is_available(row) ? "available" : member_text(row, "reason", "no")));
        }
        return is_all ? print_field(out, "auto", member_text(result, "auto", "nothing")) : NULL;
}

const struct command command_evidence = {
        .words = {"evidence", NULL},
        .arguments = "[--kind KIND]",
        .summary = "what this machine can attest with, and why not",
        .help = "Asks vouchsafe-attester, beside this program or in PATH, with its configuration. As root, where the\n"
                "kernel gives evidence to nobody else. Exits with 1 when the kind (auto: any) is not there.",
        .flags = flags,
        .words_min = 0,
        .words_max = 0,
        .run = run,
        .print = print,
};
