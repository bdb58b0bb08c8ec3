/* swtpm: a TPM 2.0 of one's own for a test: made, started, reset, wiped, killed, in a folder below /tmp that goes with it.
 *
 *     AUTO(swtpm) struct swtpm tpm = {0};
 *     assert_null(swtpm_make(&tpm, SWTPM_EK_CERTIFICATE));
 *     assert_null(swtpm_start(&tpm));
 *     evidence_open(&(struct evidence_options){.kind = "tpm", .tpm_tcti = tpm.tcti, ...}, &source);
 *
 * The process dies with the test. Its sockets listen before it runs, so nobody waits for it. The EK certificate's chain is in
 * `ca` (issuercert.pem, swtpm-localca-rootca-cert.pem); several TPMs made with the same `ca` come from one manufacturer. */
#pragma once

#include <sys/types.h>

#include "lib/crypt/hash.h"

enum swtpm_kind {
        SWTPM_PLAIN,          /* no EK certificate */
        SWTPM_EK_CERTIFICATE, /* RSA 2048 at 0x01C00002 (and P-384 at 0x01C00016), from the CA in `ca` */
};
struct swtpm {
        char folder[64]; /* "" until made */
        char ca[96], state[96], socket_path[96], config[96];
        char tcti[128];
        enum swtpm_kind kind;
        bool skips_startup; /* nobody sends TPM2_Startup when it gets power */
        bool over_tcp;      /* at 127.0.0.1, a port of its choice: `tcti` says which once it is started */
        uint16_t port;      /* over_tcp */
        pid_t pid;          /* 0: not running */
};

/* Manufactured, PCR banks sha256 and sha384. */
struct fault *swtpm_make(struct swtpm *t, enum swtpm_kind kind) MUST_USE;
struct fault *swtpm_start(struct swtpm *t) MUST_USE;
void swtpm_stop(struct swtpm *t); /* killed, sockets unlinked */
/* Power off and on: PCRs are zero again, resetCount grows. */
struct fault *swtpm_reset(struct swtpm *t) MUST_USE;
/* Another TPM at the same address: new seeds, new EK. Stopped afterwards. */
struct fault *swtpm_wipe(struct swtpm *t) MUST_USE;
/* Stops answering, and answers again. */
void swtpm_freeze(const struct swtpm *t);
void swtpm_thaw(const struct swtpm *t);
/* TPM2_PCR_Extend of the SHA-256 bank. */
struct fault *swtpm_extend(const struct swtpm *t, unsigned pcr, const uint8_t digest[SHA256_LEN]) MUST_USE;
/* One command as bytes, not over TCP; FAULT_UNAVAILABLE "SWTPM" when it isn't there or the answer's code isn't 0. The answer goes to `out` (may be NULL). */
struct fault *swtpm_command(const struct swtpm *t, struct span command, struct buf *out) MUST_USE;
void swtpm_clear(struct swtpm *t); /* killed, folder removed */
DEFINE_AUTO_VALUE(swtpm)
