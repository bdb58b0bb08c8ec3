/* claims: what a log says that its registers prove, as facts of origin `measured`. Only registers whose replay was equal are read, only
 * records whose digest proves their content, and a register in which two records close the pre-OS phase is not read at all: nobody
 * could tell what came before. Private to this folder. */
#pragma once

#include "issuer/verifier/appraise.h"
#include "issuer/verifier/eventlog/replay.h"

#define BOOT_APPS_MAX   24 /* as many as a numbered fact can name */
#define AUTHORITIES_MAX 24

/* What checks and facts of one form of log are called: literals. */
struct eventlog_names {
        const char *prefix; /* of facts: "eventlog", "ccel" */
        const char *structure, *sha1_only, *hash, *registers, *replay;
        const char *os_registers, *separator; /* concerns */
        const char *content;                  /* not checked */
};
extern const struct eventlog_names eventlog_names[2]; /* by enum eventlog_form */

/* `proven`: bit n: register n of `bank` is what somebody vouches for. Sets facts under the form's
 * prefix; a concern "….separator" when firmware measured that it failed. */
void eventlog_claims(const struct eventlog_replay *replay, enum hash_alg bank, uint32_t proven,
                     struct attestation_result *r);
