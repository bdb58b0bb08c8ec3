/* claims: what a log says that its registers prove, as facts of origin `measured`. Only registers whose replay was equal are read, only
 * records whose digest proves their content, and a register in which two records close the pre-OS phase is not read at all: nobody
 * could tell what came before. Private to this folder. */
#pragma once

#include "issuer/verifier/appraise.h"
#include "issuer/verifier/eventlog/replay.h"

#define BOOT_APPS_MAX   24 /* as many as a numbered fact can name */
#define AUTHORITIES_MAX 24

/* `proven`: bit n: register n of `bank` is what somebody vouches for. Sets eventlog.*; a concern "eventlog.separator" when firmware
 * measured that it failed. */
void eventlog_claims(const struct eventlog_replay *replay, enum hash_alg bank, uint32_t proven,
                     struct attestation_result *r);
