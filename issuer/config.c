#include "issuer/config.h"

#include "issuer/authority/authority.h"
#include "lib/crypt/binding.h"
#include "lib/net/makers.h"

#define AT(member)  offsetof(struct issuer_config, member)
#define OF(member)  offsetof(struct cluster_config, member)
#define DAY_MS      (24LL * 3600 * 1000)
#define MAX_WAIT_MS 15000 /* less than attesters wait for a reply */
#define BACKDATE_MS (10LL * 60 * 1000)

static const struct option cluster_rows[] = {
        {.name = "name",
         .type = OPTION_TEXT,
         .offset = OF(name),
         .required = true,
         .help = "what policies call it (k8s.cluster)"},
        {.name = "issuer",
         .type = OPTION_TEXT,
         .offset = OF(issuer),
         .required = true,
         .help = "iss of its service-account tokens, exact"},
        {.name = "jwks-file",
         .type = OPTION_TEXT,
         .offset = OF(jwks_file),
         .required = true,
         .help = "JWK set of its token keys (kubectl get --raw /openid/v1/jwks); read again at SIGHUP"},
        {.name = "attester",
         .type = OPTION_TEXT,
         .offset = OF(attester),
         .help = "namespace/service-account whose token may tie an attestation key to a node; unset: any of the "
                 "cluster"},
        {.name = NULL},
};

static const struct option owner_rows[] = {
        {.name = "uid",
         .type = OPTION_COUNT,
         .offset = offsetof(struct owner_config, uid),
         .fallback = "0",
         .max = UINT32_MAX - 1,
         .help = "user of this machine, on keystore.socket"},
        {.name = "client",
         .type = OPTION_TEXT,
         .offset = offsetof(struct owner_config, client),
         .help = "whom a client certificate names, on keystore.listen: its URI when it has exactly one, else its "
                 "subject (RFC 2253)"},
        {.name = "owner",
         .type = OPTION_TEXT,
         .offset = offsetof(struct owner_config, owner),
         .required = true,
         .help = "the owner that it acts for, as policy documents have it"},
        {.name = NULL},
};

static const struct option verifier_rows[] = {
        {.name = "id",
         .type = OPTION_TEXT,
         .offset = offsetof(struct verifier_config, id),
         .required = true,
         .help = "its id, exact: the audience of its own configuration"},
        {.name = "jwks-file",
         .type = OPTION_TEXT,
         .offset = offsetof(struct verifier_config, jwks_file),
         .required = true,
         .help = "JWK set of the keys that it signs results with (its verifier.key.jwks); read again at SIGHUP"},
        {.name = NULL},
};

static const struct option anchors_rows[] = {
        {.name = "kind",
         .type = OPTION_TEXT,
         .offset = offsetof(struct anchors_config, kind),
         .required = true,
         .help = "kind of evidence: sev-snp, tdx, tpm, nitro, cca, az-sev-snp, az-tdx"},
        {.name = "file",
         .type = OPTION_TEXT,
         .offset = offsetof(struct anchors_config, file),
         .required = true,
         .help = "certificates, PEM or DER; for cca platform keys (a JWK, a JWK set, {instance id: JWK}), a file or a "
                 "folder of them"},
        {.name = NULL},
};

