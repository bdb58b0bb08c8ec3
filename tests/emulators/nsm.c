/* nsm: /dev/nsm for a program that is in no enclave (device.h): the kernel's structure; requests and responses go to the emulated security module that
 * listens at the Unix socket NSM_MODULE (nsm_module.c), which begins its answer with an errno. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "attester/evidence/uapi.h"
#include "tests/emulators/device.h"

/* NOLINTBEGIN(performance-no-int-to-ptr): the kernel's structures hold addresses as numbers */

#define REQUEST_MAX  0x1000
#define RESPONSE_MAX 0x3000

static int answer(void *argument)
{
        static struct {
                int error;
                char response[RESPONSE_MAX];
        } got;
        struct nsm_raw *raw = argument;
        if (raw->request.len > REQUEST_MAX)
                return EMSGSIZE;
        ssize_t len = device_ask(getenv("NSM_MODULE"), (const void *) (uintptr_t) raw->request.addr, raw->request.len,
                                 &got, sizeof got);
        if (len < (ssize_t) sizeof got.error)
                return EIO;
        if (got.error != 0)
                return got.error;
        __u64 response_len = (__u64) len - sizeof got.error;
        if (raw->response.len > response_len) /* the kernel cuts off what does not fit */
                raw->response.len = response_len;
        memcpy((void *) (uintptr_t) raw->response.addr, got.response, raw->response.len);
        return 0;
}

const struct emulated_device emulated_device = {
        .path = "/dev/nsm", .variable = "NSM_MODULE", .request = NSM_IOCTL_RAW, .answer = answer};
/* NOLINTEND(performance-no-int-to-ptr) */
