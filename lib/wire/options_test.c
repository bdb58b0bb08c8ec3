#include "lib/wire/options.h"

#include <fcntl.h>
#include <stdio.h>

#include "tests/fakes/expect.h"

struct peer {
        char *name;
        int64_t ttl_ms;
        struct option_texts pins;
};
struct config {
        char *listen, *tcti;
        bool verbose;
        uint64_t workers, size;
        int64_t timeout_ms;
        uint32_t mode;
        int level;
        struct option_texts banks;
        struct option_items peers;
};

static const struct option peer_rows[] = {
        {.name = "name", .type = OPTION_TEXT, .offset = offsetof(struct peer, name), .required = true, .help = "Who."},
        {.name = "ttl",
         .type = OPTION_DURATION,
         .offset = offsetof(struct peer, ttl_ms),
         .fallback = "1m",
         .help = "How long."},
        {.name = "pins", .type = OPTION_TEXTS, .offset = offsetof(struct peer, pins), .help = "Digests."},
        {0},
};
static const struct option rows[] = {
        {.name = "listen",
         .type = OPTION_TEXT,
         .offset = offsetof(struct config, listen),
         .required = true,
         .help = "Where."},
        {.name = "verbose",
         .type = OPTION_BOOL,
         .offset = offsetof(struct config, verbose),
         .fallback = "false",
         .help = "More."},
        {.name = "workers",
         .type = OPTION_COUNT,
         .offset = offsetof(struct config, workers),
         .fallback = "2",
         .min = 1,
         .max = 64,
         .help = "Threads."},
        {.name = "limits.size",
         .type = OPTION_SIZE,
         .offset = offsetof(struct config, size),
         .fallback = "1MiB",
         .help = "Bytes."},
        {.name = "limits.timeout",
         .type = OPTION_DURATION,
         .offset = offsetof(struct config, timeout_ms),
         .fallback = "30s",
         .min = 1000,
         .max = 60000,
         .help = "Time."},
        {.name = "mode",
         .type = OPTION_MODE,
         .offset = offsetof(struct config, mode),
         .fallback = "0440",
         .help = "Bits."},
        {.name = "log.level",
         .type = OPTION_CHOICE,
         .offset = offsetof(struct config, level),
         .fallback = "info",
         .choices = (const char *const[]){"debug", "info", "warn", NULL},
         .help = "Noise."},
        {.name = "tpm.tcti", .type = OPTION_TEXT, .offset = offsetof(struct config, tcti), .help = "Device."},
        {.name = "tpm.banks",
         .type = OPTION_TEXTS,
         .offset = offsetof(struct config, banks),
         .fallback = "sha256,sha384",
         .help = "Banks."},
        {.name = "peers",
         .type = OPTION_ITEMS,
         .offset = offsetof(struct config, peers),
         .rows = peer_rows,
         .item_size = sizeof(struct peer),
         .help = "Others."},
        {0},
};
static const struct program program = {"vouchsafe-test", "tests options", rows, sizeof(struct config)};

static struct config *new_config(void)
{
        return NEW(struct config);
}

static void defaults(void **state UNUSED)
{
        struct config *c = new_config();
        expect_ok(options_read_yaml(&program, "t.yaml", SPAN("listen: x\n"), c));
        assert_string_equal(c->listen, "x");
        assert_null(c->tcti);
        assert_false(c->verbose);
        assert_int_equal(c->workers, 2);
        assert_int_equal(c->size, 1u << 20);
        assert_int_equal(c->timeout_ms, 30000);
        assert_int_equal(c->mode, 0440);
        assert_int_equal(c->level, 1);
        assert_int_equal(c->banks.count, 2);
        assert_string_equal(c->banks.texts[1], "sha384");
        assert_int_equal(c->peers.count, 0);
        options_free(&program, c);
}

