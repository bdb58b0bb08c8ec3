#include "issuer/verifier/k8s_token.h"

#include "lib/base/parse.h"

#include "tests/fakes/expect.h"

#define NOW      1795456800
#define ISSUER   "https://kubernetes.default.svc.cluster.local"
#define AUDIENCE "https://issuer.example.org"

static const struct wall now = {NOW * 1000LL};
static struct key *keys[2];
static struct cluster clusters[2];

/* A set of one key, with the id "k1". */
static struct jwk_set *set_of(const struct key *k)
{
        AUTO(json) struct json *set = json_new_object();
        struct json *list = json_new_array(), *jwk = jwk_from_key(k);
        json_set_text(jwk, "kid", "k1");
        json_push(list, jwk);
        json_set(set, "keys", list);
        AUTO(buf) struct buf text = BUF(4096);
        expect_ok(json_write(set, &text));
        struct jwk_set *parsed = NULL;
        expect_ok(jwk_set_parse(buf_span(&text), &parsed));
        return parsed;
}

static int set_up(void **state UNUSED)
{
        static const char *const issuers[] = {"https://green.example.org", ISSUER};
        static const char *const names[] = {"green", "blue"};
        for (size_t i = 0; i < 2; i++) {
                expect_ok(key_generate(KEY_P256, &keys[i]));
                clusters[i] = (struct cluster){alloc_string(names[i]), alloc_string(issuers[i]), set_of(keys[i])};
        }
        return 0;
}

static int tear_down(void **state UNUSED)
{
        for (size_t i = 0; i < 2; i++) {
                key_free(keys[i]);
                free(clusters[i].name);
                free(clusters[i].issuer);
                jwk_set_free(clusters[i].keys);
        }
        return 0;
}

/* As the API server makes them; `%s` spares a row from writing it all. */
static const char good_claims[] =
        "{\"aud\":[\"" AUDIENCE "\"],\"exp\":1795457400,\"iat\":1795456800,\"iss\":\"" ISSUER "\",\"jti\":\"7\","
        "\"kubernetes.io\":{\"namespace\":\"shop\",\"node\":{\"name\":\"node-7\",\"uid\":\"n-1\"},"
        "\"pod\":{\"name\":\"web-1\",\"uid\":\"p-1\"},\"serviceaccount\":{\"name\":\"web\",\"uid\":\"s-1\"}},"
        "\"nbf\":1795456800,\"sub\":\"system:serviceaccount:shop:web\"}";

/* `good_claims` with its first `from` replaced. */
static char *claims_with(const char *from, const char *to)
{
        const char *at = strstr(good_claims, from);
        assert_non_null(at);
        return alloc_printf("%.*s%s%s", (int) (at - good_claims), good_claims, to, at + strlen(from));
}

static struct buf sign(const char *claims, const struct key *k)
{
        AUTO(json) struct json *j = NULL;
        expect_ok(json_parse(span_str(claims), &j));
        struct buf token = BUF(JWT_MAX);
        expect_ok(jwt_sign(k, NULL, "k1", j, &token));
        return token;
}

static struct fault *verify(struct span token, struct wall at, struct k8s_token *ret)
{
        return k8s_token_verify(token, clusters, 2, AUDIENCE, at, ret);
}

static void a_good_token_is_read(void **state UNUSED)
{
        AUTO(buf) struct buf token = sign(good_claims, keys[1]);
        AUTO(k8s_token) struct k8s_token t = {0};
        expect_ok(verify(buf_span(&token), now, &t));
        assert_string_equal(t.cluster->name, "blue");
        assert_string_equal(t.namespace, "shop");
        assert_string_equal(t.service_account, "web");
        assert_string_equal(t.pod, "web-1");
        assert_string_equal(t.pod_uid, "p-1");
        assert_string_equal(t.node, "node-7");
        assert_int_equal(t.expires_unix_s, 1795457400);

        AUTO(facts) struct facts facts = {0};
        k8s_token_facts(&t, &facts);
        static const struct {
                const char *name, *value;
        } rows[] = {
                {"k8s.cluster", "blue"}, {"k8s.namespace", "shop"}, {"k8s.service-account", "web"},
                {"k8s.pod", "web-1"},    {"k8s.pod-uid", "p-1"},    {"k8s.node", "node-7"},
        };
        assert_int_equal(facts.count, COUNT_OF(rows));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                const struct fact *f = facts_find(&facts, rows[i].name);
                assert_int_equal(f->origin, ORIGIN_K8S);
                assert_true(span_eq_str(f->value, rows[i].value));
        }
}

