#include "issuer/api/record_json.h"

#include "lib/base/parse.h"

static void set_digest(struct json *o, const char *key, const uint8_t digest[SHA256_LEN])
{
        char text[sizeof "sha256:" + 2 * SHA256_LEN] = "sha256:";
        hex_string(span_make(digest, SHA256_LEN), text + 7);
        json_set_text(o, key, text);
}

static void set_known(struct json *o, const char *key, const char *text)
{
        if (text != NULL)
                json_set_text(o, key, text);
}

/* What the verdict rests on, so that it can be asked later which credentials came from an endorsement that was taken back. */
static struct json *collateral_to_json(const struct attestation_result *r)
{
        struct json *list = json_new_array();
        for (size_t i = 0; i < r->collateral_count; i++) {
                const struct collateral *c = &r->collateral[i];
                struct json *j = json_new_object();
                json_set_text(j, "name", c->name);
                set_digest(j, "digest", c->digest);
                if (c->not_after_unix_s != 0)
                        json_set_int(j, "not_after", c->not_after_unix_s);
                json_push(list, j);
        }
        return list;
}

static struct json *evidence_to_json(const struct attestation_result *r)
{
        struct json *j = json_new_object();
        json_set_text(j, "kind", r->kind);
        set_digest(j, "digest", r->evidence_digest);
        json_set_bool(j, "insecure_development", r->insecure_development);
        if (r->concern_count > 0)
                json_set(j, "concerns", json_new_texts(r->concerns, r->concern_count));
        if (r->not_checked_count > 0)
                json_set(j, "not_checked", json_new_texts(r->not_checked, r->not_checked_count));
        if (r->collateral_count > 0)
                json_set(j, "collateral", collateral_to_json(r));
        return j;
}

static struct json *pod_to_json(const struct record_source *s)
{
        const struct k8s_token *t = s->token;
        struct json *j = json_new_object();
        json_set_bool(j, "verified", t != NULL);
        set_known(j, "namespace", t != NULL ? t->namespace : s->pod->node.namespace);
        set_known(j, "name", t != NULL ? t->pod : s->pod->node.name);
        set_known(j, "uid", t != NULL ? t->pod_uid : s->pod->node.uid);
        set_known(j, "service_account", t != NULL ? t->service_account : s->pod->node.service_account);
        if (t != NULL) {
                set_known(j, "cluster", t->cluster->name);
                set_known(j, "node", t->node);
        }
        return j;
}

static struct json *credentials_to_json(const struct record_source *s)
{
        struct json *list = json_new_array();
        for (size_t i = 0; i < s->credential_count; i++) {
                const struct record_credential *c = &s->credentials[i];
                struct json *j = json_new_object();
                json_set_text(j, "slot", c->slot);
                json_set_text(j, "type", c->type);
                if (c->identity != NULL)
                        json_set_text(j, "identity", c->identity);
                json_set_text(j, "serial", c->serial);
                json_set_int(j, "not_before", c->not_before_unix_s);
                json_set_int(j, "not_after", c->not_after_unix_s);
                json_push(list, j);
        }
        return list;
}

/* ---- the tree: one root, under it what was checked, in the order of checking ---- */

static void push_check(struct json *list, int64_t depth, const char *name, bool ok, const char *got)
{
        struct json *j = json_new_object();
        json_set_int(j, "depth", depth);
        json_set_text(j, "name", name);
        json_set_bool(j, "ok", ok);
        set_known(j, "got", got);
        json_push(list, j);
}

static void push_tree(struct json *list, const struct check *tree)
{
        AUTO(buf) struct buf items = BUF(SIZE_MAX);
        buf_expect(&items, 2048);
        if (tree == NULL)
                return;
        check_write_items(tree, /* depth= */ 1, &items);
        json_push(list, json_new_written(buf_span(&items)));
}

void record_write_result(const struct attestation_result *r, struct buf *out)
{
        if (r->checks != NULL)
                check_write_items(r->checks, /* depth= */ 1, out);
}

static const char *check_of(const struct record_source *s)
{
        return s->check != NULL ? s->check : fault_token(s->problem);
}

