#include "tests/emulators/device.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int ioctl(int fd, unsigned long request, ...);

static int device = -1;

int device_open_real(const char *path, int flags, mode_t mode)
{
        static int (*real)(const char *, int, ...);
        if (real == NULL)
                *(void **) &real = dlsym(RTLD_NEXT, "open");
        return real(path, flags, mode);
}

static int open_any(const char *path, int flags, mode_t mode)
{
        if (strcmp(path, emulated_device.path) != 0 || (flags & O_PATH) != 0 ||
            getenv(emulated_device.variable) == NULL)
                return device_open_real(path, flags, mode);
        device = memfd_create("device", MFD_CLOEXEC);
        return device;
}

#define OPEN(name)                                                                                                     \
        int name(const char *path, int flags, ...)                                                                     \
        {                                                                                                              \
                va_list more;                                                                                          \
                va_start(more, flags);                                                                                 \
                mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;                         \
                va_end(more);                                                                                          \
                return open_any(path, flags, mode);                                                                    \
        }
OPEN(open)
OPEN(open64)

int ioctl(int fd, unsigned long request, ...)
{
        static int (*real)(int, unsigned long, ...);
        va_list more;
        va_start(more, request);
        void *argument = va_arg(more, void *);
        va_end(more);
        if (real == NULL)
                *(void **) &real = dlsym(RTLD_NEXT, "ioctl");
        if (fd != device || request != emulated_device.request)
                return real(fd, request, argument);
        errno = emulated_device.answer(argument);
        return errno == 0 ? 0 : -1;
}

void device_set(const char *variable, const char *value)
{
        if (value == NULL)
                unsetenv(variable); /* NOLINT(concurrency-mt-unsafe): while nobody else reads it */
        else
                setenv(variable, value, 1); /* NOLINT(concurrency-mt-unsafe): as above */
}

void device_says(const char *variable, char *ret, size_t size)
{
        const char *file = getenv(variable);
        int fd = file == NULL ? -1 : device_open_real(file, O_RDONLY | O_CLOEXEC, 0);
        ssize_t len = fd < 0 ? 0 : read(fd, ret, size - 1);
        if (fd >= 0)
                close(fd);
        ret[len < 0 ? 0 : len] = '\0';
}

ssize_t device_ask(const char *path, const void *request, size_t request_len, void *ret, size_t size)
{
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        size_t got = 0;
        ssize_t n = -1;
        strncpy(to.sun_path, path, sizeof to.sun_path - 1);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (const struct sockaddr *) &to, sizeof to) == 0 &&
            send(fd, request, request_len, MSG_NOSIGNAL) == (ssize_t) request_len && shutdown(fd, SHUT_WR) == 0)
                while ((n = read(fd, (char *) ret + got, size - got)) > 0)
                        got += (size_t) n;
        if (fd >= 0)
                close(fd);
        return n < 0 ? -1 : (ssize_t) got;
}
