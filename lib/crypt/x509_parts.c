#include "lib/crypt/x509_parts.h"

#define NAME_MAX_LEN    2048
#define COMMON_NAME_MAX 64 /* RFC 5280, ub-common-name */

/* Contents of OBJECT IDENTIFIERs. */
#define OID_COMMON_NAME        SPAN("\x55\x04\x03")
#define OID_SUBJECT_KEY_ID     SPAN("\x55\x1d\x0e")
#define OID_KEY_USAGE          SPAN("\x55\x1d\x0f")
#define OID_BASIC_CONSTRAINTS  SPAN("\x55\x1d\x13")
#define OID_AUTHORITY_KEY_ID   SPAN("\x55\x1d\x23")
#define OID_EXTENDED_KEY_USAGE SPAN("\x55\x1d\x25")
#define OID_SERVER_AUTH        SPAN("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define OID_CLIENT_AUTH        SPAN("\x2b\x06\x01\x05\x05\x07\x03\x02")
/* AlgorithmIdentifiers (RFC 5758 §3.2: no parameters; RFC 4055 §5: NULL). */
#define ECDSA_SHA256 SPAN("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define ECDSA_SHA384 SPAN("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")
#define RSA_SHA256   SPAN("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00")

static struct span algorithm_of(const struct key *signer)
{
        return key_kind(signer) == KEY_P256 ? ECDSA_SHA256 : key_kind(signer) == KEY_P384 ? ECDSA_SHA384 : RSA_SHA256;
}

struct part part_open(struct der *d, struct span oid, bool is_critical)
{
        struct part e;

        e.whole = der_open(d, DER_SEQUENCE);
        der_add(d, DER_OID, oid);
        if (is_critical)
                der_true(d);
        e.value = der_open(d, DER_OCTET_STRING);
        return e;
}

void part_close(struct der *d, struct part e)
{
        der_close(d, e.value);
        der_close(d, e.whole);
}

void part_subject_key_id(struct der *d, const uint8_t id[20])
{
        struct part e = part_open(d, OID_SUBJECT_KEY_ID, false);

        der_add(d, DER_OCTET_STRING, span_make(id, 20));
        part_close(d, e);
}

void part_authority_key_id(struct der *d, struct span id)
{
        struct part e = part_open(d, OID_AUTHORITY_KEY_ID, false);
        size_t at = der_open(d, DER_SEQUENCE);

        der_add(d, DER_CONTEXT(0), id);
        der_close(d, at);
        part_close(d, e);
}

void part_basic_constraints(struct der *d, bool is_ca, int path_len)
{
        struct part e = part_open(d, OID_BASIC_CONSTRAINTS, true);
        size_t at = der_open(d, DER_SEQUENCE);
        uint8_t limit = (uint8_t) path_len;

        if (is_ca)
                der_true(d);
        if (is_ca && path_len >= 0)
                der_uint(d, span_make(&limit, 1));
        der_close(d, at);
        part_close(d, e);
}

void part_key_usage(struct der *d, struct span bits)
{
        struct part e = part_open(d, OID_KEY_USAGE, true);

        der_add(d, DER_BIT_STRING, bits);
        part_close(d, e);
}

void part_server_and_client(struct der *d)
{
        struct part e = part_open(d, OID_EXTENDED_KEY_USAGE, false);
        size_t at = der_open(d, DER_SEQUENCE);

        der_add(d, DER_OID, OID_SERVER_AUTH);
        der_add(d, DER_OID, OID_CLIENT_AUTH);
        der_close(d, at);
        part_close(d, e);
}

void part_name(struct der *d, const char *common_name)
{
        size_t name = der_open(d, DER_SEQUENCE), set = der_open(d, DER_SET), pair = der_open(d, DER_SEQUENCE);

        der_add(d, DER_OID, OID_COMMON_NAME);
        der_add(d, DER_UTF8, span_str(common_name));
        der_close(d, pair);
        der_close(d, set);
        der_close(d, name);
}

void part_validity(struct der *d, struct wall not_before, struct wall not_after)
{
        size_t at = der_open(d, DER_SEQUENCE);

        der_time(d, not_before);
        der_time(d, not_after);
        der_close(d, at);
}

void part_head(struct der *d, const uint8_t serial[16], const struct key *signer)
{
        size_t version = der_open(d, DER_CONTEXT_CONSTRUCTED(0));

        der_uint(d, SPAN("\x02"));
        der_close(d, version);
        der_uint(d, span_make(serial, 16));
        der_raw(d, algorithm_of(signer));
}

/* Certificate = SEQUENCE { tbs, algorithm, signature }. */
struct fault *part_sign(struct der *tbs, const struct key *signer, struct buf *ret_der)
{
        AUTO(buf) struct buf signed_part = BUF(PART_TBS_MAX), signature = BUF(SIGNATURE_MAX);
        enum hash_alg alg = key_kind(signer) == KEY_P384 ? HASH_SHA384 : HASH_SHA256;
        enum signature_form form = key_kind(signer) == KEY_RSA ? SIGNATURE_RSASSA : SIGNATURE_DER;

        TRY(der_end(tbs, &signed_part));
        TRY(key_sign(signer, alg, form, buf_span(&signed_part), &signature));

        AUTO(der) struct der d = DER(CERT_MAX);
        size_t whole = der_open(&d, DER_SEQUENCE);
        der_raw(&d, buf_span(&signed_part));
        der_raw(&d, algorithm_of(signer));
        der_bits(&d, buf_span(&signature));
        der_close(&d, whole);
        return der_end(&d, ret_der);
}

struct fault *part_check_frame(const uint8_t serial[16], struct wall not_before, struct wall not_after)
{
        if ((serial[0] & 0x80) != 0 || span_is_zero(span_make(serial, 16)))
                return fault(FAULT_INVALID, "BAD_SERIAL", "serial number is zero or negative");
        if (not_before.unix_ms > not_after.unix_ms)
                return fault(FAULT_INVALID, "BAD_VALIDITY", "certificate ends before it begins");
        return NULL;
}

/* An IA5String that says what it seems to say. */
struct fault *part_check_ia5(const char *text)
{
        size_t len = strlen(text);

        if (len == 0 || len > NAME_MAX_LEN)
                return fault(FAULT_INVALID, "BAD_NAME", "name of %zu characters", len);
        for (size_t i = 0; i < len; i++) {
                if (text[i] <= 0x20 || text[i] >= 0x7f)
                        return fault(FAULT_INVALID, "BAD_NAME", "name with a blank, control or non-ASCII character");
        }
        return NULL;
}

struct fault *part_check_common_name(const char *text)
{
        if (*text == '\0' || strlen(text) > 64 || !span_is_utf8(span_str(text))) /* ub-common-name */
                return fault(FAULT_INVALID, "BAD_NAME", "common name empty, over 64 bytes or not UTF-8");
        return NULL;
}
