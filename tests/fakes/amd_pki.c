#include "tests/fakes/amd_pki.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "lib/crypt/der.h"
#include "lib/crypt/hash.h"
#include "lib/crypt/x509.h"
#include "tests/fakes/amd_keys.h"

#define YEAR_S      (365LL * 24 * 3600)
#define DAY_S       (24LL * 3600)
#define AMD         "1.3.6.1.4.1.3704.1."
#define OID_PSS     "1.2.840.113549.1.1.10"
#define OID_MGF1    "1.2.840.113549.1.1.8"
#define OID_PKCS1   "1.2.840.113549.1.1.12"
#define OID_SHA256  "2.16.840.1.101.3.4.2.1"
#define OID_SHA384  "2.16.840.1.101.3.4.2.2"
#define OID_UNKNOWN "1.3.6.1.4.1.99999.1"
#define DER_IA5     0x16
#define FIELD_LEN   48
#define EXTENSIONS  16

void amd_must(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "amd_pki: %s\n", what);
        abort();
}

void amd_must_hold(struct fault *f, const char *what)
{
        if (f != NULL)
                fprintf(stderr, "amd_pki: %s\n", fault_text(f));
        amd_must(f == NULL, what);
}

/* As issuer/verifier/snp has it, which this file doesn't link. */
static const char *product_name(enum snp_product p)
{
        static const char *const names[] = {"Milan", "Genoa", "Turin"};
        _Static_assert(COUNT_OF(names) == SNP_PRODUCT_COUNT, "every product has a name");
        return names[p];
}

/* ---- keys ---- */

EVP_PKEY *amd_authority_key(enum amd_key k)
{
        static EVP_PKEY *keys[AMD_KEY_COUNT]; /* tests and emulators begin with one thread */

        if (keys[k] == NULL) {
                BIO *bio = BIO_new_mem_buf(amd_key_pem(k), -1);
                keys[k] = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
                BIO_free(bio);
                amd_must(keys[k] != NULL, "authority's key");
        }
        return keys[k];
}

/* A private number that follows from all that AMD derives its keys from. */
static BIGNUM *number_of(const struct amd_leaf *l, const BIGNUM *order)
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA384);
        uint8_t digest[SHA384_LEN];
        BN_CTX *ctx = BN_CTX_new();
        BIGNUM *number = BN_new();

        hasher_add(h, span_str(product_name(l->product)));
        hasher_add(h, l->is_vlek ? span_str(l->csp_id) : SPAN_OF(l->chip_id));
        hasher_add(h, SPAN_OF(l->tcb));
        hasher_end(h, digest);
        amd_must(BN_bin2bn(digest, sizeof digest, number) != NULL && BN_mod(number, number, order, ctx) == 1, "number");
        BN_CTX_free(ctx);
        return number;
}

EVP_PKEY *amd_leaf_key(const struct amd_leaf *l)
{
        EC_GROUP *group = EC_GROUP_new_by_curve_name(l->is_p256 ? NID_X9_62_prime256v1 : NID_secp384r1);
        BIGNUM *number = number_of(l, EC_GROUP_get0_order(group));
        EC_POINT *point = EC_POINT_new(group);
        uint8_t octets[2 * FIELD_LEN + 1];
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        EVP_PKEY *key = NULL;

        amd_must(EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1, "point");
        size_t len = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof octets, NULL);
        amd_must(OSSL_PARAM_BLD_push_utf8_string(build, "group", l->is_p256 ? "P-256" : "P-384", 0) == 1 &&
                         OSSL_PARAM_BLD_push_octet_string(build, "pub", octets, len) == 1 &&
                         OSSL_PARAM_BLD_push_BN(build, "priv", number) == 1,
                 "key's numbers");
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        amd_must(EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1,
                 "leaf's key");
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(build);
        EVP_PKEY_CTX_free(ctx);
        EC_POINT_free(point);
        BN_clear_free(number);
        EC_GROUP_free(group);
        return key;
}

/* ---- algorithms ---- */

static void hash_algorithm(struct der *d, const char *oid, bool has_null)
{
        size_t at = der_open(d, DER_SEQUENCE);

        der_oid_text(d, oid);
        if (has_null)
                der_add(d, DER_NULL, SPAN_NONE);
        der_close(d, at);
}

