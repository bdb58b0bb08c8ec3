/* endorsements: what an issuer knows from the makers of TEEs, and carrying it to an issuer that can't ask them. The file is one JSON document:
 * {"version":1,"exported":time,"endorsements":[[path, base64url body, base64url chain],…]}. It needs no guarding against changes: the issuer that takes
 * it verifies each endorsement when it uses it. */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>

#include "lib/base/file.h"
#include "lib/model/names.h"
#include "lib/net/http_unix.h"
#include "lib/wire/problem.h"

#define SOCKET_DEFAULT "/run/vouchsafe/issuer-admin.sock"
#define BUNDLE_MAX     ((size_t) 256 << 20)
#define PAGES_MAX      16384 /* an issuer that never ends its list is not asked for ever */
#define PAGE_ITEMS_MAX 1000
#define PAGE_BYTES_MAX ((size_t) 3 << 20) /* of text, before the last item */
#define PATH_ROOM      1024

static const struct flag flags[] = {
        {"socket", "PATH", "the issuer's admin socket (" SOCKET_DEFAULT ")"},
        {NULL, NULL, NULL},
};

/* ---- asking ---- */

/* The body of a 200; a problem document comes back as its fault. */
static struct fault *read_reply(const struct http_reply *reply, struct json **ret)
{
        AUTO(json) struct json *body = NULL;
        AUTO(fault) struct fault *bad = json_parse(buf_span(&reply->body), &body);
        if (reply->status != 200)
                return problem_read(reply->status, body); /* also without a document */
        if (bad != NULL)
                return fault_prefix(TAKE(bad), "read its answer");
        *ret = TAKE(body);
        return NULL;
}

static const char *socket_of(const struct invocation *in)
{
        const char *socket = invocation_flag(in, "socket");
        return socket != NULL ? socket : SOCKET_DEFAULT;
}

static struct fault *get(const struct invocation *in, const char *path, struct json **ret)
{
        AUTO(http_reply) struct http_reply reply = {0};
        TRY_AS(http_unix_get(socket_of(in), path, NULL, &reply), "ask the issuer");
        return fault_prefix(read_reply(&reply, ret), "ask the issuer");
}

static struct fault *post(const struct invocation *in, const struct json *page, struct json **ret)
{
        AUTO(http_reply) struct http_reply reply = {0};
        AUTO(buf) struct buf text = BUF(BUNDLE_MAX);
        TRY(json_write(page, &text));
        TRY_AS(http_unix_post(socket_of(in), PATH_ENDORSEMENTS, buf_span(&text), NULL, &reply),
               "give it to the issuer");
        return fault_prefix(read_reply(&reply, ret), "give it to the issuer");
}

/* ---- export ---- */

/* Paths hold "?", "&" and "=". */
static char *after_path(const char *after)
{
        AUTO(buf) struct buf out = BUF(PATH_ROOM * 3);
        AUTO(fault) struct fault *full = buf_append_str(&out, PATH_ENDORSEMENTS);
        if (full == NULL && after[0] != '\0')
                full = buf_append_str(&out, "?after=");
        for (const char *c = after; full == NULL && *c != '\0'; c++)
                full = strchr("?&=%+#", *c) != NULL ? buf_printf(&out, "%%%02X", (unsigned) *c)
                                                    : buf_append_byte(&out, (uint8_t) *c);
        return full != NULL ? NULL : alloc_string(buf_str(&out));
}

static struct fault *take_page(const struct invocation *in, struct json *all, char **after)
{
        AUTO(json) struct json *page = NULL;
        AUTO_STRING char *path = after_path(*after);
        const struct json *items = NULL;
        struct span next = SPAN_NONE;
        if (path == NULL)
                return fault(FAULT_INVALID, "BAD_FIELD", "the issuer's list goes on at no path");
        TRY(get(in, path, &page));
        TRY_AS(json_need_array(page, "endorsements", JSON_VALUES_MAX, &items), "read the issuer's answer");
        TRY_AS(json_want_text(page, "next", PATH_ROOM, &next), "read the issuer's answer");
        for (size_t i = 0; i < json_count(items); i++)
                json_push(all, json_copy(json_at(items, i)));
        free(*after);
        *after = next.len > 0 ? span_to_string(next) : NULL;
        return NULL;
}

