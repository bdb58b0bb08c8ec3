/* compile_rows: policies that must compile, or be refused with a token and words. */
#pragma once

#include "tests/fakes/policy.h"

struct row {
        const char *name, *text, *token, *says; /* token NULL: compiles */
};

static inline void run_rows(const struct row *rows, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                AUTO(policy) struct policy *p = NULL;
                AUTO(fault) struct fault *f = compile_text(rows[i].text, &p);
                const char *token = f == NULL ? "(compiles)" : fault_token(f);
                const char *text = f == NULL ? "" : fault_text(f);
                bool ok = strcmp(token, rows[i].token == NULL ? "(compiles)" : rows[i].token) == 0 &&
                          (rows[i].says == NULL || strstr(text, rows[i].says) != NULL);
                if (f != NULL)
                        ok = ok && fault_code(f) == FAULT_INVALID && p == NULL;
                if (ok)
                        continue;
                print_error("%s: got %s: %s\n  wanted %s … %s\n", rows[i].name, token, text, rows[i].token,
                            rows[i].says);
                fail();
        }
}

#define GOOD "{all: [{in_set: nodes}]}"
#define SLOT "{name: x509, type: x509, algorithms: [p256], ttl: 1h}"
