#include "attester/sandbox.h"

#include <unistd.h>

#include "attester/evidence/tdx.h"
#include "attester/evidence/tpm.h"
#include "lib/base/file.h"
#include "lib/base/sandbox.h"

#define DEVICE_PREFIX "device:"

/* Where they are not root's: without a reader they are opened here. */
static const char *const devices[] = {"/dev/sev-guest", "/dev/tdx_guest", "/dev/nsm"};

static void name_paths(const struct attester_config *c, struct sandbox_paths *paths)
{
        sandbox_paths_add_common(paths);
        sandbox_paths_add(paths, c->state_dir, SANDBOX_WRITE);
        sandbox_paths_add_folder_of(paths, c->socket, SANDBOX_SOCKET);
        sandbox_paths_add_folder_of(paths, c->health_socket, SANDBOX_SOCKET);
        sandbox_paths_add_folder_of(paths, c->node_token_file, SANDBOX_READ); /* kubelet replaces it by renaming */
        sandbox_paths_add_folder_of(paths, c->issuer_ca_file, SANDBOX_READ);
        sandbox_paths_add_folder_of(paths, c->verifier_ca_file, SANDBOX_READ);
        sandbox_paths_add_folder_of(paths, c->verifier_node_token_file, SANDBOX_READ);

        /* names of hosts: resolv.conf, hosts, nsswitch.conf, gai.conf, and where the first leads */
        sandbox_paths_add(paths, "/etc", SANDBOX_READ);
        sandbox_paths_add_folder_of(paths, "/etc/resolv.conf", SANDBOX_READ);

        if (c->tsm != NULL)
                sandbox_paths_add(paths, c->tsm, SANDBOX_WRITE); /* where it is not root's */
        if (c->ccel_file != NULL)
                sandbox_paths_add(paths, c->ccel_file, SANDBOX_READ);
        const struct evidence_options tpm = {.tpm_tcti = c->tpm_tcti, .tpm_eventlog = c->tpm_eventlog};
        AUTO_STRING char *tpm_log = evidence_tpm_log_path(&tpm);
        if (tpm_log[0] != '\0')
                sandbox_paths_add(paths, tpm_log, SANDBOX_READ);
        for (size_t i = 0; c->reader_socket == NULL && i < COUNT_OF(devices); i++)
                sandbox_paths_add(paths, devices[i], SANDBOX_DEVICE);
        if (strncmp(c->tpm_tcti, DEVICE_PREFIX, strlen(DEVICE_PREFIX)) == 0)
                sandbox_paths_add(paths, c->tpm_tcti + strlen(DEVICE_PREFIX), SANDBOX_DEVICE);
}

struct fault *attester_sandbox_enter(const struct attester_config *c)
{
        if (getuid() == 0 || geteuid() == 0)
                return fault(FAULT_PRECONDITION, "RUN_AS_ROOT",
                             "the attester does not run as root: give it a user of its own, and the evidence reader "
                             "where a device is root's");
        AUTO_CLOSE int state_dir = -1;
        TRY_AS(dir_open_make(c->state_dir, 0700, &state_dir), "state-dir");
        AUTO(sandbox_paths) struct sandbox_paths paths = {0};
        name_paths(c, &paths);
        const struct evidence_options evidence = {
                .kind = c->evidence_kind, .reader_socket = c->reader_socket, .qgs_port = (uint32_t) c->qgs_port};
        const struct sandbox_profile profile = {
                .role = "attester",
                .families = SANDBOX_UNIX | SANDBOX_INET | (evidence_tdx_needs_vsock(&evidence) ? SANDBOX_VSOCK : 0u),
                .paths = &paths,
                .connects = true,
        };
        return sandbox_enter(&profile);
}