static void pss_number(struct der *d, unsigned tag, uint8_t number)
{
        size_t at = der_open(d, (uint8_t) DER_CONTEXT_CONSTRUCTED(tag));

        der_uint(d, span_make(&number, 1));
        der_close(d, at);
}

static void pss_parameters(struct der *d, enum amd_algorithm a)
{
        const char *hash_oid = a == AMD_PSS_SHA256 ? OID_SHA256 : OID_SHA384;
        const char *mask_oid = a == AMD_PSS_SHA256 || a == AMD_PSS_MGF_SHA256 ? OID_SHA256 : OID_SHA384;
        size_t all = der_open(d, DER_SEQUENCE), at, mask;

        if (a != AMD_PSS_DEFAULTS) {
                at = der_open(d, DER_CONTEXT_CONSTRUCTED(0));
                hash_algorithm(d, hash_oid, a != AMD_PSS_NO_NULL);
                der_close(d, at);
                at = der_open(d, DER_CONTEXT_CONSTRUCTED(1));
                mask = der_open(d, DER_SEQUENCE);
                der_oid_text(d, OID_MGF1);
                hash_algorithm(d, mask_oid, a != AMD_PSS_NO_NULL);
                der_close(d, mask);
                der_close(d, at);
                pss_number(d, 2, a == AMD_PSS_SALT_32 || a == AMD_PSS_SHA256 ? 32 : 48);
        }
        if (a == AMD_PSS_EXPLICIT_TRAILER || a == AMD_PSS_TRAILER_2)
                pss_number(d, 3, a == AMD_PSS_TRAILER_2 ? 2 : 1);
        der_close(d, all);
}

static void algorithm(struct der *d, enum amd_algorithm a)
{
        size_t at = der_open(d, DER_SEQUENCE);

        der_oid_text(d, a == AMD_PKCS1_SHA384 ? OID_PKCS1 : OID_PSS);
        if (a == AMD_PKCS1_SHA384)
                der_add(d, DER_NULL, SPAN_NONE);
        else
                pss_parameters(d, a);
        der_close(d, at);
}

static void sign(enum amd_key signer, enum amd_algorithm a, struct span bytes, uint8_t *signature, size_t *len)
{
        const EVP_MD *md = a == AMD_PSS_SHA256 ? EVP_sha256() : a == AMD_PSS_DEFAULTS ? EVP_sha1() : EVP_sha384();
        const EVP_MD *mask = a == AMD_PSS_MGF_SHA256 ? EVP_sha256() : md;
        int salt = a == AMD_PSS_SALT_32 || a == AMD_PSS_SHA256 ? 32 : a == AMD_PSS_DEFAULTS ? 20 : 48;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pctx = NULL;

        amd_must(EVP_DigestSignInit(ctx, &pctx, md, NULL, amd_authority_key(signer)) == 1, "signing");
        if (a != AMD_PKCS1_SHA384)
                amd_must(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                                 EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt) == 1 &&
                                 EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, mask) == 1,
                         "PSS");
        amd_must(EVP_DigestSign(ctx, signature, len, bytes.data, bytes.len) == 1, "signature");
        EVP_MD_CTX_free(ctx);
        if (a == AMD_BAD_SIGNATURE)
                signature[*len / 2] ^= 1;
}

/* SEQUENCE { what is signed, algorithm, signature }. `content` is written and takes part as it is. */
static void seal(struct der *content, enum amd_key signer, enum amd_algorithm a, struct buf *ret)
{
        AUTO(buf) struct buf bytes = BUF(CERT_MAX);
        uint8_t signature[512];
        size_t len = sizeof signature;
        AUTO(der) struct der d = DER(CERT_MAX);

        amd_must_hold(der_end(content, &bytes), "what is signed");
        sign(signer, a, buf_span(&bytes), signature, &len);
        size_t whole = der_open(&d, DER_SEQUENCE);
        der_raw(&d, buf_span(&bytes));
        algorithm(&d, a == AMD_INNER_DIFFERS ? AMD_PSS_EXPLICIT_TRAILER : a);
        der_bits(&d, span_make(signature, len));
        der_close(&d, whole);
        amd_must_hold(der_end(&d, ret), "signed structure");
}

/* ---- names and other parts ---- */

