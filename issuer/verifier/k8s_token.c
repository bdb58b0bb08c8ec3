#include "issuer/verifier/k8s_token.h"

#include "lib/base/parse.h"

#define LEEWAY_S       30
#define ISSUER_MAX     512
#define NAME_LEN_MAX   253 /* DNS subdomain, RFC 1123 */
#define UID_LEN_MAX    64
#define UNIX_S_MAX     253402300799 /* 9999-12-31 */
#define SUBJECT_PREFIX "system:serviceaccount:"

static struct fault *refuse(const char *token, const char *why)
{
        return fault(FAULT_DENIED, token, "service account token: %s", why);
}

/* ---- which cluster ---- */

/* Only to choose the keys: everything is read again from the verified bytes. */
static struct fault *peek_issuer(struct span token, struct buf *ret)
{
        const uint8_t *first = token.len > 0 ? memchr(token.data, '.', token.len) : NULL;
        if (first == NULL)
                return refuse("k8s.signature", "not a JWT");
        struct span rest =
                span_slice(token, (size_t) (first - token.data) + 1, token.len - (size_t) (first - token.data) - 1);
        const uint8_t *second = rest.len > 0 ? memchr(rest.data, '.', rest.len) : NULL;
        if (second == NULL)
                return refuse("k8s.signature", "not a JWT");

        AUTO(buf) struct buf text = BUF(JWT_MAX);
        AUTO(json) struct json *claims = NULL;
        struct span issuer = SPAN_NONE;
        AUTO(fault) struct fault *f = base64url_decode(span_slice(rest, 0, (size_t) (second - rest.data)), &text);
        if (f == NULL)
                f = json_parse(buf_span(&text), &claims);
        if (f == NULL)
                f = json_need_text(claims, "iss", ISSUER_MAX, &issuer);
        if (f == NULL)
                f = buf_append(ret, issuer);
        return f == NULL ? NULL : refuse("k8s.issuer", "it names no issuer");
}

static const struct cluster *find_cluster(struct span issuer, const struct cluster *clusters, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (span_eq_str(issuer, clusters[i].issuer))
                        return &clusters[i];
        return NULL;
}

/* ---- claims ---- */

/* Exactly ours and no other: a token for two audiences can be replayed by the second. */
static struct fault *check_audience(const struct json *claims, const char *audience)
{
        const struct json *aud = json_get(claims, "aud");
        if (aud != NULL && json_kind(aud) == JSON_ARRAY && json_count(aud) == 1)
                aud = json_at(aud, 0);
        if (aud == NULL || json_kind(aud) != JSON_TEXT || !span_eq_str(json_text(aud), audience))
                return refuse("k8s.audience", "it is not for this issuer alone");
        return NULL;
}

static struct fault *check_times(const struct json *claims, int64_t now_s, int64_t *ret_expires_s)
{
        int64_t expires = 0, issued = 0, not_before = INT64_MIN;
        AUTO(fault) struct fault *f = json_need_int(claims, "exp", 0, UNIX_S_MAX, &expires);
        if (f == NULL)
                f = json_need_int(claims, "iat", 0, UNIX_S_MAX, &issued);
        if (f == NULL)
                f = json_want_int(claims, "nbf", 0, UNIX_S_MAX, &not_before);
        if (f != NULL)
                return refuse("k8s.bound", "it has no times: a legacy token, which is never taken");
        if (now_s > expires + LEEWAY_S)
                return refuse("k8s.expired", "it has expired");
        if (now_s + LEEWAY_S < issued || (not_before != INT64_MIN && now_s + LEEWAY_S < not_before))
                return refuse("k8s.not_yet_valid", "it is not valid yet");
        *ret_expires_s = expires;
        return NULL;
}

/* Names of Kubernetes objects: they go into identities and records, so nothing else is let in. */
static bool is_name(struct span s)
{
        for (size_t i = 0; i < s.len; i++) {
                uint8_t c = s.data[i];
                bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '-' ||
                          c == '.' || c == '_';
                if (!ok)
                        return false;
        }
        return s.len > 0;
}

static struct fault *read_name(const struct json *o, const char *key, size_t max, char **ret)
{
        struct span text = SPAN_NONE;
        AUTO(fault) struct fault *f = json_need_text(o, key, max, &text);
        if (f != NULL || !is_name(text))
                return refuse("k8s.bound", "a name in it is missing or no Kubernetes name");
        *ret = span_to_string(text);
        return NULL;
}

/* {"name","uid"}, or nothing of that kind in the token. */
static struct fault *read_reference(const struct json *bound, const char *key, char **ret_name, char **ret_uid)
{
        const struct json *o = json_get(bound, key);
        if (o == NULL)
                return NULL;
        TRY(read_name(o, "name", NAME_LEN_MAX, ret_name));
        return read_name(o, "uid", UID_LEN_MAX, ret_uid);
}