static const struct option options[] = {
        {.name = "listen",
         .type = OPTION_TEXT,
         .offset = AT(listen),
         .fallback = "127.0.0.1:8443",
         .help = "address of the HTTPS API; port 0 picks one"},
        {.name = "audience",
         .type = OPTION_TEXT,
         .offset = AT(audience),
         .required = true,
         .help = "this issuer's id, a URI: what evidence is made for, and the audience of service-account tokens"},
        {.name = "trust-domain",
         .type = OPTION_TEXT,
         .offset = AT(trust_domain),
         .required = true,
         .help = "SPIFFE trust domain of every identity, without spiffe://"},
        {.name = "roles",
         .type = OPTION_TEXTS,
         .offset = AT(roles),
         .help = "which of verifier, authority and keystore this process is; unset: all three. keystore needs the "
                 "other two"},
        {.name = "authority.verifiers",
         .type = OPTION_ITEMS,
         .offset = AT(verifiers),
         .rows = verifier_rows,
         .item_size = sizeof(struct verifier_config),
         .help = "verifiers in other processes whose attestation results are believed (mechanism passport), beside "
                 "this process's own"},
        {.name = "verifier.key",
         .type = OPTION_TEXT,
         .offset = AT(verifier_key),
         .help = "PEM file with the key that attestation results are signed with, opened by the signer only; unset: "
                 "verifier.key in state-dir"},
        {.name = "state-dir",
         .type = OPTION_TEXT,
         .offset = AT(state_dir),
         .fallback = "/var/lib/vouchsafe/issuer",
         .help = "the ledger, the nonce secret, and the files below where they are not named"},
        {.name = "root.certificate",
         .type = OPTION_TEXT,
         .offset = AT(root_certificate),
         .help = "workload root, PEM; more roots after it are only published; unset: root.crt in state-dir"},
        {.name = "root.key",
         .type = OPTION_TEXT,
         .offset = AT(root_key),
         .help = "its key, opened by the signer only; unset: root.key in state-dir"},
        {.name = "tls.certificate",
         .type = OPTION_TEXT,
         .offset = AT(tls_certificate),
         .help = "TLS server chain, PEM, leaf first; unset: tls.crt in state-dir"},
        {.name = "tokens.key",
         .type = OPTION_TEXT,
         .offset = AT(token_key),
         .help = "file that the keys of Workload Identity Tokens come from, opened by the signer only; unset: "
                 "token-key in "
                 "state-dir"},
        {.name = "tls.key", .type = OPTION_TEXT, .offset = AT(tls_key), .help = "its key; unset: tls.key in state-dir"},
        {.name = "tls.ca-certificate",
         .type = OPTION_TEXT,
         .offset = AT(tls_ca_certificate),
         .help = "TLS CA that attesters trust (not the workload root); unset: tls-ca.crt in state-dir"},
        {.name = "tls.ca-key",
         .type = OPTION_TEXT,
         .offset = AT(tls_ca_key),
         .help = "its key, used by init only; unset: tls-ca.key in state-dir"},
        {.name = "tls.names",
         .type = OPTION_TEXTS,
         .offset = AT(tls_names),
         .help = "DNS names and addresses of this server: init puts them into its certificate, policies may not grant "
                 "them"},
        {.name = "admin-socket",
         .type = OPTION_TEXT,
         .offset = AT(admin_socket),
         .fallback = "/run/vouchsafe/issuer-admin.sock",
         .help = "admin API over HTTP, mode 0600, for root and this program's own user"},
        {.name = "health-socket",
         .type = OPTION_TEXT,
         .offset = AT(health_socket),
         .help = "/healthz, /readyz and /metrics over HTTP; unset: only on the admin socket"},
        {.name = "keystore.kek",
         .type = OPTION_TEXT,
         .offset = AT(keystore_kek),
         .help = "file with the key that stored keys are kept under, mode 0600; unset: kek in state-dir, and no Key "
                 "store when it is not there"},
        {.name = "keystore.previous-kek",
         .type = OPTION_TEXT,
         .offset = AT(keystore_previous_kek),
         .help = "the one before it, until `vouchsafe keys rewrap` has been run"},
        {.name = "keystore.socket",
         .type = OPTION_TEXT,
         .offset = AT(keystore_socket),
         .help = "the admin API's part for stored keys alone, mode 0666, for the users in keystore.owners; unset: "
                 "only on the admin socket"},
        {.name = "keystore.owners",
         .type = OPTION_ITEMS,
         .offset = AT(keystore_owners),
         .rows = owner_rows,
         .item_size = sizeof(struct owner_config),
         .help = "who may make, rotate and destroy an owner's keys; one may be there more than once"},
        {.name = "keystore.listen",
         .type = OPTION_TEXT,
         .offset = AT(keystore_listen),
         .help = "the same over HTTPS, for the clients in keystore.owners; needs keystore.client-ca; unset: none"},
        {.name = "keystore.client-ca",
         .type = OPTION_TEXT,
         .offset = AT(keystore_client_ca),
         .help = "PEM file with the CA of their client certificates; not the workload root"},
        {.name = "policy",
         .type = OPTION_TEXTS,
         .offset = AT(policy),
         .help = "files and folders with policy documents; read again at SIGHUP"},
        {.name = "tpm.ek-roots",
         .type = OPTION_TEXTS,
         .offset = AT(ek_roots),
         .help = "PEM files with the roots of TPM endorsement keys; none: no TPM can enrol; read again at SIGHUP"},
        {.name = "evidence.anchors",
         .type = OPTION_ITEMS,
         .offset = AT(anchors),
         .rows = anchors_rows,
         .item_size = sizeof(struct anchors_config),
         .help = "roots of evidence beside the makers' own, by kind; the facts say which was used; read again at "
                 "SIGHUP"},
        {.name = "endorsements.online",
         .type = OPTION_BOOL,
         .offset = AT(endorsements_online),
         .fallback = "false",
         .help = "ask the makers of TEEs (or their mirrors below) for certificates, revocation lists and TCB "
                 "information that evidence needs; without it, what was imported or is in endorsements.mirror is all "
                 "there is"},
        {.name = "endorsements.kds",
         .type = OPTION_TEXT,
         .offset = AT(endorsements_kds),
         .fallback = MAKER_KDS_URL,
         .help = "base URL of AMD's key distribution service, or of a mirror; https"},
        {.name = "endorsements.pcs",
         .type = OPTION_TEXT,
         .offset = AT(endorsements_pcs),
         .fallback = MAKER_PCS_URL,
         .help = "base URL of Intel's provisioning certification service, or of a mirror (PCCS)"},
        {.name = "endorsements.pcs-root",
         .type = OPTION_TEXT,
         .offset = AT(endorsements_pcs_root),
         .fallback = MAKER_PCS_ROOT_URL,
         .help = "base URL of the revocation list of Intel's root, or of a mirror"},
        {.name = "endorsements.ca-file",
         .type = OPTION_TEXT,
         .offset = AT(endorsements_ca_file),
         .help = "PEM file with the CAs of these hosts' TLS; unset: the system's"},
        {.name = "endorsements.mirror",
         .type = OPTION_TEXT,
         .offset = AT(endorsements_mirror),
         .help = "folder with endorsements as files (kds/vcek/v1/Milan/crl, …), looked at before a host is asked"},
        {.name = "endorsements.prefetch",
         .type = OPTION_TEXT,
         .offset = AT(endorsements_prefetch),
         .help = "file of chips whose certificates are fetched before they are needed: product, chip id, TCB a line; "
                 "read again at SIGHUP"},
        {.name = "endorsements.wait",
         .type = OPTION_DURATION,
         .offset = AT(endorsements_wait_ms),
         .fallback = "5s",
         .min = 0,
         .max = MAX_WAIT_MS,
         .help = "how long a request waits for an endorsement that is not there yet; then it is told to come again"},
        {.name = "endorsements.timeout",
         .type = OPTION_DURATION,
         .offset = AT(endorsements_timeout_ms),
         .fallback = "20s",
         .min = 100,
         .max = 120000,
         .help = "longest that one exchange with a host may take"},
        {.name = "endorsements.absent-for",
         .type = OPTION_DURATION,
         .offset = AT(endorsements_absent_for_ms),
         .fallback = "600s",
         .min = 1000,
         .max = DAY_MS,
         .help = "how long a host is believed that there is no such thing"},
        {.name = "endorsements.kds-interval",
         .type = OPTION_DURATION,
         .offset = AT(endorsements_kds_interval_ms),
         .fallback = "10s",
         .min = 0,
         .max = DAY_MS,
         .help = "AMD's host is asked once in this time, when the burst is used up"},
        {.name = "endorsements.kds-burst",
         .type = OPTION_COUNT,
         .offset = AT(endorsements_kds_burst),
         .fallback = "6",
         .min = 1,
         .max = 1000,
         .help = "exchanges with it at once"},
        {.name = "endorsements.pcs-interval",
         .type = OPTION_DURATION,
         .offset = AT(endorsements_pcs_interval_ms),
         .fallback = "1s",
         .min = 0,
         .max = DAY_MS,
         .help = "the same for Intel's hosts"},
        {.name = "endorsements.pcs-burst",
         .type = OPTION_COUNT,
         .offset = AT(endorsements_pcs_burst),
         .fallback = "10",
         .min = 1,
         .max = 1000,
         .help = "exchanges with each of them at once"},
        {.name = "endorsements.count-max",
         .type = OPTION_COUNT,
         .offset = AT(endorsements_count_max),
         .fallback = "10000",
         .min = 16,
         .max = 16384,
         .help = "endorsements kept; past it those that came longest ago go"},
        {.name = "clusters",
         .type = OPTION_ITEMS,
         .offset = AT(clusters),
         .rows = cluster_rows,
         .item_size = sizeof(struct cluster_config),
         .help = "Kubernetes clusters whose service-account tokens are believed"},
        {.name = "insecure-development",
         .type = OPTION_BOOL,
         .offset = AT(insecure_development),
         .fallback = "false",
         .help = "admit the software evidence kind, which proves nothing, and policies that speak of it"},
        {.name = "intermediate-life",
         .type = OPTION_DURATION,
         .offset = AT(intermediate_life_ms),
         .fallback = "24h",
         .min = INTERMEDIATE_LIFE_MIN_MS,
         .max = INTERMEDIATE_LIFE_MAX_MS,
         .help = "life of the online intermediate, renewed at half of it"},
        {.name = "max-leaf-life",
         .type = OPTION_DURATION,
         .offset = AT(max_leaf_life_ms),
         .fallback = "12h",
         .min = 1000,
         .max = INTERMEDIATE_LIFE_MAX_MS,
         .help = "longest life of a credential, whatever a policy says"},
        {.name = "backdate",
         .type = OPTION_DURATION,
         .offset = AT(backdate_ms),
         .fallback = "300s", /* as far as an attester's clock may be off */
         .min = 0,
         .max = BACKDATE_MS,
         .help = "how far notBefore lies in the past, for clocks that are late"},
        {.name = "bundle-refresh",
         .type = OPTION_DURATION,
         .offset = AT(bundle_refresh_ms),
         .fallback = "300s",
         .min = 1000,
         .max = 7 * DAY_MS,
         .help = "refresh hint of the trust bundle: how often attesters look for a new one"},
        {.name = "tokens.key-life",
         .type = OPTION_DURATION,
         .offset = AT(token_key_life_ms),
         .fallback = "168h",
         .min = 5000,
         .max = 366 * DAY_MS,
         .help = "how long a token key is used; published as long before and after that; at least max-leaf-life and "
                 "five "
                 "times bundle-refresh"},
        {.name = "workers",
         .type = OPTION_COUNT,
         .offset = AT(workers),
         .fallback = "8",
         .min = 1,
         .max = 256,
         .help = "requests worked on at the same time"},
        {.name = "queue-max",
         .type = OPTION_COUNT,
         .offset = AT(queue_max),
         .fallback = "256",
         .min = 1,
         .max = 65536,
         .help = "requests that may wait; more are answered 503 with Retry-After at once"},
        {.name = "rate.per-second",
         .type = OPTION_COUNT,
         .offset = AT(rate_per_second),
         .fallback = "20",
         .min = 1,
         .max = 100000,
         .help = "requests a second that one client key may make; an address may make 16 times as many"},
        {.name = "rate.burst",
         .type = OPTION_COUNT,
         .offset = AT(rate_burst),
         .fallback = "100",
         .min = 1,
         .max = 1000000,
         .help = "requests that it may make at once"},
        {.name = "log-level",
         .type = OPTION_TEXT,
         .offset = AT(log_level),
         .fallback = "info",
         .help = "debug, info, warn or error"},
        {.name = NULL},
};

