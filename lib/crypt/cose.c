#include "lib/crypt/cose.h"

#include "lib/wire/cbor.h"

#define TAG_SIGN1        18
#define HEADER_ALGORITHM 1
#define HEADER_CRITICAL  2

#define KEY_TYPE     1
#define KEY_TYPE_EC2 2
#define KEY_CURVE    (-1)
#define KEY_X        (-2)
#define KEY_Y        (-3)
#define CURVE_P256   1
#define CURVE_P384   2

/* RFC 9052 §3.1: labels are numbers or text; of the numbers we want one. */
static struct fault *read_protected(struct span header, int64_t *ret_algorithm)
{
        struct reader r = READER(header);
        struct cbor_list map;
        struct fault *f = NULL;
        bool found = false;
        TRY(cbor_map(&r, &map));
        while (cbor_more(&r, &map, &f)) {
                enum cbor_major major;
                struct span ignored;
                int64_t label = 0;
                TRY(cbor_peek(&r, &major));
                if (major != CBOR_UINT && major != CBOR_NINT) {
                        TRY(cbor_skip(&r, &ignored));
                        TRY(cbor_skip(&r, &ignored));
                        continue;
                }
                TRY(cbor_int(&r, &label));
                if (label == HEADER_CRITICAL)
                        return fault(FAULT_INVALID, "COSE", "the header names critical members");
                if (label == HEADER_ALGORITHM && found)
                        return fault(FAULT_INVALID, "COSE", "the header has two algorithms");
                found = found || label == HEADER_ALGORITHM;
                TRY(label == HEADER_ALGORITHM ? cbor_int(&r, ret_algorithm) : cbor_skip(&r, &ignored));
        }
        TRY(f);
        TRY(reader_end(&r));
        return found ? NULL : fault(FAULT_INVALID, "COSE", "the protected header has no algorithm");
}

static struct fault *read_sign1(struct span bytes, struct cose_sign1 *ret)
{
        struct reader r = READER(bytes);
        enum cbor_major major;
        struct cbor_list list;
        struct span unprotected;
        uint64_t tag = 0;
        TRY(cbor_peek(&r, &major));
        if (major == CBOR_TAG) {
                TRY(cbor_tag(&r, &tag));
                if (tag != TAG_SIGN1)
                        return fault(FAULT_INVALID, "COSE", "tag %llu is not COSE_Sign1's", (unsigned long long) tag);
        }
        TRY(cbor_array(&r, &list));
        if (list.is_indefinite || list.left != 4)
                return fault(FAULT_INVALID, "COSE", "COSE_Sign1 is an array of four");
        TRY(cbor_bytes(&r, &ret->protected_header));
        TRY(cbor_peek(&r, &major));
        if (major != CBOR_MAP)
                return fault(FAULT_INVALID, "COSE", "the unprotected header is no map");
        TRY(cbor_skip(&r, &unprotected));
        TRY(cbor_bytes(&r, &ret->payload));
        TRY(cbor_bytes(&r, &ret->signature));
        TRY(reader_end(&r));
        return read_protected(ret->protected_header, &ret->algorithm);
}

struct fault *cose_sign1_read(struct span bytes, struct cose_sign1 *ret)
{
        return fault_rename(read_sign1(bytes, ret), FAULT_INVALID, "COSE");
}

struct fault *cose_sign1_verify(const struct cose_sign1 *c, const struct key *k)
{
        bool is_256 = c->algorithm == COSE_ES256 && key_kind(k) == KEY_P256;
        bool is_384 = c->algorithm == COSE_ES384 && key_kind(k) == KEY_P384;
        if (!is_256 && !is_384)
                return fault(FAULT_DENIED, "cose.algorithm", "algorithm %lld is not one of the signer's key",
                             (long long) c->algorithm);
        AUTO(buf) struct buf signed_bytes = BUF(c->payload.len + c->protected_header.len + 64);
        TRY(cbor_write_head(&signed_bytes, CBOR_ARRAY, 4)); /* Sig_structure, RFC 9052 §4.4 */
        TRY(cbor_write_text(&signed_bytes, "Signature1"));
        TRY(cbor_write_bytes(&signed_bytes, c->protected_header));
        TRY(cbor_write_bytes(&signed_bytes, SPAN_NONE));
        TRY(cbor_write_bytes(&signed_bytes, c->payload));
        struct fault *f =
                key_verify(k, is_256 ? HASH_SHA256 : HASH_SHA384, SIGNATURE_RAW, buf_span(&signed_bytes), c->signature);
        if (f == NULL)
                return NULL;
        fault_free(f);
        return fault(FAULT_DENIED, "cose.signature", "the signature isn't the key's over this document");
}

static struct fault *read_key(struct span bytes, struct key **ret)
{
        struct reader r = READER(bytes);
        struct cbor_list map;
        struct fault *f = NULL;
        int64_t type = 0, curve = 0;
        struct span x = SPAN_NONE, y = SPAN_NONE, ignored;
        TRY(cbor_map(&r, &map));
        while (cbor_more(&r, &map, &f)) {
                int64_t label = 0;
                TRY(cbor_int(&r, &label));
                if ((label == KEY_X && x.data != NULL) || (label == KEY_Y && y.data != NULL))
                        return fault(FAULT_INVALID, "COSE_KEY", "a coordinate is there twice");
                TRY(label == KEY_TYPE    ? cbor_int(&r, &type)
                    : label == KEY_CURVE ? cbor_int(&r, &curve)
                    : label == KEY_X     ? cbor_bytes(&r, &x)
                    : label == KEY_Y     ? cbor_bytes(&r, &y)
                                         : cbor_skip(&r, &ignored));
        }
        TRY(f);
        TRY(reader_end(&r));
        if (type != KEY_TYPE_EC2 || (curve != CURVE_P256 && curve != CURVE_P384))
                return fault(FAULT_INVALID, "COSE_KEY", "a key that is not EC2 on P-256 or P-384");
        return key_from_ec_point(curve == CURVE_P256 ? KEY_P256 : KEY_P384, x, y, ret);
}

struct fault *cose_key_read(struct span bytes, struct key **ret)
{
        return fault_rename(read_key(bytes, ret), FAULT_INVALID, "COSE_KEY");
}