static void name(struct der *d, const char *common_name)
{
        static const struct {
                const char *oid, *value;
        } rows[] = {
                {"2.5.4.11", "Engineering"}, {"2.5.4.7", "Santa Clara"}, {"2.5.4.10", "Not Advanced Micro Devices"}};
        size_t all = der_open(d, DER_SEQUENCE);

        for (size_t i = 0; i <= COUNT_OF(rows); i++) {
                size_t set = der_open(d, DER_SET), pair = der_open(d, DER_SEQUENCE);
                der_oid_text(d, i == COUNT_OF(rows) ? "2.5.4.3" : rows[i].oid);
                der_add(d, DER_UTF8, span_str(i == COUNT_OF(rows) ? common_name : rows[i].value));
                der_close(d, pair);
                der_close(d, set);
        }
        der_close(d, all);
}

static void number(struct der *d, uint32_t v)
{
        uint8_t bytes[4] = {(uint8_t) (v >> 24), (uint8_t) (v >> 16), (uint8_t) (v >> 8), (uint8_t) v};

        der_uint(d, SPAN_OF(bytes));
}

static void validity(struct der *d, struct wall from, struct wall until)
{
        size_t at = der_open(d, DER_SEQUENCE);

        der_time(d, from);
        der_time(d, until);
        der_close(d, at);
}

static void spki(struct der *d, EVP_PKEY *key)
{
        uint8_t *der = NULL;
        int len = i2d_PUBKEY(key, &der);

        amd_must(len > 0, "public key");
        der_raw(d, span_make(der, (size_t) len));
        OPENSSL_free(der);
}

static void extension(struct der *d, const char *oid, bool is_critical, struct span value)
{
        size_t at = der_open(d, DER_SEQUENCE);

        der_oid_text(d, oid);
        if (is_critical)
                der_true(d);
        der_add(d, DER_OCTET_STRING, value);
        der_close(d, at);
}

static void head(struct der *d, uint32_t serial, enum amd_algorithm a, const char *issuer, struct wall from,
                 struct wall until, const char *subject)
{
        size_t version = der_open(d, DER_CONTEXT_CONSTRUCTED(0));

        number(d, 2); /* version 3 */
        der_close(d, version);
        number(d, serial);
        algorithm(d, a);
        name(d, issuer);
        validity(d, from, until);
        name(d, subject);
}

/* ---- authorities ---- */

static struct amd_authority authority(const char *prefix, enum snp_product p, enum amd_key key, struct wall now)
{
        struct amd_authority a = {
                .key = key,
                .signer = AMD_KEY_ARK,
                .serial = 0x10000u * ((unsigned) p + 1) + (unsigned) key,
                .from = wall_from_unix_s(wall_unix_s(now) - YEAR_S),
                .until = wall_from_unix_s(wall_unix_s(now) + YEAR_S),
                .algorithm = AMD_PSS_EXPLICIT_TRAILER,
        };
        (void) snprintf(a.name, sizeof(a.name), "%s%s", prefix, product_name(p)); /* fits */
        (void) snprintf(a.issuer, sizeof(a.issuer), "ARK-%s", product_name(p));
        return a;
}

struct amd_authority amd_ark(enum snp_product p, struct wall now)
{
        return authority("ARK-", p, AMD_KEY_ARK, now);
}

struct amd_authority amd_ask(enum snp_product p, struct wall now)
{
        return authority("SEV-", p, AMD_KEY_ASK, now);
}

struct amd_authority amd_asvk(enum snp_product p, struct wall now)
{
        return authority("SEV-VLEK-", p, AMD_KEY_ASVK, now);
}

void amd_authority_write(const struct amd_authority *a, struct buf *ret_der)
{
        AUTO(der) struct der d = DER(CERT_MAX);
        size_t whole = der_open(&d, DER_SEQUENCE);

        head(&d, a->serial, a->algorithm, a->issuer, a->from, a->until, a->name);
        spki(&d, amd_authority_key(a->key));
        size_t outer = der_open(&d, DER_CONTEXT_CONSTRUCTED(3)), all = der_open(&d, DER_SEQUENCE);
        extension(&d, "2.5.29.19", true, a->is_no_ca ? SPAN("\x30\x00") : SPAN("\x30\x03\x01\x01\xff"));
        extension(&d, "2.5.29.15", true, a->may_not_sign ? SPAN("\x03\x02\x07\x80") : SPAN("\x03\x02\x01\x06"));
        if (a->has_unknown_critical)
                extension(&d, OID_UNKNOWN, true, SPAN("\x05\x00"));
        der_close(&d, all);
        der_close(&d, outer);
        der_close(&d, whole);
        seal(&d, a->signer, a->algorithm, ret_der);
}