const struct program issuer_program = {
        .name = "vouchsafe-issuer",
        .summary = "appraises evidence, decides by policy, records, and issues credentials; `vouchsafe-issuer init` "
                   "makes the keys and certificates that are missing",
        .options = options,
        .config_size = sizeof(struct issuer_config),
};

/* ---- what the table can't check ---- */

static struct fault *read_roles(struct issuer_config *c)
{
        const struct {
                const char *name;
                bool *is;
        } roles[] = {{"verifier", &c->is_verifier}, {"authority", &c->is_authority}, {"keystore", &c->is_keystore}};
        for (size_t role = 0; role < COUNT_OF(roles); role++)
                *roles[role].is = c->roles.count == 0;
        for (size_t i = 0; i < c->roles.count; i++) {
                size_t role = 0;
                while (role < COUNT_OF(roles) && strcmp(c->roles.texts[i], roles[role].name) != 0)
                        role++;
                if (role == COUNT_OF(roles))
                        return fault(FAULT_INVALID, "CONFIG", "roles: \"%s\" is none of verifier, authority, keystore",
                                     c->roles.texts[i]);
                *roles[role].is = true;
        }
        if (c->is_keystore && !(c->is_verifier && c->is_authority))
                return fault(FAULT_INVALID, "CONFIG",
                             "roles: a Key store appraises and has its certificates issued in its own process: it "
                             "needs verifier and authority beside it");
        return NULL;
}

