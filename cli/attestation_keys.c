/* attestation_keys: which TPMs' keys an issuer knows, and making it forget one. A TPM whose counters began anew (TPM2_Clear, a new board's
 * firmware) is refused for ever, as an older state brought back would be; only a person can say that it is the same machine. */
#include "cli/command.h"

#include <ctype.h>

#include "lib/model/names.h"
#include "lib/net/http_unix.h"
#include "lib/wire/problem.h"

#define SOCKET_DEFAULT "/run/vouchsafe/issuer-admin.sock"
#define KEY_NAME_MAX   128 /* hex digits */
#define PAGE_MAX       4096
#define PAGES_MAX      1024 /* an issuer that never ends its list is not asked for ever */

static const struct flag flags[] = {
        {"socket", "PATH", "the issuer's admin socket (" SOCKET_DEFAULT ")"},
        {NULL, NULL, NULL},
};

/* ---- asking ---- */

typedef struct fault *(*ask_fn)(const char *socket, const char *path, struct cancel *cancel, struct http_reply *ret);

/* The body of a 200; a problem document comes back as its fault. */
static struct fault *ask(const struct invocation *in, ask_fn how, const char *path, struct json **ret)
{
        const char *socket = invocation_flag(in, "socket");
        AUTO(http_reply) struct http_reply reply = {0};
        AUTO(json) struct json *body = NULL;
        TRY(how(socket == NULL ? SOCKET_DEFAULT : socket, path, NULL, &reply));
        AUTO(fault) struct fault *bad = json_parse(buf_span(&reply.body), &body);
        if (reply.status != 200)
                return problem_read(reply.status, body); /* also without a document */
        if (bad != NULL)
                return fault_prefix(TAKE(bad), "read the issuer's answer");
        *ret = TAKE(body);
        return NULL;
}

/* ---- list ---- */

/* Moves a page's keys to `keys`; *ret_next is where the next page begins, NULL after the last one. */
static struct fault *take_page(const struct json *page, struct json *keys, char **ret_next)
{
        const struct json *list = NULL;
        struct span next = SPAN_NONE;
        TRY(json_need_array(page, "attestation_keys", PAGE_MAX, &list));
        TRY(json_want_text(page, "next", KEY_NAME_MAX, &next));
        for (size_t i = 0; i < json_count(list); i++)
                json_push(keys, json_copy(json_at(list, i)));
        *ret_next = next.len > 0 ? alloc_string((const char *) next.data) : NULL;
        return NULL;
}

static struct fault *list(const struct invocation *in, struct json **ret, int *ret_exit UNUSED)
{
        AUTO(json) struct json *all = json_new_object();
        struct json *keys = json_new_array();
        json_set(all, "attestation_keys", keys);
        AUTO_STRING char *after = alloc_string("");
        for (size_t pages = 0; after != NULL; pages++) {
                AUTO(json) struct json *page = NULL;
                AUTO_STRING char *from = TAKE(after);
                AUTO_STRING char *path =
                        alloc_printf("%s%s%s", PATH_ATTESTATION_KEYS, from[0] != '\0' ? "?after=" : "", from);
                if (pages == PAGES_MAX)
                        return fault(FAULT_INTERNAL, "LIST_ENDLESS", "the issuer's list has more than %d parts",
                                     PAGES_MAX);
                TRY_AS(ask(in, http_unix_get, path, &page), "ask the issuer");
                TRY_AS(take_page(page, keys, &after), "read the issuer's answer");
        }
        *ret = TAKE(all);
        return NULL;
}

static struct fault *print_key(const struct json *key, struct buf *out)
{
        char enrolled[WALL_TEXT_LEN + 1];
        member_time(key, "enrolled", enrolled);
        TRY(print_field(out, "key", member_text(key, "name", "")));
        TRY(print_field(out, "node", member_text(key, "node", "")));
        TRY(print_field(out, "cluster", member_text(key, "cluster", "")));
        TRY(print_field(out, "ek", member_text(key, "ek", "")));
        TRY(print_field(out, "ek issuer", member_text(key, "ek_issuer", "")));
        return print_field(out, "enrolled", enrolled);
}

static struct fault *print_list(const struct json *result, struct buf *out)
{
        const struct json *keys = json_get(result, "attestation_keys");
        if (json_count(keys) == 0)
                return buf_append_str(out, "no attestation key is enrolled\n");
        for (size_t i = 0; i < json_count(keys); i++) {
                if (i > 0)
                        TRY(buf_append_byte(out, '\n'));
                TRY(print_key(json_at(keys, i), out));
        }
        return NULL;
}

/* ---- forget ---- */

static struct fault *clean_name(const char *text, char ret[KEY_NAME_MAX + 1])
{
        size_t len = strlen(text);
        if (len == 0 || len % 2 != 0 || len > KEY_NAME_MAX || text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
                return fault(FAULT_INVALID, "USAGE",
                             "this is no name of an attestation key: hex digits, as list has it");
        for (size_t i = 0; i <= len; i++)
                ret[i] = (char) tolower((unsigned char) text[i]);
        return NULL;
}

static struct fault *forget(const struct invocation *in, struct json **ret, int *ret_exit)
{
        char name[KEY_NAME_MAX + 1];
        TRY(clean_name(in->words[0], name));
        AUTO_STRING char *path = alloc_printf("%s/%s", PATH_ATTESTATION_KEYS, name);
        AUTO(json) struct json *gone = NULL;
        AUTO(fault) struct fault *why = ask(in, http_unix_delete, path, &gone);
        if (why != NULL && strcmp(fault_token(why), "NO_AK") != 0)
                return fault_prefix(TAKE(why), "ask the issuer");
        struct json *j = json_new_object();
        if (why == NULL) {
                json_set(j, "forgotten", TAKE(gone));
        } else {
                json_set_text(j, "check", fault_token(why));
                json_set_text(j, "detail", fault_text(why));
                json_set_text(j, "name", name);
                *ret_exit = EXIT_NEGATIVE;
        }
        *ret = j;
        return NULL;
}

static struct fault *print_forgotten(const struct json *result, struct buf *out)
{
        const struct json *gone = json_get(result, "forgotten");
        if (gone == NULL) {
                TRY(print_field(out, "not found", member_text(result, "name", "")));
                return print_field(out, "issuer says", member_text(result, "detail", ""));
        }
        TRY(print_key(gone, out));
        return buf_append_str(out, "forgotten    it is taken again when its attester enrols it\n");
}

const struct command command_keys_list = {
        .words = {"attestation-keys", "list"},
        .arguments = "",
        .summary = "Lists the attestation keys that the issuer has enrolled, with their nodes.",
        .help = "The issuer is asked on its admin socket, so this runs where the issuer runs, as a user whom the "
                "socket "
                "admits.",
        .flags = flags,
        .run = list,
        .print = print_list,
};

const struct command command_keys_forget = {
        .words = {"attestation-keys", "forget"},
        .arguments = "NAME",
        .summary = "Makes the issuer forget an attestation key and its clock; the attester enrols it anew by itself.",
        .help = "For a TPM that was cleared: its counters began anew, and the issuer refuses it (tpm.reset_count, "
                "tpm.clock), as it would\n"
                "refuse an older state of the TPM brought back. Be sure that the machine was cleared on purpose. NAME "
                "is as\n"
                "list and a record's \"ak\" have it.",
        .flags = flags,
        .words_min = 1,
        .words_max = 1,
        .run = forget,
        .print = print_forgotten,
};
