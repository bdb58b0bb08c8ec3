#include "tests/emulators/tsm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/auto.h"

#define TEXT_MAX 4096
#define KEYS_MAX 32

static const char *control_path;
static char text[TEXT_MAX], value[TEXT_MAX];
static struct {
        char key[32];
        unsigned taken;
} counts[KEYS_MAX];

void control_use(const char *path)
{
        control_path = path;
}

static void refresh(void)
{
        char now[TEXT_MAX] = "";
        AUTO_CLOSE int fd = open(control_path, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd < 0 ? 0 : read(fd, now, sizeof(now) - 1);
        now[len < 0 ? 0 : len] = '\0';
        if (strcmp(now, text) == 0)
                return;
        memcpy(text, now, sizeof text);
        memset(counts, 0, sizeof counts);
}

static unsigned count_up(const char *key)
{
        size_t i = 0;
        while (i < KEYS_MAX - 1 && counts[i].key[0] != '\0' && strcmp(counts[i].key, key) != 0)
                i++;
        (void) snprintf(counts[i].key, sizeof counts[i].key, "%s", key); /* keys are short */
        return ++counts[i].taken;
}

static unsigned number(const char *digits)
{
        unsigned n = 0;
        for (; *digits >= '0' && *digits <= '9'; digits++)
                n = n * 10 + (unsigned) (*digits - '0');
        return n;
}

static const char *line_of(const char *key)
{
        size_t len = strlen(key);
        for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, len) == 0 && line[len] == '=')
                        return line + len + 1;
        }
        return NULL;
}

const char *control_take(const char *key)
{
        refresh();
        const char *found = line_of(key);
        if (found == NULL)
                return NULL;
        (void) snprintf(value, sizeof value, "%s", found); /* as long as the text */
        value[strcspn(value, "\n")] = '\0';
        char *times = strchr(value, '*');
        if (times == NULL)
                return value;
        *times = '\0';
        return count_up(key) <= number(times + 1) ? value : NULL;
}

bool control_is(const char *key, const char *wanted)
{
        const char *found = control_take(key);
        return found != NULL && strcmp(found, wanted) == 0;
}

int control_error(const char *key)
{
        static const struct {
                const char *name;
                int number;
        } known[] = {{"EBUSY", EBUSY},   {"EINTR", EINTR},   {"ETIMEDOUT", ETIMEDOUT}, {"EIO", EIO},
                     {"ENXIO", ENXIO},   {"ENODEV", ENODEV}, {"ENOTTY", ENOTTY},       {"EINVAL", EINVAL},
                     {"EFBIG", EFBIG},   {"EAGAIN", EAGAIN}, {"EBADMSG", EBADMSG},     {"ENOMEM", ENOMEM},
                     {"EACCES", EACCES}, {"EPERM", EPERM},   {"ENOENT", ENOENT},       {"ERANGE", ERANGE}};
        const char *name = control_take(key);
        if (name == NULL)
                return 0;
        for (size_t i = 0; i < COUNT_OF(known); i++)
                if (strcmp(known[i].name, name) == 0)
                        return known[i].number;
        (void) fprintf(stderr, "tsm: %s=%s: unknown\n", key, name);
        abort();
}
