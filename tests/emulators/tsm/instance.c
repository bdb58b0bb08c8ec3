#include "tests/emulators/tsm/instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/emulators/tsm/control.h"

#define LEVEL_MAX  3
#define BLOB_LIMIT 65536
#define HUGE_LEN   (33 * 1024)
#define SHORT_LEN  100

static struct instance instances[INSTANCES_MAX];
static enum provider provider;

/* ---- the folder ---- */

void instances_are_of(enum provider p)
{
        provider = p;
}

enum provider instances_provider(void)
{
        return provider;
}

struct instance *instance_at(size_t i)
{
        return instances[i].name[0] == '\0' ? NULL : &instances[i];
}

struct instance *instance_find(const char *name)
{
        for (size_t i = 0; i < INSTANCES_MAX; i++)
                if (name[0] != '\0' && strcmp(instances[i].name, name) == 0)
                        return &instances[i];
        return NULL;
}

int instance_make(const char *name)
{
        int error = control_error("mkdir-error");
        if (error != 0)
                return -error;
        if (control_is("no-provider", "1") && strncmp(name, "shim-", 5) != 0) /* /dev/sev-guest's: ../sev_guest.c */
                return -ENXIO;
        if (instance_find(name) != NULL)
                return -EEXIST;
        for (size_t i = 0; i < INSTANCES_MAX; i++) {
                if (instances[i].name[0] != '\0')
                        continue;
                instances[i] = (struct instance){.level = -1, .report = BUF(BLOB_LIMIT), .table = BUF(BLOB_LIMIT)};
                (void) snprintf(instances[i].name, sizeof instances[i].name, "%s", name); /* the caller looked */
                return 0;
        }
        return -ENOMEM;
}

int instance_remove(const char *name)
{
        struct instance *i = instance_find(name);
        if (i == NULL)
                return -ENOENT;
        buf_clear(&i->report);
        buf_clear(&i->table);
        i->name[0] = '\0';
        return 0;
}

/* ---- writing ---- */

/* As try_advance_write_generation: nobody may go all the way round. */
static int advance(struct instance *i)
{
        if (i->written == i->read - 1)
                return -EBUSY;
        i->written++;
        return 0;
}

static int somebody_else_writes(struct instance *i)
{
        memset(i->report_data, 0xee, sizeof i->report_data);
        return advance(i);
}

int instance_write_report_data(struct instance *i, struct span bytes)
{
        if (control_is("drop-write", "1"))
                return 0;
        int refused = advance(i);
        if (refused != 0)
                return refused;
        memcpy(i->report_data, bytes.data, bytes.len);
        i->report_data_len = bytes.len;
        return control_is("other-write", "1") ? somebody_else_writes(i) : 0;
}

int instance_write_level(struct instance *i, struct span text)
{
        const char *floor = control_take("floor");
        int lowest = floor == NULL ? 0 : floor[0] - '0';
        int error = control_error("level-error");
        if (error != 0)
                return -error;
        /* decimal text, with an end of line or without */
        if (text.len == 0 || text.len > 2 || (text.len == 2 && text.data[1] != '\n') || text.data[0] < '0' ||
            text.data[0] > '0' + LEVEL_MAX || text.data[0] - '0' < lowest)
                return -EINVAL;
        int refused = advance(i);
        if (refused == 0)
                i->level = text.data[0] - '0';
        return refused;
}

/* ---- reading ---- */

static void spoil(struct buf *report)
{
        uint8_t *more;
        const char *how = control_take("blob");
        size_t len = how == NULL                 ? report->len
                     : strcmp(how, "empty") == 0 ? 0
                     : strcmp(how, "short") == 0 ? SHORT_LEN
                     : strcmp(how, "long") == 0  ? report->len + 1
                     : strcmp(how, "huge") == 0  ? HUGE_LEN
                                                 : report->len;
        if (how == NULL)
                return;
        if (strcmp(how, "zeros") == 0)
                memset(report->data, 0, report->len);
        if (strcmp(how, "version0") == 0)
                memset(report->data, 0, sizeof(uint32_t));
        if (len <= report->len) {
                buf_truncate(report, len);
                return;
        }
        size_t missing = len - report->len;
        if (buf_grow(report, missing, &more) != NULL)
                abort(); /* below BLOB_LIMIT */
        memset(more, 0, missing);
}

static int make_report(struct instance *i)
{
        int error = control_error("read-error");
        uint8_t other[REPORT_DATA_LEN];
        if (error != 0)
                return -error;
        if (provider != PROVIDER_CCA && i->report_data_len != REPORT_DATA_LEN)
                return -EINVAL;
        memset(other, 0xdd, sizeof other);
        buf_truncate(&i->report, 0);
        buf_truncate(&i->table, 0);
        report_make(provider, control_is("other-report", "1") ? other : i->report_data, i->level, &i->report,
                    &i->table);
        spoil(&i->report);
        if (control_is("aux", "empty"))
                buf_truncate(&i->table, 0);
        i->read = i->written;
        return 0;
}

int instance_read(struct instance *i, bool wants_table, struct buf *ret)
{
        if (i->report_data_len == 0)
                return -EINVAL;
        if (wants_table && control_is("late-write", "1")) {
                int refused = somebody_else_writes(i);
                if (refused != 0)
                        return refused;
        }
        int error = wants_table ? control_error("aux-error") : 0;
        if (error == 0 && i->read != i->written)
                error = -make_report(i);
        if (error != 0)
                return -error;
        return buf_append(ret, buf_span(wants_table ? &i->table : &i->report)) == NULL ? 0 : -ENOMEM;
}
