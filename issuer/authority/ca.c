#include "issuer/authority/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "issuer/authority/rules.h"
#include "issuer/authority/serials.h"
#include "issuer/authority/token.h"
#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/crypt/x509_build.h"
#include "lib/model/names.h"
#include "lib/model/spiffe_id.h"

#define PEM_MAX  (64 * 1024)
#define LEAF_MAX (16 * 1024)

struct ca {
        char *trust_domain;
        char *uri; /* spiffe://<trust domain> */
        struct rules rules;
        int64_t intermediate_life_s;

        struct cert *root;
        int root_key_fd;

        struct key *key; /* of the intermediate */
        struct cert *intermediate;
        uint8_t key_id[20];
        int64_t renew_at_unix_s;
        uint64_t renewal_failures;
        struct fault *renewal_problem; /* of the last attempt; NULL: it worked */

        struct token_keys *token_keys; /* NULL: no tokens are issued */
        struct serials *serials;
};

/* ---- root ---- */

/* The first certificate of the file is the one that signs; the others are only published. */
static struct fault *read_root(const char *path, struct wall now, struct cert **ret)
{
        AUTO(buf) struct buf pem = BUF(PEM_MAX);
        AUTO(cert_list) struct cert_list list = {0};
        TRY_AS(file_read(path, &pem), "root certificate");
        TRY_AS(cert_list_from_pem(buf_span(&pem), &list), "root certificate %s", path);
        for (size_t i = 0; i < list.count; i++) {
                if (!cert_is_ca(list.certs[i]) || (cert_key_usage(list.certs[i]) & KU_KEY_CERT_SIGN) == 0)
                        return fault(FAULT_PRECONDITION, "ROOT_NOT_CA", "certificate %zu of %s is no CA", i + 1, path);
        }
        if (now.unix_ms >= cert_not_after(list.certs[0]).unix_ms)
                return fault(FAULT_PRECONDITION, "ROOT_EXPIRED", "the root in %s has expired", path);
        return cert_from_der(cert_der(list.certs[0]), ret);
}

static struct fault *open_root_key(const char *path, int *ret_fd)
{
        AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) != 0)
                return fault_errno(FAULT_PRECONDITION, "NO_FILE", errno, "root key %s", path);
        if (!S_ISREG(st.st_mode))
                return fault(FAULT_PRECONDITION, "NOT_A_FILE", "root key %s is no regular file", path);
        if ((st.st_mode & S_IRWXO) != 0)
                return fault(FAULT_PRECONDITION, "ROOT_KEY_MODE", "root key %s has mode %04o: others may use it", path,
                             (unsigned) st.st_mode & 07777);
        *ret_fd = TAKE_FD(fd);
        return NULL;
}

/* For one signature: the caller frees it at once. Plain pread: the sandbox allows no stat and no open. */
static struct fault *read_root_key(const struct ca *ca, struct key **ret)
{
        AUTO(secret) struct secret *pem = secret_new(SECRET_MAX);
        size_t len = 0;
        for (ssize_t got = 1; got > 0 && len < SECRET_MAX; len += (size_t) got) {
                got = pread(ca->root_key_fd, secret_bytes(pem) + len, SECRET_MAX - len, (off_t) len);
                if (got < 0)
                        return fault_errno(FAULT_INTERNAL, "FILE_IO", errno, "read the root key");
        }
        if (len == 0 || len == SECRET_MAX)
                return fault(FAULT_PRECONDITION, "EMPTY_FILE", "the root key file holds no key");
        secret_shrink(pem, len);
        AUTO(key) struct key *k = NULL;
        TRY_AS(key_from_pem_private(secret_span(pem), &k), "root key");
        if (!span_eq(key_spki(k), key_spki(cert_key(ca->root))))
                return fault(FAULT_PRECONDITION, "ROOT_MISMATCH", "root key and root certificate are no pair");
        *ret = TAKE(k);
        return NULL;
}

/* ---- intermediate ---- */

static struct fault *build_intermediate(const struct ca *ca, const struct key *key, struct wall now, struct cert **ret)
{
        char name[64] = "vouchsafe intermediate ";
        struct ca_spec spec = {.common_name = name, .uri = ca->uri, .key = key, .path_len = 0};
        authority_serial(spec.serial);
        hex_string(span_make(spec.serial, 8), name + strlen(name));
        int64_t now_s = wall_unix_s(now), root_end_s = wall_unix_s(cert_not_after(ca->root));
        int64_t end_s = now_s + ca->intermediate_life_s;
        spec.not_before = wall_from_unix_s(now_s - ca->rules.backdate_s);
        spec.not_after = wall_from_unix_s(end_s < root_end_s ? end_s : root_end_s);

