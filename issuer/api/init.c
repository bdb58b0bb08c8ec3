#include "issuer/api/init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>

#include "issuer/api/nonce.h"
#include "issuer/authority/authority.h"
#include "issuer/authority/pair.h"
#include "issuer/authority/result_key.h"
#include "issuer/keystore/kek.h"
#include "lib/base/file.h"
#include "lib/base/random.h"
#include "lib/crypt/x509_build.h"

#define DAY_S      (24LL * 3600)
#define CA_LIFE_S  (3650 * DAY_S)
#define TLS_LIFE_S (825 * DAY_S)
#define BACKDATE_S 3600
#define PEM_MAX    (64u * 1024)

static struct fault *tell(const char *what, const char *path, bool is_made)
{
        AUTO(buf) struct buf line = BUF(8192);
        TRY(buf_printf(&line, "%s  %s  %s\n", is_made ? "made " : "found", what, path));
        return fd_write_all(STDOUT_FILENO, buf_span(&line));
}

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
        AUTO_CLOSE int dir = open(dirname(for_dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "open the folder of %s", path);
        return fault_prefix(file_write_atomic_at(dir, basename(for_name), bytes, mode), "write %s", path);
}

static struct fault *write_pair(const char *certificate, const char *key_path, const struct key *key,
                                const struct buf *ders, size_t der_count)
{
        AUTO(buf) struct buf pem = BUF(PEM_MAX);
        for (size_t i = 0; i < der_count; i++) {
                AUTO(cert) struct cert *c = NULL;
                TRY(cert_from_der(buf_span(&ders[i]), &c));
                TRY(cert_to_pem(c, &pem));
        }
        return pair_write(certificate, key_path, key, buf_span(&pem));
}

/* ---- the pieces ---- */

void init_authority_options(const struct issuer_config *c, struct authority_options *ret)
{
        *ret = (struct authority_options){
                .trust_domain = c->trust_domain,
                .root_certificate = c->root_certificate,
                .root_key = c->root_key,
                .intermediate_life_ms = c->intermediate_life_ms,
                .max_leaf_life_ms = c->max_leaf_life_ms,
                .backdate_ms = c->backdate_ms,
                .token_key = c->token_key,
                .token_key_life_ms = c->token_key_life_ms,
                .token_key_lead_ms = TOKEN_KEY_LEAD_REFRESHES * c->bundle_refresh_ms,
                .result_key = c->is_verifier ? c->verifier_key : NULL,
                .verifier = c->audience,
        };
        if (!c->is_authority)
                ret->root_certificate = NULL;
}

static struct fault *init_state_dir(const struct issuer_config *c)
{
        bool found = false;
        AUTO_CLOSE int dir = -1;
        TRY(exists(c->state_dir, &found));
        TRY_AS(dir_open_make(c->state_dir, 0700, &dir), "state-dir");
        return tell("state directory    ", c->state_dir, !found);
}

static struct fault *init_root(const struct issuer_config *c, struct wall now)
{
        bool found = false;
        struct authority_options options;
        init_authority_options(c, &options);
        TRY(exists(c->root_certificate, &found));
        TRY(authority_init_root(&options, now));
        return tell("workload root      ", c->root_certificate, !found);
}

static struct fault *make_tls_ca(const struct issuer_config *c, struct wall now)
{
        AUTO(key) struct key *key = NULL;
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        TRY(key_generate(KEY_P256, &key));
        struct ca_spec spec = {
                .common_name = "vouchsafe TLS CA",
                .uri = c->audience, /* whose it is; not a trust domain: it vouches for no workload */
                .not_before = wall_from_unix_s(wall_unix_s(now) - BACKDATE_S),
                .not_after = wall_from_unix_s(wall_unix_s(now) + CA_LIFE_S),
                .key = key,
                .path_len = 0,
        };
        authority_serial(spec.serial);
        TRY(ca_build(&spec, NULL, NULL, &der));
        return write_pair(c->tls_ca_certificate, c->tls_ca_key, key, &der, 1);
}

static struct fault *init_verifier_key(const struct issuer_config *c)
{
        bool made = false;
        TRY(result_key_make_file(c->verifier_key, &made));
        return tell("verifier key       ", c->verifier_key, made);
}

static struct fault *init_tls_ca(const struct issuer_config *c, struct wall now)
{
        bool found = false;
        TRY(pair_find(c->tls_ca_certificate, c->tls_ca_key, "PAIR_INCOMPLETE", &found));
        if (!found)
                TRY_AS(make_tls_ca(c, now), "make the TLS CA");
        return tell("TLS CA             ", c->tls_ca_certificate, !found);
}

