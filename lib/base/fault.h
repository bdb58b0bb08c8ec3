/* fault: why a call failed.
 *
 * A call that can fail returns `struct fault *`; NULL is success, and the compiler refuses a dropped one.
 * A fault has a code (a gRPC status number, so that it can be answered as it is), a stable token (tests, metrics
 * and dashboards compare it; UPPER_SNAKE for our own errors, the check's name for a refusal) and a text that tells a
 * person what was tried: every layer prefixes its own half sentence with TRY_AS. The text may reach a pod event: no
 * key, token or evidence bytes in it; untrusted text is escaped when the fault is made.
 * Depends on nothing. Allocation failure aborts. */
#pragma once

#include <stdarg.h>
#include <stdint.h>

#include "lib/base/auto.h"

/* Numbers of google.rpc.Code (grpc/doc/statuscodes.md). */
enum fault_code {
        FAULT_CANCELLED = 1,
        FAULT_UNKNOWN = 2,
        FAULT_INVALID = 3, /* INVALID_ARGUMENT */
        FAULT_DEADLINE = 4,
        FAULT_NOT_FOUND = 5,
        FAULT_EXISTS = 6,
        FAULT_DENIED = 7,
        FAULT_EXHAUSTED = 8, /* RESOURCE_EXHAUSTED: a queue or limit is full */
        FAULT_PRECONDITION = 9,
        FAULT_ABORTED = 10,
        FAULT_RANGE = 11,
        FAULT_UNIMPLEMENTED = 12,
        FAULT_INTERNAL = 13,
        FAULT_UNAVAILABLE = 14,
        FAULT_DATA_LOSS = 15,
        FAULT_UNAUTHENTICATED = 16,
};

struct fault;

#define MUST_USE                     __attribute__((warn_unused_result))
#define NEVER_NULL                   __attribute__((returns_nonnull))
#define PRINTF_LIKE(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

/* Makes a fault. `token` must live for ever (a literal). The text is printf-made; control characters and invalid UTF-8
 * in it are replaced, and it is cut at FAULT_TEXT_MAX. */
#define FAULT_TEXT_MAX 1024
struct fault *fault(enum fault_code code, const char *token, const char *fmt, ...) MUST_USE NEVER_NULL
        PRINTF_LIKE(3, 4);
/* As fault(), with ": <strerror(err)>" at the end. */
struct fault *fault_errno(enum fault_code code, const char *token, int err, const char *fmt, ...) MUST_USE NEVER_NULL
        PRINTF_LIKE(4, 5);
/* A fault whose token came from a peer (a problem document): the token is copied, after checking that it consists of at
 * most 64 of [A-Za-z0-9_./#:-]; anything else becomes "PEER_TOKEN". */
struct fault *fault_from_peer(enum fault_code code, const char *token, const char *fmt, ...) MUST_USE NEVER_NULL
        PRINTF_LIKE(3, 4);

/* Prefixes the text: "<fmt>: <old text>". Returns `f`; NULL stays NULL. */
struct fault *fault_prefix(struct fault *f, const char *fmt, ...) MUST_USE PRINTF_LIKE(2, 3);
/* Replaces the code and keeps token and text; NULL stays NULL. */
struct fault *fault_recode(struct fault *f, enum fault_code code) MUST_USE;
/* Replaces code and token and keeps the text: a library's fault under the name of the check that it failed. `token` as
 * in fault(); NULL stays NULL. */
struct fault *fault_rename(struct fault *f, enum fault_code code, const char *token) MUST_USE;

enum fault_code fault_code(const struct fault *f);
const char *fault_token(const struct fault *f);
const char *fault_text(const struct fault *f);
/* How long the peer asked us to wait (Retry-After), 0 when unsaid. */
int64_t fault_retry_after_ms(const struct fault *f);
void fault_set_retry_after_ms(struct fault *f, int64_t ms);
/* "INVALID_ARGUMENT" for 3, and so on; "UNKNOWN" for a number that is none. */
const char *fault_code_name(enum fault_code code);
/* The inverse, 0 when the name is none. */
enum fault_code fault_code_by_name(const char *name);
void fault_free(struct fault *f);
DEFINE_AUTO(fault)

#ifdef __clang_analyzer__
/* What the analyzer does not see across files: a fault that was made is not NULL, a prefixed or renamed one stays what it was.
 * Without this it walks through every TRY with outputs unset. */
#define fault_known(made, is_null)                                                                                     \
        __extension__({                                                                                                \
                struct fault *known_ = (made);                                                                         \
                if ((known_ == NULL) != (is_null))                                                                     \
                        __builtin_unreachable();                                                                       \
                known_;                                                                                                \
        })
#define fault(...)           fault_known(fault(__VA_ARGS__), 0)
#define fault_errno(...)     fault_known(fault_errno(__VA_ARGS__), 0)
#define fault_from_peer(...) fault_known(fault_from_peer(__VA_ARGS__), 0)
#define fault_prefix(f, ...)                                                                                           \
        __extension__({                                                                                                \
                struct fault *bare_ = (f);                                                                             \
                fault_known(fault_prefix(bare_, __VA_ARGS__), bare_ == NULL);                                          \
        })
#define fault_rename(f, ...)                                                                                           \
        __extension__({                                                                                                \
                struct fault *old_ = (f);                                                                              \
                fault_known(fault_rename(old_, __VA_ARGS__), old_ == NULL);                                            \
        })
#endif

#define TRY(call)                                                                                                      \
        do {                                                                                                           \
                struct fault *try_fault_ = (call);                                                                     \
                if (try_fault_ != NULL)                                                                                \
                        return try_fault_;                                                                             \
        } while (0)
#define TRY_AS(call, ...)                                                                                              \
        do {                                                                                                           \
                struct fault *try_fault_ = (call);                                                                     \
                if (try_fault_ != NULL)                                                                                \
                        return fault_prefix(try_fault_, __VA_ARGS__);                                                  \
        } while (0)