/* ---- leaves ---- */

struct extensions {
        struct der *d;
        const struct amd_leaf *leaf;
        bool was_odd;
};

static void put(struct extensions *e, const char *oid, struct span value)
{
        const struct amd_leaf *l = e->leaf;

        if (l->without != NULL && strcmp(l->without, oid) == 0)
                return;
        bool is_odd = l->odd != NULL && strcmp(l->odd, oid) == 0;
        e->was_odd |= is_odd;
        extension(e->d, oid, is_odd && l->is_odd_critical, is_odd ? l->odd_value : value);
        if (l->twice != NULL && strcmp(l->twice, oid) == 0)
                extension(e->d, oid, false, value);
}

static void put_byte(struct extensions *e, const char *oid, uint8_t v)
{
        uint8_t small[] = {DER_INTEGER, 1, v}, large[] = {DER_INTEGER, 2, 0, v};

        put(e, oid, v < 0x80 ? SPAN_OF(small) : SPAN_OF(large));
}

static void put_text(struct extensions *e, const char *oid, const char *text)
{
        AUTO(der) struct der d = DER(128);
        AUTO(buf) struct buf value = BUF(128);

        der_add(&d, DER_IA5, span_str(text));
        amd_must_hold(der_end(&d, &value), "text");
        put(e, oid, buf_span(&value));
}

static void put_hwid(struct extensions *e)
{
        size_t len = e->leaf->product == SNP_TURIN ? 8 : SNP_CHIP_ID_LEN;
        uint8_t value[SNP_CHIP_ID_LEN + 2] = {DER_OCTET_STRING, (uint8_t) len};

        memcpy(value + 2, e->leaf->chip_id, len);
        switch (e->leaf->hwid) {
        case AMD_HWID_RAW:
                put(e, AMD "4", span_make(value + 2, len));
                break;
        case AMD_HWID_WRAPPED:
                put(e, AMD "4", span_make(value, len + 2));
                break;
        case AMD_HWID_SHORT:
                put(e, AMD "4", span_make(value + 2, len - 1));
                break;
        case AMD_HWID_ABSENT:
                break;
        }
}

static void put_all(struct extensions *e)
{
        static const char *const first[SNP_TCB_LEN] = {"1", "2", "4", "5", "6", "7", "3", "8"};
        static const char *const turin[SNP_TCB_LEN] = {"9", "1", "2", "3", "5", "6", "7", "8"};
        const struct amd_leaf *l = e->leaf;

        put_byte(e, AMD "1", l->structure_version);
        put_text(e, AMD "2", l->product_name);
        for (size_t i = 0; i < SNP_TCB_LEN; i++) {
                AUTO_STRING char *oid = alloc_printf(AMD "3.%s", l->product == SNP_TURIN ? turin[i] : first[i]);
                put_byte(e, oid, l->tcb.parts[i]);
        }
        put_hwid(e);
        if (l->csp_id[0] != '\0')
                put_text(e, AMD "5", l->csp_id);
        if (l->odd != NULL && !e->was_odd)
                extension(e->d, l->odd, l->is_odd_critical, l->odd_value);
}

static struct amd_leaf leaf(enum snp_product p, struct wall now)
{
        struct amd_leaf l = {
                .product = p,
                .structure_version = p == SNP_TURIN,
                .from = wall_from_unix_s(wall_unix_s(now) - 30 * DAY_S),
                .until = wall_from_unix_s(wall_unix_s(now) + 30 * DAY_S),
        };
        for (size_t i = 0; i < (p == SNP_TURIN ? 8 : SNP_CHIP_ID_LEN); i++)
                l.chip_id[i] = (uint8_t) (0xc1 + i);
        l.tcb = p == SNP_TURIN ? (struct snp_tcb){{1, 1, 2, 4, 0, 0, 0, 0x51}}
                               : (struct snp_tcb){{3, 1, 0, 0, 0, 0, 23, 209}};
        (void) snprintf(l.product_name, sizeof(l.product_name), "%s%s", product_name(p),
                        p == SNP_MILAN ? "-B0" : ""); /* fits */
        return l;
}

