/* cca_pki: CCA tokens as a platform makes them, under a platform key of our own. For tests and emulators. */
#pragma once

#include "issuer/verifier/cca/token.h"

struct cca_pki_token {
        struct cca_platform platform;
        struct cca_realm realm;
        const struct key *platform_key, *realm_key; /* P-384; private */
        bool old_key_form;                          /* the realm's key as a point, not a COSE_Key */
        /* flaws */
        const char *twice, *without; /* "platform/profile", "realm/initial": a claim's name as in token.c */
        bool other_challenge;        /* the platform's challenge is of another key */
        bool swap_signers;           /* the halves are signed by one another's keys */
        unsigned halves;             /* 0: both; 1: platform only; 2: realm only; 3: the platform twice */
};
/* A platform's key, the same for the same seed in every process; the caller's. */
struct key *cca_pki_key(const char *seed);
struct cca_pki_token cca_pki_token(const struct key *platform_key, const struct key *realm_key);
void cca_pki_sign(const struct cca_pki_token *from, struct buf *out);
