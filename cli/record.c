#include "cli/command.h"

#include <ctype.h>
#include <stdio.h>

#include "lib/net/http_unix.h"
#include "lib/wire/problem.h"

#define SOCKET_DEFAULT "/run/vouchsafe/issuer-admin.sock"
#define SERIAL_MAX     128

static const struct flag flags[] = {
        {"socket", "PATH", "the issuer's admin socket (" SOCKET_DEFAULT ")"},
        {NULL, NULL, NULL},
};

/* As people have it from elsewhere: colons between the bytes, capitals, "serial=" in front. A jti or record id stays as it is. */
static struct fault *clean_serial(const char *text, char ret[SERIAL_MAX + 1])
{
        static const char openssl[] = "serial=";
        if (strncmp(text, openssl, sizeof openssl - 1) == 0)
                text += sizeof openssl - 1;
        bool hex = text[0] != '\0' && text[strspn(text, "0123456789abcdefABCDEF:")] == '\0';
        size_t len = 0;
        for (; *text != '\0'; text++) {
                if (hex && *text == ':')
                        continue;
                bool fits = isalnum((unsigned char) *text) || strchr("-_.", *text) != NULL;
                if (!fits || len == SERIAL_MAX)
                        return fault(FAULT_INVALID, "USAGE", "this is no serial number, token id or record id");
                ret[len++] = hex ? (char) tolower((unsigned char) *text) : *text;
        }
        ret[len] = '\0';
        return len > 0 && ret[0] != '.'
                       ? NULL
                       : fault(FAULT_INVALID, "USAGE", "this is no serial number, token id or record id");
}

static struct fault *run(const struct invocation *in, struct json **ret, int *ret_exit)
{
        char serial[SERIAL_MAX + 1];
        TRY(clean_serial(in->words[0], serial));
        const char *socket = invocation_flag(in, "socket");
        AUTO_STRING char *path = alloc_printf("/v1/records/%s", serial);
        AUTO(http_reply) struct http_reply reply = {0};
        TRY_AS(http_unix_get(socket == NULL ? SOCKET_DEFAULT : socket, path, NULL, &reply), "ask the issuer");

        struct json *body = NULL;
        struct fault *bad = json_parse(buf_span(&reply.body), &body);
        if (reply.status == 200 && bad != NULL)
                return fault_prefix(bad, "read the issuer's answer");
        fault_free(bad); /* a problem document may be missing */
        if (reply.status == 200) {
                *ret = body;
                return NULL;
        }
        AUTO(json) struct json *problem = body;
        AUTO(fault) struct fault *why = problem_read(reply.status, problem);
        if (fault_code(why) != FAULT_NOT_FOUND)
                return fault_prefix(TAKE(why), "ask the issuer");
        *ret = json_new_object();
        json_set_text(*ret, "check", fault_token(why));
        json_set_text(*ret, "detail", fault_text(why));
        json_set_text(*ret, "serial", serial);
        *ret_exit = EXIT_NEGATIVE;
        return NULL;
}

static struct fault *print(const struct json *result, struct buf *out)
{
        const char *detail = member_text(result, "detail", NULL);
        if (detail == NULL)
                return print_record(result, out);
        TRY(print_field(out, "not found", member_text(result, "serial", "")));
        return print_field(out, "issuer says", detail);
}

const struct command command_record = {
        .words = {"record", NULL},
        .arguments = "SERIAL",
        .summary = "Shows why a credential was issued, or a request denied, check by check.",
        .help = "SERIAL is a certificate's serial number (with or without colons), a token's jti or a record's id. The "
                "issuer is asked on\n"
                "its admin socket, so this runs where the issuer runs, as a user whom the socket admits.",
        .flags = flags,
        .words_min = 1,
        .words_max = 1,
        .run = run,
        .print = print,
};
