/* ear_names: members of an EAR that ear.c writes, ear_read.c and ear_result.c read. */
#pragma once

#include "lib/model/ear.h"

#define EAR_KIND        "vouchsafe.dev/kind"
#define EAR_DIGEST      "vouchsafe.dev/evidence-digest"
#define EAR_DEVELOPMENT "vouchsafe.dev/insecure-development"
#define EAR_FACTS       "vouchsafe.dev/facts"
#define EAR_CONCERNS    "vouchsafe.dev/concerns"
#define EAR_NOT_CHECKED "vouchsafe.dev/not-checked"
#define EAR_CHECKS      "vouchsafe.dev/checks"
#define EAR_COLLATERAL  "vouchsafe.dev/collateral"
#define EAR_NOT_AFTER   "vouchsafe.dev/not-after"
#define EAR_COMPOSITE                                                                                                  \
        "vouchsafe.dev/composite" /* the whole is none of its parts: they all have submodules of their own */
#define EAR_KEYS        "vouchsafe.dev/keys"
#define EAR_CREDENTIALS "vouchsafe.dev/credentials"

#define TRUST_CLAIM_COUNT 8
struct trust_claim {
        const char *name; /* as AR4SI has it */
        size_t offset;    /* in struct trust_vector */
};
extern const struct trust_claim trust_claims[TRUST_CLAIM_COUNT];

/* The attestation result of an EAR's claims. ear_result.c */
struct fault *ear_read_result(const struct json *claims, struct attestation_result *ret, char **ret_policy) MUST_USE;
struct fault *ear_refuse(const char *token, const char *why) MUST_USE;
/* A fault of a reader under the name of what it read; NULL stays NULL. */
struct fault *ear_refuse_as(struct fault *f, const char *token) MUST_USE;
