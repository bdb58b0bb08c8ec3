#include "issuer/verifier/nitro/document.h"

#include "lib/wire/cbor.h"

enum member { MODULE_ID, DIGEST, TIMESTAMP, PCRS, CERTIFICATE, CABUNDLE, PUBLIC_KEY, USER_DATA, NONCE, MEMBER_COUNT };
#define NEEDED (1u << MODULE_ID | 1u << DIGEST | 1u << TIMESTAMP | 1u << PCRS | 1u << CERTIFICATE | 1u << CABUNDLE)

static const char *const names[MEMBER_COUNT] = {
        [MODULE_ID] = "module_id",
        [DIGEST] = "digest",
        [TIMESTAMP] = "timestamp",
        [PCRS] = "pcrs",
        [CERTIFICATE] = "certificate",
        [CABUNDLE] = "cabundle",
        [PUBLIC_KEY] = "public_key",
        [USER_DATA] = "user_data",
        [NONCE] = "nonce",
};

static struct fault *read_pcrs(struct reader *r, struct nitro_document *ret)
{
        struct cbor_list map;
        struct fault *f = NULL;
        TRY(cbor_map(r, &map));
        while (cbor_more(r, &map, &f)) {
                uint64_t index = 0;
                struct span value;
                TRY(cbor_uint(r, &index));
                TRY(cbor_bytes(r, &value));
                if (index >= NITRO_PCRS_MAX || value.len != NITRO_PCR_LEN)
                        return fault(FAULT_INVALID, "nitro.document", "a PCR past %d, or not of %d bytes",
                                     NITRO_PCRS_MAX - 1, NITRO_PCR_LEN);
                if (ret->pcrs[index].len != 0)
                        return fault(FAULT_INVALID, "nitro.document", "PCR %u is there twice", (unsigned) index);
                ret->pcrs[index] = value;
        }
        return f;
}

static struct fault *read_ca(struct reader *r, struct nitro_document *ret)
{
        struct cbor_list list;
        struct fault *f = NULL;
        TRY(cbor_array(r, &list));
        while (cbor_more(r, &list, &f)) {
                if (ret->ca_count == NITRO_CERTS_MAX)
                        return fault(FAULT_INVALID, "nitro.document", "more than %d authorities", NITRO_CERTS_MAX);
                TRY(cbor_bytes(r, &ret->ca[ret->ca_count]));
                ret->ca_count++;
        }
        return f;
}

static struct fault *read_optional(struct reader *r, struct span *ret)
{
        bool is_null = false;
        TRY(cbor_take_null(r, &is_null));
        if (is_null)
                return NULL;
        TRY(cbor_bytes(r, ret));
        if (ret->len > NITRO_FIELD_MAX)
                return fault(FAULT_INVALID, "nitro.document", "a field of %zu bytes", ret->len);
        return NULL;
}

static struct fault *read_member(struct reader *r, enum member which, struct nitro_document *ret)
{
        struct span ignored;
        switch (which) {
        case MODULE_ID:
                return cbor_text(r, &ret->module_id);
        case DIGEST:
                return cbor_text(r, &ret->digest);
        case TIMESTAMP:
                return cbor_uint(r, &ret->timestamp_ms);
        case PCRS:
                return read_pcrs(r, ret);
        case CERTIFICATE:
                return cbor_bytes(r, &ret->certificate);
        case CABUNDLE:
                return read_ca(r, ret);
        case PUBLIC_KEY:
                return read_optional(r, &ret->public_key);
        case USER_DATA:
                return read_optional(r, &ret->user_data);
        case NONCE:
                return read_optional(r, &ret->nonce);
        case MEMBER_COUNT:
                break;
        }
        return cbor_skip(r, &ignored);
}

static struct fault *read_document(struct span payload, struct nitro_document *ret)
{
        struct reader r = READER(payload);
        struct cbor_list map;
        struct fault *f = NULL;
        unsigned seen = 0;
        TRY(cbor_map(&r, &map));
        while (cbor_more(&r, &map, &f)) {
                struct span name;
                unsigned which = 0;
                TRY(cbor_text(&r, &name));
                while (which < MEMBER_COUNT && !span_eq_str(name, names[which]))
                        which++;
                if (which < MEMBER_COUNT && (seen >> which & 1u) != 0)
                        return fault(FAULT_INVALID, "nitro.document", "%s is there twice", names[which]);
                seen |= 1u << which;
                TRY(read_member(&r, (enum member) which, ret));
        }
        TRY(f);
        TRY(reader_end(&r));
        for (unsigned i = 0; i < MEMBER_COUNT; i++)
                if ((NEEDED & ~seen) >> i & 1u)
                        return fault(FAULT_INVALID, "nitro.document", "%s is missing", names[i]);
        if (!span_eq_str(ret->digest, "SHA384"))
                return fault(FAULT_INVALID, "nitro.document", "its digest is not SHA384");
        if (ret->module_id.len == 0 || ret->module_id.len > 255 || ret->ca_count == 0)
                return fault(FAULT_INVALID, "nitro.document", "no module_id of at most 255 bytes, or no cabundle");
        return NULL;
}

struct fault *nitro_document_read(struct span payload, struct nitro_document *ret)
{
        *ret = (struct nitro_document){0};
        return fault_rename(read_document(payload, ret), FAULT_INVALID, "nitro.document");
}
