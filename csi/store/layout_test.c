#include "csi/store/layout.h"

#include <stdio.h>

#include "tests/fakes/expect.h"

#define NOW ((struct wall){1795456800000})

static struct buf buf_of(const char *text)
{
        struct buf b = BUF(4096);
        expect_ok(buf_append_str(&b, text));
        return b;
}

static void add(struct acquired *a, const char *slot, const char *type)
{
        struct acquired_credential *c = &a->credentials[a->count++];
        AUTO_STRING char *key = alloc_printf("KEY %s\n", slot);
        AUTO_STRING char *chain = alloc_printf("CHAIN %s\n", slot);
        *c = (struct acquired_credential){
                .slot = alloc_string(slot),
                .type = alloc_string(type),
                .private_key_pem = secret_copy(span_str(key)),
                .not_before_unix_s = wall_unix_s(NOW) - 30,
                .issued_unix_s = wall_unix_s(NOW),
                .not_after_unix_s = wall_unix_s(NOW) + 600,
        };
        if (strcmp(type, "x509") == 0)
                c->chain_pem = buf_of(chain);
        if (strcmp(type, "wit") != 0)
                return;
        AUTO_STRING char *jwk = alloc_printf("{%s}", slot);
        c->token = alloc_printf("JWT %s", slot);
        c->private_key_jwk = secret_copy(span_str(jwk));
}

static struct acquired with_bundle(void)
{
        return (struct acquired){.bundle = {.sequence = 3, .roots_pem = buf_of("ROOTS\n"), .json = buf_of("{}")}};
}

/* "name=content|" of all files, in order. */
static char *golden_of(const struct layout *l)
{
        AUTO(buf) struct buf out = BUF(8192);
        for (size_t i = 0; i < l->count; i++) {
                expect_ok(buf_printf(&out, "%s=%s", l->files[i].name, l->files[i].from_current ? "(current)" : ""));
                for (size_t k = 0; k < LAYOUT_PARTS_MAX; k++)
                        expect_ok(buf_append(&out, l->files[i].parts[k]));
                expect_ok(buf_append_byte(&out, '|'));
        }
        return alloc_string(buf_str(&out));
}

static const struct golden {
        const char *name;
        struct {
                const char *slot, *type;
        } slots[4];
        const char *want;
} goldens[] = {
        {"one x509",
         {{"main", "x509"}},
         "tls.crt=CHAIN main\n|tls.key=KEY main\n|credential-bundle.pem=KEY main\nCHAIN main\n|"
         "ca.crt=ROOTS\n|trust-bundle.json={}|status.json=S|"},
        {"x509 and wit",
         {{"main", "x509"}, {"token", "wit"}},
         "tls.crt=CHAIN main\n|tls.key=KEY main\n|credential-bundle.pem=KEY main\nCHAIN main\n|"
         "wit.jwt=JWT token|wit.key.pem=KEY "
         "token\n|wit.key.jwk={token}|ca.crt=ROOTS\n|trust-bundle.json={}|status.json=S|"},
        {"two of each, the second ones prefixed",
         {{"out", "x509"}, {"in", "x509"}, {"wit-a", "wit"}, {"wit-b", "wit"}},
         "tls.crt=CHAIN out\n|tls.key=KEY out\n|credential-bundle.pem=KEY out\nCHAIN out\n|"
         "in.tls.crt=CHAIN in\n|in.tls.key=KEY in\n|in.credential-bundle.pem=KEY in\nCHAIN in\n|"
         "wit.jwt=JWT wit-a|wit.key.pem=KEY wit-a\n|wit.key.jwk={wit-a}|wit-b.wit.jwt=JWT wit-b|wit-b.wit.key.pem=KEY "
         "wit-b\n|wit-b.wit.key.jwk={wit-b}|"
         "ca.crt=ROOTS\n|trust-bundle.json={}|status.json=S|"},
        {"wit alone",
         {{"w", "wit"}},
         "wit.jwt=JWT w|wit.key.pem=KEY w\n|wit.key.jwk={w}|ca.crt=ROOTS\n|trust-bundle.json={}|status.json=S|"},
};

static void has_these_files(void **state)
{
        (void) state;
        for (size_t i = 0; i < COUNT_OF(goldens); i++) {
                AUTO(acquired) struct acquired a = with_bundle();
                struct layout l;
                for (size_t k = 0; k < 4 && goldens[i].slots[k].slot != NULL; k++)
                        add(&a, goldens[i].slots[k].slot, goldens[i].slots[k].type);
                print_message("%s\n", goldens[i].name);
                expect_ok(layout_check(&a, NOW));
                expect_ok(layout_of(&a, &a.bundle, SPAN("S"), &l));
                AUTO_STRING char *got = golden_of(&l);
                assert_string_equal(got, goldens[i].want);
        }
}

