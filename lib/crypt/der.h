/* der: a small writer and reader of ASN.1 DER: for lib/crypt, and for whoever reads what a maker put into extensions of its certificates.
 *
 * The writer emits forward: der_open leaves room for a one-byte length and der_close moves the content when it turned out
 * longer. A fault sticks: further calls do nothing and der_end reports it, so that a structure is written as one plain
 * list. The reader takes one element of a wanted tag, definite and minimal lengths only. X.690 (DER). */
#pragma once

#include "lib/base/clock.h"
#include "lib/base/reader.h"

#define DER_BOOLEAN                0x01
#define DER_INTEGER                0x02
#define DER_BIT_STRING             0x03
#define DER_OCTET_STRING           0x04
#define DER_NULL                   0x05
#define DER_OID                    0x06
#define DER_UTF8                   0x0c
#define DER_UTC_TIME               0x17
#define DER_GENERALIZED_TIME       0x18
#define DER_SEQUENCE               0x30
#define DER_SET                    0x31
#define DER_CONTEXT(n)             (0x80 + (n)) /* [n] IMPLICIT, primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 + (n)) /* [n], constructed */

struct der {
        struct buf out;
        struct fault *fault;
};
#define DER(limit) ((struct der){BUF(limit), NULL})

size_t der_open(struct der *d, uint8_t tag); /* returns what der_close wants */
void der_close(struct der *d, size_t at);
void der_add(struct der *d, uint8_t tag, struct span content);
void der_raw(struct der *d, struct span elements);   /* already encoded */
void der_uint(struct der *d, struct span magnitude); /* big-endian, leading zeros are dropped */
void der_true(struct der *d);
void der_bits(struct der *d, struct span bytes); /* BIT STRING of whole bytes */
void der_oid_text(struct der *d, const char *dotted);
/* UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5). */
void der_time(struct der *d, struct wall t);
/* Moves the bytes to `out` (appended), or gives the fault that stuck. */
struct fault *der_end(struct der *d, struct buf *out) MUST_USE;
void der_clear(struct der *d);
DEFINE_AUTO_VALUE(der)

/* "BAD_DER" when the next element isn't a well-formed one of that tag. */
struct fault *der_read(struct reader *r, uint8_t tag, struct span *ret_content) MUST_USE;
/* A positive INTEGER; its magnitude without the sign byte. */
struct fault *der_read_uint(struct reader *r, struct span *ret_magnitude) MUST_USE;
/* A BIT STRING of whole bytes. */
struct fault *der_read_bits(struct reader *r, struct span *ret_bytes) MUST_USE;
/* UTCTime (1950 to 2049) or GeneralizedTime, in the one form that RFC 5280 §4.1.2.5 has: to the second, Z. */
struct fault *der_read_time(struct reader *r, struct wall *ret) MUST_USE;
