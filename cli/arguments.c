#include "cli/command.h"

#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {&command_policy_check,
                                          &command_record,
                                          &command_inspect,
                                          &command_keys_list,
                                          &command_keys_forget,
                                          &command_appraise,
                                          &command_decode,
                                          &command_endorsements_export,
                                          &command_endorsements_import,
                                          &command_endorsements_status,
                                          &command_evidence,
                                          &command_stored_create,
                                          &command_stored_import,
                                          &command_stored_list,
                                          &command_stored_show,
                                          &command_stored_rotate,
                                          &command_stored_destroy,
                                          &command_stored_rewrap,
                                          NULL};

static const struct flag common[] = {
        {"output", "text|json", "for people (text, the default) or for programs (json)"},
        {"help", NULL, "this text"},
        {"version", NULL, "the program's version"},
        {NULL, NULL, NULL},
};

const char *invocation_flag(const struct invocation *in, const char *name)
{
        for (size_t i = in->flag_count; i-- > 0;)
                if (strcmp(in->flags[i].flag->name, name) == 0)
                        return in->flags[i].value;
        return NULL;
}

size_t invocation_flag_all(const struct invocation *in, const char *name, const char **ret, size_t max)
{
        size_t count = 0;
        for (size_t i = 0; i < in->flag_count && count < max; i++)
                if (strcmp(in->flags[i].flag->name, name) == 0)
                        ret[count++] = in->flags[i].value;
        ret[count] = NULL;
        return count;
}

/* ---- which command ------------------------------------------------------------------------------------------------- */
static bool is_command(const struct command *c, char **argv, int argc, int *ret_used)
{
        int used = c->words[1] == NULL ? 1 : 2;
        if (argc < used || strcmp(argv[0], c->words[0]) != 0 || (used == 2 && strcmp(argv[1], c->words[1]) != 0))
                return false;
        *ret_used = used;
        return true;
}

static const struct command *find_command(char **argv, int argc, int *ret_used)
{
        for (const struct command *const *c = commands; *c != NULL; c++)
                if (is_command(*c, argv, argc, ret_used))
                        return *c;
        return NULL;
}

/* ---- flags: --name=value, --name value, --switch ------------------------------------------------------------------- */
static const struct flag *find_flag(const struct flag *table, const char *name, size_t len)
{
        for (; table != NULL && table->name != NULL; table++)
                if (strlen(table->name) == len && memcmp(table->name, name, len) == 0)
                        return table;
        return NULL;
}

static struct fault *take_output(struct arguments *a, const char *value)
{
        static const char *const names[] = {[OUTPUT_TEXT] = "text", [OUTPUT_JSON] = "json", [OUTPUT_EAR] = "ear"};
        for (size_t i = 0; i < COUNT_OF(names); i++)
                if (strcmp(value, names[i]) == 0 && (i != OUTPUT_EAR || (a->command != NULL && a->command->has_ear))) {
                        a->in.output = (enum output) i;
                        return NULL;
                }
        return fault(FAULT_INVALID, "USAGE", "--output is text or json%s, not %s",
                     a->command != NULL && a->command->has_ear ? " or ear" : "", value);
}

/* *ret_used: how many of argv it took. */
static struct fault *take_flag(struct arguments *a, int argc, char **argv, enum arguments_next *next, int *ret_used)
{
        const char *name = argv[0] + 2;
        const char *equals = strchr(name, '=');
        size_t len = equals != NULL ? (size_t) (equals - name) : strlen(name);
        const struct flag *flag = find_flag(common, name, len);
        bool is_common = flag != NULL;
        if (!is_common && a->command != NULL)
                flag = find_flag(a->command->flags, name, len);
        if (flag == NULL)
                return fault(FAULT_INVALID, "USAGE", "there is no option --%.*s", (int) len, name);
        if (flag->value == NULL && equals != NULL)
                return fault(FAULT_INVALID, "USAGE", "--%s takes no value", flag->name);
        if (flag->value != NULL && equals == NULL && argc < 2)
                return fault(FAULT_INVALID, "USAGE", "--%s needs a value: %s", flag->name, flag->value);

