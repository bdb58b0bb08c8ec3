/* formats: what an issuer and a verifier make, for readers that were not written here (tests/flow/test_formats.py).
 *
 * usage: formats make DIR NOW     fills DIR (which exists): a volume with token and key, key sets, a signed attestation result, a sealed key and
 *                                 the key that opens it, PKCS#12 stores and their password, claims of tokens as JSON (seeds of the fuzz corpora)
 *        formats open DIR         opens DIR/other.jwe, which somebody else has sealed, with DIR/wrap.key.pem, and prints what was in it */
#include <fcntl.h>
#include <stdio.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/crypt/jwe.h"
#include "lib/crypt/pkcs12.h"
#include "lib/crypt/x509_build.h"
#include "lib/model/bundle.h"
#include "lib/model/ear.h"
#include "lib/model/wit.h"

#define DOMAIN   "corp.example"
#define SUBJECT  "spiffe://corp.example/payroll/app"
#define ISSUER   "https://issuer.corp.example"
#define VERIFIER "https://verifier.corp.example"

static const struct jwe_parties parties = {SPAN(ISSUER), SPAN("0123456789abcdef")};

struct world {
        int dir;
        int64_t now_s;
        struct key *issuer, *workload, *verifier, *wrap, *ca;
};

static struct fault *put(const struct world *w, const char *name, struct span bytes)
{
        return file_write_whole_at(w->dir, name, bytes, 0644);
}

static struct fault *put_key(const struct world *w, const char *pem_name, const char *jwk_name, const struct key *k)
{
        AUTO(secret) struct secret *pem = NULL, *jwk = NULL;

        TRY(key_to_pem_private(k, &pem));
        TRY(jwk_write_private(k, &jwk));
        TRY(put(w, pem_name, secret_span(pem)));
        return put(w, jwk_name, secret_span(jwk));
}

static struct fault *put_set(const struct world *w, const char *name, struct json *jwk)
{
        AUTO(json) struct json *set = json_new_object();
        AUTO(buf) struct buf text = BUF(8192);
        struct json *list = json_new_array();

        json_push(list, jwk);
        json_set(set, "keys", list);
        TRY(json_write(set, &text));
        return put(w, name, buf_span(&text));
}

static struct fault *put_claims(const struct world *w, const char *name, struct span token)
{
        AUTO(json) struct json *claims = NULL;
        AUTO(buf) struct buf text = BUF(EAR_MAX);

        TRY(jwt_peek(token, EAR_MAX, &claims));
        TRY(json_write(claims, &text));
        return put(w, name, buf_span(&text));
}

static struct fault *make_wit(const struct world *w)
{
        AUTO(json) struct json *plain = json_new_object();
        AUTO(buf) struct buf token = BUF(WIT_MAX);
        struct jwt_signer signer = jwt_signer_of(w->issuer, "wit-1");
        char id[] = "0190-wit", issuer[] = ISSUER, subject[] = SUBJECT;

        json_set_text(plain, "app", "Payroll");
        json_set_int(plain, "tier", 1);
        AUTO(json) struct json *claims = wit_claims_of(plain, DOMAIN);
        const struct wit t = {.id = id,
                              .issuer = issuer,
                              .subject = subject,
                              .issued_unix_s = w->now_s,
                              .not_before_unix_s = w->now_s - 30,
                              .expires_unix_s = w->now_s + 1200,
                              .key = w->workload,
                              .claims = claims};
        TRY(wit_build(&t, &signer, &token));
        TRY(put(w, "wit.jwt", buf_span(&token)));
        TRY(put_claims(w, "wit.json", buf_span(&token)));
        TRY(put_key(w, "wit.key.pem", "wit.key.jwk", w->workload));
        return put_set(w, "wit.jwks.json", jwk_published(w->issuer, "wit-1", WIT_USE));
}

static void describe(struct attestation_result *r)
{
        r->kind = "sev-snp";
        r->status = EAR_AFFIRMING;
        r->vector = (struct trust_vector){.instance_identity = TRUST_RECOGNISED_INSTANCE,
                                          .hardware = TRUST_GENUINE_HARDWARE};
        r->submodule_count = 2;
        r->submodules[0] = (struct submodule){"sev-snp", EAR_AFFIRMING, r->vector};
        r->submodules[1] = (struct submodule){"tpm", EAR_AFFIRMING, {.instance_identity = TRUST_RECOGNISED_INSTANCE}};
        facts_set_text(&r->facts, "evidence.kind", ORIGIN_VERIFIER, SPAN("sev-snp"));
        facts_set_flag(&r->facts, "evidence.insecure-development", ORIGIN_VERIFIER, false);
        facts_set_text(&r->facts, "verifier.concerns", ORIGIN_VERIFIER, SPAN(""));
        facts_set_text(&r->facts, "verifier.status", ORIGIN_VERIFIER, SPAN("affirming"));
        facts_set_text(&r->facts, "snp.product", ORIGIN_HW, SPAN("Milan"));
}

static struct fault *make_ear(const struct world *w)
{
        AUTO(attestation_result) struct attestation_result r = {0};
        AUTO(buf) struct buf token = BUF(EAR_MAX);
        uint8_t keys[1][SHA256_LEN];
        struct jwt_signer signer = jwt_signer_of(w->verifier, "ear-1");

