#include "attester/evidence/reader_sandbox.h"

#include <linux/capability.h>
#include <string.h>

#include "attester/evidence/tdx.h"
#include "lib/base/sandbox.h"

#define DEVICE_PREFIX "device:"

/* Where Linux has evidence; what a machine does not have is left out. */
static const struct {
        const char *path;
        unsigned access;
} sources[] = {
        {"/dev/tpmrm0", SANDBOX_DEVICE},        {"/dev/tpm0", SANDBOX_DEVICE},
        {"/dev/sev-guest", SANDBOX_DEVICE},     {"/dev/tdx_guest", SANDBOX_DEVICE},
        {"/dev/nsm", SANDBOX_DEVICE},           {"/sys/kernel/config/tsm", SANDBOX_WRITE},
        {"/sys/kernel/security", SANDBOX_READ}, {"/sys/firmware/acpi/tables", SANDBOX_READ},
};

static void name_paths(const struct evidence_options *o, const char *socket_path, struct sandbox_paths *paths)
{
        sandbox_paths_add_common(paths);
        for (size_t i = 0; i < COUNT_OF(sources); i++)
                sandbox_paths_add(paths, sources[i].path, sources[i].access);
        if (o->tpm_tcti != NULL && strncmp(o->tpm_tcti, DEVICE_PREFIX, strlen(DEVICE_PREFIX)) == 0)
                sandbox_paths_add(paths, o->tpm_tcti + strlen(DEVICE_PREFIX), SANDBOX_DEVICE);
        if (o->tsm_base != NULL)
                sandbox_paths_add(paths, o->tsm_base, SANDBOX_WRITE);
        if (o->ccel_file != NULL)
                sandbox_paths_add(paths, o->ccel_file, SANDBOX_READ);
        if (o->tpm_eventlog != NULL)
                sandbox_paths_add(paths, o->tpm_eventlog, SANDBOX_READ);
        if (o->state_dir != NULL)
                sandbox_paths_add(paths, o->state_dir, SANDBOX_WRITE);
        sandbox_paths_add_folder_of(paths, socket_path, SANDBOX_SOCKET);
}

struct fault *reader_sandbox_enter(const struct evidence_options *o, const char *socket_path)
{
        AUTO(sandbox_paths) struct sandbox_paths paths = {0};
        name_paths(o, socket_path, &paths);
        const struct sandbox_profile profile = {
                .role = "reader",
                .capabilities = SANDBOX_CAP(CAP_DAC_OVERRIDE) | SANDBOX_CAP(CAP_CHOWN),
                .families = SANDBOX_UNIX | (evidence_tdx_needs_vsock(o) ? SANDBOX_VSOCK : 0u),
                .paths = &paths,
        };
        return sandbox_enter(&profile);
}
