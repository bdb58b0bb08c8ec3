#include "lib/crypt/key_use.h"

#include <pthread.h>

#include "tests/fakes/pki.h"

#include "lib/crypt/key_struct.h"

#define MESSAGE SPAN("what was signed")
#define SIGNERS 8
#define MANY    80 /* more than are kept */

struct signer {
        struct key *key;
        struct buf signature;
};

static struct signer signers[SIGNERS];

static int make_signers(void **state UNUSED)
{
        for (size_t i = 0; i < SIGNERS; i++) {
                signers[i] = (struct signer){test_key(KEY_P256), BUF(SIGNATURE_MAX)};
                expect_ok(key_sign(signers[i].key, HASH_SHA256, SIGNATURE_RAW, MESSAGE, &signers[i].signature));
        }
        return 0;
}

static int free_signers(void **state UNUSED)
{
        for (size_t i = 0; i < SIGNERS; i++) {
                key_free(signers[i].key);
                buf_clear(&signers[i].signature);
        }
        return 0;
}

static struct key *public_key(size_t i)
{
        struct key *k = NULL;
        expect_ok(key_from_spki(key_spki(signers[i].key), &k));
        return k;
}

static struct fault *verify(const struct key *k, size_t of)
{
        return key_verify(k, HASH_SHA256, SIGNATURE_RAW, MESSAGE, buf_span(&signers[of].signature));
}

static void refuse(const struct key *k, size_t of)
{
        expect_fault(verify(k, of), FAULT_UNAUTHENTICATED, "BAD_SIGNATURE");
}

/* Each with what the one before it left. */
static void the_next_key_takes_its_own_signatures_alone(void **state UNUSED)
{
        for (size_t turn = 0; turn < 5 * SIGNERS; turn++) {
                size_t i = turn % SIGNERS, before = (turn + SIGNERS - 1) % SIGNERS;
                AUTO(key) struct key *k = public_key(i);
                if (turn % 2 == 0)
                        expect_ok(verify(k, i));
                refuse(k, before);
                refuse(k, (i + 3) % SIGNERS);
                expect_ok(verify(k, i));
        }
}

static void what_is_left_is_used_again(void **state UNUSED)
{
        AUTO(key) struct key *k = public_key(0);
        expect_ok(verify(k, 0));
        const EVP_PKEY *pkey = k->pkey;
        key_free(TAKE(k));
        k = public_key(1);
        assert_ptr_equal(k->pkey, pkey);
        assert_non_null(atomic_load(&k->use));
}

static void keys_alive_together_share_nothing(void **state UNUSED)
{
        struct key *keys[MANY];
        for (int round = 0; round < 2; round++) {
                for (size_t i = 0; i < MANY; i++)
                        keys[i] = public_key(i % SIGNERS);
                for (size_t i = 0; i < MANY; i++) {
                        expect_ok(verify(keys[i], i % SIGNERS));
                        refuse(keys[i], (i + 1) % SIGNERS);
                }
                for (size_t i = 0; i < MANY; i++)
                        key_free(keys[i]);
        }
}

static void a_point_beside_the_curve_leaves_nothing(void **state UNUSED)
{
        AUTO(key) struct key *k = public_key(0);
        expect_ok(verify(k, 0));
        uint8_t spki[SPKI_MAX];
        size_t len = key_spki(k).len;
        memcpy(spki, key_spki(k).data, len);
        key_free(TAKE(k));

        spki[len - 1] ^= 1;
        struct key *none = NULL;
        expect_fault(key_from_spki(span_make(spki, len), &none), FAULT_INVALID, "KEY_KIND");
        assert_null(none);
        k = public_key(1);
        refuse(k, 0);
        expect_ok(verify(k, 1));
}

static void a_key_that_was_lent_is_not_used_again(void **state UNUSED)
{
        AUTO(key) struct key *k = public_key(0), *other = NULL;
        AUTO(ossl_pkey) EVP_PKEY *kept = key_pkey(k);
        assert_int_equal(EVP_PKEY_up_ref(kept), 1);
        key_free(TAKE(k));
        k = public_key(1);
        assert_ptr_not_equal(k->pkey, kept);
        expect_ok(key_from_pkey(kept, /* is_private= */ false, &other));
        (void) TAKE(kept); /* the key's now */
        assert_true(span_eq(key_spki(other), key_spki(signers[0].key)));
        assert_false(other->is_of_point); /* one that came as an EVP_PKEY may be a certificate's */
        expect_ok(verify(other, 0));
        expect_ok(verify(k, 1));
}

/* A context is for one digest and one form; the others come between. */
static void a_key_changes_between_its_uses(void **state UNUSED)
{
        static const struct {
                enum hash_alg alg;
                enum signature_form form;
        } rows[] = {
                {HASH_SHA256, SIGNATURE_RSASSA}, {HASH_SHA384, SIGNATURE_RSASSA},
                {HASH_SHA256, SIGNATURE_RSAPSS}, {HASH_SHA256, SIGNATURE_RSAPSS_ANY_SALT},
                {HASH_SHA512, SIGNATURE_RSAPSS},
        };
        AUTO(key) struct key *k = test_key(KEY_RSA);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                for (size_t other = 0; other < COUNT_OF(rows); other++) {
                        AUTO(buf) struct buf signature = BUF(SIGNATURE_MAX);
                        expect_ok(key_sign(k, rows[i].alg, rows[i].form, MESSAGE, &signature));
                        expect_ok(key_verify(k, rows[i].alg, rows[i].form, MESSAGE, buf_span(&signature)));
                        bool fits = rows[i].alg == rows[other].alg &&
                                    (rows[i].form == SIGNATURE_RSASSA) == (rows[other].form == SIGNATURE_RSASSA);
                        AUTO(fault)
                        struct fault *f =
                                key_verify(k, rows[other].alg, rows[other].form, MESSAGE, buf_span(&signature));
                        assert_int_equal(f == NULL, fits);
                }
        }
}

/* ---- threads: each with keys of its own, which others left (run under TSan as well) ---- */

static void *make_and_leave(void *arg)
{
        size_t first = (size_t) ((const struct signer *) arg - signers);
        for (size_t turn = 0; turn < 60; turn++) {
                size_t i = (first + turn) % SIGNERS;
                AUTO(key) struct key *k = NULL;
                AUTO(fault) struct fault *making = key_from_spki(key_spki(signers[i].key), &k);
                AUTO(fault) struct fault *own = making == NULL ? verify(k, i) : NULL;
                AUTO(fault) struct fault *others = making == NULL ? verify(k, (i + 1) % SIGNERS) : NULL;
                if (making != NULL || own != NULL || others == NULL)
                        return signers;
        }
        return NULL;
}

static void threads_leave_keys_to_one_another(void **state UNUSED)
{
        pthread_t threads[4];
        for (size_t i = 0; i < COUNT_OF(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, make_and_leave, &signers[2 * i]), 0);
        for (size_t i = 0; i < COUNT_OF(threads); i++) {
                void *failed;
                assert_int_equal(pthread_join(threads[i], &failed), 0);
                assert_null(failed);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_next_key_takes_its_own_signatures_alone),
                cmocka_unit_test(what_is_left_is_used_again),
                cmocka_unit_test(keys_alive_together_share_nothing),
                cmocka_unit_test(a_point_beside_the_curve_leaves_nothing),
                cmocka_unit_test(a_key_that_was_lent_is_not_used_again),
                cmocka_unit_test(a_key_changes_between_its_uses),
                cmocka_unit_test(threads_leave_keys_to_one_another),
        };
        return cmocka_run_group_tests(tests, make_signers, free_signers);
}
