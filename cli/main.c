/* vouchsafe: a person's tool. Reads arguments, runs one command, prints what it found, leaves with its verdict. */
#include "cli/command.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/base/file.h"

static int trouble(struct fault *f, bool json)
{
        AUTO(fault) struct fault *why = f;
        if (!json) {
                (void) fprintf(stderr, "vouchsafe: %s\n", fault_text(why)); /* there is nobody left to tell */
                return EXIT_TROUBLE;
        }
        AUTO(json) struct json *j = json_new_object();
        json_set_text(j, "error", fault_text(why));
        json_set_text(j, "token", fault_token(why));
        json_set_text(j, "code", fault_code_name(fault_code(why)));
        AUTO(buf) struct buf text = BUF(OUTPUT_MAX);
        AUTO(fault) struct fault *written = json_write(j, &text);
        (void) fprintf(stderr, "%s\n", written == NULL ? buf_str(&text) : fault_text(why)); /* as above */
        return EXIT_TROUBLE;
}

static struct fault *render(const struct command *c, bool json, const struct json *result, struct buf *out)
{
        if (!json)
                return c->print(result, out);
        TRY(json_write_pretty(result, out));
        return out->data[out->len - 1] == '\n' ? NULL : buf_append_byte(out, '\n');
}

static struct fault *perform(const struct arguments *a, int *ret_exit)
{
        AUTO(json) struct json *result = NULL;
        AUTO(buf) struct buf out = BUF(OUTPUT_MAX);
        TRY(a->command->run(&a->in, &result, ret_exit));
        TRY(render(a->command, a->in.output != OUTPUT_TEXT, result, &out));
        return fd_write_all(STDOUT_FILENO, buf_span(&out));
}

static struct fault *explain(const struct command *c)
{
        AUTO(buf) struct buf out = BUF(OUTPUT_MAX);
        TRY(arguments_help(c, &out));
        return fd_write_all(STDOUT_FILENO, buf_span(&out));
}

int main(int argc, char **argv)
{
        umask(077);
        (void) prctl(PR_SET_DUMPABLE, 0); /* `inspect` opens keys; a kernel without it is no reason to stop */
        struct arguments a;
        enum arguments_next next = ARGUMENTS_RUN;
        struct fault *f = arguments_read(argc, argv, &a, &next);
        if (f != NULL)
                return trouble(f, /* json= */ false);

        int code = EXIT_FINE;
        a.in.clock = &clock_system;
        switch (next) {
        case ARGUMENTS_HELP:
                f = explain(a.command);
                break;
        case ARGUMENTS_VERSION:
                f = fd_write_all(STDOUT_FILENO, SPAN("vouchsafe " VOUCHSAFE_VERSION "\n"));
                break;
        case ARGUMENTS_RUN:
                f = perform(&a, &code);
                break;
        }
        return f == NULL ? code : trouble(f, a.in.output != OUTPUT_TEXT);
}
