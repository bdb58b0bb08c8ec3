/* Bundles: endorsements carried to an issuer that can't ask for them. A bundle is believed as little as a host is: what is in it goes
 * through the cache's own door, and is verified when it is used. */
#include "issuer/endorse/parts.h"
#include "lib/base/parse.h"
#include "lib/wire/json.h"

#define VERSION      1
#define PAGE_BYTES   ((size_t) 2 << 20)
#define REFUSALS_MAX 32 /* told; the rest are counted */
#define BUNDLE_MAX   JSON_VALUES_MAX

/* ---- export ---- */

static void push_item(struct json *items, const struct endorsement *e)
{
        struct json *item = json_new_array();
        json_push(item, json_new_text(span_str(e->path)));
        json_push(item, json_new_base64url(buf_span(&e->body)));
        json_push(item, json_new_base64url(buf_span(&e->chain)));
        json_push(items, item);
}

/* One that goes meanwhile is left out. */
static struct fault *export_one(struct endorse *e, const char *path, struct json *items, size_t *bytes)
{
        AUTO(endorsement) struct endorsement *whole = NULL;
        struct fault *gone = store_find_endorsement(e->store, path, &whole);
        if (gone != NULL && fault_code(gone) != FAULT_NOT_FOUND)
                return gone;
        fault_free(gone);
        if (whole == NULL)
                return NULL;
        push_item(items, whole);
        *bytes += whole->body.len + whole->chain.len;
        return NULL;
}

struct fault *endorse_export(struct endorse *e, const char *after, struct json **ret)
{
        AUTO(endorsement_list) struct endorsement_list list = {0};
        AUTO(json) struct json *j = json_new_object();
        struct json *items = json_new_array();
        size_t bytes = 0, i = 0;
        json_set_int(j, "version", VERSION);
        json_set(j, "endorsements", items);
        TRY(store_list_endorsements(e->store, after, &list));
        for (; i < list.count && bytes < PAGE_BYTES; i++)
                TRY(export_one(e, list.items[i]->path, items, &bytes));
        if (i > 0 && (i < list.count || list.count == ENDORSEMENT_LIST_MAX))
                json_set_text(j, "next", list.items[i - 1]->path);
        *ret = TAKE(j);
        return NULL;
}

/* ---- import ---- */

static struct fault *no_bundle(const char *why)
{
        return fault(FAULT_INVALID, "endorsements.bundle", "this is no bundle of endorsements: %s", why);
}

static bool is_item(const struct json *item)
{
        bool fits = json_kind(item) == JSON_ARRAY && json_count(item) == 3;
        for (size_t i = 0; fits && i < 3; i++)
                fits = json_kind(json_at(item, i)) == JSON_TEXT;
        return fits;
}

static struct fault *import_one(struct endorse *e, const struct json *item, char **ret_path)
{
        AUTO(buf) struct buf body = BUF(ENDORSEMENT_MAX), chain = BUF(ENDORSEMENT_MAX);
        *ret_path = span_to_string(json_text(json_at(item, 0))); /* json has no NUL in it */
        TRY(base64url_decode(json_text(json_at(item, 1)), &body));
        TRY(base64url_decode(json_text(json_at(item, 2)), &chain));
        return cache_offer(e->cache, *ret_path, buf_span(&body), buf_span(&chain));
}

static void push_refusal(struct json *refused, const char *path, const struct fault *why)
{
        if (json_count(refused) >= REFUSALS_MAX)
                return;
        struct json *one = json_new_object();
        json_set_text(one, "path", path);
        json_set_text(one, "check", fault_token(why));
        json_set_text(one, "detail", fault_text(why));
        json_push(refused, one);
}

struct fault *endorse_import(struct endorse *e, const struct json *bundle, struct json **ret)
{
        static const char *const members[] = {"version", "endorsements", "next", "exported", NULL};
        const struct json *items = NULL;
        int64_t version = 0;
        AUTO(fault) struct fault *odd = json_only_keys(bundle, members);
        if (odd == NULL)
                odd = json_need_int(bundle, "version", 1, INT64_MAX, &version);
        if (odd == NULL)
                odd = json_need_array(bundle, "endorsements", BUNDLE_MAX, &items);
        if (odd != NULL)
                return no_bundle(fault_text(odd));
        if (version != VERSION)
                return no_bundle("its version is not 1");
        for (size_t i = 0; i < json_count(items); i++)
                if (!is_item(json_at(items, i)))
                        return no_bundle("an item isn't path, body and chain");

        int64_t imported = 0, older = 0, refused_count = 0;
        AUTO(json) struct json *j = json_new_object();
        struct json *refused = json_new_array();
        json_set(j, "refused", refused);
        for (size_t i = 0; i < json_count(items); i++) {
                AUTO_STRING char *path = NULL;
                AUTO(fault) struct fault *f = import_one(e, json_at(items, i), &path);
                if (f != NULL && fault_code(f) == FAULT_UNAVAILABLE)
                        return TAKE(f); /* the store's */
                imported += f == NULL;
                older += f != NULL && fault_code(f) == FAULT_EXISTS;
                refused_count += f != NULL && fault_code(f) != FAULT_EXISTS;
                if (f != NULL && fault_code(f) != FAULT_EXISTS)
                        push_refusal(refused, path, f);
        }
        json_set_int(j, "imported", imported);
        json_set_int(j, "older", older);
        json_set_int(j, "refused_count", refused_count);
        *ret = TAKE(j);
        return NULL;
}

/* ---- status ---- */

static struct json *host_to_json(struct endorse *e, enum maker which, const char *url)
{
        struct fetch_status s = fetch_status(e->fetch, which);
        struct json *j = json_new_object();
        json_set_text(j, "host", maker_names[which]);
        json_set_text(j, "url", url);
        json_set_int(j, "wanted", (int64_t) s.wanted);
        json_set_int(j, "background", (int64_t) s.background);
        json_set_int(j, "failures", s.failures);
        json_set_int(j, "pause_s", (s.pause_ms + 999) / 1000);
        return j;
}

struct fault *endorse_status(struct endorse *e, struct json **ret)
{
        struct endorsement_sum sums[ENDORSEMENT_SORTS_MAX];
        const struct issuer_config *c = e->config;
        const char *const urls[MAKER_COUNT] = {c->endorsements_kds, c->endorsements_pcs, c->endorsements_pcs_root};
        TRY(store_sum_endorsements(e->store, sums));
        struct json *j = json_new_object(), *sorts = json_new_array(), *hosts = json_new_array();
        json_set_bool(j, "online", e->fetch != NULL);
        json_set(j, "sorts", sorts);
        json_set(j, "hosts", hosts);
        if (c->endorsements_mirror != NULL)
                json_set_text(j, "mirror", c->endorsements_mirror);
        for (size_t i = 0; i < SORT_COUNT; i++) {
                struct json *one = json_new_object();
                json_set_text(one, "sort", sort_names[i]);
                json_set_int(one, "count", (int64_t) sums[i].count);
                if (sums[i].ends_unix_s != 0)
                        json_set_int(one, "ends", sums[i].ends_unix_s);
                json_push(sorts, one);
        }
        for (size_t i = 0; e->fetch != NULL && i < MAKER_COUNT; i++)
                json_push(hosts, host_to_json(e, (enum maker) i, urls[i]));
        *ret = j;
        return NULL;
}
