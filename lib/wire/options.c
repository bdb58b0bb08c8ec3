#include "lib/wire/options.h"

#include <stdio.h>

#include "lib/base/file.h"
#include "lib/wire/option_fill.h"
#include "lib/wire/option_value.h"

#define CONFIG_BYTES_MAX (1u << 20)
#define HELP_BYTES_MAX   (1u << 18)
#define FLAGS_MAX        512 /* of one command line */

/* A flag of the command line, understood but not yet applied: the file comes first. */
struct flag {
        const struct option *row;
        const char *value;
};
struct command_line {
        struct option_fill *fill;
        const char *const *flags_alone;
        const char *config_path; /* NULL: none */
        bool help, version;
        unsigned flags_seen;
        int word_count;
        size_t flag_count;
        struct flag flags[FLAGS_MAX];
};

/* ---- the command line -------------------------------------------------------------------------------------------- */
static bool take_flag_alone(struct command_line *c, const char *arg)
{
        for (unsigned bit = 0; c->flags_alone != NULL && c->flags_alone[bit] != NULL; bit++)
                if (strcmp(arg, c->flags_alone[bit]) == 0) {
                        c->flags_seen |= 1u << bit;
                        return true;
                }
        return false;
}

/* The value of a flag without '=': the next word, unless that is a flag; a bool needs none. */
static const char *next_value(const struct option *row, int argc, char **argv, int *at)
{
        const char *next = *at + 1 < argc ? argv[*at + 1] : NULL;
        if (row != NULL && row->type == OPTION_BOOL) {
                if (next == NULL || (strcmp(next, "true") != 0 && strcmp(next, "false") != 0))
                        return "true";
        } else if (next == NULL || (next[0] == '-' && next[1] == '-')) {
                return NULL;
        }
        (*at)++;
        return next;
}

static struct fault *take_flag(struct command_line *c, int argc, char **argv, int *at)
{
        const char *name = argv[*at] + 2, *equals = strchr(name, '=');
        struct span key = span_make(name, equals == NULL ? strlen(name) : (size_t) (equals - name));
        bool is_config = span_eq_str(key, "config");
        const struct option *row = is_config ? NULL : option_fill_find(c->fill, key);
        if (!is_config && row == NULL)
                return option_fill_unknown(c->fill, name);

        const char *value = equals != NULL ? equals + 1 : next_value(row, argc, argv, at);
        if (value == NULL)
                return fault(FAULT_INVALID, "BAD_OPTION", "--%s needs a value", name);
        if (is_config) {
                if (c->config_path != NULL)
                        return fault(FAULT_INVALID, "DUPLICATE_OPTION", "option \"config\" is given twice");
                c->config_path = value;
                return NULL;
        }
        if (c->flag_count == FLAGS_MAX)
                return fault(FAULT_INVALID, "BAD_OPTION", "more than %d flags", FLAGS_MAX);
        c->flags[c->flag_count++] = (struct flag){row, value};
        return NULL;
}

/* Words are moved to the front of argv, which they never overtake. */
static struct fault *read_command_line(struct command_line *c, int argc, char **argv)
{
        bool words_only = false;
        for (int at = 1; at < argc; at++) {
                char *arg = argv[at];
                if (words_only || arg[0] != '-' || arg[1] == '\0')
                        argv[1 + c->word_count++] = arg;
                else if (strcmp(arg, "--") == 0)
                        words_only = true;
                else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
                        c->help = true;
                else if (strcmp(arg, "--version") == 0)
                        c->version = true;
                else if (arg[1] != '-')
                        return fault(FAULT_INVALID, "UNKNOWN_OPTION", "unknown option \"%.64s\": options start with --",
                                     arg);
                else if (!take_flag_alone(c, arg))
                        TRY(take_flag(c, argc, argv, &at));
        }
        return NULL;
}

/* ---- help -------------------------------------------------------------------------------------------------------- */
static struct fault *help_rows(const struct option *rows, const char *indent, struct buf *out)
{
        for (; rows->name != NULL; rows++) {
                TRY(buf_printf(out, "%s--%s  (", indent, rows->name));
                TRY(option_value_describe(rows, out));
                if (rows->required)
                        TRY(buf_append_str(out, "; required"));
                if (rows->fallback != NULL)
                        TRY(buf_printf(out, "; default %s", rows->fallback[0] == '\0' ? "empty" : rows->fallback));
                TRY(buf_printf(out, ")\n%s    %s\n", indent, rows->help));
        }
        return NULL;
}