static void keeps_keys_on_a_new_bundle(void **state)
{
        (void) state;
        AUTO(acquired) struct acquired a = with_bundle();
        AUTO(trust_bundle) struct trust_bundle newer = {4, buf_of("ROOTS 4\n"), buf_of("{4}"), 0};
        struct layout current, l;
        add(&a, "main", "x509");
        expect_ok(layout_of(&a, &a.bundle, SPAN("S"), &current));
        expect_ok(layout_of_bundle(&current, &newer, SPAN("S2"), &l));
        AUTO_STRING char *got = golden_of(&l);
        assert_string_equal(got, "tls.crt=(current)|tls.key=(current)|credential-bundle.pem=(current)|ca.crt=ROOTS "
                                 "4\n|trust-bundle.json={4}|status.json=S2|");
}

enum change {
        NO_CREDENTIALS,
        TOO_MANY,
        SLOT_NULL,
        SLOT_EMPTY,
        SLOT_SLASH,
        SLOT_DOTS,
        SLOT_UPPER,
        SLOT_LONG,
        TYPE_NULL,
        TYPE_OTHER,
        KEY_NULL,
        KEY_CUT,
        CHAIN_EMPTY,
        CHAIN_CUT,
        TOKEN_NULL,
        TOKEN_EMPTY,
        JWK_NULL,
        ROOTS_EMPTY,
        JSON_EMPTY,
        EXPIRED,
        LIFE_ZERO,
        NEGATIVE,
        TOO_LATE,
        BEFORE_AFTER
};

static void set_text(char **field, const char *text)
{
        free(*field);
        *field = text == NULL ? NULL : alloc_string(text);
}

static void change(struct acquired *a, enum change what)
{
        struct acquired_credential *x = &a->credentials[0], *w = &a->credentials[1];
        switch (what) {
        case NO_CREDENTIALS:
                acquired_clear(a);
                break;
        case TOO_MANY:
                a->count = ACQUIRED_MAX + 1;
                break;
        case SLOT_NULL:
                set_text(&x->slot, NULL);
                break;
        case SLOT_EMPTY:
                set_text(&x->slot, "");
                break;
        case SLOT_SLASH:
                set_text(&x->slot, "a/b");
                break;
        case SLOT_DOTS:
                set_text(&x->slot, "..");
                break;
        case SLOT_UPPER:
                set_text(&x->slot, "Main");
                break;
        case SLOT_LONG:
                set_text(&x->slot, "0123456789012345678901234567890123456789012345678901234567890123");
                break;
        case TYPE_NULL:
                set_text(&x->type, NULL);
                break;
        case TYPE_OTHER:
                set_text(&x->type, "jks");
                break;
        case KEY_NULL:
                secret_free(x->private_key_pem);
                x->private_key_pem = NULL;
                break;
        case KEY_CUT:
                secret_shrink(x->private_key_pem, secret_len(x->private_key_pem) - 1);
                break;
        case CHAIN_EMPTY:
                buf_truncate(&x->chain_pem, 0);
                break;
        case CHAIN_CUT:
                buf_truncate(&x->chain_pem, x->chain_pem.len - 1);
                break;
        case TOKEN_NULL:
                set_text(&w->token, NULL);
                break;
        case TOKEN_EMPTY:
                set_text(&w->token, "");
                break;
        case JWK_NULL:
                secret_free(w->private_key_jwk);
                w->private_key_jwk = NULL;
                break;
        case ROOTS_EMPTY:
                buf_truncate(&a->bundle.roots_pem, 0);
                break;
        case JSON_EMPTY:
                buf_truncate(&a->bundle.json, 0);
                break;
        case EXPIRED:
                x->issued_unix_s = x->not_before_unix_s = wall_unix_s(NOW) - 600;
                x->not_after_unix_s = wall_unix_s(NOW);
                break;
        case LIFE_ZERO:
                x->issued_unix_s = x->not_after_unix_s;
                break;
        case NEGATIVE:
                x->issued_unix_s = -1;
                break;
        case TOO_LATE:
                x->not_after_unix_s = LAYOUT_DATE_MAX + 1;
                break;
        case BEFORE_AFTER:
                x->not_before_unix_s = x->not_after_unix_s + 1;
                break;
        }
}

