#include "lib/model/ear.h"

#include "tests/fakes/jwk_set.h"

#define VERIFIER "https://verifier.corp.example"
#define AUDIENCE "https://issuer.corp.example"
#define NONCE    "0123456789abcdef"

static const uint8_t key_digests[3][SHA256_LEN] = {{1}, {2}, {3}};

/* A verifier, whoever holds the result, and who trusts that verifier. */
struct world {
        struct key *verifier, *holder;
        struct jwk_set *keys;
        struct ear_verifier trusted[2];
        struct attestation_result result;
};

static void world_clear(struct world *w)
{
        key_free(w->verifier);
        key_free(w->holder);
        jwk_set_free(w->keys);
        attestation_result_clear(&w->result);
}
DEFINE_AUTO_VALUE(world)

static void set_common_facts(struct attestation_result *r, const char *concerns)
{
        facts_set_text(&r->facts, "evidence.kind", ORIGIN_VERIFIER, span_str(r->kind));
        facts_set_flag(&r->facts, "evidence.insecure-development", ORIGIN_VERIFIER, r->insecure_development);
        facts_set_text(&r->facts, "verifier.concerns", ORIGIN_VERIFIER, span_str(concerns));
        facts_set_text(&r->facts, "verifier.status", ORIGIN_VERIFIER, span_str(ear_status_name(r->status)));
}

/* Of a machine with a CPU's report and a TPM's quote. */
static void composite(struct attestation_result *r)
{
        static const uint8_t pcr[32] = {7};

        r->kind = "sev-snp";
        r->status = EAR_WARNING;
        r->vector = (struct trust_vector){.instance_identity = 2, .hardware = 32, .runtime_opaque = 2};
        r->submodule_count = 2;
        r->submodules[0] = (struct submodule){"sev-snp", EAR_WARNING, r->vector};
        r->submodules[1] = (struct submodule){"tpm", EAR_AFFIRMING, {.instance_identity = 2}};
        r->concern_count = 2;
        r->concerns[0] = "snp.tcb";
        r->concerns[1] = "snp.smt";
        r->not_checked_count = 1;
        r->not_checked[0] = "freshness";
        r->collateral_count = 1;
        r->collateral[0] = (struct collateral){"vcek", {9}, TEST_NOW_S + 86400};
        r->not_after_unix_s = TEST_NOW_S + 86400;
        r->evidence_digest[0] = 5;
        set_common_facts(r, "snp.tcb snp.smt");
        facts_set_bytes(&r->facts, "tpm.pcr.sha256.7", ORIGIN_HW, SPAN_OF(pcr));
        facts_set_number(&r->facts, "snp.guest-svn", ORIGIN_HW, UINT64_MAX);
        facts_set_text(&r->facts, "platform.product", ORIGIN_MEASURED, SPAN("Milan"));
        r->checks = check_new("evidence", true);
        (void) check_add(r->checks, "snp.signature", true, "by its VCEK", "so", ORIGIN_HW);
}

static void world_init(struct world *w)
{
        *w = (struct world){.verifier = test_key(KEY_P256), .holder = test_key(KEY_P256)};
        w->keys = test_key_set(w->verifier, "v1", "sig");
        w->trusted[0] = (struct ear_verifier){"https://elsewhere.example", w->keys};
        w->trusted[1] = (struct ear_verifier){VERIFIER, w->keys};
        composite(&w->result);
}

static struct ear_order order_of(const struct world *w)
{
        return (struct ear_order){.verifier = VERIFIER,
                                  .build = "vouchsafe 1",
                                  .id = "rec-1",
                                  .audience = AUDIENCE,
                                  .policy = "sha256:00",
                                  .nonce = SPAN(NONCE),
                                  .holder = w->holder,
                                  .key_count = 2,
                                  .keys = key_digests,
                                  .issued_unix_s = TEST_NOW_S,
                                  .expires_unix_s = TEST_NOW_S + 300,
                                  .result = &w->result};
}

static struct ear_rules rules_of(const struct world *w)
{
        return (struct ear_rules){.verifiers = w->trusted,
                                  .verifier_count = 2,
                                  .audience = AUDIENCE,
                                  .nonce = SPAN(NONCE),
                                  .holder = w->holder,
                                  .key_count = 1,
                                  .keys = &key_digests[1],
                                  .now = TEST_NOW};
}

static void build(const struct world *w, struct buf *out)
{
        struct ear_order o = order_of(w);
        struct jwt_signer signer = jwt_signer_of(w->verifier, "v1");
        expect_ok(ear_build(&o, &signer, out));
}

