/* The tree of checks (facts.h). In JSON it is a list in depth-first order, each with its depth: nesting would run into
 * the limit of levels that everybody who reads JSON here has. */
#include <assert.h>

#include "lib/base/utf8.h"
#include "lib/model/facts.h"
#include "lib/wire/json_out.h"

#define CHECKS_MAX      4096 /* of one tree that is read */
#define CHECK_DEPTH_MAX 32

/* A check is what was compared, not what was sent: a longer text is cut. */
#define CHECK_TEXT_MAX 512
#define CHECK_CUT      "..."

/* ---- building ---------------------------------------------------------------------------------------------------- */
/* Nothing to escape and nothing to cut: nearly every text. */
static bool is_plain(const char *text)
{
        size_t len = 0;
        while (text[len] >= 0x20 && text[len] < 0x7f && len <= CHECK_TEXT_MAX)
                len++;
        return text[len] == '\0' && len <= CHECK_TEXT_MAX;
}

/* Control characters and bytes that are no UTF-8 become \xNN. */
static char *escape(const char *text)
{
        struct span left = span_str(text);
        char *clean = alloc_zero(CHECK_TEXT_MAX + 1, 1);
        size_t len = 0, cut_at = 0; /* the last end of a character that leaves room for the mark */
        while (left.len > 0) {
                static const char digits[] = "0123456789abcdef";
                uint32_t point = 0;
                size_t taken = utf8_decode(left.data, left.len, &point);
                bool is_clean = taken > 0 && !utf8_is_control(point);
                size_t need = is_clean ? taken : 4;
                if (len + need > CHECK_TEXT_MAX) {
                        memcpy(clean + cut_at, CHECK_CUT, sizeof CHECK_CUT);
                        return clean;
                }
                if (is_clean)
                        memcpy(clean + len, left.data, taken);
                else
                        memcpy(clean + len,
                               (const char[]){'\\', 'x', digits[left.data[0] >> 4], digits[left.data[0] & 15]}, 4);
                len += need;
                if (len + sizeof CHECK_CUT - 1 <= CHECK_TEXT_MAX)
                        cut_at = len;
                left = span_slice(left, is_clean ? taken : 1, left.len - (is_clean ? taken : 1));
        }
        clean[len] = '\0';
        return clean;
}

/* A text on its way into a check's block. NULL stays NULL. */
struct shown {
        char *clean;      /* NULL: there was nothing to escape */
        const char *text; /* that, or the caller's */
        size_t size;      /* with its NUL */
};

static struct shown show(const char *text)
{
        char *clean = text == NULL || is_plain(text) ? NULL : escape(text);
        const char *shown = clean != NULL ? clean : text;
        return (struct shown){clean, shown, shown == NULL ? 0 : strlen(shown) + 1};
}

/* Into the room at `*at`, which moves on. */
static const char *place(char **at, const struct shown *s)
{
        if (s->text == NULL)
                return NULL;
        const char *where = memcpy(*at, s->text, s->size);
        *at += s->size;
        free(s->clean);
        return where;
}

/* One block for a check and its texts: an appraisal has dozens of them. */
static struct check *make(const char *name, bool ok, const char *wanted, const char *got)
{
        struct shown n = show(name), w = show(wanted), g = show(got);
        struct check *c = alloc_zero(1, sizeof *c + n.size + w.size + g.size);
        char *at = (char *) (c + 1);
        c->name = place(&at, &n);
        c->ok = ok;
        c->wanted = place(&at, &w);
        c->got = place(&at, &g);
        c->origin = -1;
        return c;
}

struct check *check_new(const char *name, bool ok)
{
        return make(name, ok, NULL, NULL);
}

struct check *check_add(struct check *parent, const char *name, bool ok, const char *wanted, const char *got,
                        int origin)
{
        assert(origin >= -1 && origin < ORIGIN_COUNT);
        struct check *c = make(name, ok, wanted, got);
        c->origin = origin;
        check_adopt(parent, c);
        return c;
}

void check_set_owner(struct check *c, const char *owner)
{
        struct shown o = show(owner);
        free(c->owner);
        c->owner = o.clean != NULL || owner == NULL ? o.clean : alloc_string(owner);
}

