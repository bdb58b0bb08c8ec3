/* The KEK in a file: AES-256-GCM under 32 random bytes that live in locked pages. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "issuer/keystore/kek.h"
#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/crypt/aead.h"
#include "lib/crypt/hash.h"

#define KEK_ID_LABEL "vouchsafe-kek-id-v1" /* its NUL belongs to it */

static struct fault *wrap(void *self, struct span aad, const struct secret *data_key, struct buf *out)
{
        return aead_seal(self, aad, secret_span(data_key), out);
}

static struct fault *unwrap(void *self, struct span aad, struct span wrapped, struct secret **ret_data_key)
{
        return fault_rename(aead_open(self, aad, wrapped, ret_data_key), FAULT_DATA_LOSS, "keystore.corrupt");
}

static void close_file(void *self)
{
        secret_free(self);
}

static void name_it(const struct secret *bytes, char ret[KEK_ID_LEN + 1])
{
        uint8_t digest[SHA256_LEN];
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);
        hasher_add(h, span_make(KEK_ID_LABEL, sizeof KEK_ID_LABEL));
        hasher_add(h, secret_span(bytes));
        hasher_end(h, digest);
        hex_string(span_make(digest, KEK_ID_LEN / 2), ret);
}

/* Looked at before it is read: a KEK that others could read protects nothing. */
static struct fault *check_mode(const char *path)
{
        struct stat st;
        if (stat(path, &st) != 0)
                return fault_errno(FAULT_PRECONDITION, "KEK_FILE", errno, "look at %s", path);
        if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
                return fault(FAULT_PRECONDITION, "KEK_FILE", "%s is not a file that its owner alone may read (0600)",
                             path);
        return NULL;
}

struct fault *kek_open_file(const char *path, struct kek **ret)
{
        AUTO(secret) struct secret *bytes = NULL;
        TRY(check_mode(path));
        TRY_AS(file_read_secret(path, &bytes), "KEK %s", path);
        if (secret_len(bytes) != AEAD_KEY_LEN)
                return fault(FAULT_PRECONDITION, "KEK_FILE", "%s has %zu bytes, a KEK has %d", path, secret_len(bytes),
                             AEAD_KEY_LEN);
        struct kek *k = NEW(struct kek);
        *k = (struct kek){.name = "file", .wrap = wrap, .unwrap = unwrap, .close = close_file};
        name_it(bytes, k->id);
        k->self = TAKE(bytes);
        *ret = k;
        return NULL;
}

struct fault *kek_make_file(const char *path)
{
        AUTO(secret) struct secret *bytes = secret_new(AEAD_KEY_LEN);
        random_bytes(secret_bytes(bytes), AEAD_KEY_LEN);
        AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
        if (fd < 0)
                return fault_errno(errno == EEXIST ? FAULT_EXISTS : FAULT_PRECONDITION, "KEK_FILE", errno, "make %s",
                                   path);
        TRY_AS(fd_write_all(fd, secret_span(bytes)), "write %s", path);
        if (fsync(fd) != 0)
                return fault_errno(FAULT_PRECONDITION, "KEK_FILE", errno, "write %s", path);
        return NULL;
}

void kek_free(struct kek *k)
{
        if (k == NULL)
                return;
        k->close(k->self);
        free(k);
}
