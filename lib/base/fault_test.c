#include "lib/base/fault.h"

#include <errno.h>
#include <string.h>

#include "tests/fakes/expect.h"

static void carries_what_it_was_given(void **state UNUSED)
{
        AUTO(fault) struct fault *f = fault(FAULT_DENIED, "POLICY_MISMATCH", "claim %s not satisfied", "tpm.ek");
        assert_int_equal(fault_code(f), FAULT_DENIED);
        assert_string_equal(fault_token(f), "POLICY_MISMATCH");
        assert_string_equal(fault_text(f), "claim tpm.ek not satisfied");
        assert_int_equal(fault_retry_after_ms(f), 0);
        fault_set_retry_after_ms(f, 1500);
        assert_int_equal(fault_retry_after_ms(f), 1500);
}

static void success_has_answers_too(void **state UNUSED)
{
        assert_int_equal(fault_code(NULL), 0);
        assert_string_equal(fault_token(NULL), "OK");
        assert_string_equal(fault_text(NULL), "");
        assert_int_equal(fault_retry_after_ms(NULL), 0);
        fault_set_retry_after_ms(NULL, 1);
        assert_null(fault_prefix(NULL, "publish %s", "v1"));
        assert_null(fault_recode(NULL, FAULT_INTERNAL));
        assert_null(fault_rename(NULL, FAULT_INTERNAL, "T"));
        fault_free(NULL);
}

static struct fault *inner(void)
{
        return fault_errno(FAULT_UNAVAILABLE, "REFUSED", ECONNREFUSED, "connect to %s", "eu-1");
}
static struct fault *middle(void)
{
        TRY_AS(inner(), "fetch keys");
        return NULL;
}
static struct fault *outer(void)
{
        TRY(NULL);
        TRY(middle());
        return fault(FAULT_INTERNAL, "UNREACHED", "TRY went on");
}

static void layers_prefix_their_half_sentence(void **state UNUSED)
{
        AUTO(fault) struct fault *f = fault_prefix(outer(), "publish %s", "v1");
        assert_string_equal(fault_text(f), "publish v1: fetch keys: connect to eu-1: Connection refused");
        assert_string_equal(fault_token(f), "REFUSED");
        f = fault_recode(f, FAULT_ABORTED);
        assert_int_equal(fault_code(f), FAULT_ABORTED);
        assert_string_equal(fault_token(f), "REFUSED");
}

static void a_new_name_keeps_the_text(void **state UNUSED)
{
        AUTO(fault) struct fault *f = fault_rename(inner(), FAULT_DENIED, "tpm.chain");
        assert_int_equal(fault_code(f), FAULT_DENIED);
        assert_string_equal(fault_token(f), "tpm.chain");
        assert_string_equal(fault_text(f), "connect to eu-1: Connection refused");

        AUTO(fault) struct fault *peers = fault_from_peer(FAULT_DENIED, "peers.own", "refused");
        peers = fault_rename(peers, FAULT_INVALID, "BAD_ANSWER");
        assert_string_equal(fault_token(peers), "BAD_ANSWER");
}

