#include "issuer/authority/pair.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>

#include "lib/base/file.h"
#include "lib/crypt/x509.h"

#define PEM_MAX (256 * 1024)

static char *staged_of(const char *key)
{
        return alloc_printf("%s" PAIR_STAGED, key);
}

/* Something is there: also a file that we can't read, or a dangling link. */
static struct fault *exists(const char *path, bool *ret)
{
        *ret = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        if (!*ret && errno != ENOENT)
                return fault_errno(FAULT_PRECONDITION, "FILE_IO", errno, "look for %s", path);
        return NULL;
}

static struct fault *open_folder(const char *path, int *ret)
{
        AUTO_STRING char *copy = alloc_string(path);
        const char *folder = dirname(copy);
        int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "open the folder %s", folder);
        *ret = dir;
        return NULL;
}

static struct fault *write_file(const char *path, struct span bytes, mode_t mode)
{
        AUTO_CLOSE int dir = -1;
        AUTO_STRING char *copy = alloc_string(path);
        TRY(open_folder(path, &dir));
        return fault_prefix(file_write_atomic_at(dir, basename(copy), bytes, mode), "write %s", path);
}

/* The last step of making a pair. */
static struct fault *name_key(const char *key)
{
        AUTO_CLOSE int dir = -1;
        AUTO_STRING char *staged = staged_of(key);
        TRY(open_folder(key, &dir));
        if (rename(staged, key) != 0 || (fsync(dir) != 0 && errno != EINVAL)) /* EINVAL: a file system without */
                return fault_errno(FAULT_PRECONDITION, "FILE_IO", errno, "rename %s", staged);
        return NULL;
}

static struct fault *are_a_pair(const char *certificate, const char *key, bool *ret)
{
        AUTO(buf) struct buf pem = BUF(PEM_MAX);
        AUTO(secret) struct secret *key_pem = NULL;
        AUTO(cert_list) struct cert_list list = {0};
        AUTO(key) struct key *k = NULL;
        TRY(file_read(certificate, &pem));
        TRY(cert_list_from_pem(buf_span(&pem), &list));
        TRY(file_read_secret(key, &key_pem));
        TRY(key_from_pem_private(secret_span(key_pem), &k));
        const struct key *of_certificate = cert_key(list.certs[0]);
        *ret = of_certificate != NULL && span_eq(key_spki(of_certificate), key_spki(k));
        return NULL;
}

/* Whatever can't be read as a staged key is none. */
static bool was_cut_off(const char *certificate, const char *key)
{
        AUTO_STRING char *staged = staged_of(key);
        bool found = false;
        AUTO(fault) struct fault *unusable = are_a_pair(certificate, staged, &found);
        return unusable == NULL && found;
}

struct fault *pair_find(const char *certificate, const char *key, const char *incomplete, bool *ret)
{
        bool has_certificate = false, has_key = false;
        TRY(exists(certificate, &has_certificate));
        TRY(exists(key, &has_key));
        if (has_certificate && !has_key && was_cut_off(certificate, key)) {
                TRY(name_key(key));
                has_key = true;
        }
        if (has_certificate != has_key)
                return fault(FAULT_PRECONDITION, incomplete,
                             "%s is there and %s is not: restore it, or move the other away",
                             has_key ? key : certificate, has_key ? certificate : key);
        *ret = has_key;
        return NULL;
}

struct fault *pair_write(const char *certificate, const char *key_path, const struct key *key,
                         struct span certificates_pem)
{
        AUTO(secret) struct secret *key_pem = NULL;
        AUTO_STRING char *staged = staged_of(key_path);
        TRY(key_to_pem_private(key, &key_pem));
        TRY(write_file(staged, secret_span(key_pem), 0400));
        TRY(write_file(certificate, certificates_pem, 0444));
        return name_key(key_path);
}
