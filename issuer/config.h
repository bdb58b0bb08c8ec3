/* config: what the issuer can be told; the table in config.c is also its documentation (`vouchsafe-issuer --help`). */
#pragma once

#include "lib/wire/options.h"

struct cluster_config {
        char *name;
        char *issuer;
        char *jwks_file;
        char *attester; /* "namespace/service-account" of the attester's DaemonSet; NULL: any */
};
struct owner_config { /* who acts for an owner of stored keys: one of the two */
        uint64_t uid; /* of this machine; 0: the other */
        char *client; /* whom a client certificate names; NULL: the other */
        char *owner;
};
struct verifier_config { /* whose attestation results are believed */
        char *id;
        char *jwks_file;
};
struct anchors_config {
        char *kind;
        char *file;
};
#define TOKEN_KEY_LEAD_REFRESHES 5 /* refresh hints that a token key is published before it is used */
struct issuer_config {
        char *listen;
        char *audience;
        char *trust_domain;
        struct option_texts roles;
        bool is_verifier, is_authority, is_keystore; /* of roles */
        char *state_dir;
        char *root_certificate, *root_key; /* as the other files: in state-dir unless told */
        char *token_key;
        char *verifier_key;
        struct option_items verifiers; /* of struct verifier_config */
        char *tls_certificate, *tls_key, *tls_ca_certificate, *tls_ca_key;
        struct option_texts tls_names;
        char *admin_socket;
        char *health_socket;                                          /* NULL: none */
        char *keystore_kek, *keystore_previous_kek;                   /* previous: NULL: none */
        char *keystore_socket, *keystore_listen, *keystore_client_ca; /* NULL: none */
        struct option_items keystore_owners;                          /* of struct owner_config */
        struct option_texts policy;
        struct option_texts ek_roots;
        struct option_items anchors;  /* of struct anchors_config */
        struct option_items clusters; /* of struct cluster_config */
        bool endorsements_online;
        char *endorsements_kds, *endorsements_pcs, *endorsements_pcs_root;
        char *endorsements_ca_file, *endorsements_mirror, *endorsements_prefetch; /* NULL: none */
        int64_t endorsements_wait_ms, endorsements_timeout_ms, endorsements_absent_for_ms;
        int64_t endorsements_kds_interval_ms, endorsements_pcs_interval_ms;
        uint64_t endorsements_kds_burst, endorsements_pcs_burst, endorsements_count_max;
        bool insecure_development;
        int64_t intermediate_life_ms, max_leaf_life_ms, backdate_ms;
        int64_t bundle_refresh_ms;
        int64_t token_key_life_ms;
        uint64_t workers, queue_max;
        uint64_t rate_per_second, rate_burst;
        char *log_level;
};
extern const struct program issuer_program;

/* Fills in the names of files that were not given, and checks what the table can't: roles, the audience, the attester of a cluster. */
struct fault *issuer_config_finish(struct issuer_config *c) MUST_USE;
