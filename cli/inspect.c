#include "cli/inspect.h"

#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/secret.h"

static struct fault *inspect_text(struct span text, struct wall now, struct json **ret)
{
        size_t at = 0;
        while (at < text.len && strchr(" \t\r\n", text.data[at]) != NULL && text.data[at] != '\0')
                at++;
        if (at < text.len && text.data[at] == '{') {
                AUTO(json) struct json *content = NULL;
                TRY(json_parse(text, &content));
                *ret = json_new_object();
                json_set(*ret, "content", TAKE(content));
                json_set_bool(*ret, "ok", true);
                return NULL;
        }
        return inspect_pem(text, now, ret);
}

static struct fault *inspect_file(const char *path, struct wall now, struct json **ret)
{
        AUTO(buf) struct buf text = BUF(INSPECTED_MAX);
        struct fault *f = file_read(path, &text);
        if (f == NULL)
                f = inspect_text(buf_span(&text), now, ret);
        buf_wipe(&text); /* a key may have been in it */
        return f == NULL ? NULL : fault_prefix(f, "%s", path);
}

static struct fault *run(const struct invocation *in, struct json **ret, int *ret_exit)
{
        struct wall now = clock_wall(in->clock);
        struct stat st;
        bool ok = true;
        if (stat(in->words[0], &st) == 0 && S_ISDIR(st.st_mode)) {
                TRY(inspect_volume(in->words[0], now, ret, &ok));
        } else {
                TRY(inspect_file(in->words[0], now, ret));
                ok = json_bool(json_get(*ret, "ok"));
        }
        *ret_exit = ok ? EXIT_FINE : EXIT_NEGATIVE;
        return NULL;
}

const struct command command_inspect = {
        .words = {"inspect", NULL},
        .arguments = "DIR|FILE",
        .summary = "Shows what is in a volume or file, and whether it fits together.",
        .help = "DIR is a volume as a pod sees it: identities, serials, dates; chain, key, bundle and status are "
                "compared. FILE is PEM (certificates, a\n"
                "key) or JSON (status.json, trust-bundle.json, a saved record). Private key bytes are never shown.",
        .flags = NULL,
        .words_min = 1,
        .words_max = 1,
        .run = run,
        .print = inspect_print,
};
