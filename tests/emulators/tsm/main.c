/* tsm: the kernel's configfs-tsm report interface as a FUSE file system, whose machine is a test's and misbehaves on command (control.h).
 *
 *     tsm MOUNTPOINT CONTROL sev_guest|tdx_guest|arm_cca_guest
 *     tsm anchor CONTROL PROVIDER                   prints the root of the test PKI that signs, or the platform's key
 *
 * Binary writes take effect when the file is closed, texts at once; each open shows one report. Runs in the foreground until it is
 * unmounted; one thread. */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/emulators/tsm/control.h"
#include "tests/emulators/tsm/instance.h"

#define TEXT_MAX 64

enum file { INBLOB, OUTBLOB, AUXBLOB, PROVIDER, GENERATION, PRIVLEVEL, PRIVLEVEL_FLOOR, FILE_COUNT };
static const struct {
        const char *name;
        mode_t mode;
        bool is_of_snp;
} files[] = {
        [INBLOB] = {"inblob", 0200, false},
        [OUTBLOB] = {"outblob", 0400, false},
        [AUXBLOB] = {"auxblob", 0400, true},
        [PROVIDER] = {"provider", 0444, false},
        [GENERATION] = {"generation", 0444, false},
        [PRIVLEVEL] = {"privlevel", 0200, true},
        [PRIVLEVEL_FLOOR] = {"privlevel_floor", 0444, true},
};
_Static_assert(COUNT_OF(files) == FILE_COUNT, "every file has a row");

struct open_file {
        struct instance *instance;
        enum file file;
        struct buf bytes; /* a snapshot, or what is being written */
        bool is_read, is_written;
};

/* ---- paths: "/", "/NAME", "/NAME/FILE" ---- */

struct place {
        char name[INSTANCE_NAME_MAX + 1]; /* "": the root */
        const char *file;                 /* NULL: a folder */
};

static bool place_of(const char *path, struct place *ret)
{
        const char *slash = strchr(path + 1, '/');
        size_t len = slash == NULL ? strlen(path + 1) : (size_t) (slash - path - 1);
        if (len > INSTANCE_NAME_MAX)
                return false;
        memcpy(ret->name, path + 1, len);
        ret->name[len] = '\0';
        ret->file = slash == NULL ? NULL : slash + 1;
        return true;
}

static bool is_there(enum file f)
{
        return (!files[f].is_of_snp || instances_provider() == PROVIDER_SNP) &&
               (f != AUXBLOB || !control_is("aux", "none"));
}

static enum file file_by_name(const char *name)
{
        int f = 0;
        while (f < FILE_COUNT && strcmp(files[f].name, name) != 0)
                f++;
        return f < FILE_COUNT && is_there((enum file) f) ? (enum file) f : FILE_COUNT;
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *info UNUSED)
{
        struct place p;
        if (!place_of(path, &p) || (p.name[0] != '\0' && instance_find(p.name) == NULL))
                return -ENOENT;
        *st = (struct stat){.st_mode = S_IFDIR | 0755, .st_nlink = 2};
        if (p.file == NULL)
                return 0;
        enum file f = file_by_name(p.file);
        if (f == FILE_COUNT)
                return -ENOENT;
        *st = (struct stat){.st_mode = S_IFREG | files[f].mode, .st_nlink = 1};
        return 0;
}

static int do_readdir(const char *path, void *to, fuse_fill_dir_t fill, off_t offset UNUSED,
                      struct fuse_file_info *info UNUSED, enum fuse_readdir_flags flags UNUSED)
{
        struct place p;
        if (!place_of(path, &p))
                return -ENOENT;
        for (size_t i = 0; p.name[0] == '\0' && i < INSTANCES_MAX; i++)
                if (instance_at(i) != NULL)
                        (void) fill(to, instance_at(i)->name, NULL, 0, 0); /* without offsets it is never full */
        for (int f = 0; p.name[0] != '\0' && f < FILE_COUNT; f++)
                if (is_there((enum file) f))
                        (void) fill(to, files[f].name, NULL, 0, 0);
        return 0;
}

static int do_mkdir(const char *path, mode_t mode UNUSED)
{
        struct place p;
        return !place_of(path, &p) ? -ENAMETOOLONG : p.file != NULL ? -EPERM : instance_make(p.name);
}

static int do_rmdir(const char *path)
{
        struct place p;
        return !place_of(path, &p) || p.file != NULL ? -EPERM : instance_remove(p.name);
}

/* ---- open files ---- */

static struct open_file *opened(const struct fuse_file_info *info)
{
        return (struct open_file *) (uintptr_t) info->fh; /* NOLINT(performance-no-int-to-ptr): FUSE's handle */
}

