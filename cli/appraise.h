/* appraise: from what a person has in files to what the verifier takes, and from its result to what a person reads. */
#pragma once

#include "cli/command.h"
#include "issuer/verifier/verifier.h"

#define APPRAISE_FILES_MAX (PARTS_MAX + 1)
#define APPRAISE_FILE_MAX  ((size_t) 16 << 20)
struct appraise_files {
        size_t count;
        struct {
                char *name;
                struct buf bytes;
        } items[APPRAISE_FILES_MAX];
};
/* --kind, --evidence, --part, --collateral, --report-data, --nonce, --at as an appraisal that borrows from `files`, `freshness` and `in`.
 * FAULT_INVALID "USAGE" for what isn't one; faults of files as they come. */
struct fault *appraise_read(const struct invocation *in, struct appraise_files *files, struct buf *freshness,
                            struct appraisal *ret) MUST_USE;
/* Adds what wasn't given and the evidence's maker publishes (not with --offline; of what changes, nothing with --at). Nothing is added when
 * it can't be had. */
void appraise_fetch(const struct invocation *in, struct appraise_files *files, struct appraisal *a);
void appraise_files_clear(struct appraise_files *f);
DEFINE_AUTO_VALUE(appraise_files)

/* {"accepted","status","reasons":[{"check","expected","got"}],"claims":{…},"not_checked":[…],"kind","collateral","not_after"} */
struct decision;
struct json *appraise_verdict(const struct attestation_result *r, const struct fault *refused,
                              const struct decision *judged, bool accepted); /* `judged` may be NULL */
struct fault *appraise_print(const struct json *verdict, struct buf *out) MUST_USE;
