/* The policy's digest: SHA-256 over the canonical JSON of all documents, sorted by kind and name. Comments, blanks, the
 * order of fields, files and documents don't count; every value does, with its type. */
#include "issuer/policy/document.h"

#include <stdio.h>

#include "lib/base/parse.h"
#include "lib/crypt/hash.h"

#define CANONICAL_MAX ((size_t) 64 << 20) /* well above what YAML_BYTES_MAX can become */

static struct json *scalar_to_json(const struct yaml_node *n)
{
        bool flag;
        int64_t number;
        if (scalar_is_flag(n, &flag))
                return json_new_bool(flag);
        if (scalar_is_number(n, &number))
                return json_new_int(number);
        return json_new_text(span_str(n->text));
}

static struct json *to_json(const struct yaml_node *n) /* as deep as YAML_DEPTH_MAX */
{
        if (n->kind == YAML_SCALAR)
                return scalar_to_json(n);
        struct json *j = n->kind == YAML_MAPPING ? json_new_object() : json_new_array();
        for (size_t i = 0; i < n->count; i++) {
                if (n->kind == YAML_MAPPING)
                        json_set(j, n->keys[i]->text, to_json(n->items[i]));
                else
                        json_push(j, to_json(n->items[i]));
        }
        return j;
}

struct fault *documents_digest(const struct documents *d, char ret[DIGEST_TEXT_MAX])
{
        AUTO(json) struct json *all = json_new_array();
        for (size_t i = 0; i < d->count; i++)
                json_push(all, to_json(d->items[i].root));
        AUTO(buf) struct buf canonical = BUF(CANONICAL_MAX);
        TRY(json_write(all, &canonical));

        uint8_t digest[SHA256_LEN];
        sha256(buf_span(&canonical), digest);
        char hex[2 * SHA256_LEN + 1];
        hex_string(SPAN_OF(digest), hex);
        (void) snprintf(ret, DIGEST_TEXT_MAX, "sha256:%s", hex);
        return NULL;
}