static struct fault *check_verifiers(const struct issuer_config *c)
{
        for (size_t i = 0; i < c->verifiers.count; i++) {
                const struct verifier_config *v = c->verifiers.items[i];
                bool is_twice = c->is_verifier && strcmp(v->id, c->audience) == 0;
                for (size_t other = 0; other < i && !is_twice; other++)
                        is_twice = strcmp(((const struct verifier_config *) c->verifiers.items[other])->id, v->id) == 0;
                if (is_twice)
                        return fault(FAULT_INVALID, "CONFIG", "authority.verifiers: %s has the id of another", v->id);
        }
        if (c->verifiers.count > 0 && !c->is_authority)
                return fault(FAULT_INVALID, "CONFIG", "authority.verifiers: this process is no authority");
        return NULL;
}

static struct fault *check_audience(const char *audience)
{
        const char *colon = strchr(audience, ':');
        if (colon == NULL || colon == audience || colon[1] == '\0' || strlen(audience) > BINDING_AUDIENCE_MAX)
                return fault(FAULT_INVALID, "CONFIG", "audience: \"%.128s\" is no URI of at most %d bytes", audience,
                             BINDING_AUDIENCE_MAX);
        return NULL;
}

static struct fault *check_clusters(const struct option_items *clusters)
{
        for (size_t i = 0; i < clusters->count; i++) {
                const struct cluster_config *c = clusters->items[i];
                const char *slash = c->attester != NULL ? strchr(c->attester, '/') : NULL;
                if (c->attester != NULL && (slash == NULL || slash == c->attester || slash[1] == '\0'))
                        return fault(FAULT_INVALID, "CONFIG",
                                     "clusters: attester \"%s\" is no namespace/service-account", c->attester);
                for (size_t other = 0; other < i; other++) {
                        const struct cluster_config *o = clusters->items[other];
                        if (strcmp(o->name, c->name) == 0 || strcmp(o->issuer, c->issuer) == 0)
                                return fault(FAULT_INVALID, "CONFIG", "clusters: %s has the name or issuer of another",
                                             c->name);
                }
        }
        return NULL;
}

