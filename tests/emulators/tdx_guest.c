/* tdx_guest: /dev/tdx_guest for a program that is in no TDX guest, and the vsock to its host (LD_PRELOAD, device.h).
 *
 * TDREPORTs are of the right shape, over the report data that was asked for. TDX_GUEST_SAYS, a file read at each call, one word: "" as a good module;
 * eio, enotty, ebusy (always), ebusy-once, type (no TDREPORT), other (over something else).
 * A vsock connection to the host goes to the Unix socket TDX_GUEST_QGS instead. Its socket is first asked of the kernel as it was: what a sandbox
 * refuses, it refuses. */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "attester/evidence/uapi.h"
#include "tests/emulators/device.h"

#define REPORT_DATA_AT 128

int socket(int family, int type, int protocol);
int connect(int fd, const struct sockaddr *to, socklen_t len);

static int vsock = -1;

static int answer(void *argument)
{
        static unsigned calls;
        struct tdx_report_req *q = argument;
        char says[32];
        device_says("TDX_GUEST_SAYS", says, sizeof says);
        calls++;
        if (strcmp(says, "eio") == 0)
                return EIO;
        if (strcmp(says, "enotty") == 0)
                return ENOTTY;
        if (strcmp(says, "ebusy") == 0 || (strcmp(says, "ebusy-once") == 0 && calls == 1))
                return EBUSY;
        memset(q->tdreport, 0, sizeof q->tdreport);
        q->tdreport[0] = strcmp(says, "type") == 0 ? 0 : 0x81;
        memcpy(q->tdreport + REPORT_DATA_AT, q->reportdata, TDX_REPORTDATA_LEN);
        if (strcmp(says, "other") == 0)
                q->tdreport[REPORT_DATA_AT] ^= 1;
        return 0;
}

const struct emulated_device emulated_device = {
        .path = "/dev/tdx_guest", .variable = "TDX_GUEST_SAYS", .request = TDX_CMD_GET_REPORT0, .answer = answer};

int socket(int family, int type, int protocol)
{
        static int (*real)(int, int, int);
        if (real == NULL)
                *(void **) &real = dlsym(RTLD_NEXT, "socket");
        int fd = real(family, type, protocol);
        if (family != AF_VSOCK || getenv("TDX_GUEST_QGS") == NULL || (fd < 0 && errno == EPERM))
                return fd;
        if (fd >= 0)
                close(fd);
        vsock = real(AF_UNIX, type, 0);
        return vsock;
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
        static int (*real)(int, const struct sockaddr *, socklen_t);
        if (real == NULL)
                *(void **) &real = dlsym(RTLD_NEXT, "connect");
        struct sockaddr_vm host = {0};
        memcpy(&host, to, len < sizeof host ? len : sizeof host);
        const char *service = getenv("TDX_GUEST_QGS");
        if (fd != vsock || host.svm_family != AF_VSOCK || service == NULL)
                return real(fd, to, len);
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        strncpy(un.sun_path, service, sizeof un.sun_path - 1);
        if (host.svm_cid != VMADDR_CID_HOST) {
                errno = ECONNRESET;
                return -1;
        }
        return real(fd, (const struct sockaddr *) &un, sizeof un);
}
