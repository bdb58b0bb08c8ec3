#include "csi/store/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "csi/store/shred.h"
#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"

#define DATA_LINK     "..data"
#define TEMP_PREFIX   "..tmp_" /* links and files on their way to their name */
#define NAME_ROOM     64
#define SPARES_MAX    2    /* old generations that a swap leaves for their readers */
#define FILE_MODE_MAX 0660 /* never for others, nothing to execute, no set-id */

mode_t generation_dir_mode(mode_t file_mode)
{
        return 0500 | ((file_mode & 0040) != 0 ? 0050 : 0);
}

static struct fault *io_fault(int err, const char *what, const char *name)
{
        bool full = err == ENOSPC || err == EDQUOT;
        return fault_errno(full ? FAULT_EXHAUSTED : FAULT_INTERNAL, full ? "VOLUME_FULL" : "VOLUME_IO", err, "%s %s",
                           what, name);
}

static void random_name(const char *prefix, char ret[NAME_ROOM])
{
        uint8_t bytes[4];
        char hex[2 * sizeof(bytes) + 1];
        random_bytes(bytes, sizeof(bytes));
        hex_string(SPAN_OF(bytes), hex);
        (void) snprintf(ret, NAME_ROOM, "%s%s", prefix, hex); /* fits: prefixes are ours */
}

/* ---- the current generation -------------------------------------------------------------------------------------- */

/* The link is ours, but a privileged pod may have touched it: only a plain name of a generation is followed. */
static struct fault *current_name(int root, char ret[NAME_ROOM])
{
        ssize_t len = readlinkat(root, DATA_LINK, ret, NAME_ROOM);
        if (len < 0 && errno == ENOENT)
                return fault(FAULT_NOT_FOUND, "NO_GENERATION", "the volume has no complete generation");
        if (len < 3 || len >= NAME_ROOM)
                return fault(FAULT_NOT_FOUND, "NO_GENERATION", "%s leads nowhere", DATA_LINK);
        ret[len] = '\0';
        if (strncmp(ret, "..", 2) != 0 || strchr(ret, '/') != NULL || strcmp(ret, DATA_LINK) == 0)
                return fault(FAULT_NOT_FOUND, "NO_GENERATION", "%s leads elsewhere", DATA_LINK);
        return NULL;
}

static struct fault *open_current(int root, int *ret)
{
        char name[NAME_ROOM];
        TRY(current_name(root, name));
        int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fault_errno(FAULT_NOT_FOUND, "NO_GENERATION", errno, "open %s", name);
        *ret = fd;
        return NULL;
}

struct fault *generation_read(int root, const char *name, struct buf *out)
{
        AUTO_CLOSE int dir = -1;
        TRY(open_current(root, &dir));
        return file_read_at(dir, name, out);
}

static struct fault *list_one(void *arg, int dir UNUSED, const char *name, unsigned char type UNUSED)
{
        struct layout_file *file = NULL;
        if (name[0] == '.')
                return NULL;
        return layout_add(arg, name, &file);
}

struct fault *generation_list(int root, struct layout *ret)
{
        AUTO_CLOSE int dir = -1;
        TRY(open_current(root, &dir));
        ret->count = 0;
        return shred_walk(dir, list_one, ret);
}

/* ---- writing one -------------------------------------------------------------------------------------------------- */

static struct fault *write_parts(int fd, const struct layout_file *file)
{
        for (size_t i = 0; i < LAYOUT_PARTS_MAX; i++) {
                struct fault *f = fd_write_all(fd, file->parts[i]);
                if (f != NULL && strcmp(fault_token(f), "DISK_FULL") == 0) {
                        fault_free(f);
                        return io_fault(ENOSPC, "write", file->name);
                }
                TRY_AS(f, "write %s", file->name);
        }
        return NULL;
}

