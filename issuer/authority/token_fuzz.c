/* Claims as a taken-over issuer could send them with an order for a token. Whatever is signed reads as a token of that identity and key, with claims
 * below the trust domain's name alone. */
#include "issuer/authority/token.h"

#include "lib/model/wit.h"
#include "tests/fakes/fuzz.h"

#define NOW_S 1795456800
#define ID    "spiffe://corp.example/app"

static struct token_key *signing_key(void)
{
        static struct token_key k = {.id = "k1"};
        if (k.key == NULL) {
                struct fault *f = key_generate(KEY_P256, &k.key);
                must(f == NULL);
        }
        return &k;
}

static void check(struct span token, const struct leaf_order *o)
{
        AUTO(wit) struct wit w = {0};
        AUTO(fault) struct fault *unreadable = wit_peek(token, &w);
        must(unreadable == NULL && strcmp(w.subject, ID) == 0 && strcmp(w.issuer, "spiffe://corp.example") == 0);
        must(span_eq(key_spki(w.key), o->spki) && w.expires_unix_s == o->not_after_unix_s);
        const char *name = NULL;
        const struct json *value = NULL;
        for (void *at = NULL; w.claims != NULL && json_next(w.claims, &at, &name, &value);)
                must(strncmp(name, "corp.example/", 13) == 0 && name[13] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct token_key *key = signing_key();
        const struct leaf_order o = {.serial = {1},
                                     .identity = ID,
                                     .spki = key_spki(key->key),
                                     .not_before_unix_s = NOW_S - 30,
                                     .not_after_unix_s = NOW_S + 600,
                                     .token = true,
                                     .claims = span_make(data, size)};
        struct buf token = BUF(0);
        AUTO(fault) struct fault *denied = token_build(&o, "corp.example", key, wall_from_unix_s(NOW_S), &token);
        if (denied == NULL)
                check(buf_span(&token), &o);
        else
                must(fault_code(denied) == FAULT_DENIED && strcmp(fault_token(denied), "authority.claims") == 0);
        buf_clear(&token);
        return 0;
}
