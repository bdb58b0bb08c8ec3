#include "csi/store/mountinfo.h"

#include "lib/base/file.h"
#include "lib/base/parse.h"

/* A node with tens of thousands of leaked mounts is known (and is what this file helps not to repeat): 49,153 lines of 300 bytes. */
#define MOUNTINFO_BYTES_MAX (32u << 20)

static void entry_clear(struct mountinfo_entry *e)
{
        free(e->path);
        free(e->fs_type);
        free(e->source);
        *e = (struct mountinfo_entry){0};
}

void mountinfo_clear(struct mountinfo *m)
{
        for (size_t i = 0; i < m->count; i++)
                entry_clear(&m->entries[i]);
        free(m->entries);
        *m = (struct mountinfo){0};
}

/* Takes what stands before the next `separator` off the front, and the separator with it. */
static bool take_until(struct span *text, uint8_t separator, struct span *ret)
{
        if (text->data == NULL)
                return false;
        const uint8_t *end = text->len > 0 ? memchr(text->data, separator, text->len) : NULL;
        if (end == NULL) {
                *ret = *text;
                *text = SPAN_NONE;
                return true;
        }
        size_t len = (size_t) (end - text->data);
        *ret = span_slice(*text, 0, len);
        *text = span_slice(*text, len + 1, text->len - len - 1);
        return true;
}

static bool is_octal(uint8_t byte)
{
        return byte >= '0' && byte <= '7';
}

/* \040 and the like; the kernel escapes blank, tab, newline, backslash and, since 6.x, '#'. */
static bool unescape(struct span field, char **ret)
{
        AUTO_STRING char *text = alloc_zero(1, field.len + 1);
        size_t len = 0;
        for (size_t i = 0; i < field.len; i++) {
                uint8_t byte = field.data[i];
                if (byte == '\\') {
                        if (field.len - i < 4 || field.data[i + 1] > '3' || !is_octal(field.data[i + 1]) ||
                            !is_octal(field.data[i + 2]) || !is_octal(field.data[i + 3]))
                                return false;
                        byte = (uint8_t) ((field.data[i + 1] - '0') << 6 | (field.data[i + 2] - '0') << 3 |
                                          (field.data[i + 3] - '0'));
                        i += 3;
                }
                if (byte == 0)
                        return false;
                text[len++] = (char) byte;
        }
        *ret = TAKE(text);
        return true;
}

static bool parse_id(struct span field, uint64_t *ret)
{
        AUTO(fault) struct fault *f = parse_u64(field, 0, UINT64_MAX, ret);
        return f == NULL;
}

/* major:minor */
static bool is_device(struct span field)
{
        struct span major;
        uint64_t number;
        return take_until(&field, ':', &major) && parse_id(major, &number) && parse_id(field, &number);
}

static bool has_option(struct span options, const char *name)
{
        struct span option;
        while (take_until(&options, ',', &option)) {
                if (span_eq_str(option, name))
                        return true;
        }
        return false;
}

/* 36 35 98:0 /root /mount/point rw,noatime shared:1 master:2 - fstype source superoptions */
static bool parse_line(struct span line, struct mountinfo_entry *e)
{
        struct span id, parent, device, root, path, options, optional, fs_type, source, super;
        if (!take_until(&line, ' ', &id) || !take_until(&line, ' ', &parent) || !take_until(&line, ' ', &device) ||
            !take_until(&line, ' ', &root) || !take_until(&line, ' ', &path) || !take_until(&line, ' ', &options))
                return false;
        do {
                if (!take_until(&line, ' ', &optional))
                        return false;
        } while (!span_eq(optional, SPAN("-")));
        if (!take_until(&line, ' ', &fs_type) || !take_until(&line, ' ', &source))
                return false;
        super = line; /* some file systems (9p) show blanks in their options as they are */
        if (!is_device(device) || root.len == 0 || path.len == 0 || path.data[0] != '/' || options.len == 0 ||
            fs_type.len == 0 || super.len == 0 || super.data[0] == ' ')
                return false;

        e->read_only = has_option(options, "ro");
        return parse_id(id, &e->id) && parse_id(parent, &e->parent) && unescape(path, &e->path) &&
               unescape(fs_type, &e->fs_type) && unescape(source, &e->source);
}

struct fault *mountinfo_parse(struct span text, struct mountinfo *ret)
{
        AUTO(mountinfo) struct mountinfo m = {0};
        if (text.len > 0 && text.data[text.len - 1] != '\n')
                return fault(FAULT_INTERNAL, "BAD_MOUNTINFO", "the last line has no end");
        if (span_has_nul(text))
                return fault(FAULT_INTERNAL, "BAD_MOUNTINFO", "a NUL, which the kernel never writes");
        struct span line;
        for (size_t number = 1; text.len > 0 && take_until(&text, '\n', &line); number++) {
                struct mountinfo_entry e = {0};
                if (!parse_line(line, &e)) {
                        entry_clear(&e);
                        return fault(FAULT_INTERNAL, "BAD_MOUNTINFO", "line %zu is not in the kernel's form", number);
                }
                if (m.count == m.room) {
                        m.room = m.room == 0 ? 64 : m.room * 2;
                        m.entries = alloc_resize(m.entries, m.room, sizeof(*m.entries));
                }
                m.entries[m.count++] = e;
        }
        *ret = m;
        m = (struct mountinfo){0};
        return NULL;
}

struct fault *mountinfo_read(struct mountinfo *ret)
{
        AUTO(buf) struct buf text = BUF(MOUNTINFO_BYTES_MAX);
        TRY_AS(file_read("/proc/self/mountinfo", &text), "list mounts");
        TRY_AS(mountinfo_parse(buf_span(&text), ret), "list mounts");
        return NULL;
}

/* Of mounts stacked at one path each stands on the root of the one below: the top is nobody's parent among them. */
static bool is_covered(const struct mountinfo *m, const struct mountinfo_entry *e)
{
        for (size_t i = 0; i < m->count; i++) {
                if (m->entries[i].parent == e->id && m->entries[i].id != e->id &&
                    strcmp(m->entries[i].path, e->path) == 0)
                        return true;
        }
        return false;
}

size_t mountinfo_find(const struct mountinfo *m, const char *path, const struct mountinfo_entry **ret_top)
{
        size_t stacked = 0;
        const struct mountinfo_entry *top = NULL;
        for (size_t i = 0; i < m->count; i++) {
                const struct mountinfo_entry *e = &m->entries[i];
                if (strcmp(e->path, path) != 0)
                        continue;
                stacked++;
                if (!is_covered(m, e))
                        top = e;
        }
        if (ret_top != NULL)
                *ret_top = top;
        return stacked;
}

const struct mountinfo_entry *mountinfo_by_id(const struct mountinfo *m, uint64_t id)
{
        for (size_t i = 0; i < m->count; i++) {
                if (m->entries[i].id == id)
                        return &m->entries[i];
        }
        return NULL;
}
