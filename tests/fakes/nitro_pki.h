/* nitro_pki: attestation documents as a Nitro security module makes them, under a root of our own: root → region → zone → instance → leaf, all
 * P-384. For tests and emulators; OpenSSL does the certificates. */
#pragma once

#include "issuer/verifier/nitro/document.h"
#include "lib/base/clock.h"

#define NITRO_PKI_CERTS 5
struct nitro_pki {
        void *keys[NITRO_PKI_CERTS];       /* EVP_PKEY */
        struct buf certs[NITRO_PKI_CERTS]; /* DER; [0] is the root, the last one the leaf */
};
enum nitro_pki_flaw {
        NITRO_PKI_SOUND,
        NITRO_PKI_NO_CA,         /* the instance's certificate is no authority */
        NITRO_PKI_OTHER_ISSUER,  /* the leaf names another issuer */
        NITRO_PKI_BAD_SIGNATURE, /* the leaf is signed by a key that is not the one above */
        NITRO_PKI_SHA256,        /* the leaf is signed with SHA-256 */
        NITRO_PKI_CA_LEAF,
        NITRO_PKI_SHORT_ZONE, /* the zone's certificate ends an hour before the leaf's */
        NITRO_PKI_P256_LEAF
};
struct nitro_pki *nitro_pki_new(struct wall now, enum nitro_pki_flaw flaw); /* leaf: from now for three hours */
void nitro_pki_free(struct nitro_pki *p);
DEFINE_AUTO(nitro_pki)

/* What the document says; spans of length 0 become null. `d->certificate` and the bundle are the PKI's unless given. */
struct nitro_pki_document {
        struct nitro_document d;
        bool is_indefinite; /* the payload's map */
        const char *twice;  /* this member is there twice */
        const char *without, *unknown;
        int64_t algorithm; /* 0: ES384 */
};
struct nitro_pki_document nitro_pki_document(struct wall now); /* PCRs 0 to 15, 0 to 2 of an image */
void nitro_pki_sign(const struct nitro_pki *p, const struct nitro_pki_document *from, struct buf *out);
