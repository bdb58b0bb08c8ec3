/* The bundle while token keys rotate, by a clock that the signer process shares. */
#include "issuer/api/bundle_holder.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/log.h"
#include "lib/model/bundle.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"

#define LIFE_S 1000

static _Atomic int64_t *skew_ms; /* in memory that the signer sees as well */

static struct wall skewed_wall(void *self UNUSED)
{
        return (struct wall){clock_wall(&clock_system).unix_ms + *skew_ms};
}

static struct boot skewed_boot(void *self UNUSED)
{
        return (struct boot){clock_boot(&clock_system).ms + *skew_ms};
}

static const struct clock skewed = {skewed_wall, skewed_boot, NULL};

static char folder[40], root[64], key[64], token_key[64];
static struct authority *authority;
static struct bundle_holder *holder;

static int set_up(void **state UNUSED)
{
        log_set_level(LOG_ERROR);
        skew_ms = mmap(NULL, sizeof *skew_ms, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(skew_ms != MAP_FAILED);
        (void) snprintf(folder, sizeof folder, "/tmp/bundle-holder-XXXXXX");
        assert_non_null(mkdtemp(folder));
        (void) snprintf(root, sizeof root, "%s/root.crt", folder);
        (void) snprintf(key, sizeof key, "%s/root.key", folder);
        (void) snprintf(token_key, sizeof token_key, "%s/token-key", folder);
        const struct authority_options o = {.trust_domain = "corp.example",
                                            .root_certificate = root,
                                            .root_key = key,
                                            .intermediate_life_ms = 24LL * 3600 * 1000,
                                            .max_leaf_life_ms = 600000,
                                            .backdate_ms = 10000,
                                            .token_key = token_key,
                                            .token_key_life_ms = LIFE_S * 1000,
                                            .token_key_lead_ms = 500000,
                                            .clock = &skewed};
        expect_ok(authority_init_root(&o, clock_wall(&clock_system)));
        expect_ok(authority_start(&o, &authority));
        expect_ok(bundle_holder_new(folder, authority, 100, &skewed, &holder));
        return 0;
}

static int tear_down(void **state UNUSED)
{
        bundle_holder_free(holder);
        authority_stop(authority);
        assert_true(folder_remove(folder));
        assert_int_equal(munmap((void *) skew_ms, sizeof *skew_ms), 0);
        return 0;
}

static void read_now(struct bundle *ret)
{
        AUTO(bundle_snapshot) struct bundle_snapshot *s = bundle_holder_get(holder);
        expect_ok(bundle_read(buf_span(&s->state.json), ret));
        assert_int_equal(ret->sequence, s->state.sequence);
        assert_int_equal(bundle_holder_sequence(holder), s->state.sequence);
}

static bool has_kid(const struct bundle *b, struct span kid)
{
        for (size_t i = 0; i < json_count(b->token_keys); i++)
                if (span_eq(json_text(json_get(json_at(b->token_keys, i), "kid")), kid))
                        return true;
        return false;
}

static struct span kid_at(const struct bundle *b, size_t index)
{
        return json_text(json_get(json_at(b->token_keys, index), "kid"));
}

static void follows_the_keys(void **state UNUSED)
{
        AUTO(bundle) struct bundle first = {0}, same = {0}, second = {0}, third = {0}, back = {0};
        read_now(&first);
        assert_int_equal(json_count(first.token_keys), 2);
        *skew_ms = (LIFE_S - 100) * 1000;
        read_now(&same);
        assert_int_equal(same.sequence, first.sequence);

        *skew_ms = LIFE_S * 1000; /* the second one's turn, which was published before */
        read_now(&second);
        assert_true(second.sequence > first.sequence);
        assert_int_equal(json_count(second.token_keys), 3);
        assert_true(has_kid(&second, kid_at(&first, 0)) && has_kid(&second, kid_at(&first, 1)));

        *skew_ms = 2 * LIFE_S * 1000;
        read_now(&third);
        assert_true(third.sequence > second.sequence);
        assert_int_equal(json_count(third.token_keys), 3);
        assert_false(has_kid(&third, kid_at(&first, 0)));
        assert_true(has_kid(&third, kid_at(&second, 2)));

        *skew_ms = 0; /* a clock that was ahead */
        read_now(&back);
        assert_true(back.sequence > third.sequence);
        assert_true(has_kid(&back, kid_at(&first, 0)));
}

/* Where the new sequence cannot be kept, it is not served either. */
static void the_last_one_stays(void **state UNUSED)
{
        AUTO(bundle) struct bundle before = {0}, after = {0};
        read_now(&before);
        AUTO_STRING char *path = alloc_printf("%s/bundle.json", folder);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0); /* the new sequence can't be written down */
        *skew_ms = LIFE_S * 1000;
        read_now(&after);
        assert_int_equal(after.sequence, before.sequence);
        assert_int_equal(rmdir(path), 0);
        *skew_ms = (LIFE_S + 6) * 1000; /* tried again */
        AUTO(bundle) struct bundle later = {0};
        read_now(&later);
        assert_true(later.sequence > before.sequence);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(follows_the_keys, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_last_one_stays, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
