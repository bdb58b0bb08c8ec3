/* Bundles out of one store and into another, and what is no bundle. */
#include "issuer/endorse/endorse.h"

#include <stdio.h>

#include "tests/fakes/amd_pki.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"

#define NOW_S INT64_C(1795456800)
#define CRL   "kds:/vcek/v1/Milan/crl"

struct place {
        char dir[32], path[64];
        struct fake_clock time;
        struct issuer_config config;
        struct store *store;
        struct endorse *endorse;
};

static void open_place(struct place *p)
{
        *p = (struct place){.config = {.endorsements_count_max = 2000, .workers = 2}};
        (void) snprintf(p->dir, sizeof p->dir, "%s", "/tmp/offline-XXXXXX");
        assert_non_null(mkdtemp(p->dir));
        (void) snprintf(p->path, sizeof p->path, "%s/db", p->dir);
        fake_clock_init(&p->time, NOW_S * 1000, 5000);
        expect_ok(store_open_sqlite(p->path, &p->store));
        expect_ok(endorse_start(&p->config, p->store, &p->time.clock, &p->endorse));
}

static void close_place(struct place *p)
{
        endorse_stop(p->endorse);
        store_close(p->store);
        static const char *const names[] = {"db", "db-wal", "db-shm"};
        for (size_t i = 0; i < COUNT_OF(names); i++) {
                char path[64];
                (void) snprintf(path, sizeof path, "%s/%s", p->dir, names[i]);
                (void) unlink(path); /* not all are there */
        }
        assert_int_equal(rmdir(p->dir), 0);
}

static struct json *bundle_of(const char *path, struct span body)
{
        struct json *j = json_new_object(), *items = json_new_array(), *item = json_new_array();
        json_push(item, json_new_text(span_str(path)));
        json_push(item, json_new_base64url(body));
        json_push(item, json_new_text(SPAN("")));
        json_push(items, item);
        json_set_int(j, "version", 1);
        json_set(j, "endorsements", items);
        return j;
}

static int64_t count_of(const struct json *said, const char *key)
{
        return json_int(json_get(said, key));
}

static void carries_all_page_by_page(void **state)
{
        (void) state;
        struct place from, to;
        AUTO(buf) struct buf der = BUF(1 << 20);
        struct amd_list list = amd_list(SNP_MILAN, wall_from_unix_s(NOW_S));
        open_place(&from);
        open_place(&to);
        amd_list_write(&list, &der);
        const size_t all = ENDORSEMENT_LIST_MAX + 10;
        for (size_t i = 0; i < all; i++) {
                char path[64];
                AUTO(json) struct json *said = NULL;
                (void) snprintf(path, sizeof path, "kds:/vlek/v1/P%zu/crl", i);
                AUTO(json) struct json *bundle = bundle_of(path, buf_span(&der));
                expect_ok(endorse_import(from.endorse, bundle, &said));
                assert_int_equal(count_of(said, "imported"), 1);
        }
        AUTO_STRING char *after = alloc_string("");
        size_t pages = 0, carried = 0;
        while (after != NULL) {
                AUTO(json) struct json *page = NULL, *said = NULL;
                expect_ok(endorse_export(from.endorse, after, &page));
                expect_ok(endorse_import(to.endorse, page, &said));
                carried += (size_t) count_of(said, "imported");
                const struct json *next = json_get(page, "next");
                free(after);
                after = next != NULL ? span_to_string(json_text(next)) : NULL;
                pages++;
        }
        assert_int_equal(pages, 2);
        assert_int_equal(carried, all);
        AUTO(json) struct json *status = NULL;
        expect_ok(endorse_status(to.endorse, &status));
        assert_int_equal(count_of(json_at(json_get(status, "sorts"), SORT_CRL), "count"), (int64_t) all);
        close_place(&from);
        close_place(&to);
}

static void what_is_no_bundle_is_refused(void **state)
{
        (void) state;
        static const char *const rows[] = {
                "[]",
                "{}",
                "{\"version\":1}",
                "{\"version\":2,\"endorsements\":[]}",
                "{\"version\":0,\"endorsements\":[]}",
                "{\"version\":1,\"endorsements\":{}}",
                "{\"version\":1,\"endorsements\":[1]}",
                "{\"version\":1,\"endorsements\":[[]]}",
                "{\"version\":1,\"endorsements\":[[\"a\",\"\"]]}",
                "{\"version\":1,\"endorsements\":[[\"a\",\"\",\"\",\"\"]]}",
                "{\"version\":1,\"endorsements\":[[\"a\",1,\"\"]]}",
                "{\"version\":1,\"endorsements\":[],\"more\":1}",
        };
        struct place p;
        open_place(&p);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *bundle = NULL, *said = NULL;
                expect_ok(json_parse(span_str(rows[i]), &bundle));
                expect_fault_row(endorse_import(p.endorse, bundle, &said), FAULT_INVALID, "endorsements.bundle",
                                 rows[i]);
        }
        close_place(&p);
}

static void a_bad_item_spoils_only_itself(void **state)
{
        (void) state;
        static const struct {
                const char *path, *body, *check;
        } rows[] = {
                {"kds:/../x", "aGk", "endorsements.path"},
                {CRL, "aGk", "endorsements.format"},
                {CRL, "a", "BAD_BASE64"},
        };
        struct place p;
        open_place(&p);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *bundle = NULL, *said = NULL;
                AUTO_STRING char *text = alloc_printf("{\"version\":1,\"endorsements\":[[\"%s\",\"%s\",\"\"]]}",
                                                      rows[i].path, rows[i].body);
                expect_ok(json_parse(span_str(text), &bundle));
                expect_ok(endorse_import(p.endorse, bundle, &said));
                assert_int_equal(count_of(said, "refused_count"), 1);
                const struct json *why = json_get(json_at(json_get(said, "refused"), 0), "check");
                assert_true(span_eq_str(json_text(why), rows[i].check));
        }
        close_place(&p);
}

static void metrics_say_how_long(void **state)
{
        (void) state;
        struct place p;
        AUTO(buf) struct buf der = BUF(1 << 20), text = BUF(1 << 20);
        struct amd_list list = amd_list(SNP_MILAN, wall_from_unix_s(NOW_S));
        list.until = wall_from_unix_s(NOW_S + 1000);
        open_place(&p);
        amd_list_write(&list, &der);
        AUTO(json) struct json *bundle = bundle_of(CRL, buf_span(&der)), *said = NULL;
        expect_ok(endorse_import(p.endorse, bundle, &said));
        expect_ok(endorse_metrics(p.endorse, &text));
        assert_non_null(strstr(buf_str(&text), "vouchsafe_issuer_endorsement_left_seconds{sort=\"crl\"} 1000\n"));
        assert_non_null(strstr(buf_str(&text), "vouchsafe_issuer_endorsements{sort=\"crl\"} 1\n"));
        fake_clock_advance_ms(&p.time, 1500 * 1000);
        buf_truncate(&text, 0);
        expect_ok(endorse_metrics(p.endorse, &text));
        assert_non_null(strstr(buf_str(&text), "vouchsafe_issuer_endorsement_left_seconds{sort=\"crl\"} -500\n"));
        close_place(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(carries_all_page_by_page),
                cmocka_unit_test(what_is_no_bundle_is_refused),
                cmocka_unit_test(a_bad_item_spoils_only_itself),
                cmocka_unit_test(metrics_say_how_long),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
