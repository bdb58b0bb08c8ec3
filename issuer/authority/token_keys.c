#include "issuer/authority/token_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/base/reader.h"
#include "lib/crypt/jwt.h"
#include "lib/model/fields.h"

#define SECRET_LEN 32
#define SCALAR_LEN 32
#define SEC1_MAX   64
#define PEM_MAX    256
#define PURPOSE    "vouchsafe token key, ES256" /* and its NUL */

static const char magic[8] = {'V', 'S', 'T', 'O', 'K', 'E', 'N', '1'};

struct token_keys {
        struct secret *secret;
        int64_t first_use_s, life_s;
        struct token_key keys[TOKEN_KEYS_SHOWN]; /* by number modulo their count; key NULL: none is there yet */
};

/* ---- the file ---- */

static struct fault *open_key(const char *path, int *ret_fd)
{
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0)
                return fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "token key %s", path);
        if (!S_ISREG(st.st_mode))
                return fault(FAULT_PRECONDITION, "NOT_A_FILE", "token key %s is no regular file", path);
        if ((st.st_mode & S_IRWXO) != 0)
                return fault(FAULT_PRECONDITION, "TOKEN_KEY_MODE", "token key %s has mode %04o: others may use it",
                             path, (unsigned) st.st_mode & 07777);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

static struct fault *parse_file(struct span bytes, struct token_keys *t)
{
        struct reader r = READER(bytes);
        char found[sizeof magic];
        uint64_t first_use = 0;
        TRY(reader_bytes(&r, found, sizeof found));
        TRY(reader_u64be(&r, &first_use));
        TRY(reader_bytes(&r, secret_bytes(t->secret), SECRET_LEN));
        TRY(reader_end(&r));
        if (memcmp(found, magic, sizeof magic) != 0)
                return fault(FAULT_PRECONDITION, "TOKEN_KEY_FILE", "it doesn't begin as such a file does");
        if (first_use > UNIX_S_MAX)
                return fault(FAULT_PRECONDITION, "TOKEN_KEY_FILE", "its date can't be");
        t->first_use_s = (int64_t) first_use;
        return NULL;
}

static struct fault *read_file(const char *path, struct token_keys *t)
{
        AUTO_CLOSE int fd = -1;
        TRY(open_key(path, &fd));
        AUTO(secret) struct secret *bytes = secret_new(TOKEN_KEYS_FILE_LEN + 1);
        ssize_t got;
        do
                got = pread(fd, secret_bytes(bytes), TOKEN_KEYS_FILE_LEN + 1, 0);
        while (got < 0 && errno == EINTR);
        if (got < 0)
                return fault_errno(FAULT_PRECONDITION, "FILE_IO", errno, "read token key %s", path);
        struct span text = span_slice(secret_span(bytes), 0, (size_t) got);
        return fault_prefix(fault_rename(parse_file(text, t), FAULT_PRECONDITION, "TOKEN_KEY_FILE"), "token key %s",
                            path);
}

static bool is_there(const char *path)
{
        struct stat st;
        return lstat(path, &st) == 0 || errno != ENOENT;
}

struct fault *token_keys_make_file(const char *path, int64_t first_use_unix_s, bool *ret_made)
{
        if (ret_made != NULL)
                *ret_made = false;
        if (is_there(path))
                return NULL;
        AUTO_STRING char *folder = alloc_string(path), *name = alloc_string(path);
        AUTO_CLOSE int dir = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "folder of token key %s", path);

        AUTO(secret) struct secret *bytes = secret_new(TOKEN_KEYS_FILE_LEN);
        uint8_t *at = secret_bytes(bytes);
        memcpy(at, magic, sizeof magic);
        for (size_t i = 0; i < 8; i++)
                at[sizeof magic + i] = (uint8_t) ((uint64_t) first_use_unix_s >> (8 * (7 - i)));
        random_bytes(at + sizeof magic + 8, SECRET_LEN);
        TRY_AS(file_write_atomic_at(dir, basename(name), secret_span(bytes), 0600), "write token key %s", path);
        if (ret_made != NULL)
                *ret_made = true;
        return NULL;
}

struct fault *token_keys_load(const char *path, int64_t life_s, struct token_keys **ret)
{
        AUTO(token_keys) struct token_keys *t = NEW(struct token_keys);
        t->life_s = life_s;
        t->secret = secret_new(SECRET_LEN);
        TRY(read_file(path, t));
        *ret = TAKE(t);
        return NULL;
}

/* ---- keys ---- */