static void refuses_each_wrong_claim(void **state UNUSED)
{
        static const struct {
                const char *name, *from, *to, *token; /* token NULL: fine */
        } rows[] = {
                {"audience as text", "[\"" AUDIENCE "\"]", "\"" AUDIENCE "\"", NULL},
                {"no nbf", ",\"nbf\":1795456800", "", NULL},
                {"no pod", "\"pod\":{\"name\":\"web-1\",\"uid\":\"p-1\"},", "", NULL}, /* match refuses it */
                {"no node", "\"node\":{\"name\":\"node-7\",\"uid\":\"n-1\"},", "", NULL},
                {"expired within the leeway", "1795457400", "1795456770", NULL},
                {"issued within the leeway", "\"iat\":1795456800", "\"iat\":1795456830", NULL},
                {"another issuer", ISSUER, "https://red.example.org", "k8s.issuer"},
                {"a longer issuer", ISSUER, ISSUER "/", "k8s.issuer"},
                {"another cluster's issuer", ISSUER, "https://green.example.org", "k8s.signature"},
                {"no issuer", "\"iss\":\"" ISSUER "\",", "", "k8s.issuer"},
                {"an issuer of another type", "\"" ISSUER "\"", "7", "k8s.issuer"},
                {"the API server's audience", AUDIENCE, ISSUER, "k8s.audience"},
                {"two audiences", "\"" AUDIENCE "\"", "\"" AUDIENCE "\",\"" ISSUER "\"", "k8s.audience"},
                {"no audience", "[\"" AUDIENCE "\"]", "[]", "k8s.audience"},
                {"a longer audience", AUDIENCE, AUDIENCE "/", "k8s.audience"},
                {"expired by a second", "1795457400", "1795456769", "k8s.expired"},
                {"issued in the future", "\"iat\":1795456800", "\"iat\":1795456831", "k8s.not_yet_valid"},
                {"not valid yet", "\"nbf\":1795456800", "\"nbf\":1795456831", "k8s.not_yet_valid"},
                {"no expiry", "\"exp\":1795457400,", "", "k8s.bound"},
                {"an expiry of another type", "1795457400", "\"never\"", "k8s.bound"},
                {"an expiry out of bounds", "1795457400", "9223372036854775807", "k8s.bound"},
                {"bound to nothing", "kubernetes.io", "kubernetes.example", "k8s.bound"},
                {"no service account", "serviceaccount\":{", "serviceaccounts\":{", "k8s.bound"},
                {"no namespace", "\"namespace\":\"shop\",", "", "k8s.bound"},
                {"a namespace with a slash", "\"namespace\":\"shop\"", "\"namespace\":\"a/b\"", "k8s.bound"},
                {"an empty pod name", "web-1", "", "k8s.bound"},
                {"a pod without uid", ",\"uid\":\"p-1\"", "", "k8s.bound"},
                {"a node of another type", "{\"name\":\"node-7\",\"uid\":\"n-1\"}", "\"node-7\"", "k8s.bound"},
                {"subject of another account", ":shop:web\"", ":shop:admin\"", "k8s.bound"},
                {"subject of another namespace", ":shop:web\"", ":kube-system:web\"", "k8s.bound"},
                {"subject of a person", "system:serviceaccount:shop:web", "alice", "k8s.bound"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO_STRING char *claims = claims_with(rows[i].from, rows[i].to);
                AUTO(buf) struct buf token = sign(claims, keys[1]);
                AUTO(k8s_token) struct k8s_token t = {0};
                AUTO(fault) struct fault *f = verify(buf_span(&token), now, &t);
                if (strcmp(fault_token(f), rows[i].token == NULL ? "OK" : rows[i].token) != 0)
                        fail_msg("%s: %s: %s", rows[i].name, fault_token(f), f == NULL ? "" : fault_text(f));
                if (f != NULL)
                        assert_int_equal(fault_code(f), FAULT_DENIED);
        }
}

static void refuses_forged_tokens(void **state UNUSED)
{
        AUTO(buf) struct buf by_other_key = sign(good_claims, keys[0]);
        struct k8s_token none = {0};
        expect_fault(verify(buf_span(&by_other_key), now, &none), FAULT_DENIED, "k8s.signature");

        /* claims exchanged under a good signature */
        AUTO(buf) struct buf good = sign(good_claims, keys[1]);
        AUTO_STRING char *claims = claims_with("web-1", "web-2");
        AUTO(buf) struct buf other = sign(claims, keys[1]);
        const char *first_dot = strchr(buf_str(&good), '.'), *last_dot = strrchr(buf_str(&other), '.');
        AUTO_STRING char *mixed = alloc_printf("%.*s%s", (int) (last_dot - buf_str(&other)), buf_str(&other),
                                               strrchr(buf_str(&good), '.'));
        expect_fault(verify(span_str(mixed), now, &none), FAULT_DENIED, "k8s.signature");

        /* {"alg":"none"} */
        AUTO_STRING char *none_alg =
                alloc_printf("eyJhbGciOiJub25lIn0%.*s.", (int) (strrchr(first_dot, '.') - first_dot), first_dot);
        expect_fault(verify(span_str(none_alg), now, &none), FAULT_DENIED, "k8s.signature");

        static const char *const texts[] = {"", ".", "a", "a.b", "..", "a.e30.c"};
        static const char *const tokens[] = {"k8s.signature", "k8s.signature", "k8s.signature",
                                             "k8s.signature", "k8s.issuer",    "k8s.issuer"};
        for (size_t i = 0; i < COUNT_OF(texts); i++)
                expect_fault_row(verify(span_str(texts[i]), now, &none), FAULT_DENIED, tokens[i], texts[i]);
        expect_fault(verify(SPAN_NONE, now, &none), FAULT_DENIED, "k8s.signature");
        buf_truncate(&good, good.len - 1);
        expect_fault(verify(buf_span(&good), now, &none), FAULT_DENIED, "k8s.signature");
}

static void matches_only_its_own_pod_and_node(void **state UNUSED)
{
        static const struct {
                const char *name;
                const char *pod_uid, *namespace, *pod, *account, *cluster, *node;
                const char *token;
        } rows[] = {
                {"all equal", "p-1", "shop", "web-1", "web", "blue", "node-7", NULL},
                {"kubelet said only the uid", "p-1", NULL, NULL, NULL, "blue", "node-7", NULL},
                {"another pod of that name", "p-2", "shop", "web-1", "web", "blue", "node-7", "k8s.pod"},
                {"no uid", NULL, "shop", "web-1", "web", "blue", "node-7", "k8s.pod"},
                {"another name", "p-1", "shop", "web-2", "web", "blue", "node-7", "k8s.pod"},
                {"another namespace", "p-1", "bank", "web-1", "web", "blue", "node-7", "k8s.namespace"},
                {"another account", "p-1", "shop", "web-1", "admin", "blue", "node-7", "k8s.service_account"},
                {"another node", "p-1", "shop", "web-1", "web", "blue", "node-8", "k8s.node"},
                {"a node of that name elsewhere", "p-1", "shop", "web-1", "web", "green", "node-7", "k8s.node"},
                {"an AK without a node", "p-1", "shop", "web-1", "web", NULL, NULL, "k8s.node"},
        };
        AUTO(buf) struct buf token = sign(good_claims, keys[1]);
        AUTO(k8s_token) struct k8s_token t = {0};
        expect_ok(verify(buf_span(&token), now, &t));
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(fault)
                struct fault *f = k8s_token_match(&t, rows[i].pod_uid, rows[i].namespace, rows[i].pod, rows[i].account,
                                                  rows[i].cluster, rows[i].node);
                if (strcmp(fault_token(f), rows[i].token == NULL ? "OK" : rows[i].token) != 0)
                        fail_msg("%s: %s", rows[i].name, fault_token(f));
        }
}

