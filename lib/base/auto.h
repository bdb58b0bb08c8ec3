/* auto: ownership that the eye can follow.
 *
 * Every owned thing is declared with AUTO(type) and freed when its scope ends; giving it away is a visible TAKE.
 * DEFINE_AUTO(x) makes the cleanup for `struct x *` out of x_free; DEFINE_AUTO_VALUE(x) the one for a `struct x`
 * held by value out of x_clear. x_free(NULL) must be fine. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* unused: clang and its analyzer don't count the cleanup as a reader (gcc does). */
#define AUTO(name) __attribute__((cleanup(name##_cleanup), unused))
#define DEFINE_AUTO(name)                                                                                              \
        static inline void name##_cleanup(struct name **pointer)                                                       \
        {                                                                                                              \
                name##_free(*pointer);                                                                                 \
        }
#define DEFINE_AUTO_VALUE(name)                                                                                        \
        static inline void name##_cleanup(struct name *value)                                                          \
        {                                                                                                              \
                name##_clear(value);                                                                                   \
        }

/* *ret_key = TAKE(key): ownership leaves here. */
#define TAKE(pointer)                                                                                                  \
        __extension__({                                                                                                \
                __typeof__(pointer) taken_ = (pointer);                                                                \
                (pointer) = NULL;                                                                                      \
                taken_;                                                                                                \
        })
/* The same for a file descriptor. */
#define TAKE_FD(fd)                                                                                                    \
        __extension__({                                                                                                \
                int taken_ = (fd);                                                                                     \
                (fd) = -1;                                                                                             \
                taken_;                                                                                                \
        })

static inline void auto_close_cleanup(int *fd)
{
        if (*fd >= 0)
                (void) close(*fd); /* nothing can be done about it, and nothing was promised of a file still open */
}
static inline void auto_string_cleanup(char **text)
{
        free(*text);
}
#define AUTO_CLOSE  AUTO(auto_close)
#define AUTO_STRING AUTO(auto_string)

#define COUNT_OF(array)                     (sizeof(array) / sizeof((array)[0]))
#define UNUSED                              __attribute__((unused))
#define CONTAINER_OF(pointer, type, member) ((type *) (void *) ((char *) (pointer) -offsetof(type, member)))

/* Allocation of small things: abort when memory is gone (c-style: sizes chosen by a peer go through a limited buf). */
void *alloc_zero(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *alloc_resize(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *alloc_string(const char *text) __attribute__((malloc, returns_nonnull, nonnull));
char *alloc_printf(const char *fmt, ...) __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
#define NEW(type) ((type *) alloc_zero(1, sizeof(type)))