static void everything_in_a_file(void **state UNUSED)
{
        struct config *c = new_config();
        expect_ok(options_read_yaml(&program, "t.yaml",
                                    SPAN("listen: 127.0.0.1:8443 # where\n"
                                         "verbose: true\n"
                                         "workers: 64\n"
                                         "limits: {size: 4KiB, timeout: 60s}\n"
                                         "mode: \"0400\"\n"
                                         "log: {level: warn}\n"
                                         "tpm:\n  tcti: 'swtpm:port=1'\n  banks: [sha1]\n"
                                         "peers:\n  - name: a\n    pins: [x, y]\n  - {name: b, ttl: 5s}\n"),
                                    c));
        assert_true(c->verbose);
        assert_int_equal(c->workers, 64);
        assert_int_equal(c->size, 4096);
        assert_int_equal(c->timeout_ms, 60000);
        assert_int_equal(c->mode, 0400);
        assert_int_equal(c->level, 2);
        assert_string_equal(c->tcti, "swtpm:port=1");
        assert_int_equal(c->banks.count, 1);
        assert_string_equal(c->banks.texts[0], "sha1");
        assert_int_equal(c->peers.count, 2);
        const struct peer *a = c->peers.items[0], *b = c->peers.items[1];
        assert_string_equal(a->name, "a");
        assert_int_equal(a->ttl_ms, 60000);
        assert_int_equal(a->pins.count, 2);
        assert_int_equal(b->ttl_ms, 5000);
        options_free(&program, c);
}

static void refuses_files(void **state UNUSED)
{
        static const struct {
                const char *name, *text, *token, *says;
        } bad[] = {
                {"unknown, near a known one", "listen: x\nworker: 3\n", "UNKNOWN_OPTION",
                 "t.yaml:2:1: unknown option \"worker\", did you mean \"workers\"?"},
                {"unknown, near nothing", "listen: x\nzzzzzzzzzz: 3\n", "UNKNOWN_OPTION",
                 "t.yaml:2:1: unknown option \"zzzzzzzzzz\""},
                {"unknown in a group", "listen: x\ntpm: {tctii: y}\n", "UNKNOWN_OPTION", "did you mean \"tpm.tcti\"?"},
                {"unknown in an item", "listen: x\npeers:\n- name: a\n  tt: 1s\n", "UNKNOWN_OPTION",
                 "t.yaml:4:3: unknown option \"tt\", did you mean \"ttl\"?"},
                {"capital letters", "Listen: x\n", "UNKNOWN_OPTION", "did you mean \"listen\"?"},
                {"dotted key", "listen: x\ntpm.tcti: y\n", "UNKNOWN_OPTION", "t.yaml:2:1: "},
                {"twice", "listen: x\nlisten: y\n", "BAD_YAML", "t.yaml:2:1: "},
                {"missing", "workers: 3\n", "MISSING_OPTION", "\"listen\" is required"},
                {"empty file", "", "MISSING_OPTION", "\"listen\" is required"},
                {"required but empty", "listen: ''\n", "MISSING_OPTION", "\"listen\" is required"},
                {"no value", "listen:\n", "BAD_OPTION", "t.yaml:1:8: option \"listen\" needs one value"},
                {"list for a text", "listen: [x]\n", "BAD_OPTION", "t.yaml:1:9: "},
                {"mapping for a text", "listen: {x: y}\n", "BAD_OPTION", "t.yaml:1:9: "},
                {"text for a group", "listen: x\ntpm: y\n", "BAD_OPTION", "t.yaml:2:6: \"tpm\" is a group"},
                {"text for a list", "listen: x\ntpm: {banks: sha1}\n", "BAD_OPTION", "t.yaml:2:14: "},
                {"mapping in a list of texts", "listen: x\ntpm: {banks: [{a: b}]}\n", "BAD_OPTION", "t.yaml:2:15: "},
                {"text in a list of mappings", "listen: x\npeers: [a]\n", "BAD_OPTION", "t.yaml:2:9: "},
                {"item without what it needs", "listen: x\npeers:\n- ttl: 1s\n", "MISSING_OPTION",
                 "t.yaml:3:3: option \"peers\": option \"name\" is required"},
                {"count below", "listen: x\nworkers: 0\n", "BAD_OPTION", "t.yaml:2:10: option \"workers\""},
                {"count above", "listen: x\nworkers: 65\n", "BAD_OPTION", "workers"},
                {"count with blank", "listen: x\nworkers: '3 '\n", "BAD_OPTION", "workers"},
                {"count in hex", "listen: x\nworkers: 0x3\n", "BAD_OPTION", "workers"},
                {"bool of YAML 1.1", "listen: x\nverbose: yes\n", "BAD_OPTION", "true|false"},
                {"duration without unit", "listen: x\nlimits: {timeout: 30}\n", "BAD_OPTION", "limits.timeout"},
                {"duration below", "listen: x\nlimits: {timeout: 999ms}\n", "BAD_OPTION", "limits.timeout"},
                {"duration above", "listen: x\nlimits: {timeout: 61s}\n", "BAD_OPTION", "limits.timeout"},
                {"size without unit", "listen: x\nlimits: {size: 30}\n", "BAD_OPTION", "limits.size"},
                {"mode not octal", "listen: x\nmode: '0480'\n", "BAD_OPTION", "mode"},
                {"choice that is none", "listen: x\nlog: {level: loud}\n", "BAD_OPTION", "debug|info|warn"},
                {"sequence", "- listen\n", "BAD_YAML", "t.yaml:1:1: "},
                {"text", "listen\n", "BAD_YAML", "t.yaml:1:1: "},
                {"two documents", "listen: x\n---\nlisten: y\n", "BAD_YAML", "one document"},
                {"no YAML", "listen: [\n", "BAD_YAML", "t.yaml:"},
        };
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                struct config *c = new_config();
                struct fault *f = options_read_yaml(&program, "t.yaml", span_str(bad[i].text), c);
                if (f == NULL || strstr(fault_text(f), bad[i].says) == NULL)
                        fail_msg("%s: %s", bad[i].name, f == NULL ? "accepted" : fault_text(f));
                expect_fault_row(f, FAULT_INVALID, bad[i].token, bad[i].name);
                assert_true(span_is_zero(SPAN_OF(*c)));
                options_free(&program, c);
        }
}

