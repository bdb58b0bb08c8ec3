#include "issuer/store/store.h"

#include "tests/fakes/store_fixture.h"

static void keeps_attestation_keys(void **state)
{
        struct fixture *f = *state;
        struct ak_record *found = NULL;
        expect_fault(store_find_ak(f->store, SPAN("n1"), &found), FAULT_NOT_FOUND, "NO_AK");
        AUTO(ak_record) struct ak_record *r = ak("n1");
        expect_ok(store_put_ak(f->store, r, NULL));
        r->node = alloc_string("node-7");
        r->cluster = alloc_string("blue");
        r->ek_issuer = alloc_string("CN=maker");
        expect_ok(store_put_ak(f->store, r, NULL)); /* replaces */

        reopen(f);
        expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
        assert_string_equal(found->node, "node-7");
        assert_string_equal(found->cluster, "blue");
        assert_string_equal(found->ek_issuer, "CN=maker");
        assert_true(span_eq(buf_span(&found->name), SPAN("n1")));
        assert_true(span_eq(buf_span(&found->public_area), SPAN("public")));
        assert_int_equal(found->ek_digest[31], 9);
        assert_int_equal(found->enrolled_unix_s, 1795456800);
        assert_int_equal(found->ek_not_after_unix_s, 1895456800);
        assert_false(found->has_clock);
        ak_record_free(found);
}

static void lists_keys_in_pages_by_name(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_list) struct ak_list none = {0}, first = {0}, rest = {0};
        expect_ok(store_list_aks(f->store, SPAN_NONE, &none));
        assert_int_equal(none.count, 0);

        const int extra = 3;
        for (int i = AK_LIST_MAX + extra - 1; i >= 0; i--) {
                char name[16];
                snprintf(name, sizeof name, "k%05d", i);
                AUTO(ak_record) struct ak_record *r = ak(name);
                r->ek_digest[0] = (uint8_t) i; /* machines of their own */
                r->ek_digest[1] = (uint8_t) (i >> 8);
                expect_ok(store_put_ak(f->store, r, NULL));
        }
        expect_ok(store_list_aks(f->store, SPAN_NONE, &first));
        assert_int_equal(first.count, AK_LIST_MAX);
        assert_true(span_eq(buf_span(&first.records[0]->name), SPAN("k00000")));
        assert_int_equal(first.records[0]->ek_digest[31], 9);
        expect_ok(store_list_aks(f->store, buf_span(&first.records[AK_LIST_MAX - 1]->name), &rest));
        assert_int_equal(rest.count, extra);
        assert_true(span_eq(buf_span(&rest.records[extra - 1]->name), SPAN("k00514")));
}

static void a_key_that_was_forgotten_begins_anew(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *r = ak("n1"), *other = ak("n2"), *found = NULL, *none = NULL;
        r->has_clock = r->clock_safe = true;
        r->reset_count = 5;
        r->clock_ms = 1000;
        expect_ok(store_put_ak(f->store, r, NULL));
        expect_ok(store_put_ak(f->store, other, NULL));
        expect_fault(store_delete_ak(f->store, SPAN("n")), FAULT_NOT_FOUND, "NO_AK");
        expect_fault(store_delete_ak(f->store, SPAN_NONE), FAULT_NOT_FOUND, "NO_AK");
        expect_ok(store_delete_ak(f->store, SPAN("n1")));
        expect_fault(store_delete_ak(f->store, SPAN("n1")), FAULT_NOT_FOUND, "NO_AK");
        reopen(f);
        expect_fault(store_find_ak(f->store, SPAN("n1"), &none), FAULT_NOT_FOUND, "NO_AK");
        r->reset_count = 0;
        r->clock_ms = 3;
        expect_ok(store_put_ak(f->store, r, NULL));
        expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
        assert_int_equal(found->reset_count, 0);
        assert_int_equal(found->clock_ms, 3);
        AUTO(ak_list) struct ak_list left = {0};
        expect_ok(store_list_aks(f->store, SPAN_NONE, &left));
        assert_int_equal(left.count, 2);
}

/* Enrolling again must not wind a key's clock back: that is how an older state of a TPM would come to be taken. */
static void a_key_put_again_keeps_the_later_clock(void **state)
{
        struct fixture *f = *state;
        static const struct {
                const char *name;
                uint32_t reset;
                uint64_t clock, want_clock;
        } rows[] = {
                {"first", 5, 1000, 1000},
                {"earlier", 5, 999, 1000},
                {"later", 5, 1001, 1001},
                {"older boot", 4, 9999, 1001},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(ak_record) struct ak_record *r = ak("n1"), *found = NULL;
                r->has_clock = r->clock_safe = true;
                r->reset_count = rows[i].reset;
                r->clock_ms = rows[i].clock;
                expect_ok(store_put_ak(f->store, r, NULL));
                expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
                if (!found->has_clock || !found->clock_safe || found->reset_count != 5 ||
                    found->clock_ms != rows[i].want_clock)
                        fail_msg("%s", rows[i].name);
        }
}

