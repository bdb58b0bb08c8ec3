#include "tests/fakes/cca_pki.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/parse.h"
#include "lib/wire/cbor.h"

static const uint8_t fill[64] = {1, 2, 3, 4, 5, 6, 7, 8};

static void done(struct fault *f)
{
        if (f != NULL)
                abort(); /* a test's own material */
}

struct key *cca_pki_key(const char *seed)
{
        /* ECPrivateKey (RFC 5915): version 1, the number, secp384r1; the point follows from it */
        static const uint8_t head[] = {0x30, 0x3e, 0x02, 0x01, 0x01, 0x04, 0x30};
        static const uint8_t curve[] = {0xa0, 0x07, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
        uint8_t number[HASH_MAX_LEN]; /* that it isn't below the order has a chance of 2^-190 */
        AUTO(buf) struct buf der = BUF(128), text = BUF(256), pem = BUF(512);
        struct key *k = NULL;
        hash(HASH_SHA384, span_str(seed), number);
        done(buf_append(&der, SPAN_OF(head)));
        done(buf_append(&der, span_make(number, hash_len(HASH_SHA384))));
        done(buf_append(&der, SPAN_OF(curve)));
        done(base64_encode(buf_span(&der), &text));
        done(buf_printf(&pem, "-----BEGIN EC PRIVATE KEY-----\n%.64s\n%s\n-----END EC PRIVATE KEY-----\n",
                        buf_str(&text), buf_str(&text) + 64));
        done(key_from_pem_private(buf_span(&pem), &k));
        return k;
}

struct cca_pki_token cca_pki_token(const struct key *platform_key, const struct key *realm_key)
{
        struct cca_pki_token t = {
                .platform = {.profile = SPAN("tag:arm.com,2023:cca_platform#1.0.0"),
                             .implementation_id = span_make(fill, 32),
                             .instance_id = span_make(fill, 33),
                             .config = span_make(fill, 4),
                             .hash_alg = SPAN("sha-256"),
                             .lifecycle = 0x3003,
                             .component_count = 2},
                .realm = {.challenge = span_make(fill, 64),
                          .personalization = span_make(fill, 64),
                          .public_key_hash_alg = SPAN("sha-256"),
                          .hash_alg = SPAN("sha-512"),
                          .initial = span_make(fill, 64)},
                .platform_key = platform_key,
                .realm_key = realm_key,
        };
        for (size_t i = 0; i < 2; i++)
                t.platform.components[i] =
                        (struct cca_component){SPAN("BL"), span_make(fill + i, 32), SPAN("1.0"), span_make(fill, 32)};
        for (size_t i = 0; i < CCA_REMS; i++)
                t.realm.extensible[i] = span_make(fill, 64);
        return t;
}

/* ---- claims -------------------------------------------------------------------------------------------------------- */
struct writer {
        const struct cca_pki_token *from;
        const char *half;
        struct buf *out;
};

/* How often a claim is to be written; its label is written as often as this says. */
static size_t times(const struct writer *w, const char *name)
{
        char whole[64];
        (void) snprintf(whole, sizeof(whole), "%s/%s", w->half, name); /* ours: it fits */
        if (w->from->without != NULL && strcmp(w->from->without, whole) == 0)
                return 0;
        return w->from->twice != NULL && strcmp(w->from->twice, whole) == 0 ? 2 : 1;
}

static void bytes(const struct writer *w, const char *name, uint64_t label, struct span value)
{
        for (size_t i = times(w, name); i > 0; i--) {
                done(cbor_write_head(w->out, CBOR_UINT, label));
                done(cbor_write_bytes(w->out, value));
        }
}

static void text(const struct writer *w, const char *name, uint64_t label, struct span value)
{
        for (size_t i = times(w, name); i > 0; i--) {
                done(cbor_write_head(w->out, CBOR_UINT, label));
                done(cbor_write_head(w->out, CBOR_TEXT, value.len));
                done(buf_append(w->out, value));
        }
}

static void components(const struct writer *w, const struct cca_platform *p)
{
        for (size_t n = times(w, "components"); n > 0; n--) {
                done(cbor_write_head(w->out, CBOR_UINT, 2399));
                done(cbor_write_head(w->out, CBOR_ARRAY, p->component_count));
                for (size_t i = 0; i < p->component_count; i++) {
                        struct writer inner = {w->from, "component", w->out};
                        done(cbor_write_head(w->out, CBOR_MAP, 4));
                        text(&inner, "type", 1, p->components[i].type);
                        bytes(&inner, "measurement", 2, p->components[i].measurement);
                        text(&inner, "version", 4, p->components[i].version);
                        bytes(&inner, "signer", 5, p->components[i].signer);
                }
        }
}

static void write_platform(const struct cca_pki_token *from, struct span challenge, struct buf *out)
{
        struct writer w = {from, "platform", out};
        const struct cca_platform *p = &from->platform;
        done(buf_append_byte(out, 0xbf));
        text(&w, "profile", 265, p->profile);
        bytes(&w, "challenge", 10, challenge);
        bytes(&w, "implementation id", 2396, p->implementation_id);
        bytes(&w, "instance id", 256, p->instance_id);
        bytes(&w, "config", 2401, p->config);
        for (size_t i = times(&w, "lifecycle"); i > 0; i--) {
                done(cbor_write_head(out, CBOR_UINT, 2395));
                done(cbor_write_head(out, CBOR_UINT, p->lifecycle));
        }
        components(&w, p);
        text(&w, "hash algorithm", 2402, p->hash_alg);
        text(&w, "verification service", 2400, SPAN("https://verifier.example"));
        done(buf_append_byte(out, 0xff));
}

static void write_realm(const struct cca_pki_token *from, struct span public_key, struct buf *out)
{
        struct writer w = {from, "realm", out};
        const struct cca_realm *r = &from->realm;
        done(buf_append_byte(out, 0xbf));
        bytes(&w, "challenge", 10, r->challenge);
        bytes(&w, "personalization value", 44235, r->personalization);
        bytes(&w, "public key", 44237, public_key);
        text(&w, "hash algorithm", 44236, r->hash_alg);
        text(&w, "the public key's hash algorithm", 44240, r->public_key_hash_alg);
        bytes(&w, "initial measurement", 44238, r->initial);
        for (size_t n = times(&w, "extensible measurements"); n > 0; n--) {
                done(cbor_write_head(out, CBOR_UINT, 44239));
                size_t count = r->extensible[CCA_REMS - 1].len > 0 ? CCA_REMS : CCA_REMS - 1;
                done(cbor_write_head(out, CBOR_ARRAY, count));
                for (size_t i = 0; i < count; i++)
                        done(cbor_write_bytes(out, r->extensible[i]));
        }
        done(buf_append_byte(out, 0xff));
}

static void write_realm_key(const struct cca_pki_token *from, struct buf *out)
{
        AUTO(buf) struct buf x = BUF(48), y = BUF(48);
        done(key_ec_point(from->realm_key, &x, &y));
        if (from->old_key_form) {
                done(buf_append_byte(out, 0x04));
                done(buf_append(out, buf_span(&x)));
                done(buf_append(out, buf_span(&y)));
                return;
        }
        done(cbor_write_head(out, CBOR_MAP, 4));
        done(cbor_write_head(out, CBOR_UINT, 1)); /* kty: EC2 */
        done(cbor_write_head(out, CBOR_UINT, 2));
        done(cbor_write_head(out, CBOR_NINT, 0)); /* crv: P-384 */
        done(cbor_write_head(out, CBOR_UINT, 2));
        done(cbor_write_head(out, CBOR_NINT, 1));
        done(cbor_write_bytes(out, buf_span(&x)));
        done(cbor_write_head(out, CBOR_NINT, 2));
        done(cbor_write_bytes(out, buf_span(&y)));
}

/* ---- signatures ---------------------------------------------------------------------------------------------------- */
static void sign_half(const struct key *k, struct span payload, struct buf *out)
{
        static const uint8_t es384[] = {0xa1, 0x01, 0x38, 0x22};
        AUTO(buf) struct buf message = BUF(65536), signature = BUF(128);
        done(cbor_write_head(&message, CBOR_ARRAY, 4));
        done(cbor_write_text(&message, "Signature1"));
        done(cbor_write_bytes(&message, SPAN_OF(es384)));
        done(cbor_write_bytes(&message, SPAN_NONE));
        done(cbor_write_bytes(&message, payload));
        done(key_sign(k, HASH_SHA384, SIGNATURE_RAW, buf_span(&message), &signature));
        done(cbor_write_head(out, CBOR_TAG, 18));
        done(cbor_write_head(out, CBOR_ARRAY, 4));
        done(cbor_write_bytes(out, SPAN_OF(es384)));
        done(cbor_write_head(out, CBOR_MAP, 0));
        done(cbor_write_bytes(out, payload));
        done(cbor_write_bytes(out, buf_span(&signature)));
}

void cca_pki_sign(const struct cca_pki_token *from, struct buf *out)
{
        AUTO(buf) struct buf public_key = BUF(256);
        struct buf claims[2] = {BUF(16384), BUF(16384)}, halves[2] = {BUF(32768), BUF(32768)};
        uint8_t digest[HASH_MAX_LEN];
        write_realm_key(from, &public_key);
        enum hash_alg alg = span_eq_str(from->realm.public_key_hash_alg, "sha-512") ? HASH_SHA512 : HASH_SHA256;
        hash(alg, from->other_challenge ? SPAN("another key") : buf_span(&public_key), digest);
        write_platform(from, span_make(digest, hash_len(alg)), &claims[0]);
        write_realm(from, buf_span(&public_key), &claims[1]);
        sign_half(from->swap_signers ? from->realm_key : from->platform_key, buf_span(&claims[0]), &halves[0]);
        sign_half(from->swap_signers ? from->platform_key : from->realm_key, buf_span(&claims[1]), &halves[1]);

        done(cbor_write_head(out, CBOR_TAG, 399));
        done(cbor_write_head(out, CBOR_MAP, from->halves == 1 || from->halves == 2 ? 1 : 2));
        for (unsigned i = 0; i < 2; i++) {
                if ((from->halves == 1 && i == 1) || (from->halves == 2 && i == 0))
                        continue;
                unsigned half = from->halves == 3 ? 0 : i;
                done(cbor_write_head(out, CBOR_UINT, half == 0 ? 44234 : 44241));
                done(cbor_write_bytes(out, buf_span(&halves[half])));
        }
        buf_clear(&claims[1]);
        buf_clear(&halves[1]);
        buf_clear(&claims[0]);
        buf_clear(&halves[0]);
}