static struct fault *load_tls_ca(const struct issuer_config *c, struct cert **ret_ca, struct key **ret_key)
{
        AUTO(buf) struct buf pem = BUF(PEM_MAX);
        AUTO(secret) struct secret *key_pem = NULL;
        AUTO(cert_list) struct cert_list list = {0};
        TRY(file_read(c->tls_ca_certificate, &pem));
        TRY(cert_list_from_pem(buf_span(&pem), &list));
        TRY(file_read_secret(c->tls_ca_key, &key_pem));
        TRY(key_from_pem_private(secret_span(key_pem), ret_key));
        *ret_ca = TAKE(list.certs[0]);
        return NULL;
}

/* Names and addresses go to different kinds of SAN. Arrays end with NULL and borrow. */
static void split_names(const struct option_texts *names, const char **dns, const char **ip)
{
        for (size_t i = 0; i < names->count; i++) {
                uint8_t address[16];
                bool is_ip = inet_pton(AF_INET, names->texts[i], address) == 1 ||
                             inet_pton(AF_INET6, names->texts[i], address) == 1;
                *(is_ip ? ip++ : dns++) = names->texts[i];
        }
}

static struct fault *build_tls(const struct issuer_config *c, struct wall now, const char *const *dns,
                               const char *const *ip)
{
        AUTO(cert) struct cert *ca = NULL;
        AUTO(key) struct key *ca_key = NULL, *key = NULL;
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        TRY(load_tls_ca(c, &ca, &ca_key));
        TRY(key_generate(KEY_P256, &key));
        struct tls_cert_spec spec = {
                .common_name = "vouchsafe issuer",
                .dns = dns,
                .ip = ip,
                .not_before = wall_from_unix_s(wall_unix_s(now) - BACKDATE_S),
                .not_after = wall_from_unix_s(wall_unix_s(now) + TLS_LIFE_S),
                .key = key,
        };
        authority_serial(spec.serial);
        TRY(tls_cert_build(&spec, ca, ca_key, &der));
        return write_pair(c->tls_certificate, c->tls_key, key, &der, 1);
}

static struct fault *init_tls(const struct issuer_config *c, struct wall now)
{
        bool found = false;
        TRY(pair_find(c->tls_certificate, c->tls_key, "PAIR_INCOMPLETE", &found));
        if (!found) {
                if (c->tls_names.count == 0)
                        return fault(FAULT_INVALID, "CONFIG", "tls.names is needed for a server certificate");
                const char **dns = alloc_zero(c->tls_names.count + 1, sizeof *dns);
                const char **ip = alloc_zero(c->tls_names.count + 1, sizeof *ip);
                split_names(&c->tls_names, dns, ip);
                struct fault *failed = build_tls(c, now, dns, ip);
                free(dns);
                free(ip);
                TRY_AS(failed, "make the TLS certificate");
        }
        return tell("TLS certificate    ", c->tls_certificate, !found);
}

static struct fault *init_master(const struct issuer_config *c)
{
        bool found = false;
        AUTO_STRING char *path = alloc_printf("%s/%s", c->state_dir, MASTER_FILE);
        TRY(exists(path, &found));
        if (!found) {
                AUTO(secret) struct secret *master = secret_new(MASTER_LEN);
                random_bytes(secret_bytes(master), MASTER_LEN);
                TRY(write_file(path, secret_span(master), 0400));
        }
        return tell("nonce secret       ", path, !found);
}

static struct fault *init_kek(const struct issuer_config *c)
{
        bool found = false;
        TRY(exists(c->keystore_kek, &found));
        if (!found)
                TRY(kek_make_file(c->keystore_kek));
        return tell("Key store's KEK    ", c->keystore_kek, !found);
}

struct fault *issuer_init(const struct issuer_config *c, struct wall now)
{
        TRY(init_state_dir(c));
        if (c->is_authority)
                TRY(init_root(c, now));
        if (c->is_verifier)
                TRY(init_verifier_key(c));
        TRY(init_tls_ca(c, now));
        TRY(init_tls(c, now));
        if (c->is_keystore)
                TRY(init_kek(c));
        return init_master(c);
}

struct fault *init_open_keystore(const struct issuer_config *c, struct store *store, struct keystore **ret)
{
        bool found = false;
        AUTO(kek) struct kek *current = NULL, *previous = NULL;
        TRY(exists(c->keystore_kek, &found));
        if (!found || !c->is_keystore)
                return NULL;
        TRY(kek_open_file(c->keystore_kek, &current));
        if (c->keystore_previous_kek != NULL)
                TRY(kek_open_file(c->keystore_previous_kek, &previous));
        keystore_new(store, TAKE(current), TAKE(previous), ret);
        return NULL;
}

struct fault *init_read_master(const struct issuer_config *c, struct secret **ret)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", c->state_dir, MASTER_FILE);
        AUTO(secret) struct secret *master = NULL;
        TRY_AS(file_read_secret(path, &master), "nonce secret (made by `vouchsafe-issuer init`)");
        if (secret_len(master) != MASTER_LEN)
                return fault(FAULT_INVALID, "BAD_FILE", "%s has %zu bytes, a nonce secret has %d", path,
                             secret_len(master), MASTER_LEN);
        *ret = TAKE(master);
        return NULL;
}
