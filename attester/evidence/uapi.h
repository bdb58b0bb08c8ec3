/* uapi: structures and numbers of devices that Linux's headers have and the C library's do not yet: linux/nsm.h and linux/tdx-guest.h. */
#pragma once

#include <linux/ioctl.h>
#include <linux/types.h>

struct nsm_iovec {
        __u64 addr, len;
};
struct nsm_raw {
        struct nsm_iovec request, response;
};
#define NSM_IOCTL_RAW _IOWR(0x0A, 0x0, struct nsm_raw)
_Static_assert(NSM_IOCTL_RAW == 0xC0200A00, "the kernel's number is what it was");

#define TDX_REPORTDATA_LEN 64
#define TDX_REPORT_LEN     1024
struct tdx_report_req {
        __u8 reportdata[TDX_REPORTDATA_LEN];
        __u8 tdreport[TDX_REPORT_LEN];
};
#define TDX_CMD_GET_REPORT0 _IOWR('T', 1, struct tdx_report_req)
_Static_assert(TDX_CMD_GET_REPORT0 == 0xC4405401, "the kernel's number is what it was");
