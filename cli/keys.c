/* keys: stored keys, for who owns them. The private key is made in the issuer, or goes there once; nothing here ever gets one back. */
#include "cli/command.h"

#include <inttypes.h>

#include "lib/base/file.h"
#include "lib/model/names.h"
#include "lib/net/http_unix.h"
#include "lib/wire/problem.h"

#define SOCKET_DEFAULT "/run/vouchsafe/issuer-admin.sock"
#define PAGE_MAX       4096
#define PAGES_MAX      1024 /* an issuer that never ends its list is not asked for ever */
#define BODY_MAX_OURS  ((size_t) 64 * 1024)

#define SOCKET_FLAG                                                                                                    \
        {                                                                                                              \
                "socket", "PATH", "the issuer's admin socket, or its keystore.socket (" SOCKET_DEFAULT ")"             \
        }
#define FILE_FLAG                                                                                                      \
        {                                                                                                              \
                "in", "FILE", "the private key, PKCS#8 PEM without a passphrase"                                       \
        }
static const struct flag plain_flags[] = {SOCKET_FLAG, {NULL, NULL, NULL}};
static const struct flag create_flags[] = {
        SOCKET_FLAG,
        {"identity", "SPIFFE-ID",
         "whom its certificates name; a Workload of the policy grants it, and whose it is, the key is"},
        {"algorithm", "NAME", "p256 (the default), p384 or rsa3072"},
        {NULL, NULL, NULL},
};
static const struct flag import_flags[] = {
        SOCKET_FLAG,
        {"identity", "SPIFFE-ID",
         "whom its certificates name; a Workload of the policy grants it, and whose it is, the key is"},
        FILE_FLAG,
        {NULL, NULL, NULL},
};
static const struct flag rotate_flags[] = {SOCKET_FLAG, FILE_FLAG, {NULL, NULL, NULL}};
static const struct flag destroy_flags[] = {
        SOCKET_FLAG,
        {"key-version", "N", "only this version"},
        {"all", NULL, "the key with all its versions"},
        {NULL, NULL, NULL},
};

/* ---- asking ---- */

static const char *socket_of(const struct invocation *in)
{
        const char *socket = invocation_flag(in, "socket");
        return socket != NULL ? socket : SOCKET_DEFAULT;
}

/* What the issuer says; a refusal (4xx) is an answer as well: its document, with *ret_exit negative. */
static struct fault *read_reply(const struct http_reply *reply, struct json **ret, int *ret_exit)
{
        AUTO(json) struct json *body = NULL;
        AUTO(fault) struct fault *bad = json_parse(buf_span(&reply->body), &body);
        if (reply->status >= 500 || (reply->status != 200 && bad != NULL))
                return problem_read(reply->status, body);
        if (bad != NULL)
                return fault_prefix(TAKE(bad), "read its answer");
        if (reply->status != 200)
                *ret_exit = EXIT_NEGATIVE;
        *ret = TAKE(body);
        return NULL;
}

static struct fault *get(const struct invocation *in, const char *path, struct json **ret, int *ret_exit)
{
        AUTO(http_reply) struct http_reply reply = {0};
        TRY_AS(http_unix_get(socket_of(in), path, NULL, &reply), "ask the issuer");
        return fault_prefix(read_reply(&reply, ret, ret_exit), "ask the issuer");
}

static struct fault *delete (const struct invocation *in, const char *path, struct json **ret, int *ret_exit)
{
        AUTO(http_reply) struct http_reply reply = {0};
        TRY_AS(http_unix_delete(socket_of(in), path, NULL, &reply), "ask the issuer");
        return fault_prefix(read_reply(&reply, ret, ret_exit), "ask the issuer");
}