static char *facts_text(const struct facts *f)
{
        AUTO(json) struct json *j = facts_to_json(f);
        AUTO(buf) struct buf text = BUF(65536);
        expect_ok(json_write(j, &text));
        return span_to_string(buf_span(&text));
}

static void there_and_back(void **state UNUSED)
{
        AUTO(world) struct world w;
        AUTO(buf) struct buf token = BUF(EAR_MAX);
        AUTO(ear) struct ear e = {0};

        world_init(&w);
        build(&w, &token);
        struct ear_rules rules = rules_of(&w);
        expect_ok(ear_verify(buf_span(&token), &rules, &e));
        const struct attestation_result *a = &w.result, *b = &e.result;
        AUTO_STRING char *before = facts_text(&a->facts), *after = facts_text(&b->facts);
        assert_string_equal(before, after);
        assert_string_equal(b->kind, "sev-snp");
        assert_int_equal(b->status, EAR_WARNING);
        assert_memory_equal(&a->vector, &b->vector, sizeof a->vector);
        assert_int_equal(b->submodule_count, 2);
        for (size_t i = 0; i < 2; i++) {
                assert_string_equal(b->submodules[i].name, a->submodules[i].name);
                assert_int_equal(b->submodules[i].status, a->submodules[i].status);
                assert_memory_equal(&b->submodules[i].vector, &a->submodules[i].vector, sizeof a->vector);
        }
        assert_int_equal(b->concern_count, 2);
        assert_string_equal(b->concerns[1], "snp.smt");
        assert_string_equal(b->not_checked[0], "freshness");
        assert_string_equal(b->collateral[0].name, "vcek");
        assert_int_equal(b->collateral[0].not_after_unix_s, TEST_NOW_S + 86400);
        assert_int_equal(b->not_after_unix_s, a->not_after_unix_s);
        assert_memory_equal(b->evidence_digest, a->evidence_digest, SHA256_LEN);
        assert_false(b->insecure_development);
        assert_int_equal(b->checks->child_count, 1);
        assert_string_equal(e.verifier, VERIFIER);
        assert_string_equal(e.id, "rec-1");
        assert_string_equal(e.policy, "sha256:00");
        assert_string_equal(e.build, "vouchsafe 1");
        assert_true(ear_has_key(&e, key_digests[0]) && ear_has_key(&e, key_digests[1]));
        assert_false(ear_has_key(&e, key_digests[2]));
        assert_null(e.credentials);
}

/* Mechanism A: the credential comes inside. */
static void with_credentials(void **state UNUSED)
{
        AUTO(world) struct world w;
        AUTO(buf) struct buf token = BUF(EAR_MAX), text = BUF(1024);
        AUTO(ear) struct ear e = {0};
        AUTO(json) struct json *list = json_new_array();

        world_init(&w);
        json_push(list, json_new_text(SPAN("a certificate")));
        struct ear_order o = order_of(&w);
        o.credentials = list;
        struct jwt_signer signer = jwt_signer_of(w.verifier, "v1");
        expect_ok(ear_build(&o, &signer, &token));
        struct ear_rules rules = rules_of(&w);
        rules.nonce = SPAN_NONE; /* the caller looks at them itself */
        rules.holder = NULL;
        rules.key_count = 0;
        expect_ok(ear_verify(buf_span(&token), &rules, &e));
        expect_ok(json_write(e.credentials, &text));
        assert_string_equal(buf_str(&text), "[\"a certificate\"]");
        assert_true(span_eq(buf_span(&e.nonce), SPAN(NONCE)));
        assert_true(span_eq(key_spki(e.holder), key_spki(w.holder)));
}

