/* x509_struct: a certificate as x509_parse.c fills it and x509.c shows it. Private to lib/crypt. */
#pragma once

#include "lib/crypt/ossl.h"

#define NAMES_MAX 64 /* SANs of one kind */

struct names {
        size_t count;
        char *text[NAMES_MAX];
};
struct cert {
        X509 *x;
        struct buf der;
        struct key *key; /* NULL: of a kind that we don't take */
        char *subject, *issuer;
        uint8_t serial[CERT_SERIAL_MAX];
        size_t serial_len;
        struct wall not_before, not_after;
        struct names uris, dns;
};
