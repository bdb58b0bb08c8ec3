/* sev_guest: /dev/sev-guest for a program that has no such device (LD_PRELOAD): open and ioctl speak the kernel's structures; the reports are
 * those of the emulated configfs-tsm at SEV_GUEST_TSM, whose folders this makes are called shim-… and are there without a provider as well.
 *
 * SEV_GUEST_SAYS, a file read at each call, one word: "" as a good host; busy (always), busy-once, status, size, length (a table's odd length), enotty,
 * eio. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sev-guest.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* NOLINTBEGIN(performance-no-int-to-ptr): the kernel's structures hold addresses as numbers */

#define DEVICE     "/dev/sev-guest"
#define REPORT_LEN 1184
#define REPORT_AT  32
#define TABLE_LEN  4096

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int ioctl(int fd, unsigned long request, ...);

static int device = -1;
static unsigned calls; /* of this process */

static int open_real(const char *path, int flags, mode_t mode)
{
        static int (*real)(const char *, int, ...);
        if (real == NULL)
                *(void **) &real = dlsym(RTLD_NEXT, "open");
        return real(path, flags, mode);
}

static int open_any(const char *path, int flags, mode_t mode)
{
        if (strcmp(path, DEVICE) != 0 || (flags & O_PATH) != 0 || getenv("SEV_GUEST_TSM") == NULL)
                return open_real(path, flags, mode);
        device = memfd_create("sev-guest", MFD_CLOEXEC);
        return device;
}

#define OPEN(name)                                                                                                     \
        int name(const char *path, int flags, ...)                                                                     \
        {                                                                                                              \
                va_list more;                                                                                          \
                va_start(more, flags);                                                                                 \
                mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;                                       \
                va_end(more);                                                                                          \
                return open_any(path, flags, mode);                                                                    \
        }
OPEN(open)
OPEN(open64)

static ssize_t take(const char *folder, const char *file, void *to, size_t size)
{
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, file);
        int fd = open_real(path, O_RDONLY, 0);
        size_t len = 0;
        ssize_t got = fd < 0 ? -1 : 0;
        while (fd >= 0 && len < size && (got = read(fd, (char *) to + len, size - len)) > 0)
                len += (size_t) got;
        close(fd);
        return got < 0 ? -1 : (ssize_t) len;
}

static bool put(const char *folder, const char *file, const void *bytes, size_t len)
{
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, file);
        int fd = open_real(path, O_WRONLY, 0);
        ssize_t put = fd < 0 ? -1 : write(fd, bytes, len);
        return fd >= 0 && close(fd) == 0 && put == (ssize_t) len;
}

static int report(const struct snp_ext_report_req *q, struct snp_report_resp *out)
{
        char folder[400];
        const __u32 size = REPORT_LEN;
        const char level = (char) ('0' + q->data.vmpl);
        char *table = q->certs_len == 0 ? NULL : (char *) (uintptr_t) q->certs_address;
        snprintf(folder, sizeof folder, "%s/shim-%d-%u", getenv("SEV_GUEST_TSM"), (int) getpid(), calls);
        memset(out, 0, sizeof *out);
        memcpy(out->data + 4, &size, sizeof size);
        bool ok = mkdir(folder, 0700) == 0 && put(folder, "privlevel", &level, 1) &&
                  put(folder, "inblob", q->data.user_data, sizeof q->data.user_data) &&
                  take(folder, "outblob", out->data + REPORT_AT, REPORT_LEN) == REPORT_LEN &&
                  (table == NULL || take(folder, "auxblob", table, q->certs_len) > 0);
        rmdir(folder);
        return ok ? 0 : -1;
}

static int answer(struct snp_guest_request_ioctl *a)
{
        struct snp_ext_report_req *q = (void *) (uintptr_t) a->req_data;
        struct snp_report_resp *out = (void *) (uintptr_t) a->resp_data;
        char says[32] = "";
        const char *file = getenv("SEV_GUEST_SAYS");
        int fd = file == NULL ? -1 : open_real(file, O_RDONLY, 0);
        ssize_t len = fd < 0 ? 0 : read(fd, says, sizeof says - 1);
        if (fd >= 0)
                close(fd);
        says[len < 0 ? 0 : len] = '\0';
        calls++;
        if (a->msg_version != 1)
                return EINVAL;
        if (strcmp(says, "enotty") == 0)
                return ENOTTY;
        if (strcmp(says, "eio") == 0)
                return EIO;
        if (strcmp(says, "busy") == 0 || (strcmp(says, "busy-once") == 0 && calls == 1)) {
                a->vmm_error = SNP_GUEST_VMM_ERR_BUSY;
                return EIO;
        }
        if (q->certs_len < TABLE_LEN) {
                q->certs_len = strcmp(says, "length") == 0 ? TABLE_LEN + 1 : TABLE_LEN;
                a->vmm_error = SNP_GUEST_VMM_ERR_INVALID_LEN;
                return EIO;
        }
        if (report(q, out) != 0)
                return EIO;
        if (strcmp(says, "status") == 0)
                out->data[0] = 0x16;
        if (strcmp(says, "size") == 0)
                out->data[4]--;
        return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
        static int (*real)(int, unsigned long, ...);
        va_list more;
        va_start(more, request);
        void *argument = va_arg(more, void *);
        va_end(more);
        if (real == NULL)
                *(void **) &real = dlsym(RTLD_NEXT, "ioctl");
        if (fd != device || request != SNP_GET_EXT_REPORT)
                return real(fd, request, argument);
        errno = answer(argument);
        return errno == 0 ? 0 : -1;
}
/* NOLINTEND(performance-no-int-to-ptr) */
