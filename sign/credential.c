#include "sign/credential.h"

#include "lib/base/file.h"

#define ATTEMPTS 3 /* a volume changes once in minutes, by one rename */

static char *path_of(const char *dir, const char *name, const char *file)
{
        return alloc_printf("%s/%s%s%s", dir, name != NULL ? name : "", name != NULL ? "." : "", file);
}

static struct fault *read_token(const char *path, struct buf *ret)
{
        AUTO(buf) struct buf text = BUF(WIT_MAX + 1);

        TRY(file_read(path, &text));
        if (text.len > 0 && text.data[text.len - 1] == '\n')
                buf_truncate(&text, text.len - 1);
        return buf_append(ret, buf_span(&text));
}

static struct fault *read_once(const char *dir, const char *name, struct credential *c)
{
        AUTO_STRING char *token_path = path_of(dir, name, "wit.jwt"), *key_path = path_of(dir, name, "wit.key.pem");
        AUTO(secret) struct secret *pem = NULL;

        c->token = BUF(WIT_MAX);
        TRY(read_token(token_path, &c->token));
        TRY_AS(wit_peek(buf_span(&c->token), &c->wit), "%s", token_path);
        TRY(file_read_secret(key_path, &pem));
        TRY_AS(key_from_pem_private(secret_span(pem), &c->key), "%s", key_path);
        if (!span_eq(key_spki(c->key), key_spki(c->wit.key)))
                return fault(FAULT_PRECONDITION, "SIGN_KEY", "%s is not the key that %s is about", key_path,
                             token_path);
        return NULL;
}

struct fault *credential_read(const char *dir, const char *name, struct wall now, struct credential *ret)
{
        AUTO(credential) struct credential c = {0};
        struct fault *f = NULL;

        for (int i = 0; i < ATTEMPTS; i++) {
                credential_clear(&c);
                fault_free(f);
                f = read_once(dir, name, &c);
                if (f == NULL || strcmp(fault_token(f), "SIGN_KEY") != 0)
                        break;
        }
        TRY(f);
        if (wall_unix_s(now) >= c.wit.expires_unix_s) {
                char when[WALL_TEXT_LEN + 1];
                wall_format(wall_from_unix_s(c.wit.expires_unix_s), when);
                return fault(FAULT_PRECONDITION, "SIGN_EXPIRED", "the token of %s expired at %s: see status.json there",
                             dir, when);
        }
        *ret = c;
        c = (struct credential){0};
        return NULL;
}

void credential_clear(struct credential *c)
{
        buf_clear(&c->token);
        wit_clear(&c->wit);
        key_free(c->key);
        *c = (struct credential){0};
}