static const struct bad {
        const char *name;
        enum change what;
        enum fault_code code;
        const char *token;
} bads[] = {
        {"none at all", NO_CREDENTIALS, FAULT_INTERNAL, "NO_CREDENTIALS"},
        {"too many", TOO_MANY, FAULT_INTERNAL, "TOO_MANY_CREDENTIALS"},
        {"no slot", SLOT_NULL, FAULT_INTERNAL, "BAD_SLOT"},
        {"empty slot", SLOT_EMPTY, FAULT_INTERNAL, "BAD_SLOT"},
        {"slot with a slash", SLOT_SLASH, FAULT_INTERNAL, "BAD_SLOT"},
        {"slot ..", SLOT_DOTS, FAULT_INTERNAL, "BAD_SLOT"},
        {"slot in upper case", SLOT_UPPER, FAULT_INTERNAL, "BAD_SLOT"},
        {"slot one too long", SLOT_LONG, FAULT_INTERNAL, "BAD_SLOT"},
        {"no type", TYPE_NULL, FAULT_INTERNAL, "UNKNOWN_CREDENTIAL_TYPE"},
        {"other type", TYPE_OTHER, FAULT_INTERNAL, "UNKNOWN_CREDENTIAL_TYPE"},
        {"no key", KEY_NULL, FAULT_INTERNAL, "EMPTY_KEY"},
        {"key one byte short", KEY_CUT, FAULT_INTERNAL, "EMPTY_KEY"},
        {"empty chain", CHAIN_EMPTY, FAULT_INTERNAL, "EMPTY_CHAIN"},
        {"chain one byte short", CHAIN_CUT, FAULT_INTERNAL, "EMPTY_CHAIN"},
        {"no token", TOKEN_NULL, FAULT_INTERNAL, "EMPTY_TOKEN"},
        {"empty token", TOKEN_EMPTY, FAULT_INTERNAL, "EMPTY_TOKEN"},
        {"no key as JWK", JWK_NULL, FAULT_INTERNAL, "EMPTY_JWK"},
        {"no roots", ROOTS_EMPTY, FAULT_INTERNAL, "EMPTY_BUNDLE"},
        {"no bundle", JSON_EMPTY, FAULT_INTERNAL, "EMPTY_BUNDLE"},
        {"expires this second", EXPIRED, FAULT_UNAVAILABLE, "EXPIRED_CREDENTIAL"},
        {"life of nothing", LIFE_ZERO, FAULT_INTERNAL, "BAD_DATES"},
        {"negative date", NEGATIVE, FAULT_INTERNAL, "BAD_DATES"},
        {"past year 9999", TOO_LATE, FAULT_INTERNAL, "BAD_DATES"},
        {"not before after not after", BEFORE_AFTER, FAULT_INTERNAL, "BAD_DATES"},
};

static void refuses(void **state)
{
        (void) state;
        for (size_t i = 0; i < COUNT_OF(bads); i++) {
                AUTO(acquired) struct acquired a = with_bundle();
                add(&a, "main", "x509");
                add(&a, "token", "wit");
                expect_ok(layout_check(&a, NOW));
                change(&a, bads[i].what);
                expect_fault_row(layout_check(&a, NOW), bads[i].code, bads[i].token, bads[i].name);
        }
}

static void refuses_names(void **state)
{
        (void) state;
        struct layout l = {0};
        struct layout_file *file = NULL;
        AUTO(acquired) struct acquired a = with_bundle();
        static const char *const names[] = {"", ".", "..", "..data", ".x", "a/b", "/a"};
        for (size_t i = 0; i < COUNT_OF(names); i++)
                expect_fault_row(layout_add(&l, names[i], &file), FAULT_INTERNAL, "BAD_FILE_NAME", names[i]);
        expect_ok(layout_add(&l, "a", &file));
        expect_fault(layout_add(&l, "a", &file), FAULT_INTERNAL, "DUPLICATE_FILE");
        for (size_t i = 1; i < LAYOUT_FILES_MAX; i++) {
                char name[16];
                (void) snprintf(name, sizeof(name), "f%zu", i);
                expect_ok(layout_add(&l, name, &file));
        }
        expect_fault(layout_add(&l, "last", &file), FAULT_INTERNAL, "TOO_MANY_FILES");

        add(&a, "main", "x509");
        add(&a, "same", "x509");
        add(&a, "same", "x509");
        expect_fault(layout_of(&a, &a.bundle, SPAN("S"), &l), FAULT_INTERNAL, "DUPLICATE_FILE");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(has_these_files),
                cmocka_unit_test(keeps_keys_on_a_new_bundle),
                cmocka_unit_test(refuses),
                cmocka_unit_test(refuses_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