/* Owner, then mode: nobody but us can open it before it is whole. */
static struct fault *open_up(int fd, const struct generation_order *o, mode_t mode, const char *name)
{
        if (fchown(fd, 0, o->has_group ? o->group : 0) != 0)
                return io_fault(errno, "chown", name);
        if (fchmod(fd, mode) != 0)
                return io_fault(errno, "chmod", name);
        return NULL;
}

static struct fault *write_file(int dir, const char *name, const struct layout_file *file,
                                const struct generation_order *o)
{
        AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
        if (fd < 0)
                return io_fault(errno, "create", file->name);
        TRY(write_parts(fd, file));
        return open_up(fd, o, o->file_mode, file->name);
}

/* What is kept is the same file under one more name: no key is read to be written again. */
static struct fault *write_all(int root, int dir, const struct generation_order *o)
{
        AUTO_CLOSE int current = -1;
        for (size_t i = 0; i < o->layout->count; i++) {
                const struct layout_file *file = &o->layout->files[i];
                if (!file->from_current) {
                        TRY(write_file(dir, file->name, file, o));
                        continue;
                }
                if (current < 0)
                        TRY(open_current(root, &current));
                if (linkat(current, file->name, dir, file->name, 0) != 0)
                        return io_fault(errno, "keep", file->name);
        }
        return NULL;
}

static size_t parts_len(const struct layout_file *file)
{
        size_t len = 0;
        for (size_t i = 0; i < LAYOUT_PARTS_MAX; i++)
                len += file->parts[i].len;
        return len;
}

/* Looks at what really stands there, before anybody is shown it. */
static struct fault *verify(int dir, const struct generation_order *o)
{
        for (size_t i = 0; i < o->layout->count; i++) {
                const struct layout_file *file = &o->layout->files[i];
                struct stat st;
                if (fstatat(dir, file->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                        return io_fault(errno, "verify", file->name);
                bool size_is_right = file->from_current ? st.st_size > 0 : (size_t) st.st_size == parts_len(file);
                if (!S_ISREG(st.st_mode) || !size_is_right || (st.st_mode & 07777) != o->file_mode ||
                    st.st_gid != (o->has_group ? o->group : 0))
                        return fault(FAULT_INTERNAL, "GENERATION_BROKEN", "%s is not as it was written", file->name);
        }
        return NULL;
}

static struct fault *write_generation(int root, const char *name, const struct generation_order *o)
{
        if (mkdirat(root, name, 0700) != 0)
                return io_fault(errno, "make", name);
        AUTO_CLOSE int dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0)
                return io_fault(errno, "open", name);
        TRY(write_all(root, dir, o));
        TRY(verify(dir, o));
        return open_up(dir, o, generation_dir_mode(o->file_mode), name);
}

/* ---- showing it --------------------------------------------------------------------------------------------------- */

/* A link that is there from one moment to the next, whatever stood there before. */
static struct fault *set_link(int root, const char *name, const char *to)
{
        char temp[NAME_ROOM];
        random_name(TEMP_PREFIX, temp);
        if (symlinkat(to, root, temp) != 0)
                return io_fault(errno, "link", name);
        if (renameat(root, temp, root, name) != 0) {
                int err = errno;
                (void) unlinkat(root, temp, 0); /* a later swap removes it as well */
                return io_fault(err, "show", name);
        }
        return NULL;
}

static struct fault *show_name(int root, const char *name)
{
        char wanted[sizeof(DATA_LINK) + 1 + LAYOUT_NAME_MAX], there[sizeof(wanted)];
        int len = snprintf(wanted, sizeof(wanted), DATA_LINK "/%s", name); /* fits */
        ssize_t got = readlinkat(root, name, there, sizeof(there));
        if (got == len && memcmp(there, wanted, (size_t) len) == 0)
                return NULL;
        if (got < 0 && errno == ENOENT && symlinkat(wanted, root, name) == 0) /* nothing to replace */
                return NULL;
        return set_link(root, name, wanted);
}

static struct fault *hide_one(void *arg, int root, const char *name, unsigned char type)
{
        if (name[0] != '.' && type == DT_LNK && layout_find(arg, name) == NULL && unlinkat(root, name, 0) != 0)
                return io_fault(errno, "remove", name);
        return NULL;
}

/* Names first, where they are new: before the first switch nobody looks, later ones are new to readers anyway. */
static struct fault *show(int root, const char *generation, const struct layout *layout)
{
        for (size_t i = 0; i < layout->count; i++)
                TRY(show_name(root, layout->files[i].name));
        TRY(set_link(root, DATA_LINK, generation));
        struct layout names = *layout;
        fault_free(shred_walk(root, hide_one,
                              &names)); /* a stale name dangles; the generation is shown, which is success */
        return NULL;
}

static struct fault *swap_once(int root, const struct generation_order *o)
{
        char prefix[32], name[NAME_ROOM];
        (void) snprintf(prefix, sizeof(prefix), "..%llu_", (unsigned long long) o->sequence); /* fits */
        random_name(prefix, name);
        struct fault *f = write_generation(root, name, o);
        if (f == NULL)
                f = show(root, name, o->layout);
        if (f != NULL)
                fault_free(shred_tree(root, name)); /* what is left of it goes with the next reaping */
        return f;
}

struct fault *generation_swap(int root, const struct generation_order *o)
{
        if ((o->file_mode & ~(mode_t) FILE_MODE_MAX) != 0 || (o->file_mode & 0400) == 0)
                return fault(FAULT_INVALID, "WORLD_READABLE", "files of mode %04o are refused",
                             (unsigned) o->file_mode);
        TRY(generation_reap(root, SPARES_MAX));