static struct json *tree_to_json(const struct record_source *s)
{
        struct json *list = json_new_array();
        push_check(list, 0, "decision", s->problem == NULL, s->problem == NULL ? "issued" : "denied");
        if (s->result_items.len > 0)
                json_push(list, json_new_written(s->result_items));
        if (s->token != NULL)
                push_check(list, 1, "k8s.token", true, s->token->service_account);
        if (s->decision != NULL)
                push_tree(list, s->decision->tree);
        /* what refused outside of the policy's own tree */
        if (s->problem != NULL && (s->decision == NULL || s->decision->allowed))
                push_check(list, 1, check_of(s), false, fault_text(s->problem));
        return list;
}

/* ---- the whole ---- */

static void set_decision(struct json *j, const struct decision *d)
{
        set_known(j, "workload", d->workload);
        set_known(j, "owner", d->owner);
        set_known(j, "identity", d->identity);
        json_set_bool(j, "any_genuine", d->any_genuine);
        if (d->references != NULL)
                json_set(j, "references", json_copy(d->references));
        if (d->claims != NULL)
                json_set(j, "claims", json_copy(d->claims));
}

static void set_evidence(struct json *j, const struct record_source *s)
{
        json_set(j, "evidence", evidence_to_json(s->result));
        set_digest(j, "nonce", s->nonce_digest);
        set_digest(j, "client", s->client_spki_digest);
        if (s->ak != NULL)
                json_set_hex(j, "ak", buf_span(&s->ak->name));
}

static void set_judges(struct json *j, const struct record_source *s)
{
        struct json *policy = json_new_object();
        json_set_text(policy, "digest", s->policy_digest);
        json_set_int(policy, "revision", (int64_t) s->policy_revision);
        struct json *verifier = json_new_object();
        json_set_text(verifier, "id", s->verifier_id);
        json_set_text(verifier, "build", s->verifier_build);
        json_set(j, "policy", policy);
        json_set(j, "verifier", verifier);
}

struct json *record_to_json(const struct record_source *s)
{
        struct json *j = json_new_object();
        json_set_int(j, "v", 1);
        json_set_int(j, "time", wall_unix_s(s->now));
        json_set_text(j, "decision", s->problem == NULL ? "issued" : "denied");
        if (s->problem != NULL) {
                json_set_text(j, "check", check_of(s));
                json_set_text(j, "reason", fault_text(s->problem));
        }
        json_set_text(j, "profile", s->pod->profile);
        json_set(j, "references", json_new_array());
        json_set(j, "claims", json_new_object());
        if (s->decision != NULL)
                set_decision(j, s->decision);
        set_judges(j, s);
        set_evidence(j, s);
        json_set_text(j, "volume", s->pod->volume);
        json_set(j, "pod", pod_to_json(s));
        json_set(j, "credentials", credentials_to_json(s));
        json_set(j, "tree", tree_to_json(s));
        return j;
}

static struct json *digests_to_json(const uint8_t (*digests)[SHA256_LEN], size_t count)
{
        struct json *list = json_new_array();
        for (size_t i = 0; i < count; i++) {
                char text[2 * SHA256_LEN + 1];
                hex_string(SPAN_OF(digests[i]), text);
                AUTO_STRING char *named = alloc_printf("sha256:%s", text);
                json_push(list, json_new_text(span_str(named)));
        }
        return list;
}

struct json *appraisal_to_json(const struct record_source *s, const struct record_appraisal *a)
{
        struct json *j = json_new_object(), *result = json_new_object(), *tree = json_new_array();
        json_set_int(j, "v", 1);
        json_set_int(j, "time", wall_unix_s(s->now));
        json_set_text(j, "decision", "appraised");
        set_judges(j, s);
        set_evidence(j, s);
        json_set_text(result, "audience", a->audience);
        json_set_int(result, "expires", a->expires_unix_s);
        json_set(result, "keys", digests_to_json(a->keys, a->key_count));
        json_set(j, "result", result);
        push_check(tree, 0, "decision", true, "appraised");
        if (s->result_items.len > 0)
                json_push(tree, json_new_written(s->result_items));
        json_set(j, "tree", tree);
        return j;
}

struct json *correction_to_json(const struct pod_request *pod, const char *record, const struct fault *why,
                                struct wall now)
{
        struct json *j = json_new_object();
        json_set_int(j, "v", 1);
        json_set_int(j, "time", wall_unix_s(now));
        json_set_text(j, "decision", "not-issued");
        json_set_text(j, "corrects", record);
        json_set_text(j, "check", fault_token(why));
        json_set_text(j, "reason", fault_text(why));
        if (pod == NULL)
                return j;
        json_set_text(j, "profile", pod->profile);
        json_set_text(j, "volume", pod->volume);
        return j;
}
