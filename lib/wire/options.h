/* options: a program's configuration as a table.
 *
 * An option is one row: name, type, default, bounds, help. From the table come the reading of the YAML file, the
 * command line (`--name=value` for every scalar row, dots included), --help, and every check. After start, text is
 * gone: code sees the program's own `struct config`, filled by offset. An unknown key is an error that names file, line
 * and the nearest known name. Dotted names are nested mappings in YAML: `tpm.tcti` is `tpm: {tcti: …}`. The environment
 * is not read.
 *
 * Faults (all FAULT_INVALID): "UNKNOWN_OPTION", "BAD_OPTION" (a value of the wrong shape or out of bounds),
 * "DUPLICATE_OPTION", "MISSING_OPTION", "BAD_YAML", and those of file_read for the configuration file. A fault leaves
 * nothing behind. */
#pragma once

#include <stddef.h>

#include "lib/base/span.h"

enum option_type {
        OPTION_TEXT,     /* char *; NULL when unset and without default */
        OPTION_BOOL,     /* bool */
        OPTION_COUNT,    /* uint64_t within min..max */
        OPTION_DURATION, /* int64_t milliseconds within min..max */
        OPTION_SIZE,     /* uint64_t bytes within min..max */
        OPTION_MODE,     /* uint32_t */
        OPTION_CHOICE,   /* int, index into `choices` */
        OPTION_TEXTS,    /* struct option_texts: a YAML sequence; on the command line repeated flags */
        OPTION_ITEMS,    /* struct option_items: a YAML sequence of mappings, each by the table `items` */
};
struct option_texts {
        size_t count;
        char **texts;
};
struct option_items {
        size_t count;
        void **items; /* each `item_size` bytes, filled by the table `rows` */
};
struct option {
        const char *name; /* kebab-case, dots for nesting: "tpm.tcti" */
        enum option_type type;
        size_t offset;
        const char *fallback;       /* default as text; NULL: none */
        bool required;              /* must be given, non-empty */
        int64_t min, max;           /* numbers, durations (ms), sizes */
        const char *const *choices; /* NULL-terminated */
        const struct option *rows;  /* OPTION_ITEMS: terminated by a row without name */
        size_t item_size;
        const char *help;
};

struct program {
        const char *name;             /* "vouchsafe-csi" */
        const char *summary;          /* one line for --help */
        const struct option *options; /* terminated by a row without name */
        size_t config_size;
};

enum program_next { PROGRAM_RUN, PROGRAM_DONE };
/* A flag is `--name=value` or `--name value`; a bool alone means true, and takes `true` or `false` as the next word.
 * Nothing after `--` is a flag. --help (-h) and --version print and give PROGRAM_DONE. --config FILE is read first,
 * then flags override it. Words that are no flags are left in `words` for programs with subcommands. `flags_alone`
 * (NULL-terminated, may be NULL) are switches without value that the program reads itself ("--probe"): bit n of
 * `flags_seen` is set for the n-th. `config` is the caller's, freed by options_free; NULL when it is PROGRAM_DONE. */
struct program_args {
        void *config;
        unsigned flags_seen;
        int word_count;
        char **words; /* borrowed from argv, whose words are moved to its front */
};
struct fault *program_args_read(const struct program *p, int argc, char **argv, const char *const *flags_alone,
                                struct program_args *ret, enum program_next *ret_next) MUST_USE;
/* The YAML part alone, for tests and reloads: defaults, the text, what is required. `config` is overwritten; it was
 * zeroed or freed before, and is zeroed after a fault. */
struct fault *options_read_yaml(const struct program *p, const char *name, struct span text, void *config) MUST_USE;
void options_free(const struct program *p, void *config);

/* Start of every main(): names the log, PR_SET_DUMPABLE 0, umask 077, SIGPIPE ignored, SIGTERM/SIGINT/SIGHUP blocked in
 * this thread and so in every later one, warns when secrets can't be locked. Call before any library starts threads. */
void program_init(const char *name);
/* For programs that are on every node: few heaps, and what is free goes back to the kernel. */
void program_use_little_memory(void);
/* Waits for SIGTERM or SIGINT (returns it), calling on_hangup(arg) for SIGHUP; on_hangup may be NULL. */
int program_wait(void (*on_hangup)(void *arg), void *arg);
/* Logs "start_failed" with the fault, prints its text for a person, returns the exit code 1. Frees the fault. */
int program_fail(struct fault *f);
