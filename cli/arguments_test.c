#include "cli/command.h"

#include "tests/fakes/expect.h"

struct row {
        const char *name;
        char *argv[6];
        const char *says; /* of the refusal; NULL: taken */
        enum arguments_next next;
        const struct command *command;
};

static void words_and_flags(void **state)
{
        (void) state;
        static const struct row rows[] = {
                {"a command", {"policy", "check", "a.yaml"}, NULL, ARGUMENTS_RUN, &command_policy_check},
                {"flag before", {"--output", "json", "record", "0a"}, NULL, ARGUMENTS_RUN, &command_record},
                {"flag after, joined", {"record", "0a", "--socket=/x"}, NULL, ARGUMENTS_RUN, &command_record},
                {"a file with dashes", {"inspect", "--", "--odd"}, NULL, ARGUMENTS_RUN, &command_inspect},
                {"help of all", {"--help"}, NULL, ARGUMENTS_HELP, NULL},
                {"help of one, without its words", {"record", "--help"}, NULL, ARGUMENTS_HELP, &command_record},
                {"version", {"--version"}, NULL, ARGUMENTS_VERSION, NULL},
                {"nothing", {NULL}, "which command?", 0, NULL},
                {"no such command", {"polcy"}, "no command \"polcy\"", 0, NULL},
                {"half a command", {"policy"}, "no command \"policy\"", 0, NULL},
                {"no such option", {"record", "0a", "--sock=x"}, "no option --sock", 0, NULL},
                {"another command's option", {"inspect", "a", "--socket=x"}, "no option --socket", 0, NULL},
                {"option without value", {"record", "0a", "--socket"}, "--socket needs a value: PATH", 0, NULL},
                {"switch with value", {"record", "0a", "--help=yes"}, "--help takes no value", 0, NULL},
                {"output in another form", {"record", "0a", "--output=xml"}, "text or json, not xml", 0, NULL},
                {"too few words", {"policy", "check"}, "usage: vouchsafe policy check FILE|DIR…", 0, NULL},
                {"too many words", {"record", "0a", "0b"}, "usage: vouchsafe record SERIAL", 0, NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char program[] = "vouchsafe";
                char *argv[8] = {program};
                int argc = 1;
                for (; rows[i].argv[argc - 1] != NULL; argc++)
                        argv[argc] = rows[i].argv[argc - 1];
                struct arguments a = {0};
                enum arguments_next next = ARGUMENTS_RUN;
                AUTO(fault) struct fault *f = arguments_read(argc, argv, &a, &next);
                bool ok = (f == NULL) == (rows[i].says == NULL);
                if (f != NULL && rows[i].says != NULL)
                        ok = strcmp(fault_token(f), "USAGE") == 0 && strstr(fault_text(f), rows[i].says) != NULL;
                if (f == NULL && rows[i].says == NULL)
                        ok = next == rows[i].next && a.command == rows[i].command;
                if (!ok)
                        print_error("%s: %s\n", rows[i].name, f == NULL ? "taken" : fault_text(f));
                assert_true(ok);
        }
}

static void flags_have_values(void **state)
{
        (void) state;
        char *words[] = {"vouchsafe",
                         "policy",
                         "check",
                         "a",
                         "--reserved-dns",
                         "x",
                         "--reserved-dns=y",
                         "--insecure-development",
                         "--trust-domain=a",
                         "--trust-domain=b",
                         "b",
                         "--output=json"};
        struct arguments a;
        enum arguments_next next;
        expect_ok(arguments_read(COUNT_OF(words), words, &a, &next));
        assert_int_equal(a.in.output, OUTPUT_JSON);
        assert_int_equal(a.in.word_count, 2);
        assert_string_equal(a.in.words[1], "b");
        assert_null(a.in.words[2]);
        assert_string_equal(invocation_flag(&a.in, "trust-domain"), "b"); /* the last one */
        assert_non_null(invocation_flag(&a.in, "insecure-development"));
        assert_null(invocation_flag(&a.in, "socket"));
        const char *names[3];
        assert_int_equal(invocation_flag_all(&a.in, "reserved-dns", names, 2), 2);
        assert_string_equal(names[1], "y");
        assert_null(names[2]);
}

static void help_names_everything(void **state)
{
        (void) state;
        AUTO(buf) struct buf all = BUF(1 << 16);
        expect_ok(arguments_help(NULL, &all));
        for (const struct command *const *c = commands; *c != NULL; c++) {
                assert_non_null(strstr(buf_str(&all), (*c)->summary));
                AUTO(buf) struct buf one = BUF(1 << 16);
                expect_ok(arguments_help(*c, &one));
                for (const struct flag *f = (*c)->flags; f != NULL && f->name != NULL; f++)
                        assert_non_null(strstr(buf_str(&one), f->help));
                assert_non_null(strstr(buf_str(&one), "exit status"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_and_flags),
                cmocka_unit_test(flags_have_values),
                cmocka_unit_test(help_names_everything),
        };
        return cmocka_run_group_tests_name("cli_arguments", tests, NULL, NULL);
}