        const char *value = flag->value == NULL ? "" : equals != NULL ? equals + 1 : argv[1];
        *ret_used = flag->value != NULL && equals == NULL ? 2 : 1;
        if (is_common && flag->value != NULL)
                return take_output(a, value);
        if (is_common) {
                *next = flag->name[0] == 'h' ? ARGUMENTS_HELP : ARGUMENTS_VERSION;
                return NULL;
        }
        if (a->in.flag_count == FLAGS_GIVEN_MAX)
                return fault(FAULT_INVALID, "USAGE", "more than %d options", FLAGS_GIVEN_MAX);
        a->in.flags[a->in.flag_count].flag = flag;
        a->in.flags[a->in.flag_count++].value = value;
        return NULL;
}

struct fault *arguments_read(int argc, char **argv, struct arguments *ret, enum arguments_next *ret_next)
{
        struct arguments a = {0};
        enum arguments_next next = ARGUMENTS_RUN;
        bool only_words = false;
        for (int i = 1, used; i < argc; i += used) {
                used = 1;
                if (!only_words && strcmp(argv[i], "--") == 0) {
                        only_words = true;
                        continue;
                }
                if (!only_words && strncmp(argv[i], "--", 2) == 0) {
                        TRY(take_flag(&a, argc - i, argv + i, &next, &used));
                        continue;
                }
                if (a.command == NULL) {
                        a.command = find_command(argv + i, argc - i, &used);
                        if (a.command == NULL)
                                return fault(FAULT_INVALID, "USAGE", "there is no command \"%s\": see vouchsafe --help",
                                             argv[i]);
                        continue;
                }
                if (a.in.word_count == WORDS_GIVEN_MAX)
                        return fault(FAULT_INVALID, "USAGE", "more than %d arguments", WORDS_GIVEN_MAX);
                a.in.words[a.in.word_count++] = argv[i];
        }
        if (next == ARGUMENTS_RUN && a.command == NULL)
                return fault(FAULT_INVALID, "USAGE", "which command? see vouchsafe --help");
        if (next == ARGUMENTS_RUN && (a.in.word_count < a.command->words_min || a.in.word_count > a.command->words_max))
                return fault(FAULT_INVALID, "USAGE", "usage: vouchsafe %s%s%s %s", a.command->words[0],
                             a.command->words[1] == NULL ? "" : " ",
                             a.command->words[1] == NULL ? "" : a.command->words[1], a.command->arguments);
        *ret = a;
        *ret_next = next;
        return NULL;
}

/* ---- help ---------------------------------------------------------------------------------------------------------- */
static struct fault *help_flags(const struct flag *table, struct buf *out)
{
        for (; table != NULL && table->name != NULL; table++) {
                char left[64];
                (void) snprintf(left, sizeof left, "--%s%s%s", table->name, table->value == NULL ? "" : " ",
                                table->value == NULL ? "" : table->value); /* our own short words */
                TRY(buf_printf(out, "  %-24s %s\n", left, table->help));
        }
        return NULL;
}

struct fault *arguments_help(const struct command *c, struct buf *out)
{
        if (c == NULL) {
                TRY(buf_append_str(out, "vouchsafe: checks policies, explains credentials and their records\n\n"));
                for (const struct command *const *each = commands; *each != NULL; each++)
                        TRY(buf_printf(out, "  vouchsafe %s%s%s %s\n        %s\n", (*each)->words[0],
                                       (*each)->words[1] == NULL ? "" : " ",
                                       (*each)->words[1] == NULL ? "" : (*each)->words[1], (*each)->arguments,
                                       (*each)->summary));
        } else {
                TRY(buf_printf(out, "usage: vouchsafe %s%s%s %s\n%s\n\n%s\n", c->words[0],
                               c->words[1] == NULL ? "" : " ", c->words[1] == NULL ? "" : c->words[1], c->arguments,
                               c->summary, c->help));
        }
        TRY(buf_append_str(out, "\noptions:\n"));
        if (c != NULL)
                TRY(help_flags(c->flags, out));
        TRY(help_flags(common, out));
        return buf_append_str(out,
                              "\nexit status: 0 fine, 1 refused, not found or not fitting, 2 could not be asked\n");
}
