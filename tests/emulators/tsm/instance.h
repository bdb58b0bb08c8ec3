/* instance: one folder of the emulated configfs-tsm and its state, as drivers/virt/coco/tsm.c has it: writes are counted, a report is made at
 * the first read after a write and kept until the next write. Errors are negative errno. */
#pragma once

#include "tests/emulators/tsm/reports.h"

#define INSTANCE_NAME_MAX 127
#define INSTANCES_MAX     64

struct instance {
        char name[INSTANCE_NAME_MAX + 1]; /* "": free */
        unsigned long written, read;      /* generations */
        uint8_t report_data[REPORT_DATA_LEN];
        size_t report_data_len;
        int level;
        struct buf report, table;
};

void instances_are_of(enum provider p);
enum provider instances_provider(void);
int instance_make(const char *name);
int instance_remove(const char *name);
struct instance *instance_find(const char *name); /* NULL: none */
struct instance *instance_at(size_t i);           /* of INSTANCES_MAX; NULL: free */

int instance_write_report_data(struct instance *i, struct span bytes); /* at close */
int instance_write_level(struct instance *i, struct span text);
int instance_read(struct instance *i, bool wants_table, struct buf *ret);
