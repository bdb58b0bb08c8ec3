/* sev_guest: /dev/sev-guest for a program that has no such device (device.h): the kernel's structures; the reports are those of the emulated
 * configfs-tsm at SEV_GUEST_TSM, whose folders this makes are called shim-… and are there without a provider as well.
 *
 * SEV_GUEST_SAYS, a file read at each call, one word: "" as a good host; busy (always), busy-once, status, size, length (a table's odd length), enotty,
 * eio. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sev-guest.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/emulators/device.h"

/* NOLINTBEGIN(performance-no-int-to-ptr): the kernel's structures hold addresses as numbers */

#define REPORT_LEN 1184
#define REPORT_AT  32
#define TABLE_LEN  4096

static unsigned calls; /* of this process */

static ssize_t take(const char *folder, const char *file, void *to, size_t size)
{
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, file);
        int fd = device_open_real(path, O_RDONLY, 0);
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
        int fd = device_open_real(path, O_WRONLY, 0);
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

static int answer(void *argument)
{
        struct snp_guest_request_ioctl *a = argument;
        struct snp_ext_report_req *q = (void *) (uintptr_t) a->req_data;
        struct snp_report_resp *out = (void *) (uintptr_t) a->resp_data;
        char says[32];
        device_says("SEV_GUEST_SAYS", says, sizeof says);
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

const struct emulated_device emulated_device = {
        .path = "/dev/sev-guest", .variable = "SEV_GUEST_TSM", .request = SNP_GET_EXT_REPORT, .answer = answer};
/* NOLINTEND(performance-no-int-to-ptr) */
