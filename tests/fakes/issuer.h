/* issuer: a whole issuer without its listeners, for tests of issuer/api: signer process, database, policy, one TPM of bytes and one
 * cluster with a key of ours. Time is a fake clock that starts at the real time, since the signer has its own. */
#pragma once

#include <stdio.h>

#include "issuer/api/init.h"
#include "issuer/api/issuance.h"
#include "issuer/config.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/parse.h"
#include "tests/fakes/clock.h"
#include "tests/fakes/expect.h"
#include "tests/fakes/folder.h"
#include "tests/fakes/tpm_quote.h"

#define ISSUER_AUDIENCE "https://issuer.example"
#define CLUSTER_ISSUER  "https://kubernetes.example"
#define CLUSTER_NODE    "node-1"

struct fake_issuer {
        char folder[64];
        struct fake_clock time;
        struct fake_tpm tpm;
        struct key *maker, *cluster_key; /* the TPM's maker; the cluster's token key */
        struct cluster_config cluster;
        void *clusters[1];
        char *policies[1], *ek_roots[1];
        struct issuer_config config;
        struct secret *master;
        struct api api;
        uint8_t client[32], exporter[32];
};

static inline void fake_issuer_write(struct fake_issuer *f, const char *name, struct span text)
{
        AUTO_STRING char *path = alloc_printf("%s/%s", f->folder, name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
        assert_int_equal(fclose(file), 0);
}

static inline void fake_issuer_remove(const char *folder)
{
        assert_true(folder_remove(folder));
}

/* The first thing in a test: it forks. `f` must not move afterwards. */
static inline void fake_issuer_signer(struct fake_issuer *f)
{
        struct authority_options o;
        (void) snprintf(f->folder, sizeof f->folder, "/tmp/fake-issuer-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        f->config = (struct issuer_config){
                .audience = alloc_string(ISSUER_AUDIENCE),
                .trust_domain = alloc_string("demo.example"),
                .state_dir = alloc_string(f->folder),
                .intermediate_life_ms = INTERMEDIATE_LIFE_MAX_MS,
                .max_leaf_life_ms = 3600000,
                .backdate_ms = 30000,
                .bundle_refresh_ms = 300000,
                .token_key_life_ms = 86400000,
        };
        expect_ok(issuer_config_finish(&f->config));
        init_authority_options(&f->config, &o);
        expect_ok(authority_init_root(&o, clock_wall(&clock_system)));
        expect_ok(authority_start(&o, &f->api.authority));
}

static inline void fake_issuer_keys(struct fake_issuer *f)
{
        AUTO(cert_list) struct cert_list roots = {.count = 1};
        AUTO(buf) struct buf der = BUF(CERT_MAX), pem = BUF(1 << 16), jwks = BUF(1 << 16);
        int64_t now_s = wall_unix_s(clock_wall(&f->time.clock));
        fake_tpm_init(&f->tpm);
        expect_ok(key_generate(KEY_P256, &f->maker));
        expect_ok(key_generate(KEY_P256, &f->cluster_key));
        struct fake_ek_certificate ca = fake_ek_ca("maker", f->maker, now_s);
        fake_ek_certificate_write(&ca, &der);
        expect_ok(cert_from_der(buf_span(&der), &roots.certs[0]));
        expect_ok(cert_to_pem(roots.certs[0], &pem));
        fake_issuer_write(f, "ek.pem", buf_span(&pem));

        AUTO(json) struct json *set = json_new_object();
        struct json *keys = json_new_array(), *jwk = jwk_from_key(f->cluster_key);
        json_set_text(jwk, "kid", "k1");
        json_push(keys, jwk);
        json_set(set, "keys", keys);
        expect_ok(json_write(set, &jwks));
        fake_issuer_write(f, "jwks.json", buf_span(&jwks));
}

/* One machine, two service accounts in namespace payroll. */
static inline void fake_issuer_policy(struct fake_issuer *f, const char *ttl)
{
        uint8_t ek[SHA256_LEN];
        char hex[2 * SHA256_LEN + 1];
        AUTO(buf) struct buf text = BUF(1 << 16);
        key_spki_sha256(f->tpm.ek, ek);
        hex_string(SPAN_OF(ek), hex);
        expect_ok(buf_printf(
                &text,
                "---\napiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: default, owner: a, revision: 3}\n"
                "spec: {slots: [{name: x509, type: x509, algorithms: [p256], ttl: %s}]}\n"
                "---\napiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: two, owner: a}\n"
                "spec: {slots: [{name: in, type: x509, algorithms: [p256], ttl: 5m}, {name: out, type: x509, "
                "algorithms: [p256], ttl: 5m}]}\n"
                "---\napiVersion: vouchsafe.dev/v1\nkind: Profile\nmetadata: {name: tokens, owner: a}\n"
                "spec: {slots: [{name: x509, type: x509, algorithms: [p384], ttl: 5m}, {name: wit, type: wit, "
                "algorithms: [p256], ttl: 2m}, {name: rsa, type: x509, algorithms: [rsa3072], ttl: 5m}]}\n"
                "---\napiVersion: vouchsafe.dev/v1\nkind: ReferenceSet\nmetadata: {name: nodes, owner: b}\n"
                "spec: {platform: true, entries: [{name: n1, values: {tpm.ek: \"%s\"}}]}\n",
                ttl, hex));
        static const char *const accounts[] = {"app", "web"};
        for (size_t i = 0; i < COUNT_OF(accounts); i++)
                expect_ok(buf_printf(
                        &text,
                        "---\napiVersion: vouchsafe.dev/v1\nkind: Workload\nmetadata: {name: w-%s, owner: team}\n"
                        "spec: {profiles: [default, two, tokens], claims: {app: Payroll, tier: 2}, k8s-grants: true, "
                        "match: {all: [{in_set: nodes}, "
                        "{k8s.namespace: payroll}, {k8s.service-account: %s}]}, identity: "
                        "\"spiffe://demo.example/ns/payroll/sa/%s\", credentials: {x509: {dns: [%s.payroll.svc]}, rsa: "
                        "{identity: \"spiffe://demo.example/%s/inner\"}}}\n",
                        accounts[i], accounts[i], accounts[i], accounts[i], accounts[i]));
        /* claims that no token has room for */
        expect_ok(buf_append_str(
                &text, "---\napiVersion: vouchsafe.dev/v1\nkind: Workload\nmetadata: {name: w-long, owner: team}\n"
                       "spec: {profiles: [tokens], k8s-grants: true, match: {all: [{in_set: nodes}, {k8s.namespace: "
                       "payroll}, {k8s.service-account: long}]}, identity: spiffe://demo.example/long, claims: {"));
        for (int i = 0; i < 12; i++)
                expect_ok(buf_printf(&text, "claim-%d: %0400d, ", i, 0));
        expect_ok(buf_append_str(&text, "last: x}}\n"));
        fake_issuer_write(f, "policy.yaml", buf_span(&text));
}

static inline void fake_issuer_start(struct fake_issuer *f)
{
        fake_issuer_signer(f);
        fake_clock_init(&f->time, clock_wall(&clock_system).unix_ms, 5000);
        fake_issuer_keys(f);
        fake_issuer_policy(f, "10m");
        f->cluster =
                (struct cluster_config){alloc_string("demo"), alloc_string(CLUSTER_ISSUER),
                                        alloc_printf("%s/jwks.json", f->folder), alloc_string("vouchsafe/attester")};
        f->clusters[0] = &f->cluster;
        f->policies[0] = alloc_printf("%s/policy.yaml", f->folder);
        f->ek_roots[0] = alloc_printf("%s/ek.pem", f->folder);
        f->config.clusters = (struct option_items){1, f->clusters};
        f->config.policy = (struct option_texts){1, f->policies};
        f->config.ek_roots = (struct option_texts){1, f->ek_roots};
        f->master = secret_new(MASTER_LEN);
        memset(secret_bytes(f->master), 7, MASTER_LEN);
        memset(f->client, 1, sizeof f->client);
        memset(f->exporter, 2, sizeof f->exporter);

        struct api *a = &f->api;
        AUTO_STRING char *database = alloc_printf("%s/ledger.db", f->folder);
        expect_ok(store_open_sqlite(database, &a->store));
        expect_ok(ledger_open(a->store, &f->time.clock, &a->ledger));
        expect_ok(policy_holder_new(&f->config, a->store, &a->holder));
        expect_ok(bundle_holder_new(f->folder, a->authority, 300, &f->time.clock, &a->bundle));
        expect_ok(kek_make_file(f->config.keystore_kek));
        expect_ok(init_open_keystore(&f->config, a->store, &a->keystore));
        a->clock = &f->time.clock;
        a->audience = f->config.audience;
        a->master = f->master;
        a->rates = rate_limit_new(1000, 1000000);
        a->refusals = refusals_new();
        a->max_leaf_life_s = 3600;
        a->backdate_s = 30;
}

static inline void fake_issuer_stop(struct fake_issuer *f)
{
        struct api *a = &f->api;
        policy_holder_free(a->holder);
        ledger_close(a->ledger);
        store_close(a->store);
        authority_stop(a->authority);
        rate_limit_free(a->rates);
        refusals_free(a->refusals);
        bundle_holder_free(a->bundle);
        secret_free(f->master);
        fake_tpm_clear(&f->tpm);
        key_free(f->maker);
        key_free(f->cluster_key);
        f->config.clusters = (struct option_items){0};
        f->config.policy = f->config.ek_roots = (struct option_texts){0};
        struct issuer_config *own = NEW(struct issuer_config);
        *own = f->config;
        options_free(&issuer_program, own); /* frees what it is given as well */
        free(f->cluster.name);
        free(f->cluster.issuer);
        free(f->cluster.jwks_file);
        free(f->cluster.attester);
        free(f->policies[0]);
        free(f->ek_roots[0]);
        fake_issuer_remove(f->folder);
}

/* A key of the fake TPM as the second step of an enrolment would leave it. */
static inline void fake_issuer_enrolled(struct fake_issuer *f, const char *node)
{
        AUTO(ak_record) struct ak_record *r = NEW(struct ak_record);
        r->name = BUF(64);
        r->public_area = BUF(1024);
        expect_ok(buf_append(&r->name, buf_span(&f->tpm.ak_name)));
        expect_ok(buf_append(&r->public_area, buf_span(&f->tpm.ak_public)));
        key_spki_sha256(f->tpm.ek, r->ek_digest);
        key_spki_sha256(f->maker, r->ek_root);
        r->ek_issuer = alloc_string("CN=maker");
        r->cluster = node != NULL ? alloc_string("demo") : NULL;
        r->node = node != NULL ? alloc_string(node) : NULL;
        r->ek_not_after_unix_s = wall_unix_s(clock_wall(&f->time.clock)) + 86400;
        expect_ok(store_put_ak(f->api.store, r, NULL));
}

struct fake_token {
        const char *namespace, *service_account, *pod, *uid, *node, *audience, *issuer;
        int64_t life_s;
        bool is_corrupt;
};
static inline struct fake_token fake_token_of(const char *service_account, const char *pod, const char *uid)
{
        return (struct fake_token){"payroll",       service_account, pod, uid,  CLUSTER_NODE,
                                   ISSUER_AUDIENCE, CLUSTER_ISSUER,  600, false};
}
static inline struct json *fake_reference(const char *name, const char *uid)
{
        struct json *j = json_new_object();
        json_set_text(j, "name", name);
        json_set_text(j, "uid", uid);
        return j;
}
static inline struct json *fake_token_claims(const struct fake_issuer *f, const struct fake_token *t)
{
        int64_t now_s = wall_unix_s(clock_wall(&f->time.clock));
        struct json *claims = json_new_object();
        struct json *aud = json_new_array(), *bound = json_new_object();
        AUTO_STRING char *sub = alloc_printf("system:serviceaccount:%s:%s", t->namespace, t->service_account);
        json_push(aud, json_new_text(span_str(t->audience)));
        json_set_text(claims, "iss", t->issuer);
        json_set(claims, "aud", aud);
        json_set_text(claims, "sub", sub);
        json_set_int(claims, "iat", now_s - 10);
        json_set_int(claims, "exp", now_s + t->life_s);
        json_set_text(bound, "namespace", t->namespace);
        json_set(bound, "serviceaccount", fake_reference(t->service_account, "u-sa"));
        if (t->pod != NULL)
                json_set(bound, "pod", fake_reference(t->pod, t->uid));
        if (t->node != NULL)
                json_set(bound, "node", fake_reference(t->node, "u-node"));
        json_set(claims, "kubernetes.io", bound);
        return claims;
}
static inline struct secret *fake_token_sign(const struct fake_issuer *f, const struct fake_token *t)
{
        AUTO(json) struct json *claims = fake_token_claims(f, t);
        AUTO(buf) struct buf text = BUF(1 << 14);
        expect_ok(jwt_sign(f->cluster_key, "JWT", "k1", claims, &text));
        if (t->is_corrupt)
                text.data[text.len - 4] = text.data[text.len - 4] == 'A' ? 'B' : 'A';
        return secret_copy(buf_span(&text));
}

/* A request as httpd hands it over. */
static inline struct httpd_request fake_request(const struct fake_issuer *f, const char *method, const char *path,
                                                struct span body)
{
        struct httpd_request q = {
                .method = method, .path = path, .query = "", .body = body, .remote = "192.0.2.7", .client_name = ""};
        q.has_client_spki = q.has_exporter = true;
        memcpy(q.client_spki_sha256, f->client, sizeof f->client);
        memcpy(q.exporter, f->exporter, sizeof f->exporter);
        return q;
}
static inline struct httpd_response fake_response(void)
{
        return (struct httpd_response){.status = 200, .body = BUF(16u << 20)};
}

/* The problem document of a refused request: status and check are as expected, and the next nonce is there. */
static inline void expect_refusal(const struct httpd_response *r, int status, const char *check, const char *name)
{
        AUTO(json) struct json *j = NULL;
        AUTO(buf) struct buf nonce = BUF(NONCE_MAX);
        struct span found = SPAN_NONE;
        expect_ok(json_parse(buf_span(&r->body), &j));
        if (r->status == 200 || json_get(j, "check") == NULL || !span_eq_str(json_text(json_get(j, "check")), check) ||
            r->status != status)
                fail_msg("%s: wanted %d %s, got %d %s", name, status, check, r->status, buf_str(&r->body));
        expect_ok(json_need_text(j, "check", 64, &found));
        expect_ok(reply_nonce(j, &nonce));
        assert_int_equal(nonce.len, NONCE_LEN);
}