static struct fault *help_list(const struct option *row, struct buf *out)
{
        TRY(buf_printf(out, "\nEach item of %s, in the configuration file:\n", row->name));
        for (const struct option *inner = row->rows; inner->name != NULL; inner++) {
                TRY(buf_printf(out, "  %s  (", inner->name));
                TRY(option_value_describe(inner, out));
                TRY(buf_printf(out, "%s%s%s)\n      %s\n", inner->required ? "; required" : "",
                               inner->fallback != NULL ? "; default " : "",
                               inner->fallback != NULL ? inner->fallback : "", inner->help));
        }
        return NULL;
}

static struct fault *help_write(const struct program *p, const char *const *flags_alone, struct buf *out)
{
        TRY(buf_printf(out, "%s: %s\n\nusage: %s [--config FILE] [--name=value]...\n\n", p->name, p->summary, p->name));
        TRY(buf_append_str(out,
                           "  --config  (file)\n      YAML file with the options below; a dot in a name is a nested "
                           "mapping there. Flags override it.\n"));
        TRY(buf_append_str(out, "  --help, --version\n"));
        for (; flags_alone != NULL && *flags_alone != NULL; flags_alone++)
                TRY(buf_printf(out, "  %s\n", *flags_alone));
        TRY(help_rows(p->options, "  ", out));
        for (const struct option *row = p->options; row->name != NULL; row++)
                if (row->type == OPTION_ITEMS)
                        TRY(help_list(row, out));
        return NULL;
}

static struct fault *print_help(const struct program *p, const char *const *flags_alone)
{
        AUTO(buf) struct buf text = BUF(HELP_BYTES_MAX);
        TRY(help_write(p, flags_alone, &text));
        return fd_write_all(STDOUT_FILENO, buf_span(&text));
}

static struct fault *print_version(const struct program *p)
{
        AUTO(buf) struct buf text = BUF(256);
        TRY(buf_printf(&text, "%s %s\n", p->name, VOUCHSAFE_VERSION));
        return fd_write_all(STDOUT_FILENO, buf_span(&text));
}

/* ---- all together ------------------------------------------------------------------------------------------------ */
static struct fault *apply(const struct command_line *c)
{
        option_fill_defaults(c->fill);
        if (c->config_path != NULL) {
                AUTO(buf) struct buf text = BUF(CONFIG_BYTES_MAX);
                TRY_AS(file_read(c->config_path, &text), "configuration %s", c->config_path);
                TRY(option_fill_yaml(c->fill, c->config_path, buf_span(&text)));
        }
        for (size_t i = 0; i < c->flag_count; i++)
                TRY(option_fill_flag(c->fill, c->flags[i].row, c->flags[i].value));
        return option_fill_require(c->fill);
}

struct fault *program_args_read(const struct program *p, int argc, char **argv, const char *const *flags_alone,
                                struct program_args *ret, enum program_next *ret_next)
{
        struct option_fill fill = {.rows = p->options};
        struct command_line c = {.fill = &fill, .flags_alone = flags_alone};
        TRY(read_command_line(&c, argc, argv));
        if (c.help || c.version) {
                TRY(c.help ? print_help(p, flags_alone) : print_version(p));
                *ret = (struct program_args){0};
                *ret_next = PROGRAM_DONE;
                return NULL;
        }

        fill.config = alloc_zero(1, p->config_size);
        struct fault *f = apply(&c);
        if (f != NULL) {
                options_free(p, fill.config);
                return f;
        }
        *ret = (struct program_args){fill.config, c.flags_seen, c.word_count, argv + 1};
        *ret_next = PROGRAM_RUN;
        return NULL;
}

struct fault *options_read_yaml(const struct program *p, const char *name, struct span text, void *config)
{
        struct option_fill fill = {.rows = p->options, .config = config};
        memset(config, 0, p->config_size);
        option_fill_defaults(&fill);
        struct fault *f = option_fill_yaml(&fill, name, text);
        if (f == NULL)
                f = option_fill_require(&fill);
        if (f != NULL) {
                option_fill_clear(&fill);
                memset(config, 0, p->config_size);
        }
        return f;
}

void options_free(const struct program *p, void *config)
{
        if (config == NULL)
                return;
        option_fill_clear(&(struct option_fill){.rows = p->options, .config = config});
        free(config);
}