/* A configuration file in memory; the path is its descriptor's. */
static char *file_of(const char *text, int *ret_fd)
{
        char template[] = "/tmp/options_test.XXXXXX";
        *ret_fd = mkstemp(template);
        assert_true(*ret_fd >= 0);
        assert_int_equal(write(*ret_fd, text, strlen(text)), (ssize_t) strlen(text));
        return alloc_string(template);
}

#define ARGS_MAX 16
static struct fault *read_args(const char *const *args, struct program_args *ret, enum program_next *ret_next)
{
        static char texts[ARGS_MAX][128], *argv[ARGS_MAX + 1]; /* outlive the call: words point into them */
        int argc = 1;
        argv[0] = texts[0];
        for (; *args != NULL; args++, argc++) {
                assert_true(argc < ARGS_MAX && strlen(*args) < sizeof texts[0]);
                argv[argc] = memcpy(texts[argc], *args, strlen(*args) + 1);
        }
        argv[argc] = NULL;
        static const char *const alone[] = {"--probe", "--dry-run", NULL};
        return program_args_read(&program, argc, argv, alone, ret, ret_next);
}

static void flags_override_the_file(void **state UNUSED)
{
        AUTO_CLOSE int fd = -1;
        AUTO_STRING char *path = file_of("listen: file\nworkers: 7\ntpm: {banks: [a, b]}\nverbose: true\n", &fd);
        struct program_args args = {0};
        enum program_next next = PROGRAM_DONE;
        expect_ok(read_args((const char *const[]){"word", "--config", path, "--listen=flag", "--tpm.banks", "c",
                                                  "--dry-run", "--tpm.banks=d", "other", "--verbose=false", "-", "--",
                                                  "--listen", NULL},
                            &args, &next));
        unlink(path);
        const struct config *c = args.config;
        assert_int_equal(next, PROGRAM_RUN);
        assert_string_equal(c->listen, "flag");
        assert_int_equal(c->workers, 7);
        assert_false(c->verbose);
        assert_int_equal(c->banks.count, 2);
        assert_string_equal(c->banks.texts[0], "c");
        assert_string_equal(c->banks.texts[1], "d");
        assert_int_equal(args.flags_seen, 2);
        assert_int_equal(args.word_count, 4);
        static const char *const words[] = {"word", "other", "-", "--listen"};
        for (size_t i = 0; i < COUNT_OF(words); i++)
                assert_string_equal(args.words[i], words[i]);
        options_free(&program, args.config);
}

static void a_bool_needs_no_value(void **state UNUSED)
{
        static const struct {
                const char *args[4];
                bool verbose;
                int words;
        } good[] = {
                {{"--listen=x", "--verbose"}, true, 0},
                {{"--listen=x", "--verbose", "false"}, false, 0},
                {{"--verbose", "--listen=x"}, true, 0},
                {{"--listen=x", "--verbose", "word"}, true, 1},
        };
        for (size_t i = 0; i < COUNT_OF(good); i++) {
                struct program_args args = {0};
                enum program_next next = PROGRAM_DONE;
                expect_ok(read_args(good[i].args, &args, &next));
                assert_int_equal(((const struct config *) args.config)->verbose, good[i].verbose);
                assert_int_equal(args.word_count, good[i].words);
                options_free(&program, args.config);
        }
}