        AUTO(key) struct key *root_key = NULL;
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        TRY(read_root_key(ca, &root_key));
        TRY_AS(ca_build(&spec, ca->root, root_key, &der), "sign the intermediate");
        return cert_from_der(buf_span(&der), ret);
}

static struct fault *renew(struct ca *ca, struct wall now)
{
        if (now.unix_ms >= cert_not_after(ca->root).unix_ms)
                return fault(FAULT_PRECONDITION, "ROOT_EXPIRED", "the root has expired");
        AUTO(key) struct key *key = NULL;
        AUTO(cert) struct cert *intermediate = NULL;
        TRY(key_generate(KEY_P256, &key));
        TRY(build_intermediate(ca, key, now, &intermediate));

        key_free(ca->key);
        cert_free(ca->intermediate);
        ca->key = TAKE(key);
        ca->intermediate = TAKE(intermediate);
        key_id(ca->key, ca->key_id);
        ca->renew_at_unix_s = wall_unix_s(now) + ca->intermediate_life_s / 2;
        return NULL;
}

/* One that was made while the clock was ahead has not begun once the clock is right again: nobody would believe a leaf of it. */
struct fault *ca_renew_if_due(struct ca *ca, struct wall now)
{
        bool lives = wall_unix_s(now) < wall_unix_s(cert_not_after(ca->intermediate)) &&
                     wall_unix_s(now) >= wall_unix_s(cert_not_before(ca->intermediate));
        if (lives && wall_unix_s(now) < ca->renew_at_unix_s)
                return NULL;
        fault_free(ca->renewal_problem);
        ca->renewal_problem = renew(ca, now);
        if (ca->renewal_problem == NULL)
                return NULL;

        ca->renewal_failures++;
        ca->renew_at_unix_s = wall_unix_s(now) + CA_RENEW_RETRY_S;
        return lives ? NULL : TAKE(ca->renewal_problem);
}

struct ca_renewal ca_renewal(const struct ca *ca)
{
        return (struct ca_renewal){ca->renewal_failures, ca->renewal_problem};
}

/* ---- leaves ---- */

static struct fault *build_leaf(const struct ca *ca, const struct leaf_order *o, struct buf *ret)
{
        /* UTF8String "insecure-development" */
        static const struct cert_extra development = {OID_INSECURE_DEVELOPMENT, SPAN("\x0c\x14insecure-development")};
        struct leaf_spec spec = {
                .issuer_name_der = cert_subject_der(ca->intermediate),
                .not_before = wall_from_unix_s(o->not_before_unix_s),
                .not_after = wall_from_unix_s(o->not_after_unix_s),
                .spki = o->spki,
                .uri = o->identity,
                .dns = o->dns,
                .dns_count = o->dns_count,
                .extra = &development,
                .extra_count = o->insecure_development ? 1 : 0,
        };
        memcpy(spec.serial, o->serial, sizeof(spec.serial));
        memcpy(spec.issuer_key_id, ca->key_id, sizeof(spec.issuer_key_id));
        *ret = BUF(LEAF_MAX);
        return leaf_build(&spec, ca->key, ret);
}

static struct fault *check_order(const struct ca *ca, const struct leaf_order *o, struct wall now)
{
        /* a token outlives the intermediate, which has no part in it */
        TRY(rules_check(&ca->rules, o, o->token ? INT64_MAX : wall_unix_s(cert_not_after(ca->intermediate)), now));
        if (serials_have(ca->serials, o->serial))
                return fault(FAULT_DENIED, "authority.serial_reuse", "a serial was signed before");
        return NULL;
}

static struct fault *build_token(struct ca *ca, const struct leaf_order *o, struct wall now, struct buf *ret)
{
        const struct token_key *key = NULL;
        if (ca->token_keys == NULL)
                return fault(FAULT_DENIED, "authority.token_key", "this authority has no token keys");
        TRY(token_keys_current(ca->token_keys, now, &key));
        return token_build(o, ca->trust_domain, key, now, ret);
}

