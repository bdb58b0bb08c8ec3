#include "issuer/authority/result_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/model/ear.h"

#define JWKS_MAX 4096

struct result_key {
        char *verifier;
        struct key *key;
        char id[RESULT_KEY_ID_MAX + 1]; /* kid */
};

/* ---- the file ---- */

static struct fault *set_id(struct result_key *k)
{
        AUTO(buf) struct buf id = BUF(RESULT_KEY_ID_MAX);
        TRY(jwk_thumbprint(k->key, &id));
        memcpy(k->id, id.data, id.len);
        return NULL;
}

static struct fault *write_files(const char *path, const struct result_key *k)
{
        AUTO_STRING char *for_dir = alloc_string(path), *for_name = alloc_string(path);
        const char *name = basename(for_name);
        AUTO_STRING char *public_name = alloc_printf("%s.jwks", name);
        AUTO_CLOSE int dir = open(dirname(for_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AUTO(secret) struct secret *pem = NULL;
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(JWKS_MAX);
        struct json *keys = json_new_array();
        json_set(set, "keys", keys);
        if (dir < 0)
                return fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "folder of verifier key %s", path);
        json_push(keys, jwk_published(k->key, k->id, RESULT_KEY_USE));
        TRY(json_write(set, &text));
        TRY(key_to_pem_private(k->key, &pem));
        /* the public half first: a key that is there has been published */
        TRY_AS(file_write_atomic_at(dir, public_name, buf_span(&text), 0644), "write %s.jwks", path);
        return fault_prefix(file_write_atomic_at(dir, name, secret_span(pem), 0600), "write verifier key %s", path);
}

struct fault *result_key_make_file(const char *path, bool *ret_made)
{
        struct stat st;
        AUTO(result_key) struct result_key *k = NEW(struct result_key);
        bool is_missing = lstat(path, &st) != 0 && errno == ENOENT;
        if (ret_made != NULL)
                *ret_made = is_missing;
        if (!is_missing)
                return NULL;
        TRY(key_generate(KEY_P256, &k->key));
        TRY(set_id(k));
        return write_files(path, k);
}

struct fault *result_key_load(const char *path, const char *verifier, struct result_key **ret)
{
        AUTO(result_key) struct result_key *k = NEW(struct result_key);
        AUTO(secret) struct secret *pem = NULL;
        struct stat st;
        if (stat(path, &st) != 0)
                return fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "verifier key %s", path);
        if ((st.st_mode & S_IRWXO) != 0)
                return fault(FAULT_PRECONDITION, "RESULT_KEY_MODE", "verifier key %s has mode %04o: others may use it",
                             path, (unsigned) st.st_mode & 07777);
        TRY_AS(file_read_secret(path, &pem), "verifier key");
        TRY_AS(key_from_pem_private(secret_span(pem), &k->key), "verifier key %s", path);
        if (key_kind(k->key) != KEY_P256)
                return fault(FAULT_PRECONDITION, "KEY_KIND", "verifier key %s is not P-256", path);
        k->verifier = alloc_string(verifier);
        TRY(set_id(k));
        *ret = TAKE(k);
        return NULL;
}

/* ---- results ---- */

static struct fault *refuse(const char *why)
{
        return fault(FAULT_DENIED, "authority.result", "attestation result: %s", why);
}

static struct fault *check(const struct result_key *k, const struct json *claims, struct wall now)
{
        AUTO(ear) struct ear e = {0};
        TRY(ear_read_claims(claims, &e));
        int64_t off_s = e.issued_unix_s - wall_unix_s(now);
        if (strcmp(e.verifier, k->verifier) != 0)
                return refuse("it is of another verifier");
        if (off_s < -RESULT_CLOCK_S || off_s > RESULT_CLOCK_S)
                return refuse("it is not of this moment");
        return NULL;
}

struct fault *result_key_sign(const struct result_key *k, struct span claims, struct wall now, struct buf *ret)
{
        const struct jwt_signer signer = jwt_signer_of(k->key, k->id);
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf token = BUF(EAR_MAX);
        if (claims.len > RESULT_CLAIMS_MAX)
                return refuse("it is too long");
        TRY(fault_rename(json_parse(claims, &j), FAULT_DENIED, "authority.result"));
        TRY(fault_rename(check(k, j, now), FAULT_DENIED, "authority.result"));
        TRY(ear_sign_claims(j, &signer, &token));
        *ret = token;
        token = BUF(0);
        return NULL;
}

struct span result_key_spki(const struct result_key *k)
{
        return key_spki(k->key);
}

struct fault *result_key_rehearse(const struct result_key *k)
{
        const struct jwt_signer signer = jwt_signer_of(k->key, k->id);
        AUTO(json) struct json *claims = json_new_object(), *jwk = jwk_published(k->key, k->id, RESULT_KEY_USE);
        AUTO(buf) struct buf token = BUF(JWT_MAX);
        AUTO(key) struct key *read = NULL;
        const char *alg = NULL;
        TRY(jwk_read_public(jwk, &read, &alg)); /* as the holder's */
        return ear_sign_claims(claims, &signer, &token);
}

void result_key_free(struct result_key *k)
{
        if (k == NULL)
                return;
        free(k->verifier);
        key_free(k->key);
        free(k);
}