void check_adopt(struct check *parent, struct check *child)
{
        size_t count = parent->child_count;
        bool is_full = (count & (count - 1)) == 0; /* there is room for the next power of two */
        if (is_full)
                parent->children = alloc_resize(parent->children, count == 0 ? 1 : 2 * count, sizeof(struct check *));
        parent->children[parent->child_count++] = child;
}

static void free_one(struct check *c)
{
        free(c->owner);
        free(c->children);
        free(c);
}

/* No recursion and no stack: a child's children move up to `c` before the child goes. */
void check_free(struct check *c)
{
        if (c == NULL)
                return;
        while (c->child_count > 0) {
                struct check *last = c->children[--c->child_count];
                while (last->child_count > 0)
                        check_adopt(c, last->children[--last->child_count]);
                free_one(last);
        }
        free_one(c);
}

/* ---- walking ----------------------------------------------------------------------------------------------------- */
struct walk_level {
        const struct check *c;
        size_t next_child;
};
struct walk {
        size_t depth; /* of levels in use */
        size_t cap;
        struct walk_level *levels;
};

static void walk_clear(struct walk *w)
{
        free(w->levels);
}
DEFINE_AUTO_VALUE(walk)

static void walk_push(struct walk *w, const struct check *c)
{
        if (w->depth == w->cap) {
                w->cap = w->cap == 0 ? 16 : w->cap * 2;
                w->levels = alloc_resize(w->levels, w->cap, sizeof *w->levels);
        }
        w->levels[w->depth++] = (struct walk_level){c, 0};
}

/* The next in depth-first order after the one on top, which is now there; NULL: that was all. */
static const struct check *walk_next(struct walk *w)
{
        while (w->depth > 0) {
                struct walk_level *top = &w->levels[w->depth - 1];
                if (top->next_child < top->c->child_count) {
                        walk_push(w, top->c->children[top->next_child++]);
                        return w->levels[w->depth - 1].c;
                }
                w->depth--;
        }
        return NULL;
}

/* Through failed ones only: below an `any` that held, a failure is no reason. A failed check without failed children is
 * the leaf. */
