#include "issuer/endorse/sort.h"

#include "lib/crypt/crl.h"
#include "lib/wire/json.h"

#define DAY_S         (24LL * 3600)
#define FUTURE_MAX_S  DAY_S
#define DUE_SOONEST_S 600

const char *const sort_names[SORT_COUNT + 1] = {"vcek",        "chain",   "crl",      "tcb-info",
                                                "qe-identity", "pck-crl", "root-crl", NULL};

/* ---- paths ---- */

static bool ends_with(const char *text, const char *end)
{
        size_t len = strlen(text), end_len = strlen(end);
        return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool starts_with(const char *text, const char *start)
{
        return strncmp(text, start, strlen(start)) == 0;
}

struct fault *sort_of(const char *path, enum endorsement_sort *ret, enum maker *ret_maker)
{
        enum maker maker;
        AUTO(fault) struct fault *bad = maker_path_check(path, &maker);
        enum endorsement_sort sort = SORT_COUNT;
        if (bad != NULL)
                sort = SORT_COUNT;
        else if (maker == MAKER_PCS_ROOT)
                sort = strcmp(path, "pcs-root:/IntelSGXRootCA.der") == 0 ? SORT_ROOT_CRL : SORT_COUNT;
        else if (maker == MAKER_PCS && starts_with(path, "pcs:/tdx/certification/v4/tcb?fmspc="))
                sort = SORT_TCB_INFO;
        else if (maker == MAKER_PCS && strcmp(path, "pcs:/tdx/certification/v4/qe/identity") == 0)
                sort = SORT_QE_IDENTITY;
        else if (maker == MAKER_PCS && starts_with(path, "pcs:/sgx/certification/v4/pckcrl?ca="))
                sort = SORT_PCK_CRL;
        else if (starts_with(path, "kds:/vcek/v1/") || starts_with(path, "kds:/vlek/v1/"))
                sort = ends_with(path, "/cert_chain") ? SORT_CHAIN
                       : ends_with(path, "/crl")      ? SORT_CRL
                       : strchr(path, '?') != NULL    ? SORT_VCEK
                                                      : SORT_COUNT;
        if (sort == SORT_COUNT)
                return fault(FAULT_INVALID, "endorsements.path", "%.80s is no path of an endorsement", path);
        *ret = sort;
        *ret_maker = maker;
        return NULL;
}

/* ---- what bytes say ---- */

static struct fault *read_crl(struct span body, struct endorsement *e)
{
        AUTO(crl) struct crl *c = NULL;
        TRY(crl_read(body, &c));
        e->issued_unix_s = wall_unix_s(crl_this_update(c));
        e->ends_unix_s = wall_unix_s(crl_next_update(c));
        return NULL;
}

static struct fault *read_vcek(struct span body, struct endorsement *e)
{
        AUTO(cert) struct cert *c = NULL;
        TRY(cert_from_der(body, &c));
        e->ends_unix_s = wall_unix_s(cert_not_after(c));
        return NULL;
}

static struct fault *read_chain(struct span body, struct endorsement *e)
{
        AUTO(cert_list) struct cert_list list = {0};
        TRY(cert_list_from_pem(body, &list));
        for (size_t i = 0; i < list.count; i++) {
                int64_t end = wall_unix_s(cert_not_after(list.certs[i]));
                if (e->ends_unix_s == 0 || end < e->ends_unix_s)
                        e->ends_unix_s = end;
        }
        return NULL;
}

static struct fault *read_time(const struct json *o, const char *key, int64_t *ret_unix_s)
{
        struct span text;
        struct wall w;
        TRY(json_need_text(o, key, 64, &text));
        TRY(wall_parse(text, &w));
        *ret_unix_s = wall_unix_s(w);
        return NULL;
}

/* Intel PCS API v4: TCB info V3, enclave identity V2. */
static struct fault *read_intel(struct span body, const char *member, struct endorsement *e)
{
        AUTO(json) struct json *j = NULL;
        const struct json *o;
        TRY(json_parse(body, &j));
        TRY(json_need_object(j, member, &o));
        TRY(read_time(o, "issueDate", &e->issued_unix_s));
        TRY(read_time(o, "nextUpdate", &e->ends_unix_s));
        return json_need_int(o, "tcbEvaluationDataNumber", 0, UINT32_MAX, &e->number);
}

static struct fault *read_bytes(enum endorsement_sort sort, struct span body, struct endorsement *e)
{
        switch (sort) {
        case SORT_VCEK:
                return read_vcek(body, e);
        case SORT_CHAIN:
                return read_chain(body, e);
        case SORT_TCB_INFO:
                return read_intel(body, "tcbInfo", e);
        case SORT_QE_IDENTITY:
                return read_intel(body, "enclaveIdentity", e);
        default:
                return read_crl(body, e);
        }
}

struct fault *sort_read(const char *path, struct span body, struct span chain, struct wall now,
                        struct endorsement **ret)
{
        enum endorsement_sort sort;
        enum maker maker;
        TRY(sort_of(path, &sort, &maker));
        AUTO(endorsement) struct endorsement *e = NEW(struct endorsement);
        e->path = alloc_string(path);
        e->sort = (int) sort;
        e->body = BUF(ENDORSEMENT_MAX);
        e->chain = BUF(ENDORSEMENT_MAX);
        TRY(buf_append(&e->body, body));
        TRY(buf_append(&e->chain, chain));
        AUTO(fault) struct fault *odd = read_bytes(sort, body, e);
        if (odd != NULL)
                return fault(FAULT_INVALID, "endorsements.format", "%.80s: %s", path, fault_text(odd));
        if (e->issued_unix_s > wall_unix_s(now) + FUTURE_MAX_S)
                return fault(FAULT_DENIED, "endorsements.future", "%.80s was issued in the future", path);
        *ret = TAKE(e);
        return NULL;
}

int64_t sort_due(const struct endorsement *e, struct wall now, uint32_t random)
{
        if (e->sort == SORT_VCEK)
                return 0;
        int64_t now_s = wall_unix_s(now), in_s = e->sort == SORT_CHAIN ? 7 * DAY_S : DAY_S;
        int64_t left_s = e->ends_unix_s - now_s;
        if (e->ends_unix_s != 0 && left_s / 2 < in_s) /* half of what is left leaves time for another try */
                in_s = left_s / 2;
        in_s -= in_s > 0 ? (int64_t) (random % 1024) * in_s / 4096 : 0;
        return now_s + (in_s > DUE_SOONEST_S ? in_s : DUE_SOONEST_S);
}