static int do_open(const char *path, struct fuse_file_info *info)
{
        struct place p;
        struct instance *i = place_of(path, &p) && p.file != NULL ? instance_find(p.name) : NULL;
        enum file f = i == NULL ? FILE_COUNT : file_by_name(p.file);
        if (f == FILE_COUNT)
                return -ENOENT;
        bool writes = (info->flags & O_ACCMODE) != O_RDONLY;
        if (writes != (files[f].mode == 0200))
                return -EACCES; /* configfs refuses it even to root */
        struct open_file *o = NEW(struct open_file);
        *o = (struct open_file){.instance = i, .file = f, .bytes = BUF(65536)};
        info->fh = (uint64_t) (uintptr_t) o;
        info->direct_io = 1;
        return 0;
}

static int snapshot(struct open_file *o)
{
        const struct instance *i = o->instance;
        char text[TEXT_MAX] = "";
        const char *floor;
        switch (o->file) {
        case OUTBLOB:
        case AUXBLOB:
                return instance_read(o->instance, o->file == AUXBLOB, &o->bytes);
        case PROVIDER:
                (void) snprintf(text, sizeof text, "%s\n", provider_name(instances_provider())); /* fits */
                break;
        case GENERATION:
                (void) snprintf(text, sizeof text, "%lu\n", i->written); /* fits */
                break;
        default:
                floor = control_take("floor");
                (void) snprintf(text, sizeof text, "%s\n", floor == NULL ? "0" : floor); /* fits */
        }
        return buf_append_str(&o->bytes, text) == NULL ? 0 : -ENOMEM;
}

static int do_read(const char *path UNUSED, char *to, size_t size, off_t at, struct fuse_file_info *info)
{
        struct open_file *o = opened(info);
        int refused = o->is_read ? 0 : snapshot(o);
        if (refused != 0)
                return refused;
        o->is_read = true;
        if ((size_t) at >= o->bytes.len)
                return 0;
        size_t len = o->bytes.len - (size_t) at < size ? o->bytes.len - (size_t) at : size;
        memcpy(to, o->bytes.data + at, len);
        return (int) len;
}

static int do_write(const char *path UNUSED, const char *from, size_t size, off_t at, struct fuse_file_info *info)
{
        struct open_file *o = opened(info);
        if (o->file == PRIVLEVEL) {
                int refused = instance_write_level(o->instance, span_make(from, size));
                return refused != 0 ? refused : (int) size;
        }
        if ((size_t) at != o->bytes.len || (size_t) at + size > REPORT_DATA_LEN)
                return -EFBIG;
        o->is_written = true;
        return buf_append(&o->bytes, span_make(from, size)) == NULL ? (int) size : -ENOMEM;
}

/* close(2) waits for this. The kernel's file tells nobody when what it does here fails, so neither do we. */
static int do_flush(const char *path UNUSED, struct fuse_file_info *info)
{
        struct open_file *o = opened(info);
        if (o->is_written)
                (void) instance_write_report_data(o->instance, buf_span(&o->bytes)); /* as above */
        o->is_written = false;
        return 0;
}

static int do_release(const char *path UNUSED, struct fuse_file_info *info)
{
        struct open_file *o = opened(info);
        buf_clear(&o->bytes);
        free(o);
        return 0;
}

static int do_truncate(const char *path UNUSED, off_t size UNUSED, struct fuse_file_info *info UNUSED)
{
        return 0; /* shells do it before they write */
}

static void *do_init(struct fuse_conn_info *connection UNUSED, struct fuse_config *config)
{
        config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
        return NULL;
}

static int print_anchor(enum provider p)
{
        AUTO(buf) struct buf pem = BUF(65536);
        report_anchor(p, &pem);
        return fwrite(pem.data, 1, pem.len, stdout) == pem.len ? 0 : 1;
}

int main(int argc, char **argv)
{
        static const struct fuse_operations operations = {
                .init = do_init,
                .getattr = do_getattr,
                .readdir = do_readdir,
                .mkdir = do_mkdir,
                .rmdir = do_rmdir,
                .open = do_open,
                .read = do_read,
                .write = do_write,
                .flush = do_flush,
                .release = do_release,
                .truncate = do_truncate,
        };
        enum provider p = argc == 4 ? provider_by_name(argv[3]) : PROVIDER_COUNT;
        if (p == PROVIDER_COUNT) {
                (void) fprintf(stderr, "usage: %s MOUNTPOINT|anchor CONTROL sev_guest|tdx_guest|arm_cca_guest\n",
                               argv[0]);
                return 2;
        }
        instances_are_of(p);
        control_use(argv[2]);
        if (strcmp(argv[1], "anchor") == 0)
                return print_anchor(p);
        char options[] = "default_permissions,allow_other";
        if (geteuid() != 0)
                options[strlen("default_permissions")] = '\0'; /* only root may show it to others */
        char *words[] = {argv[0], "-f", "-s", "-o", options, argv[1], NULL};
        return fuse_main(6, words, &operations, NULL);
}