static struct fault *build(struct ca *ca, const struct leaf_order *o, struct wall now, struct buf *ret)
{
        return o->token ? build_token(ca, o, now, ret) : build_leaf(ca, o, ret);
}

struct fault *ca_token_keys(struct ca *ca, struct wall now, const struct token_key *ret[TOKEN_KEYS_SHOWN],
                            size_t *ret_count, int64_t *ret_until_unix_s)
{
        if (ca->token_keys != NULL)
                return token_keys_shown(ca->token_keys, now, ret, ret_count, ret_until_unix_s);
        *ret_count = 0;
        *ret_until_unix_s = INT64_MAX;
        return NULL;
}

struct fault *ca_issue(struct ca *ca, const struct leaf_order *orders, size_t count, struct wall now, struct buf *ret)
{
        struct fault *f = NULL;
        size_t done = 0;
        for (; done < count && f == NULL; done++) {
                ret[done] = BUF(0);
                f = check_order(ca, &orders[done], now);
                if (f == NULL)
                        f = build(ca, &orders[done], now, &ret[done]);
                if (f == NULL)
                        serials_add(ca->serials, orders[done].serial);
        }
        for (size_t i = 0; f != NULL && i < done; i++)
                buf_clear(&ret[i]);
        return f;
}

/* ---- life ---- */

static struct fault *check_options(const struct authority_options *o)
{
        TRY_AS(trust_domain_check(span_str(o->trust_domain)), "trust domain");
        if (o->intermediate_life_ms < INTERMEDIATE_LIFE_MIN_MS || o->intermediate_life_ms > INTERMEDIATE_LIFE_MAX_MS)
                return fault(FAULT_INVALID, "BAD_OPTION", "an intermediate lives one minute to 24 hours");
        if (o->max_leaf_life_ms <= 0 || o->backdate_ms < 0)
                return fault(FAULT_INVALID, "BAD_OPTION", "a leaf's longest life is positive, backdating not negative");
        if (o->token_key != NULL &&
            (o->token_key_life_ms < o->max_leaf_life_ms || o->token_key_life_ms < o->token_key_lead_ms ||
             o->token_key_life_ms < 1000 || o->token_key_lead_ms < 0))
                return fault(
                        FAULT_INVALID, "BAD_OPTION",
                        "a token key lives at least as long as a credential, and as it is published before its use");
        return NULL;
}

/* Where the file is made only now, the root is older: bundles without these keys may be about. */
static struct fault *load_token_keys(const struct authority_options *o, struct wall now, struct ca *ca)
{
        if (o->token_key == NULL)
                return NULL;
        TRY(token_keys_make_file(o->token_key, wall_unix_s(now) + o->token_key_lead_ms / 1000, NULL));
        return token_keys_load(o->token_key, o->token_key_life_ms / 1000, &ca->token_keys);
}

struct fault *ca_load(const struct authority_options *o, struct wall now, struct ca **ret)
{
        TRY(check_options(o));
        AUTO(ca) struct ca *ca = NEW(struct ca);
        ca->root_key_fd = -1;
        ca->trust_domain = alloc_string(o->trust_domain);
        ca->uri = alloc_printf("spiffe://%s", o->trust_domain);
        ca->rules = (struct rules){span_str(ca->trust_domain), o->max_leaf_life_ms / 1000, o->backdate_ms / 1000};
        ca->intermediate_life_s = o->intermediate_life_ms / 1000;
        ca->serials = serials_new();
        TRY(read_root(o->root_certificate, now, &ca->root));
        TRY(open_root_key(o->root_key, &ca->root_key_fd));
        TRY(renew(ca, now));
        TRY(load_token_keys(o, now, ca));
        *ret = TAKE(ca);
        return NULL;
}

const struct cert *ca_intermediate(const struct ca *ca)
{
        return ca->intermediate;
}

int64_t ca_renew_at_unix_s(const struct ca *ca)
{
        return ca->renew_at_unix_s;
}

void ca_free(struct ca *ca)
{
        if (ca == NULL)
                return;
        if (ca->root_key_fd >= 0)
                close(ca->root_key_fd);
        free(ca->trust_domain);
        free(ca->uri);
        cert_free(ca->root);
        key_free(ca->key);
        cert_free(ca->intermediate);
        fault_free(ca->renewal_problem);
        token_keys_free(ca->token_keys);
        serials_free(ca->serials);
        free(ca);
}