struct amd_leaf amd_vcek(enum snp_product p, struct wall now)
{
        struct amd_leaf l = leaf(p, now);

        l.signer = AMD_KEY_ASK;
        (void) snprintf(l.name, sizeof(l.name), "SEV-VCEK"); /* fits */
        (void) snprintf(l.issuer, sizeof(l.issuer), "SEV-%s", product_name(p));
        return l;
}

struct amd_leaf amd_vlek(enum snp_product p, struct wall now)
{
        struct amd_leaf l = leaf(p, now);

        l.is_vlek = true;
        l.hwid = AMD_HWID_ABSENT;
        l.signer = AMD_KEY_ASVK;
        memset(l.chip_id, 0, sizeof l.chip_id);
        (void) snprintf(l.name, sizeof(l.name), "SEV-VLEK"); /* fits */
        (void) snprintf(l.issuer, sizeof(l.issuer), "SEV-VLEK-%s", product_name(p));
        (void) snprintf(l.csp_id, sizeof(l.csp_id), "CN=cc-test-1.cloud.example");
        return l;
}

void amd_leaf_write(const struct amd_leaf *l, struct buf *ret_der)
{
        AUTO(der) struct der d = DER(CERT_MAX);
        struct extensions e = {&d, l, false};
        EVP_PKEY *key = amd_leaf_key(l);
        size_t whole = der_open(&d, DER_SEQUENCE);

        head(&d, 0, l->algorithm, l->issuer, l->from, l->until, l->name);
        spki(&d, key);
        size_t outer = der_open(&d, DER_CONTEXT_CONSTRUCTED(3)), all = der_open(&d, DER_SEQUENCE);
        put_all(&e);
        der_close(&d, all);
        der_close(&d, outer);
        der_close(&d, whole);
        seal(&d, l->signer, l->algorithm, ret_der);
        EVP_PKEY_free(key);
}

/* ---- revocation lists ---- */

struct amd_list amd_list(enum snp_product p, struct wall now)
{
        struct amd_list l = {
                .signer = AMD_KEY_ARK,
                .from = wall_from_unix_s(wall_unix_s(now) - DAY_S),
                .until = wall_from_unix_s(wall_unix_s(now) + 30 * DAY_S),
        };
        (void) snprintf(l.issuer, sizeof(l.issuer), "ARK-%s", product_name(p)); /* fits */
        return l;
}

static void entries(struct der *d, const struct amd_list *l)
{
        if (l->count == 0)
                return;
        size_t all = der_open(d, DER_SEQUENCE);
        for (size_t i = 0; i < l->count; i++) {
                size_t one = der_open(d, DER_SEQUENCE);
                number(d, l->serials[i]);
                der_time(d, l->from);
                size_t some = der_open(d, DER_SEQUENCE);
                extension(d, "2.5.29.21", false, SPAN("\x0a\x01\x02")); /* reason: CA compromise */
                der_close(d, some);
                der_close(d, one);
        }
        der_close(d, all);
}

void amd_list_write(const struct amd_list *l, struct buf *ret_der)
{
        AUTO(der) struct der d = DER(CERT_MAX);
        size_t whole = der_open(&d, DER_SEQUENCE);

        number(&d, l->is_version_1 ? 0 : 1);
        algorithm(&d, l->algorithm);
        name(&d, l->issuer);
        der_time(&d, l->from);
        if (!l->has_no_end)
                der_time(&d, l->until);
        entries(&d, l);
        size_t outer = der_open(&d, DER_CONTEXT_CONSTRUCTED(0)), all = der_open(&d, DER_SEQUENCE);
        extension(&d, "2.5.29.20", false, SPAN("\x02\x01\x07"));
        if (l->is_delta)
                extension(&d, "2.5.29.27", true, SPAN("\x02\x01\x06"));
        if (l->has_unknown_critical)
                extension(&d, OID_UNKNOWN, true, SPAN("\x05\x00"));
        der_close(&d, all);
        der_close(&d, outer);
        der_close(&d, whole);
        seal(&d, l->signer, l->algorithm, ret_der);
}