/* The right token, and one thing that is expected otherwise. */
static void refuses_by_rules(void **state UNUSED)
{
        AUTO(world) struct world w;
        AUTO(key) struct key *other = test_key(KEY_P256);
        AUTO(jwk_set) struct jwk_set *others = test_key_set(other, "v1", "sig"), *renamed = NULL;
        AUTO(buf) struct buf token = BUF(EAR_MAX);

        world_init(&w);
        renamed = test_key_set(w.verifier, "v2", "sig");
        build(&w, &token);
        const struct ear_verifier rogue[] = {{VERIFIER, others}}, moved[] = {{VERIFIER, renamed}};
        struct ear_rules good = rules_of(&w), rules;
        const struct {
                const char *name, *token;
                int64_t later_s, leeway_s, age_max_s;
                const struct ear_verifier *verifiers;
                size_t verifier_count;
                const char *audience;
                struct span nonce;
                const struct key *holder;
                size_t key_at, key_count;
        } rows[] = {
                {"as it was", NULL, 0, 0, 0, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"both keys", NULL, 0, 0, 0, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 0, 2},
                {"its last second", NULL, 299, 0, 0, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"expired", "ear.expired", 300, 0, 0, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"expired, with leeway", NULL, 300, 1, 0, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"a second early", "ear.not_yet_valid", -1, 0, 0, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 1,
                 1},
                {"as old as may be", NULL, 60, 0, 60, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"a second too old", "ear.age", 61, 0, 60, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"nobody is trusted", "ear.issuer", 0, 0, 0, good.verifiers, 0, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"another verifier is trusted", "ear.issuer", 0, 0, 0, good.verifiers, 1, AUDIENCE, good.nonce,
                 w.holder, 1, 1},
                {"another key of that name", "jwt.signature", 0, 0, 0, rogue, 1, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"a key of another id", "jwt.key", 0, 0, 0, moved, 1, AUDIENCE, good.nonce, w.holder, 1, 1},
                {"another audience", "ear.aud", 0, 0, 0, good.verifiers, 2, AUDIENCE "/", good.nonce, w.holder, 1, 1},
                {"another nonce", "ear.nonce", 0, 0, 0, good.verifiers, 2, AUDIENCE, SPAN("0123456789abcdeF"), w.holder,
                 1, 1},
                {"another holder", "ear.holder", 0, 0, 0, good.verifiers, 2, AUDIENCE, good.nonce, other, 1, 1},
                {"another key", "ear.key", 0, 0, 0, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 2, 1},
                {"one key of three", "ear.key", 0, 0, 0, good.verifiers, 2, AUDIENCE, good.nonce, w.holder, 0, 3},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(ear) struct ear e = {0};
                rules = (struct ear_rules){rows[i].verifiers,
                                           rows[i].verifier_count,
                                           rows[i].audience,
                                           rows[i].nonce,
                                           rows[i].holder,
                                           rows[i].key_count,
                                           &key_digests[rows[i].key_at],
                                           wall_from_unix_s(TEST_NOW_S + rows[i].later_s),
                                           rows[i].leeway_s,
                                           rows[i].age_max_s};
                struct fault *f = ear_verify(buf_span(&token), &rules, &e);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

#define FACT(value) "{\"origin\":\"verifier\",\"value\":" value "}"
#define KIND        "submods>sev-snp>"
#define X2          "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y2          "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""

static void refuses_claims(void **state UNUSED)
{
        static const struct {
                const char *name, *path, *value, *token;
        } rows[] = {
                {"as it was", "x", NULL, NULL},
                {"a claim that is not known", "example.com/x", "1", NULL},
                {"no profile", "eat_profile", NULL, "ear.profile"},
                {"profile of a later draft", "eat_profile", "\"tag:ietf.org,2026:rats/ear#04\"", "ear.profile"},
                {"profile of Veraison", "eat_profile", "\"tag:github.com,2023:veraison/ear\"", "ear.profile"},
                {"profile a number", "eat_profile", "1", "ear.profile"},
                {"no iss", "iss", NULL, "ear.issuer"},
                {"another iss", "iss", "\"https://evil.example\"", "ear.issuer"},
                {"iss a list", "iss", "[\"" VERIFIER "\"]", "ear.issuer"},
                {"no jti", "jti", NULL, "ear.jti"},
                {"no aud", "aud", NULL, "ear.aud"},
                {"aud a list", "aud", "[\"" AUDIENCE "\"]", "ear.aud"},
                {"another aud", "aud", "\"https://x\"", "ear.aud"},
                {"no iat", "iat", NULL, "ear.iat"},
                {"iat to come", "iat", "1795392001", "ear.not_yet_valid"},
                {"no exp", "exp", NULL, "ear.exp"},
                {"exp a text", "exp", "\"x\"", "ear.exp"},
                {"exp as iat", "exp", "1795392000", "ear.exp"},
                {"an hour", "exp", "1795395600", NULL},
                {"a second more", "exp", "1795395601", "ear.life"},
                {"no nonce", "eat_nonce", NULL, "ear.nonce"},
                {"another nonce", "eat_nonce", "\"AAAAAAAAAAAAAAAA\"", "ear.nonce"},
                {"nonce of seven bytes", "eat_nonce", "\"AAAAAAAAAA\"", "ear.nonce"},
                {"two nonces", "eat_nonce", "[\"MDEyMzQ1Njc4OWFiY2RlZg\"]", "ear.nonce"},
                {"no cnf", "cnf", NULL, "ear.cnf"},
                {"cnf by thumbprint", "cnf", "{\"jkt\":\"x\"}", "ear.cnf"},
                {"cnf of another key", "cnf",
                 "{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X2 "," Y2 ",\"alg\":\"ES256\"}}", "ear.holder"},
                {"cnf without alg", "cnf", "{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," X2 "," Y2 "}}", "jwk.alg"},
                {"cnf with a private key", "cnf>jwk>d", "\"AAAA\"", "jwk.private"},
                {"cnf not on the curve", "cnf>jwk>x", "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"", "jwk.key"},
                {"no keys", "vouchsafe.dev/keys", NULL, "ear.keys"},
                {"an empty list of keys", "vouchsafe.dev/keys", "[]", "ear.keys"},
                {"a short key", "vouchsafe.dev/keys", "[\"AAAA\"]", "ear.keys"},
                {"keys a text", "vouchsafe.dev/keys", "\"x\"", "ear.keys"},
                {"other keys", "vouchsafe.dev/keys", "[\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"]", "ear.key"},
                {"no verifier id", "ear_verifier_id", NULL, "ear.verifier_id"},
                {"no build", "ear_verifier_id>build", NULL, "ear.verifier_id"},
                {"empty build", "ear_verifier_id>build", "\"\"", "ear.verifier_id"},
                {"developer a number", "ear_verifier_id>developer", "1", "ear.verifier_id"},
                {"credentials no list", "vouchsafe.dev/credentials", "{}", "ear.credentials"},
                {"no submods", "submods", NULL, "ear.submods"},
                {"submods a list", "submods", "[]", "ear.submods"},
                {"submods empty", "submods", "{}", "ear.kind"},
                {"a part that is no object", "submods>tpm", "1", "ear.status"},
                {"too many parts", "submods",
                 "{\"a\":{\"ear_status\":\"affirming\"},\"b\":{\"ear_status\":\"affirming\"},"
                 "\"c\":{\"ear_status\":\"affirming\"},\"d\":{\"ear_status\":\"affirming\"},\"e\":{\"ear_status\":"
                 "\"affirming\"}}",
                 "ear.submods"},
                {"composite of no flag", KIND "vouchsafe.dev/composite", "1", "ear.submods"},
                {"an odd name", "submods>a b", "{\"ear_status\":\"affirming\"}", "ear.submods"},
                {"no kind", KIND "vouchsafe.dev/kind", NULL, "ear.kind"},
                {"another kind", KIND "vouchsafe.dev/kind", "\"tdx\"", "ear.kind"},
                {"two kinds", "submods>tpm>vouchsafe.dev/kind", "\"tpm\"", "ear.kind"},
                {"no status", KIND "ear_status", NULL, "ear.status"},
                {"status a number", KIND "ear_status", "2", "ear.status"},
                {"status unknown", KIND "ear_status", "\"fine\"", "ear.status"},
                {"status none", "submods>tpm>ear_status", "\"none\"", "ear.status"},
                {"better than its vector", KIND "ear_status", "\"affirming\"", "ear.status"},
                {"worse than its vector, and than the fact", KIND "ear_status", "\"contraindicated\"", "ear.facts"},
                {"a part that got worse", "submods>tpm>ear_status", "\"contraindicated\"", "ear.facts"},
                {"a vector that got worse", KIND "ear_trustworthiness_vector>hardware", "97", "ear.status"},
                {"a negative claim", KIND "ear_trustworthiness_vector>hardware", "-98", "ear.status"},
                {"a claim of no size", KIND "ear_trustworthiness_vector>hardware", "128", "ear.vector"},
                {"a claim that is a text", KIND "ear_trustworthiness_vector>hardware", "\"2\"", "ear.vector"},
                {"a claim that is none", KIND "ear_trustworthiness_vector>luck", "2", "ear.vector"},
                {"a vector that is a list", KIND "ear_trustworthiness_vector", "[]", "ear.vector"},
                {"no vector", "submods>tpm>ear_trustworthiness_vector", NULL, NULL},
                {"no digest", KIND "vouchsafe.dev/evidence-digest", NULL, "ear.digest"},
                {"a short digest", KIND "vouchsafe.dev/evidence-digest", "\"00\"", "ear.digest"},
                {"development all at once", KIND "vouchsafe.dev/insecure-development", "true", "ear.facts"},
                {"development a text", KIND "vouchsafe.dev/insecure-development", "\"true\"", "ear.facts"},
                {"no facts", KIND "vouchsafe.dev/facts", NULL, "ear.facts"},
                {"facts a list", KIND "vouchsafe.dev/facts", "[]", "ear.facts"},
                {"a fact without value", KIND "vouchsafe.dev/facts>x", "{\"origin\":\"hw\"}", "ear.facts"},
                {"a fact of Kubernetes", KIND "vouchsafe.dev/facts>k8s.namespace",
                 "{\"origin\":\"k8s\",\"value\":\"a\"}", "ear.facts"},
                {"a fact of the node", KIND "vouchsafe.dev/facts>node.name", "{\"origin\":\"node\",\"value\":\"a\"}",
                 "ear.facts"},
                {"a fact of its own", KIND "vouchsafe.dev/facts>self.x", "{\"origin\":\"self\",\"value\":\"a\"}",
                 "ear.facts"},
                {"a status that the facts don't say", KIND "vouchsafe.dev/facts>verifier.status", FACT("\"affirming\""),
                 "ear.facts"},
                {"no status in the facts", KIND "vouchsafe.dev/facts>verifier.status", NULL, "ear.facts"},
                {"a status of another origin", KIND "vouchsafe.dev/facts>verifier.status",
                 "{\"origin\":\"hw\",\"value\":\"warning\"}", "ear.facts"},
                {"a kind that the facts don't say", KIND "vouchsafe.dev/facts>evidence.kind", FACT("\"tdx\""),
                 "ear.facts"},
                {"concerns that the facts don't say", KIND "vouchsafe.dev/facts>verifier.concerns", FACT("\"\""),
                 "ear.facts"},
                {"a concern less", KIND "vouchsafe.dev/concerns", "[\"snp.tcb\"]", "ear.facts"},
                {"concerns a text", KIND "vouchsafe.dev/concerns", "\"snp.tcb\"", "ear.concerns"},
                {"a concern with a blank", KIND "vouchsafe.dev/concerns", "[\"snp.tcb snp.smt\"]", "ear.concerns"},
                {"not-checked a number", KIND "vouchsafe.dev/not-checked", "[1]", "ear.not_checked"},
                {"collateral a text", KIND "vouchsafe.dev/collateral", "\"x\"", "ear.collateral"},
                {"collateral without digest", KIND "vouchsafe.dev/collateral", "[{\"name\":\"vcek\"}]",
                 "ear.collateral"},
                {"not-after a text", KIND "vouchsafe.dev/not-after", "\"x\"", "ear.not_after"},
                {"not-after negative", KIND "vouchsafe.dev/not-after", "-1", "ear.not_after"},
                {"checks no list", KIND "vouchsafe.dev/checks", "{}", "ear.checks"},
                {"no checks", KIND "vouchsafe.dev/checks", NULL, NULL},
                {"an empty list of policies", KIND "ear_appraisal_policy_ids", "[]", "ear.policy"},
                {"a policy that is a number", KIND "ear_appraisal_policy_ids", "[1]", "ear.policy"},
                {"no policy", KIND "ear_appraisal_policy_ids", NULL, NULL},
        };
        AUTO(world) struct world w;
        AUTO(buf) struct buf built = BUF(EAR_MAX);
        AUTO(json) struct json *good = NULL;

        world_init(&w);
        build(&w, &built);
        expect_ok(jwt_peek(buf_span(&built), EAR_MAX, &good));
        struct ear_rules rules = rules_of(&w);
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *claims = test_json_changed(good, rows[i].path, rows[i].value);
                AUTO(buf) struct buf token = BUF(EAR_MAX);
                AUTO(ear) struct ear e = {0};
                struct jwt_signer signer = jwt_signer_of(w.verifier, "v1");
                expect_ok(jwt_sign_by(&signer, EAR_TYPE, claims, EAR_MAX, &token));
                struct fault *f = ear_verify(buf_span(&token), &rules, &e);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
}

static void refuses_headers(void **state UNUSED)
{
        AUTO(world) struct world w;
        AUTO(key) struct key *rsa = test_key(KEY_RSA);
        AUTO(buf) struct buf built = BUF(EAR_MAX), none = BUF(EAR_MAX);
        AUTO(json) struct json *claims = NULL;

        world_init(&w);
        build(&w, &built);
        expect_ok(jwt_peek(buf_span(&built), EAR_MAX, &claims));
        AUTO(jwk_set) struct jwk_set *rsa_set = test_key_set(rsa, "v1", "sig");
        const struct ear_verifier rsa_verifier[] = {{VERIFIER, rsa_set}};
        struct jwt_signer es = jwt_signer_of(w.verifier, "v1"), nameless = jwt_signer_of(w.verifier, NULL),
                          ps = jwt_signer_of(rsa, "v1");
        const struct {
                const char *name;
                const struct jwt_signer *signer;
                const char *typ;
                const struct ear_verifier *verifiers;
                const char *token;
        } rows[] = {
                {"as it was", &es, EAR_TYPE, &w.trusted[1], NULL},
                {"a plain JWT", &es, "JWT", &w.trusted[1], "jwt.type"},
                {"an identity token", &es, "wit+jwt", &w.trusted[1], "jwt.type"},
                {"no type", &es, NULL, &w.trusted[1], "jwt.type"},
                {"no kid", &nameless, EAR_TYPE, &w.trusted[1], "jwt.key"},
                {"RSA, by a verifier with such a key", &ps, EAR_TYPE, rsa_verifier, "jwt.algorithm"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(buf) struct buf token = BUF(EAR_MAX);
                AUTO(ear) struct ear e = {0};
                struct ear_rules rules = rules_of(&w);
                rules.verifiers = rows[i].verifiers;
                rules.verifier_count = 1;
                expect_ok(jwt_sign_by(rows[i].signer, rows[i].typ, claims, EAR_MAX, &token));
                struct fault *f = ear_verify(buf_span(&token), &rules, &e);
                if (rows[i].token == NULL)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_UNAUTHENTICATED, rows[i].token, rows[i].name);
        }
        /* and none of these is built */
        struct ear_order o = order_of(&w);
        expect_fault(ear_build(&o, &ps, &none), FAULT_UNAUTHENTICATED, "jwt.algorithm");
        expect_fault(ear_build(&o, &nameless, &none), FAULT_UNAUTHENTICATED, "jwt.key");
        o.key_count = 0;
        expect_fault(ear_build(&o, &es, &none), FAULT_UNAUTHENTICATED, "ear.keys");
        o.key_count = 1;
        o.nonce = SPAN("1234567");
        expect_fault(ear_build(&o, &es, &none), FAULT_UNAUTHENTICATED, "ear.nonce");
        o.nonce = SPAN(NONCE);
        w.result.status = w.result.submodules[0].status = EAR_AFFIRMING;
        expect_fault(ear_build(&o, &es, &none), FAULT_UNAUTHENTICATED, "ear.status");
        assert_int_equal(none.len, 0);
}

/* AR4SI's tiers, at their edges. */
static void tiers(void **state UNUSED)
{
        static const struct {
                int8_t value;
                enum ear_status status;
        } rows[] = {
                {0, EAR_NONE},
                {1, EAR_NONE},
                {-1, EAR_NONE},
                {2, EAR_AFFIRMING},
                {-2, EAR_AFFIRMING},
                {31, EAR_AFFIRMING},
                {-32, EAR_AFFIRMING},
                {32, EAR_WARNING},
                {-33, EAR_WARNING},
                {95, EAR_WARNING},
                {-96, EAR_WARNING},
                {96, EAR_CONTRAINDICATED},
                {-97, EAR_CONTRAINDICATED},
                {127, EAR_CONTRAINDICATED},
                {-128, EAR_CONTRAINDICATED},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct trust_vector v = {.sourced_data = rows[i].value};
                if (trust_vector_status(&v) != rows[i].status)
                        fail_msg("%d: %s", rows[i].value, ear_status_name(trust_vector_status(&v)));
        }
        assert_int_equal(
                trust_vector_status(&(struct trust_vector){.hardware = 2, .executables = 33, .configuration = 3}),
                EAR_WARNING);
        enum ear_status s = EAR_NONE;
        expect_ok(ear_status_by_name(SPAN("contraindicated"), &s));
        assert_int_equal(s, EAR_CONTRAINDICATED);
        expect_fault(ear_status_by_name(SPAN("Affirming"), &s), FAULT_INVALID, "BAD_FIELD");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(there_and_back),   cmocka_unit_test(with_credentials),
                cmocka_unit_test(refuses_by_rules), cmocka_unit_test(refuses_claims),
                cmocka_unit_test(refuses_headers),  cmocka_unit_test(tiers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