static struct fault *write_file(const char *path, struct span bytes)
{
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0)
                return fault_errno(FAULT_UNAVAILABLE, "FILE_IO", errno, "write %s", path);
        TRY_AS(fd_write_all(fd, bytes), "write %s", path);
        return fsync(fd) == 0 ? NULL : fault_errno(FAULT_UNAVAILABLE, "FILE_IO", errno, "write %s", path);
}

static struct fault *export(const struct invocation *in, struct json **ret, int *ret_exit UNUSED)
{
        AUTO(json) struct json *bundle = json_new_object();
        AUTO(buf) struct buf text = BUF(BUNDLE_MAX);
        struct json *items = json_new_array();
        AUTO_STRING char *after = alloc_string("");
        char now[WALL_TEXT_LEN + 1];
        wall_format(clock_wall(in->clock), now);
        json_set_int(bundle, "version", 1);
        json_set_text(bundle, "exported", now);
        json_set(bundle, "endorsements", items);
        for (size_t pages = 0; after != NULL; pages++) {
                if (pages == PAGES_MAX)
                        return fault(FAULT_INTERNAL, "LIST_ENDLESS", "the issuer's list has more than %d parts",
                                     PAGES_MAX);
                TRY(take_page(in, items, &after));
        }
        TRY(json_write(bundle, &text));
        TRY(buf_append_byte(&text, '\n'));
        TRY(write_file(in->words[0], buf_span(&text)));
        *ret = json_new_object();
        json_set_text(*ret, "file", in->words[0]);
        json_set_int(*ret, "exported", (int64_t) json_count(items));
        return NULL;
}

static struct fault *print_exported(const struct json *result, struct buf *out)
{
        return buf_printf(out, "%lld endorsements exported to %s\n", (long long) json_int(json_get(result, "exported")),
                          member_text(result, "file", ""));
}

/* ---- import ---- */

static struct json *new_page(int64_t version, struct json **ret_items)
{
        struct json *page = json_new_object();
        *ret_items = json_new_array();
        json_set_int(page, "version", version);
        json_set(page, "endorsements", *ret_items);
        return page;
}

static size_t item_bytes(const struct json *item)
{
        size_t bytes = 0;
        for (size_t i = 0; i < json_count(item); i++)
                bytes += json_kind(json_at(item, i)) == JSON_TEXT ? json_text(json_at(item, i)).len : 0;
        return bytes;
}

static void add_count(struct json *sum, const struct json *part, const char *key)
{
        const struct json *was = json_get(sum, key), *more = json_get(part, key);
        int64_t value = was != NULL ? json_int(was) : 0;
        json_set_int(sum, key, value + (more != NULL && json_kind(more) == JSON_INT ? json_int(more) : 0));
}

static struct fault *give_page(const struct invocation *in, const struct json *page, struct json *sum)
{
        AUTO(json) struct json *said = NULL;
        TRY(post(in, page, &said));
        add_count(sum, said, "imported");
        add_count(sum, said, "older");
        add_count(sum, said, "refused_count");
        const struct json *refused = json_get(said, "refused");
        for (size_t i = 0; i < json_count(refused); i++)
                json_push((struct json *) json_get(sum, "refused"), json_copy(json_at(refused, i))); /* sum is ours */
        return NULL;
}

static struct fault *give_all(const struct invocation *in, int64_t version, const struct json *items, struct json *sum)
{
        size_t i = 0;
        do {
                struct json *page_items = NULL;
                AUTO(json) struct json *page = new_page(version, &page_items);
                for (size_t bytes = 0;
                     i < json_count(items) && bytes < PAGE_BYTES_MAX && json_count(page_items) < PAGE_ITEMS_MAX; i++) {
                        bytes += item_bytes(json_at(items, i));
                        json_push(page_items, json_copy(json_at(items, i)));
                }
                TRY(give_page(in, page, sum));
        } while (i < json_count(items));
        return NULL;
}

static struct fault *import(const struct invocation *in, struct json **ret, int *ret_exit)
{
        AUTO(buf) struct buf text = BUF(BUNDLE_MAX);
        AUTO(json) struct json *bundle = NULL, *sum = json_new_object();
        const struct json *items = NULL;
        int64_t version = 0;
        TRY_AS(file_read(in->words[0], &text), "read %s", in->words[0]);
        TRY_AS(json_parse(buf_span(&text), &bundle), "read %s", in->words[0]);
        TRY_AS(json_need_int(bundle, "version", 1, INT32_MAX, &version), "read %s", in->words[0]);
        TRY_AS(json_need_array(bundle, "endorsements", JSON_VALUES_MAX, &items), "read %s", in->words[0]);
        json_set(sum, "refused", json_new_array());
        TRY(give_all(in, version, items, sum));
        *ret_exit = json_int(json_get(sum, "refused_count")) > 0 ? EXIT_NEGATIVE : EXIT_FINE;
        *ret = TAKE(sum);
        return NULL;
}