        struct fault *f = swap_once(root, o);
        if (f == NULL || strcmp(fault_token(f), "VOLUME_FULL") != 0)
                return f;
        fault_free(f); /* once more, without the old generations */
        TRY(generation_reap(root, 0));
        return swap_once(root, o);
}

struct fault *generation_replace(int root, const struct generation_order *o, const char *name)
{
        const struct layout_file *file = layout_find(o->layout, name);
        AUTO_CLOSE int dir = -1;
        char temp[NAME_ROOM];
        TRY(open_current(root, &dir));
        random_name(TEMP_PREFIX, temp);
        struct fault *f = write_file(dir, temp, file, o);
        if (f == NULL && renameat(dir, temp, dir, name) != 0)
                f = io_fault(errno, "replace", name);
        if (f != NULL)
                (void) unlinkat(dir, temp, 0); /* goes with its generation otherwise */
        return f;
}

/* ---- ending them --------------------------------------------------------------------------------------------------- */

struct reaping {
        const char *keep; /* name of the current generation, "" for none */
        bool all;
        size_t found;
};

static bool is_spare(const struct reaping *r, const char *name)
{
        return strncmp(name, "..", 2) == 0 && strcmp(name, DATA_LINK) != 0 && strcmp(name, r->keep) != 0;
}

static struct fault *count_one(void *arg, int root UNUSED, const char *name, unsigned char type UNUSED)
{
        struct reaping *r = arg;
        r->found += is_spare(r, name);
        return NULL;
}

static struct fault *reap_one(void *arg, int root, const char *name, unsigned char type UNUSED)
{
        struct reaping *r = arg;
        return r->all || is_spare(r, name) ? shred_tree(root, name) : NULL;
}

struct fault *generation_reap(int root, size_t keep)
{
        char current[NAME_ROOM] = "";
        struct fault *none = current_name(root, current);
        if (none != NULL)
                current[0] = '\0';
        fault_free(none);
        struct reaping r = {.keep = current};
        TRY(shred_walk(root, count_one, &r));
        return r.found > keep ? shred_walk(root, reap_one, &r) : NULL;
}

struct fault *generation_wipe(int root)
{
        (void) unlinkat(root, DATA_LINK, 0); /* readers see the end at once; missing is fine */
        struct reaping r = {.keep = "", .all = true};
        return shred_walk(root, reap_one, &r);
}
