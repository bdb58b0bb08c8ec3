/* The root made once, for `vouchsafe-issuer init`, and serials. */
#include "issuer/authority/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/crypt/x509_build.h"
#include "lib/model/spiffe_id.h"

#define ROOT_LIFE_S (3650LL * 24 * 3600)
#define PEM_MAX     (16 * 1024)

void authority_serial(uint8_t ret[16])
{
        do {
                random_bytes(ret, 16);
                ret[0] &= 0x7f; /* RFC 5280 §4.1.2.2: positive */
        } while (span_is_zero(span_make(ret, 16)));
}

/* Something is there: also a file that we can't read, or a dangling link. */
static struct fault *exists(const char *path, bool *ret)
{
        *ret = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
        if (!*ret && errno != ENOENT)
                return fault_errno(FAULT_PRECONDITION, "FILE_IO", errno, "look for %s", path);
        return NULL;
}

static struct fault *write_file(const char *path, struct span bytes, mode_t mode)
{
        AUTO_STRING char *for_dir = alloc_string(path);
        AUTO_STRING char *for_name = alloc_string(path);
        const char *folder = dirname(for_dir);
        AUTO_CLOSE int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "open the folder %s", folder);
        return file_write_atomic_at(dir, basename(for_name), bytes, mode);
}

static struct fault *build_root(const struct authority_options *o, const struct key *key, struct wall now,
                                struct buf *ret_pem)
{
        AUTO_STRING char *uri = alloc_printf("spiffe://%s", o->trust_domain);
        char name[64] = "vouchsafe root ";
        int64_t now_s = wall_unix_s(now);
        struct ca_spec spec = {
                .common_name = name,
                .uri = uri,
                .not_before = wall_from_unix_s(now_s - o->backdate_ms / 1000),
                .not_after = wall_from_unix_s(now_s + ROOT_LIFE_S),
                .key = key,
                .path_len = 1,
        };
        authority_serial(spec.serial);
        hex_string(span_make(spec.serial, 8), name + strlen(name));

        AUTO(buf) struct buf der = BUF(CERT_MAX);
        AUTO(cert) struct cert *root = NULL;
        TRY_AS(ca_build(&spec, NULL, NULL, &der), "make the root");
        TRY(cert_from_der(buf_span(&der), &root));
        return cert_to_pem(root, ret_pem);
}

struct fault *authority_init_root(const struct authority_options *o, struct wall now)
{
        bool has_certificate = false, has_key = false;
        TRY_AS(trust_domain_check(span_str(o->trust_domain)), "trust domain");
        TRY(exists(o->root_certificate, &has_certificate));
        TRY(exists(o->root_key, &has_key));
        if (has_certificate != has_key)
                return fault(FAULT_PRECONDITION, "ROOT_INCOMPLETE",
                             "%s is there and %s is not: restore it, or move the other away",
                             has_key ? o->root_key : o->root_certificate, has_key ? o->root_certificate : o->root_key);
        if (has_key)
                return NULL;

        AUTO(key) struct key *key = NULL;
        AUTO(secret) struct secret *key_pem = NULL;
        AUTO(buf) struct buf certificate_pem = BUF(PEM_MAX);
        TRY(key_generate(KEY_P256, &key));
        TRY(build_root(o, key, now, &certificate_pem));
        TRY(key_to_pem_private(key, &key_pem));
        TRY_AS(write_file(o->root_key, secret_span(key_pem), 0400), "write the root key %s", o->root_key);
        return fault_prefix(write_file(o->root_certificate, buf_span(&certificate_pem), 0444),
                            "write the root certificate %s", o->root_certificate);
}
