#include "issuer/verifier/tdx/tcb_json.h"

#include "lib/base/parse.h"

#define HEX_BYTES_MAX   48
#define TIME_TEXT_MAX   40
#define STATUS_TEXT_MAX 64
#define ADVISORY_ID_MAX 32

struct fault *tcb_json_hex(const struct json *o, const char *key, uint8_t *ret, size_t len)
{
        struct span text = SPAN_NONE;
        AUTO(buf) struct buf bytes = BUF(HEX_BYTES_MAX);

        TRY(json_need_text(o, key, 2 * len, &text));
        TRY_AS(hex_decode(text, &bytes), "%s", key);
        if (bytes.len != len)
                return fault(FAULT_INVALID, "BAD_FIELD", "%s has %zu bytes, wanted %zu", key, bytes.len, len);
        memcpy(ret, bytes.data, len);
        return NULL;
}

struct fault *tcb_json_time(const struct json *o, const char *key, struct wall *ret)
{
        struct span text = SPAN_NONE;

        TRY(json_need_text(o, key, TIME_TEXT_MAX, &text));
        TRY_AS(wall_parse(text, ret), "%s", key);
        return NULL;
}

struct fault *tcb_json_u32(const struct json *o, const char *key, uint32_t max, uint32_t *ret)
{
        int64_t v = 0;

        TRY(json_need_int(o, key, 0, max, &v));
        *ret = (uint32_t) v;
        return NULL;
}

/* Ids are printed, compared and joined with commas. */
static bool is_id(struct span id)
{
        for (size_t i = 0; i < id.len; i++) {
                uint8_t c = id.data[i];
                if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
                        return false;
        }
        return id.len > 0 && id.len <= ADVISORY_ID_MAX;
}

static struct fault *read_advisories(const struct json *level, char **ret)
{
        const struct json *list = NULL;

        TRY(json_want_array(level, "advisoryIDs", ADVISORIES_MAX, &list));
        for (size_t i = 0; i < json_count(list); i++) {
                const struct json *id = json_at(list, i);
                if (json_kind(id) != JSON_TEXT || !is_id(json_text(id)))
                        return fault(FAULT_INVALID, "BAD_FIELD", "advisoryIDs has something that is no id");
                AUTO_STRING char *text = span_to_string(json_text(id));
                advisories_merge(ret, text);
        }
        advisories_merge(ret, NULL);
        return NULL;
}

struct fault *tcb_json_verdict(const struct json *level, struct tcb_verdict *ret)
{
        struct span status = SPAN_NONE;

        TRY(json_need_text(level, "tcbStatus", STATUS_TEXT_MAX, &status));
        ret->status = tcb_status_by_name(status);
        TRY(tcb_json_time(level, "tcbDate", &ret->date));
        return read_advisories(level, &ret->advisories);
}

/* Stable: of two levels alike the first one counts. */
static void sort(struct isv_levels *l)
{
        for (size_t i = 1; i < l->count; i++)
                for (size_t j = i; j > 0 && l->items[j - 1].isv_svn < l->items[j].isv_svn; j--) {
                        struct isv_level swap = l->items[j];
                        l->items[j] = l->items[j - 1];
                        l->items[j - 1] = swap;
                }
}

struct fault *tcb_json_isv_levels(const struct json *o, struct isv_levels *ret)
{
        const struct json *list = NULL;

        TRY(json_need_array(o, "tcbLevels", TCB_LEVELS_MAX, &list));
        if (json_count(list) == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "tcbLevels is empty");
        ret->items = alloc_zero(json_count(list), sizeof *ret->items);
        for (; ret->count < json_count(list); ret->count++) {
                const struct json *one = json_at(list, ret->count), *tcb = NULL;
                struct isv_level *level = &ret->items[ret->count];
                uint32_t svn = 0;
                TRY(json_need_object(one, "tcb", &tcb));
                TRY(tcb_json_u32(tcb, "isvsvn", UINT16_MAX, &svn));
                level->isv_svn = (uint16_t) svn;
                struct fault *f = tcb_json_verdict(one, &level->verdict);
                if (f != NULL) {
                        free(level->verdict.advisories);
                        return f;
                }
        }
        sort(ret);
        return NULL;
}

void isv_levels_clear(struct isv_levels *l)
{
        for (size_t i = 0; i < l->count; i++)
                free(l->items[i].verdict.advisories);
        free(l->items);
        *l = (struct isv_levels){0};
}

const struct isv_level *isv_level_of(const struct isv_levels *l, uint16_t svn)
{
        for (size_t i = 0; i < l->count; i++)
                if (svn >= l->items[i].isv_svn)
                        return &l->items[i];
        return NULL;
}

struct fault *tcb_json_head(const struct json *o, struct wall *ret_issue, struct wall *ret_next, uint32_t *ret_number)
{
        TRY(tcb_json_time(o, "issueDate", ret_issue));
        TRY(tcb_json_time(o, "nextUpdate", ret_next));
        return tcb_json_u32(o, "tcbEvaluationDataNumber", UINT32_MAX, ret_number);
}
