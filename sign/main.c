/* vouchsafe-sign: proofs for requests of a pod, from the token and key of its volume. Small and static, so that it can be copied into any
 * image; opens two files, prints lines, and is gone. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/random.h"
#include "sign/proof.h"

#define TOKEN_FILE_MAX 16384
#define BODY_MAX_LEN   ((size_t) 64 << 20)
#define EXIT_NO_PROOF  1
#define EXIT_USAGE     2

/* A file of one line; *ret stays SPAN_NONE without a path. */
static struct fault *read_line(const char *path, struct buf *text, struct span *ret)
{
        if (path == NULL)
                return NULL;
        TRY(file_read(path, text));
        *ret = buf_span(text);
        while (ret->len > 0 && (ret->data[ret->len - 1] == '\n' || ret->data[ret->len - 1] == '\r'))
                ret->len--;
        return ret->len > 0 ? NULL : fault(FAULT_INVALID, "EMPTY_FILE", "%s is empty", path);
}

static struct fault *read_body(const char *path, struct buf *text, struct proof_inputs *in)
{
        if (path == NULL)
                return NULL;
        TRY(file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, text));
        in->body = buf_span(text);
        in->has_body = true;
        return NULL;
}

static struct fault *sign(const struct arguments *a, struct buf *out)
{
        AUTO(credential) struct credential c = {0};
        AUTO(buf)
        struct buf access_token = BUF(TOKEN_FILE_MAX), txn_token = BUF(TOKEN_FILE_MAX), body = BUF(BODY_MAX_LEN);
        struct proof_inputs in = {.now = clock_wall(&clock_system)};

        TRY(credential_read(a->dir, a->name, in.now, &c));
        TRY(read_line(a->access_token_file, &access_token, &in.access_token));
        TRY(read_line(a->txn_token_file, &txn_token, &in.txn_token));
        TRY(read_body(a->body_file, &body, &in));
        random_bytes(in.random, sizeof in.random);
        return a->command == SIGN_WPT ? proof_wpt(a, &c, &in, out) : proof_http(a, &c, &in, out);
}

static struct fault *run(int argc, char **argv)
{
        AUTO(arguments) struct arguments a = {0};
        AUTO(buf) struct buf out = BUF(PROOF_MAX);

        TRY(arguments_read(argc, argv, getenv("VOUCHSAFE_DIR"), &a));
        if (a.command == SIGN_HELP)
                return fd_write_all(STDOUT_FILENO, span_str(arguments_help));
        if (a.command == SIGN_VERSION)
                return fd_write_all(STDOUT_FILENO, SPAN("vouchsafe-sign " VOUCHSAFE_VERSION "\n"));
        TRY(sign(&a, &out));
        return fd_write_all(STDOUT_FILENO, buf_span(&out));
}

int main(int argc, char **argv)
{
        umask(077);
        (void) prctl(PR_SET_DUMPABLE, 0); /* it opens a key; a kernel without it is no reason to stop */
        AUTO(fault) struct fault *f = run(argc, argv);
        if (f == NULL)
                return 0;
        (void) fprintf(stderr, "vouchsafe-sign: %s\n", fault_text(f)); /* there is nobody left to tell */
        return strcmp(fault_token(f), "USAGE") == 0 ? EXIT_USAGE : EXIT_NO_PROOF;
}
