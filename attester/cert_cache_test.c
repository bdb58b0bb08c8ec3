#include "attester/cert_cache.h"

#include <stdio.h>

#include "lib/crypt/x509_build.h"
#include "tests/fakes/expect.h"

static void make_ca(const struct key *key, unsigned number, struct buf *ret_der)
{
        char name[32];
        (void) snprintf(name, sizeof name, "ca %u", number);
        const struct ca_spec spec = {.common_name = name,
                                     .uri = "spiffe://demo.example",
                                     .serial = {1},
                                     .not_before = wall_from_unix_s(1800000000),
                                     .not_after = wall_from_unix_s(1800086400),
                                     .key = key,
                                     .path_len = 1};
        *ret_der = BUF(CERT_MAX);
        expect_ok(ca_build(&spec, NULL, key, ret_der));
}

static void keeps_those_used_last(void **state UNUSED)
{
        AUTO(cert_cache) struct cert_cache *cache = cert_cache_new();
        AUTO(key) struct key *key = NULL;
        struct buf der[CERT_CACHE_MAX + 1];
        struct cert *first = NULL, *second = NULL, *again = NULL;
        expect_ok(key_generate(KEY_P256, &key));
        for (unsigned i = 0; i < COUNT_OF(der); i++)
                make_ca(key, i, &der[i]);

        expect_ok(cert_cache_get(cache, buf_span(&der[0]), &first));
        assert_string_equal(cert_subject(first), "CN=ca 0");
        for (unsigned i = 1; i < CERT_CACHE_MAX; i++)
                expect_ok(cert_cache_get(cache, buf_span(&der[i]), &second));
        expect_ok(cert_cache_get(cache, buf_span(&der[0]), &again));
        assert_ptr_equal(again, first); /* still the same, and now used last */
        expect_ok(cert_cache_get(cache, buf_span(&der[CERT_CACHE_MAX]), &second));
        expect_ok(cert_cache_get(cache, buf_span(&der[0]), &again)); /* it was number 1 that went */
        assert_ptr_equal(again, first);
        expect_ok(cert_cache_get(cache, buf_span(&der[1]), &again));
        assert_true(span_eq(cert_der(again), buf_span(&der[1])));
        for (unsigned i = 0; i < COUNT_OF(der); i++)
                buf_clear(&der[i]);
}

/* One bit away from a certificate that is there. */
static void finds_by_all_bytes(void **state UNUSED)
{
        AUTO(cert_cache) struct cert_cache *cache = cert_cache_new();
        AUTO(key) struct key *key = NULL;
        AUTO(buf) struct buf der = BUF(0);
        struct cert *good = NULL, *other = NULL;
        expect_ok(key_generate(KEY_P256, &key));
        make_ca(key, 1, &der);
        expect_ok(cert_cache_get(cache, buf_span(&der), &good));
        der.data[der.len - 1] ^= 1; /* of the signature */
        expect_ok(cert_cache_get(cache, buf_span(&der), &other));
        assert_ptr_not_equal(good, other);
        expect_fault(cert_cache_get(cache, span_slice(buf_span(&der), 0, der.len - 1), &other), FAULT_INVALID,
                     "BAD_CERTIFICATE");
        expect_fault(cert_cache_get(cache, SPAN_NONE, &other), FAULT_INVALID, "BAD_CERTIFICATE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_those_used_last),
                cmocka_unit_test(finds_by_all_bytes),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