static void a_token_of_no_pod_or_node_matches_none(void **state UNUSED)
{
        AUTO_STRING char *podless = claims_with("\"pod\":{\"name\":\"web-1\",\"uid\":\"p-1\"},", "");
        AUTO_STRING char *nodeless = claims_with("\"node\":{\"name\":\"node-7\",\"uid\":\"n-1\"},", "");
        AUTO(buf) struct buf first = sign(podless, keys[1]), second = sign(nodeless, keys[1]);
        AUTO(k8s_token) struct k8s_token a = {0}, b = {0};
        expect_ok(verify(buf_span(&first), now, &a));
        expect_ok(verify(buf_span(&second), now, &b));
        expect_fault(k8s_token_match(&a, "p-1", "shop", "web-1", "web", "blue", "node-7"), FAULT_DENIED, "k8s.pod");
        expect_fault(k8s_token_match(&b, "p-1", "shop", "web-1", "web", "blue", "node-7"), FAULT_DENIED, "k8s.node");
        AUTO(facts) struct facts facts = {0};
        k8s_token_facts(&a, &facts);
        assert_null(facts_find(&facts, "k8s.pod"));
        assert_null(facts_find(&facts, "k8s.pod-uid"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_good_token_is_read),
                cmocka_unit_test(refuses_each_wrong_claim),
                cmocka_unit_test(refuses_forged_tokens),
                cmocka_unit_test(matches_only_its_own_pod_and_node),
                cmocka_unit_test(a_token_of_no_pod_or_node_matches_none),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
