/* The few allocations of lib/base/auto.h: they give memory or end the program. */
#include "lib/base/auto.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *alloc_zero(size_t count, size_t size)
{
        void *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
        if (memory == NULL)
                abort();
        return memory;
}

void *alloc_resize(void *old, size_t count, size_t size)
{
        /* at least one byte: a size of 0 would free `old` */
        void *memory = reallocarray(old, count > 0 ? count : 1, size > 0 ? size : 1);
        if (memory == NULL)
                abort();
        return memory;
}

char *alloc_string(const char *text)
{
        size_t size = strlen(text) + 1;
        return memcpy(alloc_zero(1, size), text, size);
}

char *alloc_printf(const char *fmt, ...)
{
        char *text = NULL;
        va_list args;
        va_start(args, fmt);
        int len = vasprintf(&text, fmt, args);
        va_end(args);
        if (len < 0 || text == NULL)
                abort();
        return text;
}
