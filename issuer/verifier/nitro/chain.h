/* chain: from a document's certificate through its bundle to AWS's root, whose certificate is part of the program, or to an anchor of the
 * configuration. The bundle comes with the root first and is one straight line; each link is ECDSA with SHA-384.
 *
 * A chain is proven once and remembered (memo.h) under a digest of all its certificates and of the anchors; whether it is valid now is asked
 * each time. AWS has no revocation lists that a verifier could ask for these. */
#pragma once

#include "issuer/verifier/memo.h"
#include "issuer/verifier/nitro/document.h"
#include "lib/crypt/x509.h"

struct nitro_chain { /* immutable, shared */
        struct memo_value memo;
        struct cert *leaf;
        struct cert_list authorities; /* the root first */
        bool is_configured;           /* the root is an anchor, not AWS's */
        struct wall not_after;        /* the earliest of all */
};
/* FAULT_INVALID "nitro.certificate", "nitro.anchors"; FAULT_DENIED "nitro.root" (not one that is trusted), "nitro.chain" (not each issued
 * by the one before, or an authority that is none), "nitro.chain_signature", "nitro.expired", "nitro.not_yet_valid". */
struct fault *nitro_chain_prove(const struct nitro_document *d, struct span anchors, struct wall now,
                                struct nitro_chain **ret) MUST_USE;
void nitro_chain_free(struct nitro_chain *c); /* gives it back */
DEFINE_AUTO(nitro_chain)
void nitro_chain_forget(void); /* the memo */
