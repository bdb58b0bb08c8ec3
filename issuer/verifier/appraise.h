/* appraise: what the appraisers share: every check is recorded in the result's tree, whether it held or not, and the first that does not
 * hold ends the appraisal with a fault of its name. Private to this folder. */
#pragma once

#include "issuer/verifier/verifier.h"

/* `name` is a literal: it becomes the fault's token. `wanted` and `got` may be NULL. */
struct fault *appraise_hold(struct attestation_result *r, const char *name, bool ok, enum origin origin,
                            const char *wanted, const char *got) MUST_USE;
/* The same for bytes, compared in constant time, shown in hex. */
struct fault *appraise_bytes(struct attestation_result *r, const char *name, enum origin origin, struct span wanted,
                             struct span got) MUST_USE;
/* A concern (see verifier.h): recorded either way; when it does not hold the status is at best `worst` from now on, and the appraisal goes
 * on. `name` is a literal. */
void appraise_concern(struct attestation_result *r, const char *name, bool ok, enum origin origin, const char *wanted,
                      const char *got, enum ear_status worst);
/* Nothing was given to check this against. `name` is a literal. */
void appraise_not_checked(struct attestation_result *r, const char *name);
/* The verdict rests on this endorsement; `not_after` {0}: it has no end. */
void appraise_rests_on(struct attestation_result *r, const char *name, struct span bytes, struct wall not_after);
/* The same of bytes whose SHA-256 is known already. */
void appraise_rests_on_digest(struct attestation_result *r, const char *name, const uint8_t digest[SHA256_LEN],
                              struct wall not_after);
/* 64 bytes of report data against what was asked for: "<name>", or "freshness" not checked. */
struct fault *appraise_report_data(const struct appraisal *in, struct attestation_result *r, const char *name,
                                   struct span got) MUST_USE;
/* What a library's call said: a check that held when `f` is NULL; a fault whose token is a check's name (it has a dot) is that check, failed;
 * any other becomes the check `name`. Takes `f` over. */
struct fault *appraise_call(struct attestation_result *r, const char *name, enum origin origin,
                            struct fault *f) MUST_USE;

struct fault *appraise_tpm(const struct appraisal *in, struct attestation_result *result) MUST_USE;
struct fault *appraise_software(const struct appraisal *in, struct attestation_result *result) MUST_USE;

/* What an attestation key must be: "ak.attributes", "ak.algorithm". */
struct fault *ak_check_public(const struct tpm_public *ak) MUST_USE;
/* The same of a key that our attester did not make: P-384, and any hash but SHA-1, will do as well. */
struct fault *ak_check_any(const struct tpm_public *ak) MUST_USE;