/* True for 1 to n - 1 (FIPS 186-5, D.1.2.3): what is not is drawn again. */
static bool is_scalar(const uint8_t s[SCALAR_LEN])
{
        static const uint8_t n[SCALAR_LEN] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                              0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                              0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
        return !span_is_zero(span_make(s, SCALAR_LEN)) && memcmp(s, n, SCALAR_LEN) < 0;
}

/* HMAC as the generator, candidates tested and thrown away (FIPS 186-5, A.2.2). */
static void derive(const struct token_keys *t, int64_t number, uint8_t ret[SCALAR_LEN])
{
        uint8_t input[sizeof PURPOSE + 8 + 1] = PURPOSE;
        for (size_t i = 0; i < 8; i++)
                input[sizeof PURPOSE + i] = (uint8_t) ((uint64_t) number >> (8 * (7 - i)));
        do
                hmac_sha256(secret_span(t->secret), SPAN_OF(input), ret);
        while (!is_scalar(ret) && ++input[sizeof input - 1] != 0);
}

/* As PEM of ECPrivateKey (RFC 5915) without the public part, which the reader of keys works out. */
static struct fault *key_of_scalar(const uint8_t scalar[SCALAR_LEN], struct key **ret)
{
        static const uint8_t head[] = {0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20};
        static const uint8_t tail[] = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
        struct buf der = BUF(SEC1_MAX), pem = BUF(PEM_MAX);
        buf_expect(&der, SEC1_MAX); /* or growing would leave pieces behind */
        buf_expect(&pem, PEM_MAX);
        struct fault *f = buf_append(&der, SPAN_OF(head));
        if (f == NULL)
                f = buf_append(&der, span_make(scalar, SCALAR_LEN));
        if (f == NULL)
                f = buf_append(&der, SPAN_OF(tail));
        if (f == NULL)
                f = buf_append_str(&pem, "-----BEGIN EC PRIVATE KEY-----\n");
        if (f == NULL)
                f = base64_encode(buf_span(&der), &pem);
        if (f == NULL)
                f = buf_append_str(&pem, "\n-----END EC PRIVATE KEY-----\n");
        if (f == NULL)
                f = key_from_pem_private(buf_span(&pem), ret);
        buf_wipe(&der);
        buf_wipe(&pem);
        return f;
}

static struct fault *make_key(const struct token_keys *t, int64_t number, struct token_key *ret)
{
        uint8_t scalar[SCALAR_LEN];
        AUTO(key) struct key *k = NULL;
        AUTO(buf) struct buf id = BUF(TOKEN_KEY_ID_MAX);
        derive(t, number, scalar);
        struct fault *f = key_of_scalar(scalar, &k);
        wipe(scalar, sizeof scalar);
        TRY_AS(f, "derive token key %lld", (long long) number);
        TRY(jwk_thumbprint(k, &id));
        key_free(ret->key);
        *ret = (struct token_key){.number = number, .key = TAKE(k)};
        memcpy(ret->id, id.data, id.len);
        return NULL;
}

static struct fault *get(struct token_keys *t, int64_t number, const struct token_key **ret)
{
        struct token_key *k = &t->keys[number % TOKEN_KEYS_SHOWN];
        if (k->key == NULL || k->number != number)
                TRY(make_key(t, number, k));
        *ret = k;
        return NULL;
}

/* -1: before the first one's use. */
static int64_t number_at(const struct token_keys *t, struct wall now)
{
        int64_t now_s = wall_unix_s(now);
        return now_s < t->first_use_s ? -1 : (now_s - t->first_use_s) / t->life_s;
}

struct fault *token_keys_current(struct token_keys *t, struct wall now, const struct token_key **ret)
{
        int64_t number = number_at(t, now);
        if (number < 0)
                return fault(FAULT_UNAVAILABLE, "authority.token_key",
                             "the first token key is published, and used in %lld s, when everybody has it",
                             (long long) (t->first_use_s - wall_unix_s(now)));
        return get(t, number, ret);
}

struct fault *token_keys_shown(struct token_keys *t, struct wall now, const struct token_key *ret[TOKEN_KEYS_SHOWN],
                               size_t *ret_count, int64_t *ret_until_unix_s)
{
        int64_t current = number_at(t, now), first = current > 0 ? current - 1 : 0;
        size_t count = 0;
        for (int64_t i = first; i <= current + 1; i++)
                TRY(get(t, i, &ret[count++]));
        *ret_count = count;
        *ret_until_unix_s = t->first_use_s + (current + 1) * t->life_s;
        return NULL;
}

void token_keys_free(struct token_keys *t)
{
        if (t == NULL)
                return;
        for (size_t i = 0; i < TOKEN_KEYS_SHOWN; i++)
                key_free(t->keys[i].key);
        secret_free(t->secret);
        free(t);
}
