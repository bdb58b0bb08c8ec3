#include "issuer/api/bundle_state.h"

#include "lib/base/file.h"
#include "lib/base/parse.h"

#define FILE_NAME      "bundle.json"
#define FILE_BYTES_MAX 4096
#define KID_MAX        128

struct numbered { /* what the file says */
        uint64_t sequence;
        char roots[2 * SHA256_LEN + 1];
};

/* Token keys by their ids, which are thumbprints: so roots alone keep the digest that they had before there were tokens. */
static struct fault *digest_of(const struct cert_list *roots, const struct json *token_keys,
                               char ret_hex[2 * SHA256_LEN + 1])
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        uint8_t digest[SHA256_LEN];
        for (size_t i = 0; i < roots->count; i++)
                hasher_add(h, cert_der(roots->certs[i]));
        for (size_t i = 0; i < json_count(token_keys); i++) {
                struct span id = SPAN_NONE;
                TRY(json_need_text(json_at(token_keys, i), "kid", KID_MAX, &id));
                hasher_add(h, SPAN("\ntoken key "));
                hasher_add(h, id);
        }
        hasher_end(h, digest);
        hex_string(SPAN_OF(digest), ret_hex);
        return NULL;
}

static struct fault *parse_file(struct span text, struct numbered *ret)
{
        AUTO(json) struct json *j = NULL;
        int64_t version = 0, sequence = 0;
        struct span roots;
        TRY(json_parse(text, &j));
        TRY(json_need_int(j, "v", 1, 1, &version));
        TRY(json_need_int(j, "sequence", 1, INT64_MAX - 1, &sequence));
        TRY(json_need_text(j, "roots", 2 * SHA256_LEN, &roots));
        ret->sequence = (uint64_t) sequence;
        memcpy(ret->roots, roots.data, roots.len);
        ret->roots[roots.len] = '\0';
        return NULL;
}

static struct fault *read_file(int state_dir, struct numbered *ret)
{
        AUTO(buf) struct buf text = BUF(FILE_BYTES_MAX);
        AUTO(fault) struct fault *unread = file_read_at(state_dir, FILE_NAME, &text);
        if (unread != NULL && fault_code(unread) == FAULT_NOT_FOUND)
                return NULL; /* the first start */
        AUTO(fault) struct fault *bad = unread == NULL ? parse_file(buf_span(&text), ret) : NULL;
        if (unread != NULL || bad != NULL)
                return fault(FAULT_PRECONDITION, "BUNDLE_STATE",
                             "%s in state-dir: %s; with a right clock it can be removed, and the sequence goes on from "
                             "the time",
                             FILE_NAME, fault_text(unread != NULL ? unread : bad));
        return NULL;
}

static struct fault *write_file(int state_dir, const struct numbered *n)
{
        AUTO(json) struct json *j = json_new_object();
        AUTO(buf) struct buf text = BUF(FILE_BYTES_MAX);
        json_set_int(j, "v", 1);
        json_set_int(j, "sequence", (int64_t) n->sequence);
        json_set_text(j, "roots", n->roots);
        TRY(json_write(j, &text));
        return fault_prefix(file_write_atomic_at(state_dir, FILE_NAME, buf_span(&text), 0600), "write %s", FILE_NAME);
}

static uint64_t next_sequence(uint64_t last, struct wall now)
{
        uint64_t now_s = now.unix_ms > 0 ? (uint64_t) wall_unix_s(now) : 0;
        return now_s > last ? now_s : last + 1;
}

static struct fault *sequence_for(int state_dir, const struct cert_list *roots, const struct json *token_keys,
                                  struct wall now_wall, uint64_t *ret)
{
        struct numbered last = {0};
        char now[2 * SHA256_LEN + 1];
        TRY(read_file(state_dir, &last));
        TRY(digest_of(roots, token_keys, now));
        if (strcmp(last.roots, now) != 0) {
                last.sequence = next_sequence(last.sequence, now_wall);
                memcpy(last.roots, now, sizeof now);
                TRY(write_file(state_dir, &last));
        }
        *ret = last.sequence;
        return NULL;
}

static struct fault *write_json(const struct cert_list *roots, const struct json *token_keys, int64_t refresh_hint_s,
                                struct bundle_state *b)
{
        AUTO(bundle)
        struct bundle bundle = {.sequence = b->sequence,
                                .refresh_hint_s = refresh_hint_s,
                                .token_keys = token_keys != NULL ? json_copy(token_keys) : NULL};
        for (size_t i = 0; i < roots->count; i++) {
                bundle.roots[i] = BUF(CERT_MAX);
                bundle.root_count = i + 1;
                TRY(buf_append(&bundle.roots[i], cert_der(roots->certs[i])));
        }
        b->json = BUF(BUNDLE_BYTES_MAX);
        TRY(bundle_write(&bundle, &b->json));
        uint8_t digest[SHA256_LEN];
        sha256(buf_span(&b->json), digest);
        b->etag[0] = '"';
        hex_string(span_make(digest, SHA256_LEN), b->etag + 1);
        memcpy(b->etag + 1 + 2 * sizeof digest, "\"", 2);
        return NULL;
}

struct fault *bundle_state_load(int state_dir, const struct cert_list *roots, const struct json *token_keys,
                                int64_t refresh_hint_s, struct wall now, struct bundle_state *ret)
{
        AUTO(bundle_state) struct bundle_state b = {0};
        if (roots->count == 0 || roots->count > BUNDLE_ROOTS_MAX)
                return fault(FAULT_PRECONDITION, "BUNDLE_ROOTS", "%zu roots, a bundle has 1 to %d", roots->count,
                             BUNDLE_ROOTS_MAX);
        TRY(sequence_for(state_dir, roots, token_keys, now, &b.sequence));
        TRY(write_json(roots, token_keys, refresh_hint_s, &b));
        *ret = b;
        b = (struct bundle_state){0};
        return NULL;
}

bool bundle_state_matches(const struct bundle_state *b, const char *if_none_match)
{
        if (if_none_match == NULL)
                return false;
        return strcmp(if_none_match, "*") == 0 || strstr(if_none_match, b->etag) != NULL; /* quotes delimit the tag */
}

void bundle_state_clear(struct bundle_state *b)
{
        buf_clear(&b->json);
        *b = (struct bundle_state){0};
}