static struct fault *print_imported(const struct json *result, struct buf *out)
{
        TRY(buf_printf(out, "%lld imported, %lld older than what is there, %lld refused\n",
                       (long long) json_int(json_get(result, "imported")),
                       (long long) json_int(json_get(result, "older")),
                       (long long) json_int(json_get(result, "refused_count"))));
        const struct json *refused = json_get(result, "refused");
        for (size_t i = 0; i < json_count(refused); i++) {
                TRY(print_field(out, "refused", member_text(json_at(refused, i), "path", "")));
                TRY(print_field(out, member_text(json_at(refused, i), "check", "because"),
                                member_text(json_at(refused, i), "detail", "")));
        }
        return NULL;
}

/* ---- status ---- */

static struct fault *status(const struct invocation *in, struct json **ret, int *ret_exit UNUSED)
{
        return get(in, PATH_ENDORSEMENTS "/status", ret);
}

static long long member_int(const struct json *o, const char *key)
{
        const struct json *value = json_get(o, key);
        return value != NULL && json_kind(value) == JSON_INT ? (long long) json_int(value) : 0;
}

static struct fault *print_status(const struct json *result, struct buf *out)
{
        const struct json *online = json_get(result, "online"), *sorts = json_get(result, "sorts"),
                          *hosts = json_get(result, "hosts");
        bool is_online = online != NULL && json_kind(online) == JSON_BOOL && json_bool(online);
        TRY(print_field(out, "online", is_online ? "yes" : "no: imported and mirrored endorsements alone"));
        TRY(print_field(out, "mirror", member_text(result, "mirror", NULL)));
        TRY(buf_append_str(out, "\nSORT          COUNT  EARLIEST END\n"));
        for (size_t i = 0; i < json_count(sorts); i++) {
                const struct json *one = json_at(sorts, i);
                char ends[WALL_TEXT_LEN + 1];
                member_time(one, "ends", ends);
                TRY(buf_printf(out, "%-12s  %5lld  %s\n", member_text(one, "sort", "?"), member_int(one, "count"),
                               ends));
        }
        for (size_t i = 0; i < json_count(hosts); i++) {
                const struct json *one = json_at(hosts, i);
                TRY(buf_printf(out, "%s%-12s  %s: %lld wanted, %lld in the background", i == 0 ? "\n" : "",
                               member_text(one, "host", "?"), member_text(one, "url", "?"), member_int(one, "wanted"),
                               member_int(one, "background")));
                if (member_int(one, "failures") > 0)
                        TRY(buf_printf(out, "; failed %lld times in a row, asked again in %lld s",
                                       member_int(one, "failures"), member_int(one, "pause_s")));
                TRY(buf_append_byte(out, '\n'));
        }
        return NULL;
}

#define WHERE                                                                                                          \
        "The issuer is asked on its admin socket, so this runs where the issuer runs, as a user whom the socket "      \
        "admits."

const struct command command_endorsements_export = {
        .words = {"endorsements", "export"},
        .arguments = "FILE",
        .summary = "Writes what the issuer knows from the makers of TEEs into one file, for an issuer without network.",
        .help = WHERE,
        .flags = flags,
        .words_min = 1,
        .words_max = 1,
        .run = export,
        .print = print_exported,
};

const struct command command_endorsements_import = {
        .words = {"endorsements", "import"},
        .arguments = "FILE",
        .summary = "Gives such a file to an issuer; what is in it is verified when it is used.",
        .help = "Leaves with 1 when some of it was refused: not what its path says, or older than what was believed "
                "before.\n" WHERE,
        .flags = flags,
        .words_min = 1,
        .words_max = 1,
        .run = import,
        .print = print_imported,
};

const struct command command_endorsements_status = {
        .words = {"endorsements", "status"},
        .arguments = "",
        .summary = "Shows how many endorsements the issuer has, which end first, and how the makers' hosts answer.",
        .help = WHERE,
        .flags = flags,
        .run = status,
        .print = print_status,
};
