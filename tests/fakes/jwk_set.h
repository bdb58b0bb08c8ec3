/* jwk_set: key sets and changed claims, for tests of tokens. */
#pragma once

#include "tests/fakes/pki.h"

#include "lib/crypt/jwt.h"

/* The set that an issuer with this one key publishes. */
static inline struct jwk_set *test_key_set(const struct key *k, const char *kid, const char *use)
{
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(8192);
        struct json *list = json_new_array();
        struct jwk_set *s = NULL;

        json_push(list, jwk_published(k, kid, use));
        json_set(set, "keys", list);
        expect_ok(json_write(set, &text));
        expect_ok(jwk_set_parse_use(buf_span(&text), use, &s));
        return s;
}

static inline struct json *test_json(const char *text)
{
        struct json *j = NULL;
        expect_ok(json_parse(span_str(text), &j));
        return j;
}

/* A copy of `object` with one member, found by a path of names with '>' between, replaced, added, or (value NULL) left out. */
static inline struct json *test_json_changed(const struct json *object, const char *path, const char *value)
{
        struct json *out = json_new_object();
        const char *rest = strchr(path, '>'), *name = NULL;
        size_t len = rest != NULL ? (size_t) (rest - path) : strlen(path);
        const struct json *member = NULL;
        bool found = false;

        for (void *at = NULL; json_next(object, &at, &name, &member);) {
                bool is_it = strlen(name) == len && memcmp(name, path, len) == 0;
                found |= is_it;
                if (is_it && rest != NULL)
                        json_set(out, name, test_json_changed(member, rest + 1, value));
                else if (!is_it)
                        json_set(out, name, json_copy(member));
                else if (value != NULL)
                        json_set(out, name, test_json(value));
        }
        if (!found && value != NULL && rest == NULL)
                json_set(out, path, test_json(value));
        return out;
}
