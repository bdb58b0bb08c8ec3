#include "lib/wire/sources.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "lib/base/file.h"

/* Takes `name` over. What is left of SOURCE_BYTES_MAX bounds the text. */
static struct fault *add_file(struct sources *s, char *name, size_t *left)
{
        AUTO_STRING char *owned = name;
        if (s->count == SOURCES_MAX)
                return fault(FAULT_EXHAUSTED, "TOO_MANY_SOURCES", "%s: more than %d files", name, SOURCES_MAX);
        AUTO(buf) struct buf text = BUF(*left);
        TRY(file_read(owned, &text));
        *left -= text.len;
        s->items = alloc_resize(s->items, s->count + 1, sizeof *s->items);
        s->items[s->count].name = TAKE(owned);
        s->items[s->count].text = text;
        text = BUF(0); /* it is the list's now */
        s->count++;
        return NULL;
}

static int is_policy_name(const struct dirent *entry)
{
        const char *name = entry->d_name;
        const char *dot = strrchr(name, '.');
        return name[0] != '.' && dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name); /* alphasort would follow the locale */
}

static struct fault *add_folder(struct sources *s, const char *path, size_t *left)
{
        struct dirent **entries = NULL;
        int found = scandir(path, &entries, is_policy_name, by_bytes);
        if (found < 0)
                return fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "list %s", path);

        struct fault *f = found > 0 ? NULL : fault(FAULT_INVALID, "NO_SOURCE", "%s holds no *.yaml file", path);
        size_t path_len = strlen(path);
        const char *slash = path_len > 0 && path[path_len - 1] == '/' ? "" : "/";
        for (int i = 0; i < found; i++) {
                if (f == NULL)
                        f = add_file(s, alloc_printf("%s%s%s", path, slash, entries[i]->d_name), left);
                free(entries[i]);
        }
        free(entries);
        return f;
}

struct fault *sources_read(const char *const *paths, size_t count, struct sources *ret)
{
        AUTO(sources) struct sources s = {0};
        size_t left = SOURCE_BYTES_MAX;
        for (size_t i = 0; i < count; i++) {
                struct stat st;
                bool folder = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode);
                if (folder)
                        TRY(add_folder(&s, paths[i], &left));
                else
                        TRY(add_file(&s, alloc_string(paths[i]), &left)); /* says what is wrong with the path */
        }
        *ret = s;
        s = (struct sources){0};
        return NULL;
}

void sources_clear(struct sources *s)
{
        for (size_t i = 0; i < s->count; i++) {
                free(s->items[i].name);
                buf_clear(&s->items[i].text);
        }
        free(s->items);
        *s = (struct sources){0};
}
