/* Lines of the list of chips; their paths are the verifier's own. */
#include "issuer/endorse/prefetch.h"

#include "issuer/endorse/sort.h"
#include "tests/fakes/expect.h"

#define CHIP8  "c1c2c3c4c5c6c7c8"
#define CHIP64 CHIP8 CHIP8 CHIP8 CHIP8 CHIP8 CHIP8 CHIP8 CHIP8
#define MILAN  "kds:/vcek/v1/Milan/" CHIP64 "?blSPL=03&teeSPL=01&snpSPL=23&ucodeSPL=209"
#define TURIN  "kds:/vcek/v1/Turin/" CHIP8 "?fmcSPL=01&blSPL=01&teeSPL=02&snpSPL=04&ucodeSPL=81"

static void lines(void **state)
{
        (void) state;
        static const struct {
                const char *name, *line, *path; /* NULL: refused */
        } rows[] = {
                {"nothing", "", ""},
                {"blanks", " \t\r", ""},
                {"a remark", "# Milan", ""},
                {"Milan", "Milan " CHIP64 " d117000000000103", MILAN},
                {"tabs, a remark, the end of a line of DOS", "\tMilan\t" CHIP64 "  d117000000000103 # rack 7\r", MILAN},
                {"Turin by its short id", "Turin " CHIP8 " 5100000004020101", TURIN},
                {"Turin by the id of a report", "Turin " CHIP64 " 5100000004020101", TURIN},
                {"no such product", "Rome " CHIP64 " d117000000000103", NULL},
                {"another case", "milan " CHIP64 " d117000000000103", NULL},
                {"no TCB", "Milan " CHIP64, NULL},
                {"no chip", "Milan", NULL},
                {"a short chip id", "Milan " CHIP8 " d117000000000103", NULL},
                {"one digit less", "Milan " CHIP64 " d11700000000010", NULL},
                {"one byte more", "Milan " CHIP64 " 00d117000000000103", NULL},
                {"no hex", "Milan " CHIP64 " x117000000000103", NULL},
                {"one word too many", "Milan " CHIP64 " d117000000000103 x", NULL},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char path[MAKER_PATH_MAX + 1] = "x";
                struct fault *f = prefetch_line(span_str(rows[i].line), path);
                if (rows[i].path == NULL) {
                        expect_fault_row(f, FAULT_INVALID, "endorsements.prefetch", rows[i].name);
                        continue;
                }
                expect_ok(f);
                assert_string_equal(path, rows[i].path);
                enum endorsement_sort sort;
                enum maker maker;
                if (path[0] != '\0') {
                        expect_ok(sort_of(path, &sort, &maker));
                        assert_int_equal(sort, SORT_VCEK);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(lines)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
