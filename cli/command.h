/* command: what a subcommand of `vouchsafe` is. A command finds out (JSON) and says how that reads for a person; main
 * chooses by --output. Commands neither print nor exit, so tests call them like any function. */
#pragma once

#include "lib/base/clock.h"
#include "lib/wire/json.h"

#define EXIT_FINE     0
#define EXIT_NEGATIVE 1 /* asked and answered: refused, not found, something doesn't fit */
#define EXIT_TROUBLE  2 /* could not be asked: usage, files, connections */

#define OUTPUT_MAX ((size_t) 32 << 20)

struct flag {
        const char *name;  /* without dashes; NULL ends a table */
        const char *value; /* what --help calls it; NULL: a switch */
        const char *help;
};
#define FLAGS_GIVEN_MAX 32
#define WORDS_GIVEN_MAX 256
enum output { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_EAR };
struct invocation {
        const struct clock *clock;
        enum output output;
        size_t word_count;
        const char *words[WORDS_GIVEN_MAX + 1]; /* NULL-terminated; borrowed from argv */
        size_t flag_count;
        struct {
                const struct flag *flag;
                const char *value; /* of a switch: "" */
        } flags[FLAGS_GIVEN_MAX];
};
struct command {
        const char *words[2]; /* "policy", "check"; the second may be NULL */
        const char *arguments, *summary, *help;
        const struct flag *flags;
        size_t words_min, words_max;
        bool has_ear; /* --output ear is for it */
        /* *ret_exit is EXIT_FINE when it comes in. A fault means trouble. */
        struct fault *(*run)(const struct invocation *in, struct json **ret, int *ret_exit);
        struct fault *(*print)(const struct json *result, struct buf *out);
};
extern const struct command command_policy_check, command_record, command_inspect, command_keys_list,
        command_keys_forget, command_appraise, command_decode, command_endorsements_export, command_endorsements_import,
        command_endorsements_status, command_evidence, command_stored_create, command_stored_import,
        command_stored_list, command_stored_show, command_stored_rotate, command_stored_destroy, command_stored_rewrap;
extern const struct command *const commands[]; /* NULL-terminated */

const char *invocation_flag(const struct invocation *in, const char *name); /* the last one's value; NULL: not given */
/* All values of a flag, at most `max` and a NULL after them. */
size_t invocation_flag_all(const struct invocation *in, const char *name, const char **ret, size_t max);

enum arguments_next { ARGUMENTS_RUN, ARGUMENTS_HELP, ARGUMENTS_VERSION };
struct arguments {
        const struct command *command; /* NULL: help of all */
        struct invocation in;
};
/* FAULT_INVALID "USAGE" saying what is wrong. */
struct fault *arguments_read(int argc, char **argv, struct arguments *ret, enum arguments_next *ret_next) MUST_USE;
struct fault *arguments_help(const struct command *c, struct buf *out) MUST_USE; /* NULL: of all */

/* text.c: for the print functions. Text of a member that is text, `fallback` otherwise; never NULL when fallback isn't. */
const char *member_text(const struct json *o, const char *key, const char *fallback);
/* A time that is a number of Unix seconds under `key` as "2026-11-23T18:00:00Z"; "" when there is none. */
void member_time(const struct json *o, const char *key, char ret[WALL_TEXT_LEN + 1]);
/* "name        value\n", nothing when `value` is NULL or empty. Control characters in value are escaped. */
struct fault *print_field(struct buf *out, const char *name, const char *value) MUST_USE;
/* The text alone, cleaned in the same way. */
struct fault *print_text(struct buf *out, const char *text) MUST_USE;
struct fault *print_tree(struct buf *out,
                         const struct json *tree) MUST_USE; /* a check's JSON; nothing when it is none */
/* record.c: a decision record, with or without the ledger's frame. */
struct fault *print_record(const struct json *result, struct buf *out) MUST_USE;
