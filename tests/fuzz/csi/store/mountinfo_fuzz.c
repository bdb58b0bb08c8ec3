/* Our reader of mountinfo beside libmount's, and both on the kernel's own table. What we take libmount takes, with the same mounts; where
 * libmount reads more into a field than the kernel says, the field is left out here, with the reason beside it. */
#include "csi/store/mountinfo.h"

#include <libmount/libmount.h>
#include <stdio.h>

#include "lib/base/file.h"
#include "tests/fakes/fuzz.h"

static bool eq(const char *theirs, const char *ours)
{
        return strcmp(theirs == NULL ? "" : theirs, ours) == 0;
}

static int on_error(struct libmnt_table *table UNUSED, const char *name UNUSED, int line UNUSED)
{
        return -1; /* libmount would skip the line */
}

static struct libmnt_table *theirs_of(struct span text)
{
        struct libmnt_table *table = mnt_new_table();
        FILE *file = fmemopen((void *) text.data, text.len, "r"); /* only read */
        must(table != NULL && file != NULL && mnt_table_set_parser_errcb(table, on_error) == 0);
        int failed = mnt_table_parse_stream(table, file, "mountinfo");
        (void) fclose(file); /* of memory, for reading */
        if (failed == 0)
                return table;
        mnt_unref_table(table);
        return NULL;
}

/* What libmount understands in another way than the kernel writes it. */
static bool is_odd(const struct mountinfo_entry *e)
{
        if (e->id > INT32_MAX || e->parent > INT32_MAX)
                return true; /* it has ints */
        const char *deleted = strstr(e->path, " (deleted)");
        return deleted != NULL || e->source[0] == '\0' ||
               strcmp(e->source, "none") == 0; /* it cuts this off; it says NULL for "none" */
}

static void same_entry(struct libmnt_fs *fs, const struct mountinfo_entry *e)
{
        must(mnt_fs_get_id(fs) == (int) e->id && mnt_fs_get_parent_id(fs) == (int) e->parent);
        must(eq(mnt_fs_get_target(fs), e->path) && eq(mnt_fs_get_fstype(fs), e->fs_type));
        must(eq(mnt_fs_get_source(fs), e->source));
        char *value = NULL; /* "ro=x" is another option to us, and nothing that the kernel writes */
        bool has_ro = mnt_optstr_get_option(mnt_fs_get_vfs_options(fs), "ro", &value, NULL) == 0;
        must(has_ro && value == NULL ? e->read_only : !e->read_only || has_ro);
}

static void compare(struct span text, bool is_kernels)
{
        AUTO(mountinfo) struct mountinfo ours = {0};
        AUTO(fault) struct fault *refused = mountinfo_parse(text, &ours);
        must(refused == NULL || !is_kernels);
        if (refused != NULL || ours.count == 0)
                return;
        if (memchr(text.data, '\t', text.len) != NULL)
                return; /* a separator to libmount; the kernel escapes it */
        for (size_t i = 0; i < ours.count; i++)
                if (is_odd(&ours.entries[i]) && !is_kernels)
                        return;
        struct libmnt_table *table = theirs_of(text);
        must(table != NULL && mnt_table_get_nents(table) == (int) ours.count);
        struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs = NULL;
        for (size_t i = 0; mnt_table_next_fs(table, at, &fs) == 0; i++)
                if (!is_odd(&ours.entries[i]))
                        same_entry(fs, &ours.entries[i]);
        mnt_free_iter(at);
        mnt_unref_table(table);
}

static void compare_kernels(void)
{
        static bool is_done;
        AUTO(buf) struct buf text = BUF(32u << 20);
        if (is_done)
                return;
        is_done = true;
        AUTO(fault) struct fault *unreadable = file_read("/proc/self/mountinfo", &text);
        must(unreadable == NULL);
        compare(buf_span(&text), true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        compare_kernels();
        if (size > 0)
                compare(span_make(data, size), false);
        return 0;
}
