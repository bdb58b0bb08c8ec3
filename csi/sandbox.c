#include "csi/sandbox.h"

#include <linux/capability.h>

#include "lib/base/sandbox.h"

struct fault *csi_sandbox_enter(void)
{
        const struct sandbox_profile profile = {
                .role = "csi",
                .capabilities = SANDBOX_CAP(CAP_SYS_ADMIN) | SANDBOX_CAP(CAP_DAC_OVERRIDE) | SANDBOX_CAP(CAP_CHOWN),
                .families = SANDBOX_UNIX,
                .mounts = true,
        };
        return sandbox_enter(&profile);
}
