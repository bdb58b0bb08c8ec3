#include "issuer/verifier/cca/token.h"

#include "lib/wire/cbor.h"

#define TAG_CCA   399
#define PLATFORM  44234
#define REALM     44241
#define TEXT_MAX  256
#define BYTES_MAX 256

static struct fault *read_halves(struct span bytes, struct span *ret_platform, struct span *ret_realm)
{
        struct reader r = READER(bytes);
        struct cbor_list map;
        struct fault *f = NULL;
        uint64_t tag = 0;
        TRY(cbor_tag(&r, &tag));
        if (tag != TAG_CCA)
                return fault(FAULT_INVALID, "cca.structure", "the tag is not %d", TAG_CCA);
        TRY(cbor_map(&r, &map));
        while (cbor_more(&r, &map, &f)) {
                uint64_t label = 0;
                TRY(cbor_uint(&r, &label));
                struct span *half = label == PLATFORM ? ret_platform : label == REALM ? ret_realm : NULL;
                if (half == NULL || half->data != NULL)
                        return fault(FAULT_INVALID, "cca.structure", "half %llu is unknown, or there twice",
                                     (unsigned long long) label);
                TRY(cbor_bytes(&r, half));
        }
        TRY(f);
        TRY(reader_end(&r));
        if (ret_platform->data == NULL || ret_realm->data == NULL)
                return fault(FAULT_INVALID, "cca.structure", "the platform's or the realm's half is missing");
        return NULL;
}

struct fault *cca_token_read(struct span bytes, struct cca_token *ret)
{
        struct span platform = SPAN_NONE, realm = SPAN_NONE;
        TRY(fault_rename(read_halves(bytes, &platform, &realm), FAULT_INVALID, "cca.structure"));
        TRY(fault_rename(cose_sign1_read(platform, &ret->platform), FAULT_INVALID, "cca.structure"));
        return fault_rename(cose_sign1_read(realm, &ret->realm), FAULT_INVALID, "cca.structure");
}

/* ---- claims: one table a half -------------------------------------------------------------------------------------- */
enum claim_kind { CLAIM_TEXT, CLAIM_BYTES, CLAIM_NUMBER, CLAIM_COMPONENTS, CLAIM_REMS };
struct claim {
        uint64_t label;
        const char *name;
        enum claim_kind kind;
        size_t offset;
        bool is_needed;
        size_t len; /* of bytes; 0: a digest of 32, 48 or 64 */
        bool any_len;
};

static struct fault *check_len(const struct claim *c, struct span s)
{
        bool ok = c->any_len || c->kind == CLAIM_TEXT ? s.len > 0 && s.len <= BYTES_MAX
                  : c->len != 0                       ? s.len == c->len
                                                      : s.len == 32 || s.len == 48 || s.len == 64;
        return ok ? NULL : fault(FAULT_INVALID, "cca.claims", "%s has %zu bytes", c->name, s.len);
}

static struct fault *read_component(struct reader *r, struct cca_component *ret)
{
        struct cbor_list map;
        struct fault *f = NULL;
        struct span ignored, *fields[] = {NULL, &ret->type, &ret->measurement, NULL, &ret->version, &ret->signer};
        TRY(cbor_map(r, &map));
        while (cbor_more(r, &map, &f)) {
                uint64_t label = 0;
                TRY(cbor_uint(r, &label));
                struct span *field = label < COUNT_OF(fields) ? fields[label] : NULL;
                if (field == NULL) {
                        TRY(cbor_skip(r, &ignored));
                        continue;
                }
                if (field->data != NULL)
                        return fault(FAULT_INVALID, "cca.claims", "a component says something twice");
                TRY(label == 1 || label == 4 ? cbor_text(r, field) : cbor_bytes(r, field));
        }
        TRY(f);
        if (ret->type.len > TEXT_MAX || ret->version.len > TEXT_MAX || ret->signer.len > BYTES_MAX ||
            ret->measurement.len < 32 || ret->measurement.len > 64)
                return fault(FAULT_INVALID, "cca.claims", "a component without a measurement, or with too long texts");
        return NULL;
}

static struct fault *read_components(struct reader *r, struct cca_platform *p)
{
        struct cbor_list list;
        struct fault *f = NULL;
        TRY(cbor_array(r, &list));
        while (cbor_more(r, &list, &f)) {
                if (p->component_count == CCA_COMPONENTS_MAX)
                        return fault(FAULT_INVALID, "cca.claims", "more than %d components", CCA_COMPONENTS_MAX);
                TRY(read_component(r, &p->components[p->component_count]));
                p->component_count++;
        }
        return f;
}

static struct fault *read_rems(struct reader *r, const struct claim *c, struct span *ret)
{
        struct cbor_list list;
        struct fault *f = NULL;
        size_t count = 0;
        TRY(cbor_array(r, &list));
        while (cbor_more(r, &list, &f)) {
                if (count == CCA_REMS)
                        return fault(FAULT_INVALID, "cca.claims", "more than %d extensible measurements", CCA_REMS);
                TRY(cbor_bytes(r, &ret[count]));
                TRY(check_len(c, ret[count]));
                count++;
        }
        TRY(f);
        return count == CCA_REMS
                       ? NULL
                       : fault(FAULT_INVALID, "cca.claims", "fewer than %d extensible measurements", CCA_REMS);
}