static struct fault *check_token_keys(const struct issuer_config *c)
{
        if (c->token_key_life_ms < c->max_leaf_life_ms ||
            c->token_key_life_ms < TOKEN_KEY_LEAD_REFRESHES * c->bundle_refresh_ms)
                return fault(
                        FAULT_INVALID, "CONFIG",
                        "tokens.key-life: at least max-leaf-life and %d times bundle-refresh, or tokens would be met "
                        "by nobody who has their key",
                        TOKEN_KEY_LEAD_REFRESHES);
        return NULL;
}

static struct fault *check_owners(const struct issuer_config *c)
{
        for (size_t i = 0; i < c->keystore_owners.count; i++) {
                const struct owner_config *o = c->keystore_owners.items[i];
                if ((o->uid != 0) == (o->client != NULL))
                        return fault(FAULT_INVALID, "CONFIG", "keystore.owners: %s has either a uid or a client",
                                     o->owner);
        }
        if ((c->keystore_listen != NULL) != (c->keystore_client_ca != NULL))
                return fault(FAULT_INVALID, "CONFIG", "keystore.listen and keystore.client-ca need one another");
        return NULL;
}

struct fault *issuer_config_finish(struct issuer_config *c)
{
        TRY(check_owners(c));
        TRY(read_roles(c));
        TRY(check_verifiers(c));
        TRY(check_audience(c->audience));
        TRY(check_clusters(&c->clusters));
        TRY(check_token_keys(c));

        const struct {
                char **path;
                const char *name;
        } files[] = {
                {&c->root_certificate, "root.crt"}, {&c->root_key, "root.key"}, {&c->token_key, "token-key"},
                {&c->tls_certificate, "tls.crt"},   {&c->tls_key, "tls.key"},   {&c->tls_ca_certificate, "tls-ca.crt"},
                {&c->tls_ca_key, "tls-ca.key"},     {&c->keystore_kek, "kek"},  {&c->verifier_key, "verifier.key"},
        };
        for (size_t i = 0; i < COUNT_OF(files); i++)
                if (*files[i].path == NULL)
                        *files[i].path = alloc_printf("%s/%s", c->state_dir, files[i].name);
        return NULL;
}
