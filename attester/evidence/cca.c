#include "attester/evidence/cca.h"

#include "attester/evidence/tsm_source.h"
#include "lib/crypt/cose.h"
#include "lib/wire/cbor.h"

/* Realm Management Monitor specification, section A7.2 */
#define TAG_CCA         399
#define LABEL_REALM     44241
#define CLAIM_CHALLENGE 10
#define TOKEN_MIN       128

/* The value behind `label` in a map at `r`, whatever it is; empty: not there. */
static struct fault *find_in_map(struct reader *r, int64_t label, struct span *ret)
{
        struct cbor_list map;
        struct fault *f = NULL;
        *ret = SPAN_NONE;
        TRY(cbor_map(r, &map));
        while (cbor_more(r, &map, &f)) {
                int64_t found = 0;
                struct span value;
                TRY(cbor_int(r, &found));
                TRY(cbor_skip(r, &value));
                if (found == label)
                        *ret = value;
        }
        return f;
}

static struct fault *find_bytes(struct reader *r, int64_t label, struct span *ret)
{
        struct span value;
        TRY(find_in_map(r, label, &value));
        struct reader inner = READER(value);
        return cbor_bytes(&inner, ret);
}

static struct fault *find_report_data(struct span token, struct span *ret)
{
        struct reader r = READER(token);
        uint64_t tag = 0;
        struct span realm = SPAN_NONE;
        struct cose_sign1 signed_realm;
        TRY(cbor_tag(&r, &tag));
        if (tag != TAG_CCA)
                return fault(FAULT_INVALID, "tee.blob", "the tag is not %d", TAG_CCA);
        TRY(find_bytes(&r, LABEL_REALM, &realm));
        TRY(cose_sign1_read(realm, &signed_realm));
        struct reader claims = READER(signed_realm.payload);
        return find_bytes(&claims, CLAIM_CHALLENGE, ret);
}

static const struct tsm_kind kind = {.kind = EVIDENCE_CCA,
                                     .cmw_type = CMW_CCA,
                                     .provider = "arm_cca_guest",
                                     .blob_min = TOKEN_MIN,
                                     .find_report_data = find_report_data,
                                     .probe_fall_back = tsm_no_fall_back_either,
                                     .fall_back = tsm_no_fall_back};

struct fault *evidence_cca_probe(const struct evidence_options *o)
{
        return evidence_tsm_probe(&kind, o);
}

struct fault *evidence_cca_open(const struct evidence_options *o, struct evidence_source *ret)
{
        return evidence_tsm_open(&kind, o, ret);
}
