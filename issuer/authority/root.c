/* The root made once, for `vouchsafe-issuer init`, and serials. */
#include "issuer/authority/authority.h"

#include "issuer/authority/pair.h"
#include "issuer/authority/token_keys.h"
#include "lib/base/parse.h"
#include "lib/base/random.h"
#include "lib/crypt/x509_build.h"
#include "lib/model/spiffe_id.h"

#define ROOT_LIFE_S (3650LL * 24 * 3600)
#define PEM_MAX     (16 * 1024)

void authority_serial(uint8_t ret[16])
{
        clock_head(clock_wall(&clock_system), ret);
        ret[0] &= 0x7f; /* RFC 5280 §4.1.2.2: positive */
        do
                random_bytes(ret + CLOCK_HEAD_LEN, 16 - CLOCK_HEAD_LEN);
        while (span_is_zero(span_make(ret + CLOCK_HEAD_LEN, 16 - CLOCK_HEAD_LEN)));
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
        bool found = false;
        TRY_AS(trust_domain_check(span_str(o->trust_domain)), "trust domain");
        TRY(pair_find(o->root_certificate, o->root_key, "ROOT_INCOMPLETE", &found));
        if (found)
                return NULL;

        /* first: a root without it would have its first key wait for bundles that nobody has */
        if (o->token_key != NULL)
                TRY(token_keys_make_file(o->token_key, wall_unix_s(now) - o->backdate_ms / 1000, NULL));
        AUTO(key) struct key *key = NULL;
        AUTO(buf) struct buf certificate_pem = BUF(PEM_MAX);
        TRY(key_generate(KEY_P256, &key));
        TRY(build_root(o, key, now, &certificate_pem));
        return fault_prefix(pair_write(o->root_certificate, o->root_key, key, buf_span(&certificate_pem)),
                            "write the root");
}