static void an_ak_clock_only_moves_forward(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *r = ak("n1");
        expect_ok(store_put_ak(f->store, r, NULL));
        static const struct {
                const char *name;
                uint32_t reset, restart;
                uint64_t clock;
                uint32_t want_reset, want_restart;
                uint64_t want_clock;
        } rows[] = {
                {"first", 5, 0, 1000, 5, 0, 1000},
                {"later", 5, 0, 1001, 5, 0, 1001},
                {"earlier stays", 5, 0, 999, 5, 0, 1001},
                {"restart beats clock", 5, 1, 3, 5, 1, 3},
                {"older restart stays", 5, 0, 9999, 5, 1, 3},
                {"reset beats restart", 6, 0, 1, 6, 0, 1},
                {"older reset stays", 5, 9, 9999, 6, 0, 1},
                {"absurd clock is kept within bounds", 6, 0, UINT64_MAX, 6, 0, INT64_MAX},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char id[24];
                snprintf(id, sizeof(id), "%zu", i);
                struct store_record one = record(id, NULL, 0), replay = record("r", NULL, 0);
                struct store_commit c = commit((uint8_t) (i + 1), &one, 1, &replay), *all[] = {&c};
                c.has_ak = true;
                c.ak_name = SPAN("n1");
                c.reset_count = rows[i].reset;
                c.restart_count = rows[i].restart;
                c.clock_ms = rows[i].clock;
                c.clock_safe = true;
                expect_ok(store_write(f->store, all, 1, now));
                assert_null(c.ret_outcome);
                struct ak_record *found = NULL;
                expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
                assert_true(found->has_clock && found->clock_safe);
                if (found->reset_count != rows[i].want_reset || found->restart_count != rows[i].want_restart ||
                    found->clock_ms != rows[i].want_clock)
                        fail_msg("%s", rows[i].name);
                ak_record_free(found);
        }
}

/* One TPM can make any number of keys; the store keeps the latest few of each. */
static void a_tpm_has_few_keys(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *neighbour = ak("other tpm"), *still = NULL;
        memset(neighbour->ek_digest, 8, sizeof(neighbour->ek_digest));
        neighbour->enrolled_unix_s = 1;
        expect_ok(store_put_ak(f->store, neighbour, NULL));
        for (int i = 0; i < AKS_PER_EK_MAX + 3; i++) {
                char name[16];
                snprintf(name, sizeof name, "k%02d", i);
                AUTO(ak_record) struct ak_record *r = ak(name);
                uint64_t retired = 7;
                r->enrolled_unix_s += i == AKS_PER_EK_MAX + 2 ? -100 : i; /* the last one under a clock gone back */
                expect_ok(store_put_ak(f->store, r, &retired));
                assert_int_equal(retired, i < AKS_PER_EK_MAX ? 0 : 1);
        }
        static const struct {
                const char *name;
                bool is_there;
        } rows[] = {{"k00", false}, {"k01", false}, {"k02", false}, {"k03", true}, {"k09", true}, {"k10", true}};
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(ak_record) struct ak_record *found = NULL;
                AUTO(fault) struct fault *none = store_find_ak(f->store, span_str(rows[i].name), &found);
                if ((none == NULL) != rows[i].is_there)
                        fail_msg("%s", rows[i].name);
        }
        AUTO(ak_record) struct ak_record *again = ak("k05");
        uint64_t retired = 7;
        expect_ok(store_put_ak(f->store, again, &retired)); /* one that is there takes nobody's place */
        assert_int_equal(retired, 0);
        expect_ok(store_find_ak(f->store, SPAN("other tpm"), &still));
}

static void a_key_keeps_its_root(void **state)
{
        struct fixture *f = *state;
        AUTO(ak_record) struct ak_record *r = ak("n1"), *found = NULL;
        memset(r->ek_root, 5, sizeof(r->ek_root));
        expect_ok(store_put_ak(f->store, r, NULL));
        reopen(f);
        expect_ok(store_find_ak(f->store, SPAN("n1"), &found));
        assert_memory_equal(found->ek_root, r->ek_root, sizeof(r->ek_root));
}

/* ---- marks, corrections, room ---- */

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_STORE(keeps_attestation_keys),
                WITH_STORE(lists_keys_in_pages_by_name),
                WITH_STORE(a_key_that_was_forgotten_begins_anew),
                WITH_STORE(an_ak_clock_only_moves_forward),
                WITH_STORE(a_key_put_again_keeps_the_later_clock),
                WITH_STORE(a_tpm_has_few_keys),
                WITH_STORE(a_key_keeps_its_root),
        };
        return cmocka_run_group_tests_name("store_ak", tests, NULL, NULL);
}