        describe(&r);
        key_spki_sha256(w->workload, keys[0]);
        const struct ear_order o = {.verifier = VERIFIER,
                                    .build = "vouchsafe " VOUCHSAFE_VERSION,
                                    .id = "rec-1",
                                    .audience = ISSUER,
                                    .policy = "sha256:00",
                                    .nonce = SPAN("0123456789abcdef"),
                                    .holder = w->workload,
                                    .key_count = 1,
                                    .keys = keys,
                                    .issued_unix_s = w->now_s,
                                    .expires_unix_s = w->now_s + 300,
                                    .result = &r};
        TRY(ear_build(&o, &signer, &token));
        TRY(put(w, "attestation-result.jwt", buf_span(&token)));
        TRY(put_claims(w, "ear.json", buf_span(&token)));
        return put_set(w, "ear.jwks.json", jwk_published(w->verifier, "ear-1", "sig"));
}

static struct fault *make_jwe(const struct world *w)
{
        AUTO(secret) struct secret *plain = secret_copy(SPAN("a released key"));
        AUTO(buf) struct buf token = BUF(JWE_MAX);

        TRY(put_key(w, "wrap.key.pem", "wrap.key.jwk", w->wrap));
        TRY(jwe_seal(w->wrap, &parties, "wrap-1", "application/pkcs8", plain, &token));
        return put(w, "key.jwe", buf_span(&token));
}

static struct fault *make_stores(const struct world *w)
{
        AUTO(buf)
        struct buf ca_der = BUF(CERT_MAX), leaf_der = BUF(CERT_MAX), key_store = BUF(PKCS12_MAX),
                   trust_store = BUF(PKCS12_MAX);
        AUTO(cert) struct cert *ca = NULL, *leaf = NULL;
        AUTO(secret) struct secret *password = secret_copy(SPAN("correct-horse"));
        struct wall from = wall_from_unix_s(w->now_s - 60), until = wall_from_unix_s(w->now_s + 86400);
        struct ca_spec ca_spec = {"root", "spiffe://" DOMAIN, {1, 2, 3}, from, until, w->ca, -1};

        TRY(ca_build(&ca_spec, NULL, w->ca, &ca_der));
        TRY(cert_from_der(buf_span(&ca_der), &ca));
        struct leaf_spec spec = {.serial = {0x7f, 9},
                                 .issuer_name_der = cert_subject_der(ca),
                                 .not_before = from,
                                 .not_after = until,
                                 .spki = key_spki(w->workload),
                                 .uri = SUBJECT};
        key_id(w->ca, spec.issuer_key_id);
        TRY(leaf_build(&spec, w->ca, &leaf_der));
        TRY(cert_from_der(buf_span(&leaf_der), &leaf));

        const struct cert *const chain[] = {leaf, ca};
        struct cert_list roots = {1, {ca}};
        TRY(pkcs12_key_store(w->workload, chain, COUNT_OF(chain), "workload", password, &key_store));
        TRY(pkcs12_trust_store(&roots, "root", password, &trust_store));
        TRY(put(w, "keystore.p12", buf_span(&key_store)));
        TRY(put(w, "truststore.p12", buf_span(&trust_store)));
        TRY(put(w, "store.password", secret_span(password)));

        AUTO(bundle)
        struct bundle b = {.sequence = 1, .refresh_hint_s = 300, .root_count = 1, .token_keys = json_new_array()};
        AUTO(buf) struct buf text = BUF(65536);
        b.roots[0] = BUF(CERT_MAX);
        TRY(buf_append(&b.roots[0], cert_der(ca)));
        json_push(b.token_keys, jwk_published(w->issuer, "wit-1", WIT_USE));
        TRY(bundle_write(&b, &text));
        return put(w, "trust-bundle.json", buf_span(&text));
}

static struct fault *make(struct world *w)
{
        struct key **const keys[] = {&w->issuer, &w->workload, &w->verifier, &w->wrap, &w->ca};

        for (size_t i = 0; i < COUNT_OF(keys); i++)
                TRY(key_generate(KEY_P256, keys[i]));
        TRY(make_wit(w));
        TRY(make_ear(w));
        TRY(make_jwe(w));
        return make_stores(w);
}

static struct fault *open_other(int dir)
{
        AUTO(buf) struct buf pem = BUF(4096), token = BUF(JWE_MAX);
        AUTO(key) struct key *own = NULL;
        AUTO(secret) struct secret *plain = NULL;

        TRY(file_read_at(dir, "wrap.key.pem", &pem));
        TRY(key_from_pem_private(buf_span(&pem), &own));
        TRY(file_read_at(dir, "other.jwe", &token));
        TRY(jwe_open(own, &parties, buf_span(&token), &plain));
        return fd_write_all(STDOUT_FILENO, secret_span(plain));
}

static struct fault *run(int argc, char **argv)
{
        if (argc < 3)
                return fault(FAULT_INVALID, "USAGE", "make DIR NOW, or open DIR");
        AUTO_CLOSE int dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fault(FAULT_NOT_FOUND, "NO_FILE", "%s is no folder", argv[2]);
        if (strcmp(argv[1], "open") == 0)
                return open_other(dir);

        struct world w = {.dir = dir};
        if (argc != 4)
                return fault(FAULT_INVALID, "USAGE", "make DIR NOW");
        TRY(parse_i64(span_str(argv[3]), 1, INT64_MAX / 1000, &w.now_s));
        struct fault *f = make(&w);
        struct key *const keys[] = {w.issuer, w.workload, w.verifier, w.wrap, w.ca};
        for (size_t i = 0; i < COUNT_OF(keys); i++)
                key_free(keys[i]);
        return f;
}

int main(int argc, char **argv)
{
        AUTO(fault) struct fault *f = run(argc, argv);

        if (f == NULL)
                return 0;
        (void) fprintf(stderr, "formats: %s: %s\n", fault_token(f), fault_text(f)); /* there is nobody left to tell */
        return 1;
}
