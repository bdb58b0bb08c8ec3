#include "issuer/sandbox.h"

#include <linux/capability.h>
#include <string.h>

#include "lib/base/parse.h"
#include "lib/base/sandbox.h"

#define FIRST_FREE_PORT 1024

static uint64_t capabilities(const struct issuer_config *c)
{
        const char *colon = strrchr(c->listen, ':');
        uint64_t port = 0;
        AUTO(fault)
        struct fault *no_port = colon == NULL ? NULL : parse_u64(span_str(colon + 1), 1, FIRST_FREE_PORT - 1, &port);
        return no_port == NULL && port != 0 ? SANDBOX_CAP(CAP_NET_BIND_SERVICE) : 0;
}

/* What libc looks names up with (some are links, into a folder of systemd's), and the system's CAs. */
static const char *const names_and_trust[] = {
        "/etc/hosts",
        "/etc/resolv.conf",
        "/run/systemd/resolve",
        "/etc/nsswitch.conf",
        "/etc/gai.conf",
        "/etc/host.conf",
        "/etc/services",
        "/etc/ssl/certs",
        "/etc/ssl/cert.pem",
        "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates",
};

static void name_paths(const struct issuer_config *c, struct sandbox_paths *paths)
{
        sandbox_paths_add_common(paths);
        sandbox_paths_add(paths, c->state_dir, SANDBOX_WRITE);
        sandbox_paths_add_folder_of(paths, c->admin_socket, SANDBOX_SOCKET);
        sandbox_paths_add_folder_of(paths, c->health_socket, SANDBOX_SOCKET);
        sandbox_paths_add_folder_of(paths, c->keystore_socket, SANDBOX_SOCKET);
        sandbox_paths_add_folder_of(paths, c->keystore_client_ca, SANDBOX_READ);
        sandbox_paths_add_folder_of(paths, c->keystore_kek, SANDBOX_READ);
        sandbox_paths_add_folder_of(paths, c->keystore_previous_kek, SANDBOX_READ);
        sandbox_paths_add_folder_of(paths, c->root_certificate, SANDBOX_READ);
        sandbox_paths_add_folder_of(paths, c->tls_certificate, SANDBOX_READ);
        sandbox_paths_add_folder_of(paths, c->tls_key, SANDBOX_READ);

        sandbox_paths_add_folder_of(paths, c->endorsements_prefetch, SANDBOX_READ);
        if (c->endorsements_mirror != NULL)
                sandbox_paths_add(paths, c->endorsements_mirror, SANDBOX_READ);
        if (c->endorsements_online) {
                sandbox_paths_add_folder_of(paths, c->endorsements_ca_file, SANDBOX_READ);
                for (size_t i = 0; i < COUNT_OF(names_and_trust); i++)
                        sandbox_paths_add(paths, names_and_trust[i], SANDBOX_READ);
        }

        /* read again at SIGHUP: a file or a folder each */
        for (size_t i = 0; i < c->policy.count; i++) {
                sandbox_paths_add(paths, c->policy.texts[i], SANDBOX_READ);
                sandbox_paths_add_folder_of(paths, c->policy.texts[i], SANDBOX_READ);
        }
        for (size_t i = 0; i < c->anchors.count; i++) {
                const struct anchors_config *one = c->anchors.items[i];
                sandbox_paths_add(paths, one->file, SANDBOX_READ);
                sandbox_paths_add_folder_of(paths, one->file, SANDBOX_READ);
        }
        for (size_t i = 0; i < c->ek_roots.count; i++)
                sandbox_paths_add_folder_of(paths, c->ek_roots.texts[i], SANDBOX_READ);
        for (size_t i = 0; i < c->verifiers.count; i++)
                sandbox_paths_add_folder_of(paths, ((const struct verifier_config *) c->verifiers.items[i])->jwks_file,
                                            SANDBOX_READ);
        for (size_t i = 0; i < c->clusters.count; i++)
                sandbox_paths_add_folder_of(paths, ((const struct cluster_config *) c->clusters.items[i])->jwks_file,
                                            SANDBOX_READ);
}

struct fault *issuer_sandbox_drop(const struct issuer_config *c)
{
        return sandbox_drop_capabilities(capabilities(c));
}

struct fault *issuer_sandbox_enter(void *config)
{
        const struct issuer_config *c = config;
        AUTO(sandbox_paths) struct sandbox_paths paths = {0};
        name_paths(c, &paths);
        const struct sandbox_profile profile = {
                .role = "issuer",
                .capabilities = capabilities(c),
                .families = SANDBOX_UNIX | SANDBOX_INET,
                .paths = &paths,
                .listens = true,
                .connects = c->endorsements_online,
        };
        return sandbox_enter(&profile);
}