const struct check *check_first_failure(const struct check *c)
{
        if (c == NULL || c->ok)
                return NULL;
        for (;;) {
                const struct check *failed = NULL;
                for (size_t i = 0; failed == NULL && i < c->child_count; i++)
                        failed = c->children[i]->ok ? NULL : c->children[i];
                if (failed == NULL)
                        return c;
                c = failed;
        }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */
static struct json *one_to_json(const struct check *c, size_t depth)
{
        struct json *j = json_new_object();
        json_set_int(j, "depth", (int64_t) depth);
        json_set_text(j, "name", c->name);
        json_set_bool(j, "ok", c->ok);
        if (c->wanted != NULL)
                json_set_text(j, "wanted", c->wanted);
        if (c->got != NULL)
                json_set_text(j, "got", c->got);
        if (c->origin >= 0)
                json_set_text(j, "origin", origin_name((enum origin) c->origin));
        if (c->owner != NULL)
                json_set_text(j, "owner", c->owner);
        return j;
}

struct json *check_to_json(const struct check *c)
{
        struct json *list = json_new_array();
        AUTO(walk) struct walk w = {0};
        walk_push(&w, c);
        for (const struct check *at = c; at != NULL; at = walk_next(&w))
                json_push(list, one_to_json(at, w.depth - 1));
        return list;
}

static void out_known(struct json_out *o, const char *key, const char *text)
{
        if (text != NULL)
                json_out_text(o, key, text);
}

static void one_out(const struct check *c, size_t depth, struct json_out *o)
{
        json_out_object(o, NULL);
        json_out_int(o, "depth", (int64_t) depth);
        out_known(o, "got", c->got);
        json_out_text(o, "name", c->name);
        json_out_bool(o, "ok", c->ok);
        if (c->origin >= 0)
                json_out_text(o, "origin", origin_name((enum origin) c->origin));
        out_known(o, "owner", c->owner);
        out_known(o, "wanted", c->wanted);
        json_out_close(o);
}

/* Straight into text: a record has some dozens, and as a tree they were most of what writing it cost. */
void check_write_items(const struct check *c, size_t depth, struct buf *out)
{
        AUTO(walk) struct walk w = {0};
        struct json_out o = {.out = out};
        walk_push(&w, c);
        for (const struct check *at = c; at != NULL; at = walk_next(&w)) {
                if (at != c)
                        json_out_comma(&o);
                one_out(at, depth + w.depth - 1, &o);
        }
        struct fault *f = json_out_end(&o);
        assert(f == NULL); /* no limit, and no tree in it */
        fault_free(f);
}

/* NULL: not there. JSON's texts end with a NUL and have none inside. */
static struct fault *read_text(const struct json *o, const char *key, const char **ret)
{
        struct span text = SPAN_NONE;
        TRY(json_want_text(o, key, CHECK_TEXT_MAX, &text));
        *ret = (const char *) text.data;
        return NULL;
}

static struct fault *read_origin(const struct json *o, int *ret)
{
        struct span origin = SPAN_NONE;
        TRY(json_want_text(o, "origin", CHECK_TEXT_MAX, &origin));
        if (origin.data == NULL) {
                *ret = -1;
                return NULL;
        }
        for (int i = 0; i < ORIGIN_COUNT; i++)
                if (span_eq_str(origin, origin_name((enum origin) i))) {
                        *ret = i;
                        return NULL;
                }
        return fault(FAULT_INVALID, "BAD_FIELD", "no such origin");
}

static struct fault *read_one(const struct json *o, struct check **ret)
{
        const char *name = NULL, *wanted = NULL, *got = NULL, *owner = NULL;
        bool ok = false;
        int origin = -1;
        TRY(json_only_keys(o, (const char *const[]){"depth", "name", "ok", "wanted", "got", "origin", "owner", NULL}));
        TRY(read_text(o, "name", &name));
        if (name == NULL)
                return fault(FAULT_INVALID, "BAD_FIELD", "member \"name\" is missing");
        TRY(json_need_bool(o, "ok", &ok));
        TRY(read_text(o, "wanted", &wanted));
        TRY(read_text(o, "got", &got));
        TRY(read_text(o, "owner", &owner));
        TRY(read_origin(o, &origin));
        *ret = make(name, ok, wanted, got);
        (*ret)->origin = origin;
        check_set_owner(*ret, owner);
        return NULL;
}

struct fault *check_from_json(const struct json *j, struct check **ret)
{
        if (json_kind(j) != JSON_ARRAY || json_count(j) == 0 || json_count(j) > CHECKS_MAX)
                return fault(FAULT_INVALID, "BAD_FIELD", "checks are a list of 1 to %d", CHECKS_MAX);

        AUTO(check) struct check *root = NULL;
        struct check *path[CHECK_DEPTH_MAX];
        int64_t last = 0;
        for (size_t i = 0; i < json_count(j); i++) {
                const struct json *item = json_at(j, i);
                int64_t min = i == 0 ? 0 : 1, max = i == 0 ? 0 : last + 1, depth = 0;
                TRY_AS(json_need_int(item, "depth", min, max < CHECK_DEPTH_MAX ? max : CHECK_DEPTH_MAX - 1, &depth),
                       "checks[%zu]", i);
                TRY_AS(read_one(item, &path[depth]), "checks[%zu]", i);
                if (i == 0)
                        root = path[0];
                else
                        check_adopt(path[depth - 1], path[depth]);
                last = depth;
        }
        *ret = TAKE(root);
        return NULL;
}

/* ---- for a terminal ---------------------------------------------------------------------------------------------- */
static struct fault *print_one(const struct check *c, size_t depth, struct buf *out)
{
        for (size_t i = 0; i < depth; i++)
                TRY(buf_append_str(out, "  "));
        TRY(buf_printf(out, "%s %s", c->ok ? "ok  " : "FAIL", c->name));
        if (c->wanted != NULL)
                TRY(buf_printf(out, "  wanted %s", c->wanted));
        if (c->got != NULL)
                TRY(buf_printf(out, "  got %s", c->got));
        const char *origin = c->origin >= 0 ? origin_name((enum origin) c->origin) : NULL;
        if (origin != NULL || c->owner != NULL)
                TRY(buf_printf(out, "  (%s%s%s)", origin == NULL ? "" : origin,
                               origin != NULL && c->owner != NULL ? ", " : "", c->owner == NULL ? "" : c->owner));
        return buf_append_byte(out, '\n');
}

struct fault *check_print(const struct check *c, struct buf *out)
{
        AUTO(walk) struct walk w = {0};
        walk_push(&w, c);
        for (const struct check *at = c; at != NULL; at = walk_next(&w))
                TRY(print_one(at, w.depth - 1, out));
        return NULL;
}