static void text_is_cleaned(void **state UNUSED)
{
        static const struct {
                const char *name, *raw, *clean;
        } rows[] = {
                {"plain", "volume v1", "volume v1"},
                {"UTF-8", "B\xC3\xA4r", "B\xC3\xA4r"},
                {"newline", "a\nb",
                 "a\xEF\xBF\xBD"
                 "b"},
                {"escape sequence", "\x1b[31m", "\xEF\xBF\xBD[31m"},
                {"C1",
                 "\xC2\x9B"
                 "31m",
                 "\xEF\xBF\xBD"
                 "31m"},
                {"bidi override", "\xE2\x80\xAE\xE2\x80\xAC", "\xEF\xBF\xBD\xEF\xBF\xBD"},
                {"invalid byte", "\xFFz", "\xEF\xBF\xBDz"},
                {"cut sequence", "z\xE2\x82", "z\xEF\xBF\xBD\xEF\xBF\xBD"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(fault) struct fault *made = fault(FAULT_INVALID, "T", "%s", rows[i].raw);
                if (strcmp(fault_text(made), rows[i].clean) != 0)
                        fail_msg("%s: %s", rows[i].name, fault_text(made));
                AUTO(fault) struct fault *prefixed = fault_prefix(fault(FAULT_INVALID, "T", "x"), "%s", rows[i].raw);
                AUTO_STRING char *wanted = alloc_printf("%s: x", rows[i].clean);
                assert_string_equal(fault_text(prefixed), wanted);
        }
}

/* `count` times `piece`. */
static char *repeat(const char *piece, size_t count)
{
        size_t len = strlen(piece);
        char *text = alloc_zero(1, len * count + 1);
        for (size_t i = 0; i < len * count; i++)
                text[i] = piece[i % len];
        return text;
}

static void text_is_cut(void **state UNUSED)
{
        AUTO_STRING char *fits = repeat("a", FAULT_TEXT_MAX);
        AUTO(fault) struct fault *whole = fault(FAULT_INVALID, "T", "%s", fits);
        assert_string_equal(fault_text(whole), fits);

        AUTO_STRING char *longer = repeat("a", FAULT_TEXT_MAX + 1);
        AUTO(fault) struct fault *cut = fault(FAULT_INVALID, "T", "%s", longer);
        assert_int_equal(strlen(fault_text(cut)), FAULT_TEXT_MAX);
        assert_string_equal(fault_text(cut) + FAULT_TEXT_MAX - 4, "a...");

        AUTO_STRING char *wide = repeat("\xE2\x82\xAC", FAULT_TEXT_MAX); /* euro signs: never cut one in the middle */
        AUTO(fault) struct fault *euros = fault(FAULT_INVALID, "T", "%s", wide);
        assert_true(strlen(fault_text(euros)) <= FAULT_TEXT_MAX);
        assert_string_equal(fault_text(euros) + strlen(fault_text(euros)) - 6, "\xE2\x82\xAC...");

        AUTO_STRING char *bad = repeat("\xFF", 5000); /* grows when it is cleaned */
        AUTO(fault) struct fault *grown = fault(FAULT_INVALID, "T", "%s", bad);
        assert_true(strlen(fault_text(grown)) <= FAULT_TEXT_MAX);

        AUTO(fault) struct fault *with_errno = fault_errno(FAULT_INTERNAL, "T", ENOENT, "%s", longer);
        assert_true(strlen(fault_text(with_errno)) <= FAULT_TEXT_MAX);
        assert_non_null(strstr(fault_text(with_errno), "...: No such file or directory"));

        cut = fault_prefix(cut, "open %s", longer);
        assert_true(strlen(fault_text(cut)) <= FAULT_TEXT_MAX);
}

static void peer_tokens_are_checked(void **state UNUSED)
{
        static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123";
        static const char too_long[] = "01234567890123456789012345678901234567890123456789012345678901234";
        static const struct {
                const char *name, *token, *kept;
        } rows[] = {
                {"check name", "tpm.extra_data", "tpm.extra_data"},
                {"all kinds of characters", "aZ09_./#:-", "aZ09_./#:-"},
                {"64 characters", longest, longest},
                {"65 characters", too_long, "PEER_TOKEN"},
                {"empty", "", "PEER_TOKEN"},
                {"missing", NULL, "PEER_TOKEN"},
                {"blank", "a b", "PEER_TOKEN"},
                {"newline", "a\n", "PEER_TOKEN"},
                {"not ASCII", "\xC3\xA4", "PEER_TOKEN"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *peers = rows[i].token == NULL ? NULL : alloc_string(rows[i].token);
                AUTO(fault) struct fault *f = fault_from_peer(FAULT_DENIED, peers, "refused");
                if (peers != NULL)
                        memset(peers, 'X', strlen(peers)); /* the fault has a copy */
                if (strcmp(fault_token(f), rows[i].kept) != 0)
                        fail_msg("%s: %s", rows[i].name, fault_token(f));
        }
}

static void codes_have_names(void **state UNUSED)
{
        assert_string_equal(fault_code_name(FAULT_INVALID), "INVALID_ARGUMENT");
        assert_string_equal(fault_code_name((enum fault_code) 0), "UNKNOWN");
        assert_string_equal(fault_code_name((enum fault_code) 17), "UNKNOWN");
        assert_string_equal(fault_code_name((enum fault_code) - 1), "UNKNOWN");
        for (int code = FAULT_CANCELLED; code <= FAULT_UNAUTHENTICATED; code++)
                assert_int_equal(fault_code_by_name(fault_code_name((enum fault_code) code)), code);
        assert_int_equal(fault_code_by_name("OK"), 0);
        assert_int_equal(fault_code_by_name("invalid_argument"), 0);
        assert_int_equal(fault_code_by_name(""), 0);
}

static void a_fault_never_has_the_code_of_success(void **state UNUSED)
{
        AUTO(fault) struct fault *f = fault((enum fault_code) 0, "T", "x");
        assert_int_equal(fault_code(f), FAULT_UNKNOWN);
        f = fault_recode(f, (enum fault_code) 99);
        assert_int_equal(fault_code(f), FAULT_UNKNOWN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(carries_what_it_was_given),
                cmocka_unit_test(success_has_answers_too),
                cmocka_unit_test(layers_prefix_their_half_sentence),
                cmocka_unit_test(a_new_name_keeps_the_text),
                cmocka_unit_test(text_is_cleaned),
                cmocka_unit_test(text_is_cut),
                cmocka_unit_test(peer_tokens_are_checked),
                cmocka_unit_test(codes_have_names),
                cmocka_unit_test(a_fault_never_has_the_code_of_success),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