static struct fault *check_subject(const struct json *claims, const struct k8s_token *t)
{
        AUTO_STRING char *wanted = alloc_printf(SUBJECT_PREFIX "%s:%s", t->namespace, t->service_account);
        const struct json *sub = json_get(claims, "sub");
        if (sub == NULL || json_kind(sub) != JSON_TEXT || !span_eq_str(json_text(sub), wanted))
                return refuse("k8s.bound", "its subject is not the service account that it is bound to");
        return NULL;
}

static struct fault *read_bound(const struct json *claims, struct k8s_token *t)
{
        const struct json *bound = json_get(claims, "kubernetes.io");
        if (bound == NULL || json_kind(bound) != JSON_OBJECT)
                return refuse("k8s.bound", "it is bound to nothing");
        TRY(read_name(bound, "namespace", NAME_LEN_MAX, &t->namespace));
        TRY(read_reference(bound, "serviceaccount", &t->service_account, &t->service_account_uid));
        if (t->service_account == NULL)
                return refuse("k8s.bound", "it is bound to no service account");
        TRY(read_reference(bound, "pod", &t->pod, &t->pod_uid));
        TRY(read_reference(bound, "node", &t->node, &t->node_uid));
        return check_subject(claims, t);
}

struct fault *k8s_token_verify(struct span token, const struct cluster *clusters, size_t count, const char *audience,
                               struct wall now, struct k8s_token *ret)
{
        AUTO(buf) struct buf issuer = BUF(ISSUER_MAX);
        TRY(peek_issuer(token, &issuer));
        const struct cluster *cluster = find_cluster(buf_span(&issuer), clusters, count);
        if (cluster == NULL)
                return refuse("k8s.issuer", "it is of no cluster that is known here");

        AUTO(json) struct json *claims = NULL;
        AUTO(fault) struct fault *unsigned_by_it = jwt_verify(token, cluster->keys, NULL, &claims);
        if (unsigned_by_it != NULL)
                return refuse("k8s.signature", fault_text(unsigned_by_it));
        const struct json *iss = json_get(claims, "iss");
        if (iss == NULL || json_kind(iss) != JSON_TEXT || !span_eq_str(json_text(iss), cluster->issuer))
                return refuse("k8s.issuer", "it is of no cluster that is known here");
        AUTO(k8s_token) struct k8s_token t = {.cluster = cluster};
        TRY(check_audience(claims, audience));
        TRY(check_times(claims, wall_unix_s(now), &t.expires_unix_s));
        TRY(read_bound(claims, &t));

        *ret = t;
        t = (struct k8s_token){0};
        return NULL;
}

/* ---- the request ---- */

static bool is(const char *a, const char *b)
{
        return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Names of Kubernetes objects, as the token (verified) and the request have them: nothing secret, and what a person needs. */
static struct fault *other(const char *check, const char *what, const char *in_token, const char *wanted)
{
        return fault(FAULT_DENIED, check, "service account token: its %s is \"%.253s\", expected \"%.253s\"", what,
                     in_token != NULL ? in_token : "(none)", wanted != NULL ? wanted : "(none)");
}

struct fault *k8s_token_match(const struct k8s_token *t, const char *pod_uid, const char *namespace, const char *pod,
                              const char *service_account, const char *enrolled_cluster, const char *enrolled_node)
{
        if (!is(t->pod_uid, pod_uid))
                return other("k8s.pod", "pod UID", t->pod_uid, pod_uid);
        if (pod != NULL && !is(t->pod, pod))
                return other("k8s.pod", "pod", t->pod, pod);
        if (namespace != NULL && !is(t->namespace, namespace))
                return other("k8s.namespace", "namespace", t->namespace, namespace);
        if (service_account != NULL && !is(t->service_account, service_account))
                return other("k8s.service_account", "service account", t->service_account, service_account);
        if (!is(t->cluster->name, enrolled_cluster))
                return other("k8s.node", "cluster", t->cluster->name, enrolled_cluster);
        if (!is(t->node, enrolled_node))
                return other("k8s.node", "node", t->node, enrolled_node);
        return NULL;
}

void k8s_token_facts(const struct k8s_token *t, struct facts *into)
{
        const struct {
                const char *name, *value;
        } rows[] = {
                {"k8s.cluster", t->cluster->name},
                {"k8s.namespace", t->namespace},
                {"k8s.service-account", t->service_account},
                {"k8s.pod", t->pod},
                {"k8s.pod-uid", t->pod_uid},
                {"k8s.node", t->node},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                if (rows[i].value != NULL)
                        facts_set_text(into, rows[i].name, ORIGIN_K8S, span_str(rows[i].value));
}

void k8s_token_clear(struct k8s_token *t)
{
        free(t->namespace);
        free(t->service_account);
        free(t->service_account_uid);
        free(t->pod);
        free(t->pod_uid);
        free(t->node);
        free(t->node_uid);
        *t = (struct k8s_token){0};
}
