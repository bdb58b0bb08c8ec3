#include "issuer/verifier/tdx/tcb_info.h"

#include <stdlib.h>

#include "issuer/verifier/tdx/tcb_json.h"
#include "lib/base/parse.h"

#define ID_MAX    32
#define VERSION   3
#define TCB_TYPE  0 /* composition of components: the only one published */
#define MODULE_ID "TDX_"

static struct fault *check_id(const struct json *o)
{
        struct span id = SPAN_NONE;
        int64_t version = 0, type = 0;

        TRY(json_need_text(o, "id", ID_MAX, &id));
        TRY(json_need_int(o, "version", 0, UINT32_MAX, &version));
        TRY(json_need_int(o, "tcbType", 0, UINT32_MAX, &type));
        if (!span_eq_str(id, "TDX") || version != VERSION || type != TCB_TYPE)
                return fault(FAULT_DENIED, "tdx.tcb_info_id", "TCB info %.*s, version %d, type %d; wanted TDX, 3, 0",
                             (int) id.len, (const char *) id.data, (int) version, (int) type);
        return NULL;
}

/* ---- modules ---- */

static struct fault *read_module(const struct json *o, struct tdx_module *ret)
{
        TRY(tcb_json_hex(o, "mrsigner", ret->mrsigner, sizeof(ret->mrsigner)));
        TRY(tcb_json_hex(o, "attributes", ret->attributes, sizeof(ret->attributes)));
        return tcb_json_hex(o, "attributesMask", ret->attributes_mask, sizeof(ret->attributes_mask));
}

/* "TDX_01", in either case; two hexadecimal digits. An id of another form is a later invention: not ours. */
static bool read_version(struct span id, uint8_t *ret)
{
        const size_t stem = sizeof MODULE_ID - 1;
        AUTO(buf) struct buf version = BUF(1);

        if (id.len != stem + 2 || strncasecmp((const char *) id.data, MODULE_ID, stem) != 0)
                return false;
        AUTO(fault) struct fault *f = hex_decode(span_slice(id, stem, 2), &version);
        if (f != NULL)
                return false;
        *ret = version.data[0];
        return *ret != 0;
}

static struct fault *read_identity(const struct json *o, struct tcb_info *t)
{
        struct span id = SPAN_NONE;
        uint8_t version;

        TRY(json_need_text(o, "id", ID_MAX, &id));
        if (!read_version(id, &version))
                return NULL;
        if (tcb_info_module(t, version) != NULL)
                return fault(FAULT_INVALID, "BAD_FIELD", "module %u is there twice", version);
        struct tdx_module *m = &t->identities[t->identity_count++];
        m->version = version;
        TRY(read_module(o, m));
        return tcb_json_isv_levels(o, &m->levels);
}

static struct fault *read_modules(const struct json *o, struct tcb_info *t)
{
        const struct json *module = NULL, *list = NULL;

        TRY(json_need_object(o, "tdxModule", &module));
        TRY(read_module(module, &t->module));
        TRY(json_want_array(o, "tdxModuleIdentities", TCB_MODULES_MAX, &list));
        for (size_t i = 0; i < json_count(list); i++)
                TRY(read_identity(json_at(list, i), t));
        return NULL;
}

const struct tdx_module *tcb_info_module(const struct tcb_info *t, uint8_t version)
{
        if (version == 0)
                return &t->module;
        for (size_t i = 0; i < t->identity_count; i++)
                if (t->identities[i].version == version)
                        return &t->identities[i];
        return NULL;
}

/* ---- levels ---- */

static struct fault *read_components(const struct json *tcb, const char *key, uint8_t ret[TCB_COMPONENTS])
{
        const struct json *list = NULL;

        TRY(json_need_array(tcb, key, TCB_COMPONENTS, &list));
        if (json_count(list) != TCB_COMPONENTS)
                return fault(FAULT_INVALID, "BAD_FIELD", "%s has %zu components", key, json_count(list));
        for (size_t i = 0; i < TCB_COMPONENTS; i++) {
                uint32_t svn = 0;
                TRY(tcb_json_u32(json_at(list, i), "svn", UINT8_MAX, &svn));
                ret[i] = (uint8_t) svn;
        }
        return NULL;
}

static struct fault *read_level(const struct json *o, struct tcb_level *ret)
{
        const struct json *tcb = NULL;
        uint32_t pcesvn = 0;

        TRY(json_need_object(o, "tcb", &tcb));
        TRY(read_components(tcb, "sgxtcbcomponents", ret->sgx));
        TRY(read_components(tcb, "tdxtcbcomponents", ret->tdx));
        TRY(tcb_json_u32(tcb, "pcesvn", UINT16_MAX, &pcesvn));
        ret->pcesvn = (uint16_t) pcesvn;
        return tcb_json_verdict(o, &ret->verdict);
}

/* Newest first: SGX components, PCESVN, TDX components, each from the first on. */
static int compare(const struct tcb_level *a, const struct tcb_level *b)
{
        int order = memcmp(a->sgx, b->sgx, sizeof(a->sgx));
        if (order == 0)
                order = (a->pcesvn > b->pcesvn) - (a->pcesvn < b->pcesvn);
        return order != 0 ? order : memcmp(a->tdx, b->tdx, sizeof(a->tdx));
}

static void sort(struct tcb_info *t)
{
        for (size_t i = 1; i < t->level_count; i++)
                for (size_t j = i; j > 0 && compare(&t->levels[j - 1], &t->levels[j]) < 0; j--) {
                        struct tcb_level swap = t->levels[j];
                        t->levels[j] = t->levels[j - 1];
                        t->levels[j - 1] = swap;
                }
}

static struct fault *read_levels(const struct json *o, struct tcb_info *t)
{
        const struct json *list = NULL;

        TRY(json_need_array(o, "tcbLevels", TCB_LEVELS_MAX, &list));
        if (json_count(list) == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "tcbLevels is empty");
        t->levels = alloc_zero(json_count(list), sizeof *t->levels);
        while (t->level_count < json_count(list)) {
                size_t i = t->level_count++; /* counted first: cleared even when half read */
                TRY(read_level(json_at(list, i), &t->levels[i]));
        }
        sort(t);
        return NULL;
}

/* ---- all of it ---- */

static struct fault *read_info(struct span text, struct tcb_info *t)
{
        AUTO(json) struct json *o = NULL;

        TRY(json_parse(text, &o));
        TRY(check_id(o));
        TRY(tcb_json_head(o, &t->issue_date, &t->next_update, &t->evaluation_number));
        TRY(tcb_json_hex(o, "fmspc", t->fmspc, sizeof(t->fmspc)));
        TRY(tcb_json_hex(o, "pceId", t->pceid, sizeof(t->pceid)));
        TRY(read_modules(o, t));
        return read_levels(o, t);
}

struct fault *tcb_info_read(struct span json, struct tcb_info *ret)
{
        struct fault *f = read_info(json, ret);
        return fault_code(f) == FAULT_DENIED ? f : fault_rename(f, FAULT_INVALID, "tdx.tcb_info");
}

void tcb_info_clear(struct tcb_info *t)
{
        for (size_t i = 0; i < t->identity_count; i++)
                isv_levels_clear(&t->identities[i].levels);
        for (size_t i = 0; i < t->level_count; i++)
                free(t->levels[i].verdict.advisories);
        free(t->levels);
        *t = (struct tcb_info){0};
}