static struct fault *read_claim(struct reader *r, const struct claim *c, void *into)
{
        void *at = (char *) into + c->offset;
        switch (c->kind) {
        case CLAIM_TEXT:
                TRY(cbor_text(r, at));
                return check_len(c, *(struct span *) at);
        case CLAIM_BYTES:
                TRY(cbor_bytes(r, at));
                return check_len(c, *(struct span *) at);
        case CLAIM_NUMBER:
                return cbor_uint(r, at);
        case CLAIM_COMPONENTS:
                return read_components(r, into);
        case CLAIM_REMS:
                break;
        }
        return read_rems(r, c, at);
}

static struct fault *read_claims(struct span payload, const struct claim *table, size_t count, void *into)
{
        struct reader r = READER(payload);
        struct cbor_list map;
        struct fault *f = NULL;
        unsigned seen = 0;
        TRY(cbor_map(&r, &map));
        while (cbor_more(&r, &map, &f)) {
                struct span ignored;
                int64_t label = 0;
                TRY(cbor_int(&r, &label));
                size_t i = 0;
                while (i < count && (label < 0 || table[i].label != (uint64_t) label))
                        i++;
                if (i == count) {
                        TRY(cbor_skip(&r, &ignored));
                        continue;
                }
                if ((seen >> i & 1u) != 0)
                        return fault(FAULT_INVALID, "cca.claims", "%s is there twice", table[i].name);
                seen |= 1u << i;
                TRY(read_claim(&r, &table[i], into));
        }
        TRY(f);
        TRY(reader_end(&r));
        for (size_t i = 0; i < count; i++)
                if (table[i].is_needed && (seen >> i & 1u) == 0)
                        return fault(FAULT_INVALID, "cca.claims", "%s is missing", table[i].name);
        return NULL;
}

struct fault *cca_platform_read(struct span payload, struct cca_platform *ret)
{
#define AT(member) offsetof(struct cca_platform, member)
        static const struct claim table[] = {
                {.label = 265, .name = "profile", .kind = CLAIM_TEXT, .offset = AT(profile), .is_needed = true},
                {.label = 10, .name = "challenge", .kind = CLAIM_BYTES, .offset = AT(challenge), .is_needed = true},
                {.label = 2396,
                 .name = "implementation id",
                 .kind = CLAIM_BYTES,
                 .offset = AT(implementation_id),
                 .is_needed = true,
                 .len = 32},
                {.label = 256,
                 .name = "instance id",
                 .kind = CLAIM_BYTES,
                 .offset = AT(instance_id),
                 .is_needed = true,
                 .len = 33},
                {.label = 2401,
                 .name = "config",
                 .kind = CLAIM_BYTES,
                 .offset = AT(config),
                 .is_needed = true,
                 .any_len = true},
                {.label = 2395, .name = "lifecycle", .kind = CLAIM_NUMBER, .offset = AT(lifecycle), .is_needed = true},
                {.label = 2399, .name = "components", .kind = CLAIM_COMPONENTS, .is_needed = true},
                {.label = 2402,
                 .name = "hash algorithm",
                 .kind = CLAIM_TEXT,
                 .offset = AT(hash_alg),
                 .is_needed = true},
        };
#undef AT
        *ret = (struct cca_platform){0};
        return fault_rename(read_claims(payload, table, COUNT_OF(table), ret), FAULT_INVALID, "cca.platform_claims");
}

struct fault *cca_realm_read(struct span payload, struct cca_realm *ret)
{
#define AT(member) offsetof(struct cca_realm, member)
        static const struct claim table[] = {
                {.label = 10,
                 .name = "challenge",
                 .kind = CLAIM_BYTES,
                 .offset = AT(challenge),
                 .is_needed = true,
                 .len = CCA_CHALLENGE_LEN},
                {.label = 44235,
                 .name = "personalization value",
                 .kind = CLAIM_BYTES,
                 .offset = AT(personalization),
                 .is_needed = true,
                 .len = 64},
                {.label = 44237,
                 .name = "public key",
                 .kind = CLAIM_BYTES,
                 .offset = AT(public_key),
                 .is_needed = true,
                 .any_len = true},
                {.label = 44236,
                 .name = "hash algorithm",
                 .kind = CLAIM_TEXT,
                 .offset = AT(hash_alg),
                 .is_needed = true},
                {.label = 44240,
                 .name = "the public key's hash algorithm",
                 .kind = CLAIM_TEXT,
                 .offset = AT(public_key_hash_alg),
                 .is_needed = true},
                {.label = 44238,
                 .name = "initial measurement",
                 .kind = CLAIM_BYTES,
                 .offset = AT(initial),
                 .is_needed = true},
                {.label = 44239,
                 .name = "extensible measurements",
                 .kind = CLAIM_REMS,
                 .offset = AT(extensible),
                 .is_needed = true},
        };
#undef AT
        *ret = (struct cca_realm){0};
        return fault_rename(read_claims(payload, table, COUNT_OF(table), ret), FAULT_INVALID, "cca.realm_claims");
}
