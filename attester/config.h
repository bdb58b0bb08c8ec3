/* config: what the attester can be told; the table in config.c is also its documentation (`vouchsafe-attester --help`). */
#pragma once

#include "lib/wire/options.h"

struct attester_config {
        char *socket;
        uint32_t socket_mode;
        uint64_t csi_uid;
        char *issuer_url;
        char *issuer_audience;
        char *issuer_ca_file;
        char *issuer_pin;         /* hex SHA-256 of the server key's SPKI */
        char *issuer_server_name; /* NULL: the host of the URL */
        char *verifier_url;       /* NULL: the issuer's, as all below */
        char *verifier_audience;
        char *verifier_ca_file;
        char *verifier_pin;
        char *verifier_server_name;
        char *verifier_node_token_file; /* NULL: node_token_file, which must have the verifier's audience */
        int64_t issuer_timeout_ms;
        char *node_token_file; /* NULL: none */
        char *evidence_kind;
        struct option_texts secondary;
        char *tsm;
        char *ccel_file;
        char *imds_url;
        int privilege_level; /* index: 0 the kernel chooses, else the level and one */
        uint64_t qgs_port;   /* 0: what QGS_CONF says */
        char *tpm_tcti;
        char *tpm_pcrs;
        char *tpm_eventlog; /* NULL: the kernel's of the device */
        char *state_dir;
        char *reader_socket; /* NULL: evidence is read by this process */
        uint64_t reader_uid;
        bool insecure_development;
        char *software_claims;
        char *health_socket;
        uint64_t queue_max;
        char *log_level;
};
extern const struct program attester_program;