/* `body` may hold a private key: the tree wipes itself, the text is wiped here. */
static struct fault *post(const struct invocation *in, const char *path, const struct json *body, struct json **ret,
                          int *ret_exit)
{
        AUTO(http_reply) struct http_reply reply = {0};
        struct buf text = BUF(BODY_MAX_OURS);
        struct fault *failed = json_write(body, &text);
        if (failed == NULL)
                failed = http_unix_post(socket_of(in), path, buf_span(&text), NULL, &reply);
        buf_wipe(&text);
        TRY_AS(failed, "ask the issuer");
        return fault_prefix(read_reply(&reply, ret, ret_exit), "ask the issuer");
}

/* The issuer judges names; here only what would make another path of it is refused. */
static struct fault *key_path(const char *name, const char *tail, char **ret)
{
        if (name[0] == '\0' ||
            name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0')
                return fault(FAULT_INVALID, "USAGE", "\"%.80s\" is no name of a key", name);
        *ret = alloc_printf(PATH_KEYS "/%s%s", name, tail);
        return NULL;
}

/* ---- create, import, rotate ---- */

static struct fault *add_pem(const struct invocation *in, struct json *body)
{
        const char *path = invocation_flag(in, "in");
        AUTO(secret) struct secret *pem = NULL;
        if (path == NULL)
                return NULL;
        TRY_AS(file_read_secret(path, &pem), "read %s", path);
        if (!span_is_utf8(secret_span(pem)) || span_has_nul(secret_span(pem)))
                return fault(FAULT_INVALID, "KEY_ENCODING", "%s is no PEM", path);
        json_set_span(body, "pem", secret_span(pem));
        return NULL;
}

static struct fault *make(const struct invocation *in, bool is_import, struct json **ret, int *ret_exit)
{
        const char *identity = invocation_flag(in, "identity"), *algorithm = invocation_flag(in, "algorithm");
        AUTO(json) struct json *body = json_new_object();
        if (identity == NULL)
                return fault(FAULT_INVALID, "USAGE", "--identity is needed: whom the key's certificates name");
        if (is_import && invocation_flag(in, "in") == NULL)
                return fault(FAULT_INVALID, "USAGE", "--in is needed: the private key");
        json_set_text(body, "name", in->words[0]);
        json_set_text(body, "identity", identity);
        if (!is_import)
                json_set_text(body, "algorithm", algorithm != NULL ? algorithm : "p256");
        TRY(add_pem(in, body));
        return post(in, PATH_KEYS, body, ret, ret_exit);
}

static struct fault *create(const struct invocation *in, struct json **ret, int *ret_exit)
{
        return make(in, /* is_import= */ false, ret, ret_exit);
}

static struct fault *import(const struct invocation *in, struct json **ret, int *ret_exit)
{
        return make(in, /* is_import= */ true, ret, ret_exit);
}

static struct fault *rotate(const struct invocation *in, struct json **ret, int *ret_exit)
{
        AUTO_STRING char *path = NULL;
        AUTO(json) struct json *body = json_new_object();
        TRY(key_path(in->words[0], "/rotate", &path));
        TRY(add_pem(in, body));
        return post(in, path, body, ret, ret_exit);
}

/* ---- show, list, destroy, rewrap ---- */

static struct fault *show(const struct invocation *in, struct json **ret, int *ret_exit)
{
        AUTO_STRING char *path = NULL;
        TRY(key_path(in->words[0], "", &path));
        return get(in, path, ret, ret_exit);
}

static struct fault *take_page(const struct json *page, struct json *keys, char **ret_next)
{
        const struct json *list = NULL;
        struct span next = SPAN_NONE;
        TRY(json_need_array(page, "keys", PAGE_MAX, &list));
        TRY(json_want_text(page, "next", NAME_MAX_LEN, &next));
        for (size_t i = 0; i < json_count(list); i++)
                json_push(keys, json_copy(json_at(list, i)));
        *ret_next = next.len > 0 ? alloc_string((const char *) next.data) : NULL;
        return NULL;
}

static struct fault *list(const struct invocation *in, struct json **ret, int *ret_exit)
{
        AUTO(json) struct json *all = json_new_object();
        struct json *keys = json_new_array();
        json_set(all, "keys", keys);
        AUTO_STRING char *after = alloc_string("");
        for (size_t pages = 0; after != NULL; pages++) {
                AUTO(json) struct json *page = NULL;
                AUTO_STRING char *from = TAKE(after);
                AUTO_STRING char *path = alloc_printf("%s%s%s", PATH_KEYS, from[0] != '\0' ? "?after=" : "", from);
                if (pages == PAGES_MAX)
                        return fault(FAULT_INTERNAL, "LIST_ENDLESS", "the issuer's list has more than %d parts",
                                     PAGES_MAX);
                TRY(get(in, path, &page, ret_exit));
                if (*ret_exit != EXIT_FINE) {
                        *ret = TAKE(page);
                        return NULL;
                }
                TRY_AS(take_page(page, keys, &after), "read the issuer's answer");
        }
        *ret = TAKE(all);
        return NULL;
}

static struct fault *destroy(const struct invocation *in, struct json **ret, int *ret_exit)
{
        const char *version = invocation_flag(in, "key-version");
        AUTO_STRING char *path = NULL;
        if ((version != NULL) == (invocation_flag(in, "all") != NULL))
                return fault(FAULT_INVALID, "USAGE",
                             "either --key-version N or --all: what is destroyed never comes back");
        if (version != NULL && version[strspn(version, "0123456789")] != '\0')
                return fault(FAULT_INVALID, "USAGE", "--key-version is a number");
        AUTO_STRING char *tail = version != NULL ? alloc_printf("?version=%s", version) : alloc_string("");
        TRY(key_path(in->words[0], tail, &path));
        return delete (in, path, ret, ret_exit);
}

static struct fault *rewrap(const struct invocation *in, struct json **ret, int *ret_exit)
{
        AUTO(json) struct json *body = json_new_object();
        return post(in, PATH_KEYSTORE_REWRAP, body, ret, ret_exit);
}

/* ---- for people ---- */

static int64_t number(const struct json *o, const char *key)
{
        const struct json *j = json_get(o, key);
        return j != NULL && json_kind(j) == JSON_INT ? json_int(j) : 0;
}

static struct fault *print_version(const struct json *v, struct buf *out)
{
        char created[WALL_TEXT_LEN + 1], end[WALL_TEXT_LEN + 1];
        member_time(v, "created", created);
        member_time(v, "not_after", end);
        AUTO_STRING char *line =
                end[0] == '\0'
                        ? alloc_printf("%" PRId64 ", made %s, without a certificate", number(v, "version"), created)
                        : alloc_printf("%" PRId64 ", made %s, certificate %s until %s", number(v, "version"), created,
                                       member_text(v, "serial", "?"), end);
        TRY(print_field(out, "version", line));
        return print_field(out, "  public key", member_text(v, "spki_sha256", ""));
}

static struct fault *print_key(const struct json *key, struct buf *out)
{
        const struct json *versions = json_get(key, "versions");
        AUTO_STRING char *newest = alloc_printf("%" PRId64, number(key, "newest"));
        TRY(print_field(out, "key", member_text(key, "name", "")));
        TRY(print_field(out, "owner", member_text(key, "owner", "")));
        TRY(print_field(out, "identity", member_text(key, "identity", "")));
        TRY(print_field(out, "algorithm", member_text(key, "algorithm", "")));
        TRY(print_field(out, "newest", newest));
        TRY(print_field(out, "released by",
                        member_text(key, "key_release", "no KeyRelease of the policy in force: to nobody")));
        for (size_t i = 0; i < json_count(versions); i++)
                TRY(print_version(json_at(versions, i), out));
        return NULL;
}

static struct fault *print_refusal(const struct json *result, struct buf *out)
{
        TRY(print_field(out, "refused", member_text(result, "check", "")));
        return print_field(out, "issuer says", member_text(result, "detail", ""));
}

static struct fault *print_one(const struct json *result, struct buf *out)
{
        return json_get(result, "name") == NULL ? print_refusal(result, out) : print_key(result, out);
}

static struct fault *print_list(const struct json *result, struct buf *out)
{
        const struct json *keys = json_get(result, "keys");
        if (keys == NULL)
                return print_refusal(result, out);
        if (json_count(keys) == 0)
                return buf_append_str(out, "no key is stored\n");
        for (size_t i = 0; i < json_count(keys); i++) {
                if (i > 0)
                        TRY(buf_append_byte(out, '\n'));
                TRY(print_key(json_at(keys, i), out));
        }
        return NULL;
}

static struct fault *print_destroyed(const struct json *result, struct buf *out)
{
        if (json_get(result, "destroyed") == NULL)
                return print_refusal(result, out);
        AUTO_STRING char *what = number(result, "version") == 0
                                         ? alloc_printf("%s, all versions", member_text(result, "name", ""))
                                         : alloc_printf("%s, version %" PRId64, member_text(result, "name", ""),
                                                        number(result, "version"));
        return print_field(out, "destroyed", what);
}

static struct fault *print_rewrapped(const struct json *result, struct buf *out)
{
        if (json_get(result, "rewrapped") == NULL)
                return print_refusal(result, out);
        return buf_printf(out, "%-12s %" PRId64 " versions are under the KEK in use now\n", "rewrapped",
                          number(result, "rewrapped"));
}

#define ASKS "The issuer is asked on a Unix socket, so this runs where the issuer runs."

const struct command command_stored_create = {
        .words = {"keys", "create"},
        .arguments = "NAME --identity SPIFFE-ID",
        .summary = "Makes a key in the Key store, and its certificate.",
        .help = ASKS " Workloads get the key by a profile of mechanism key-release whose\n"
                     "slot names it, when a KeyRelease of its owner's holds.",
        .flags = create_flags,
        .words_min = 1,
        .words_max = 1,
        .run = create,
        .print = print_one,
};
const struct command command_stored_import = {
        .words = {"keys", "import"},
        .arguments = "NAME --identity SPIFFE-ID --in FILE",
        .summary = "Gives a private key that is there already to the Key store.",
        .help = ASKS " Destroy the file afterwards: the store can't.",
        .flags = import_flags,
        .words_min = 1,
        .words_max = 1,
        .run = import,
        .print = print_one,
};
const struct command command_stored_list = {
        .words = {"keys", "list"},
        .arguments = "",
        .summary = "Lists the stored keys that the caller may see.",
        .help = ASKS,
        .flags = plain_flags,
        .run = list,
        .print = print_list,
};
const struct command command_stored_show = {
        .words = {"keys", "show"},
        .arguments = "NAME",
        .summary = "Shows a stored key with its versions; --output json has their certificates.",
        .help = ASKS,
        .flags = plain_flags,
        .words_min = 1,
        .words_max = 1,
        .run = show,
        .print = print_one,
};
const struct command command_stored_rotate = {
        .words = {"keys", "rotate"},
        .arguments = "NAME",
        .summary = "Makes (or, with --in, imports) the next version of a stored key; workloads get it when they renew.",
        .help = ASKS " Versions before it stay until they are destroyed.",
        .flags = rotate_flags,
        .words_min = 1,
        .words_max = 1,
        .run = rotate,
        .print = print_one,
};
const struct command command_stored_destroy = {
        .words = {"keys", "destroy"},
        .arguments = "NAME --key-version N | --all",
        .summary = "Destroys a version of a stored key, or the key.",
        .help = ASKS " Volumes that hold it keep it until its certificate ends.",
        .flags = destroy_flags,
        .words_min = 1,
        .words_max = 1,
        .run = destroy,
        .print = print_destroyed,
};
const struct command command_stored_rewrap = {
        .words = {"keys", "rewrap"},
        .arguments = "",
        .summary = "After keystore.kek was changed: wraps all stored keys with the new one.",
        .help = ASKS " keystore.previous-kek can go when this has been done.",
        .flags = plain_flags,
        .run = rewrap,
        .print = print_rewrapped,
};
