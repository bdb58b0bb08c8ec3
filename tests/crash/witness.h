/* witness: what a worker knows that must not die with it. A shared mapping of a file that the injector made: writing to it takes no
 * system call, so that there is no moment between a thing done and a thing remembered but those of the program under test. */
#pragma once

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/base/auto.h"
#include "lib/base/fault.h"

#define WITNESS_NAME  "witness"
#define WITNESS_BYTES 65536
#define HANGS_AFTER_S 30 /* a worker ends itself by SIGALRM then */

static inline void *witness_map(const char *dir)
{
        AUTO_STRING char *path = alloc_printf("%s/" WITNESS_NAME, dir);
        AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
        void *at = fd < 0 ? MAP_FAILED : mmap(NULL, WITNESS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED) {
                perror(path);
                _exit(2);
        }
        return at;
}

/* An invariant that does not hold. What is printed ends in the injector's report. */
__attribute__((format(printf, 1, 2))) static inline _Noreturn void broken(const char *fmt, ...)
{
        va_list args;
        va_start(args, fmt);
        (void) vfprintf(stderr, fmt, args);
        va_end(args);
        (void) fputc('\n', stderr);
        _exit(1);
}
#define must(holds, ...)                                                                                               \
        do {                                                                                                           \
                if (!(holds))                                                                                          \
                        broken(__VA_ARGS__);                                                                           \
        } while (0)

static inline void must_ok(struct fault *f, const char *what)
{
        must(f == NULL, "%s: %s: %s", what, fault_token(f), fault_text(f));
}

static inline void must_fail(struct fault *f, const char *token, const char *what)
{
        must(f != NULL && strcmp(fault_token(f), token) == 0, "%s: %s instead of %s", what,
             f == NULL ? "success" : fault_token(f), token);
        fault_free(f);
}
