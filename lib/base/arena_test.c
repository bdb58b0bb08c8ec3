#include "lib/base/arena.h"

#include "tests/fakes/expect.h"

#define BLOCK 256

static bool is_aligned(const void *p)
{
        return (uintptr_t) p % _Alignof(max_align_t) == 0;
}

static void pieces_are_zero_aligned_and_apart(void **state UNUSED)
{
        static const size_t sizes[] = {1, 7, 8, 15, 16, 17, 31, 64, 3, BLOCK - 1, BLOCK, BLOCK + 1, 5, 10 * BLOCK, 2};
        AUTO(arena) struct arena *a = arena_new(BLOCK);
        uint8_t *pieces[8 * COUNT_OF(sizes)];
        for (size_t i = 0; i < COUNT_OF(pieces); i++) {
                size_t len = sizes[i % COUNT_OF(sizes)];
                pieces[i] = arena_zero(a, 1, len);
                assert_true(is_aligned(pieces[i]));
                assert_true(span_is_zero(span_make(pieces[i], len)));
                memset(pieces[i], (int) (i + 1), len);
        }
        for (size_t i = 0; i < COUNT_OF(pieces); i++) /* nobody wrote into another's */
                for (size_t j = 0; j < sizes[i % COUNT_OF(sizes)]; j++)
                        assert_int_equal(pieces[i][j], (uint8_t) (i + 1));
}

/* A block is filled before the next is taken, to its last byte. */
static void a_block_is_used_up(void **state UNUSED)
{
        AUTO(arena) struct arena *a = arena_new(BLOCK);
        uint8_t *first = arena_zero(a, 1, 16);
        for (size_t at = 16; at < BLOCK; at += 16)
                assert_ptr_equal(arena_zero(a, 16, 1), first + at);
        uint8_t *next = arena_zero(a, 1, 1);
        assert_true(next < first || next >= first + BLOCK);
        memset(next, 1, 1);
}

static void nothing_takes_no_place(void **state UNUSED)
{
        AUTO(arena) struct arena *a = arena_new(BLOCK);
        assert_non_null(arena_zero(a, 0, 8));
        struct span empty = arena_bytes(a, SPAN_NONE);
        assert_int_equal(empty.len, 0);
        assert_non_null(empty.data);
        assert_int_equal(empty.data[0], 0);
        assert_string_equal(arena_string(a, ""), "");
        assert_string_equal(arena_printf(a, "%s", ""), "");
}

static void copies_are_its_own(void **state UNUSED)
{
        AUTO(arena) struct arena *a = arena_new(BLOCK);
        char text[] = "text";
        char *copy = arena_string(a, text);
        struct span bytes = arena_bytes(a, span_str(text)), binary = arena_bytes(a, SPAN("a\0b"));
        text[0] = 'n';
        assert_string_equal(copy, "text");
        assert_true(span_eq_str(bytes, "text"));
        assert_int_equal(bytes.data[4], 0); /* text stays a C string */
        assert_true(span_eq(binary, SPAN("a\0b")));
        assert_int_equal(binary.data[3], 0);
}

/* Lengths about that of a block: what is longer has a block of its own. */
static void texts_of_any_length(void **state UNUSED)
{
        static const int lengths[] = {0, 1, 15, 16, 17, BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK};
        AUTO(arena) struct arena *a = arena_new(BLOCK);
        for (size_t i = 0; i < COUNT_OF(lengths); i++) {
                char *text = arena_printf(a, "%0*d", lengths[i], 0);
                size_t wanted = lengths[i] == 0 ? 1 : (size_t) lengths[i];
                assert_int_equal(strlen(text), wanted);
                assert_int_equal(strspn(text, "0"), wanted);
        }
        assert_string_equal(arena_printf(a, "%s is %d", "one", 1), "one is 1");
}

static void none_can_be_freed(void **state UNUSED)
{
        arena_free(NULL);
        arena_free(arena_new(BLOCK)); /* never used */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pieces_are_zero_aligned_and_apart),
                cmocka_unit_test(a_block_is_used_up),
                cmocka_unit_test(nothing_takes_no_place),
                cmocka_unit_test(copies_are_its_own),
                cmocka_unit_test(texts_of_any_length),
                cmocka_unit_test(none_can_be_freed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