static void refuses_flags(void **state UNUSED)
{
        static const struct {
                const char *name;
                const char *args[4];
                const char *token;
        } bad[] = {
                {"nothing", {NULL}, "MISSING_OPTION"},
                {"unknown", {"--listen=x", "--lisen=y"}, "UNKNOWN_OPTION"},
                {"one dash", {"-listen"}, "UNKNOWN_OPTION"},
                {"a group", {"--listen=x", "--tpm=y"}, "UNKNOWN_OPTION"},
                {"only the beginning of a name", {"--list=x"}, "UNKNOWN_OPTION"},
                {"no value at the end", {"--listen"}, "BAD_OPTION"},
                {"a flag where the value should be", {"--listen", "--verbose"}, "BAD_OPTION"},
                {"empty value", {"--listen="}, "MISSING_OPTION"},
                {"twice", {"--listen=x", "--listen=y"}, "DUPLICATE_OPTION"},
                {"two files", {"--config=/dev/null", "--config=/dev/null"}, "DUPLICATE_OPTION"},
                {"a file without name", {"--config"}, "BAD_OPTION"},
                {"value out of bounds", {"--listen=x", "--workers=65"}, "BAD_OPTION"},
                {"a bool that is none", {"--listen=x", "--verbose=maybe"}, "BAD_OPTION"},
                {"a list of mappings", {"--listen=x", "--peers=a"}, "BAD_OPTION"},
        };
        for (size_t i = 0; i < COUNT_OF(bad); i++) {
                struct program_args args = {0};
                enum program_next next = PROGRAM_DONE;
                expect_fault_row(read_args(bad[i].args, &args, &next), FAULT_INVALID, bad[i].token, bad[i].name);
                assert_null(args.config);
        }
        struct program_args args = {0};
        enum program_next next = PROGRAM_DONE;
        expect_fault(read_args((const char *const[]){"--config=/nowhere/x.yaml", NULL}, &args, &next), FAULT_NOT_FOUND,
                     "NO_FILE");
}

/* What `args` print on stdout. */
static char *printed(const char *const *args)
{
        int ends[2];
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        fflush(stdout);
        int saved = dup(STDOUT_FILENO);
        assert_true(saved >= 0 && dup2(ends[1], STDOUT_FILENO) >= 0);
        struct program_args ret = {0};
        enum program_next next = PROGRAM_RUN;
        struct fault *f = read_args(args, &ret, &next);
        assert_true(dup2(saved, STDOUT_FILENO) >= 0);
        close(saved);
        close(ends[1]);
        expect_ok(f);
        assert_int_equal(next, PROGRAM_DONE);
        assert_null(ret.config);
        char *text = alloc_zero(1, 8192);
        assert_true(read(ends[0], text, 8191) > 0);
        close(ends[0]);
        return text;
}

static void help_and_version(void **state UNUSED)
{
        AUTO_STRING char *help = printed((const char *const[]){"--help", NULL});
        static const char *const parts[] = {
                "vouchsafe-test: tests options\n",
                "  --listen  (text; required)\n      Where.\n",
                "  --workers  (number; default 2)\n",
                "  --log.level  (debug|info|warn; default info)\n",
                "  --peers  (list, file only)\n",
                "Each item of peers, in the configuration file:\n  name  (text; required)\n",
                "  --probe\n",
        };
        for (size_t i = 0; i < COUNT_OF(parts); i++)
                if (strstr(help, parts[i]) == NULL)
                        fail_msg("\"%s\" is not in:\n%s", parts[i], help);
        AUTO_STRING char *version = printed((const char *const[]){"--version", NULL});
        assert_string_equal(version, "vouchsafe-test " VOUCHSAFE_VERSION "\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(defaults),
                cmocka_unit_test(everything_in_a_file),
                cmocka_unit_test(refuses_files),
                cmocka_unit_test(flags_override_the_file),
                cmocka_unit_test(a_bool_needs_no_value),
                cmocka_unit_test(refuses_flags),
                cmocka_unit_test(help_and_version),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
