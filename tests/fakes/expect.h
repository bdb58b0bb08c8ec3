/* expect: what a unit test says about a fault. Includes cmocka in the order that it needs. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/fault.h"

/* `f` is success. Frees it otherwise and fails with its text. */
#define expect_ok(f) expect_ok_at((f), __FILE__, __LINE__)
/* `f` is a fault of this code and token, which is freed. `name` tells the row of a table, or "". */
#define expect_fault(f, code, token)           expect_fault_at((f), (code), (token), "", __FILE__, __LINE__)
#define expect_fault_row(f, code, token, name) expect_fault_at((f), (code), (token), (name), __FILE__, __LINE__)

static inline void expect_ok_at(struct fault *f, const char *file, int line)
{
        if (f == NULL)
                return;
        print_error("%s (%s): %s\n", fault_token(f), fault_code_name(fault_code(f)), fault_text(f));
        fault_free(f);
        _fail(file, line);
}

static inline void expect_fault_at(struct fault *f, enum fault_code code, const char *token, const char *name,
                                   const char *file, int line)
{
        if (fault_code(f) != code || strcmp(fault_token(f), token) != 0) {
                print_error("%s: got %s (%s: %s), wanted %s (%s)\n", name, fault_token(f),
                            fault_code_name(fault_code(f)), fault_text(f), token, fault_code_name(code));
                fault_free(f);
                _fail(file, line);
        }
        fault_free(f);
}
