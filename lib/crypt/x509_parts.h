/* x509_parts: what our certificates are put together from, as DER. Private to lib/crypt. RFC 5280 §4. */
#pragma once

#include "lib/crypt/der.h"
#include "lib/crypt/x509.h"

#define PART_TBS_MAX (CERT_MAX - 1024)    /* leaves room for the signature */
#define PART_SAN     SPAN("\x55\x1d\x11") /* subjectAltName's OID */
/* BIT STRINGs of keyUsage: digitalSignature; keyCertSign and cRLSign. */
#define PART_USAGE_SIGN SPAN("\x07\x80")
#define PART_USAGE_CA   SPAN("\x01\x06")
/* GeneralName */
#define PART_SAN_DNS DER_CONTEXT(2)
#define PART_SAN_URI DER_CONTEXT(6)
#define PART_SAN_IP  DER_CONTEXT(7)

/* An extension whose value is written between the two calls. */
struct part {
        size_t whole, value;
};
struct part part_open(struct der *d, struct span oid, bool is_critical);
void part_close(struct der *d, struct part e);

void part_subject_key_id(struct der *d, const uint8_t id[20]);
void part_authority_key_id(struct der *d, struct span id);
void part_basic_constraints(struct der *d, bool is_ca, int path_len); /* -1: no limit */
void part_key_usage(struct der *d, struct span bits);
void part_server_and_client(struct der *d);
void part_name(struct der *d, const char *common_name);
void part_validity(struct der *d, struct wall not_before, struct wall not_after);
/* v3, serial, algorithm: how every TBSCertificate begins. */
void part_head(struct der *d, const uint8_t serial[16], const struct key *signer);
/* Certificate = SEQUENCE { tbs, algorithm, signature }, appended to `ret_der`. */
struct fault *part_sign(struct der *tbs, const struct key *signer, struct buf *ret_der) MUST_USE;

/* "BAD_SERIAL", "BAD_VALIDITY" */
struct fault *part_check_frame(const uint8_t serial[16], struct wall not_before, struct wall not_after) MUST_USE;
/* "BAD_NAME": not graphic ASCII, empty or too long. */
struct fault *part_check_ia5(const char *text) MUST_USE;
struct fault *part_check_common_name(const char *text) MUST_USE;
