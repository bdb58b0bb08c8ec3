/* claims: what a credential says beside its identity. Only what a policy names appears; a value is written in the policy
 * or taken from a fact whose origin may grant. Measurements, keys and machine identifiers stay out of credentials. */
#include "issuer/policy/compiler.h"

#include "lib/model/names.h"
#include "lib/model/wit.h"

#define CLAIM_NAME_MAX 63
#define CLAIM_LIST_MAX 16

/* Registered or ours: RFC 7519 §4.1, RFC 7800 (cnf), RFC 8725 and what issuance itself says. */
static const char *const reserved[] = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "insecure-development"};

static struct fault *check_name(const struct document *d, const struct yaml_node *key)
{
        TRY(name_check(d, key, CLAIM_NAME_MAX));
        for (size_t i = 0; i < COUNT_OF(reserved); i++)
                if (strcmp(key->text, reserved[i]) == 0)
                        return document_fault(d, key, "POLICY_RESERVED", "claim \"%s\" is not a policy's to set",
                                              key->text);
        return NULL;
}

static struct fault *read_scalar(const struct document *d, const struct yaml_node *n, struct json **ret)
{
        bool flag;
        int64_t number;
        TRY(text_check(d, n));
        if (scalar_is_flag(n, &flag))
                *ret = json_new_bool(flag);
        else if (scalar_is_number(n, &number))
                *ret = json_new_int(number);
        else
                *ret = json_new_text(span_str(n->text));
        return NULL;
}

static struct fault *read_list(const struct document *d, const struct yaml_node *list, struct json **ret)
{
        if (list->count == 0 || list->count > CLAIM_LIST_MAX)
                return document_fault(d, list, "POLICY_LIMIT", "a claim's list has 1 to %d texts", CLAIM_LIST_MAX);
        AUTO(json) struct json *texts = json_new_array();
        for (size_t i = 0; i < list->count; i++) {
                TRY(text_check(d, list->items[i]));
                json_push(texts, json_new_text(span_str(list->items[i]->text)));
        }
        *ret = TAKE(texts);
        return NULL;
}

static struct fault *read_source(struct compiler *c, const struct document *d, const struct rule *r,
                                 const struct yaml_node *m, size_t *ret)
{
        static const char *const allowed[] = {"from", NULL};
        TRY(fields_only(d, m, "the claim", allowed));
        const struct yaml_node *n;
        TRY(field_need(d, m, "from", YAML_SCALAR, &n));
        TRY(compile_name(c, d, n, n->text, ret));
        const struct policy_input *input = c->p->names[*ret].input;
        if (input->origin == ORIGIN_NODE || input->origin == ORIGIN_SELF)
                return document_fault(d, n, "POLICY_ORIGIN",
                                      "%s is of origin %s: it may narrow a match, never become a claim", n->text,
                                      origin_name(input->origin));
        if (input->origin == ORIGIN_K8S && !r->k8s_grants)
                return document_fault(d, n, "POLICY_ORIGIN",
                                      "%s is the cluster's word: the rule must say k8s-grants: true", n->text);
        if (input->origin == ORIGIN_SOFTWARE && !r->insecure_development)
                return document_fault(d, n, "POLICY_DEVELOPMENT",
                                      "%s is development evidence: the rule must say insecure-development: true",
                                      n->text);
        if (input->platform || input->kind == FACT_BYTES)
                return document_fault(d, n, "POLICY_CLAIM",
                                      "%s would put a measurement or a machine's identifier into a credential",
                                      n->text);
        return NULL;
}

static struct fault *read_claim(struct compiler *c, const struct document *d, const struct rule *r,
                                const struct yaml_node *key, const struct yaml_node *value, struct claim *ret)
{
        TRY(check_name(d, key));
        ret->name = arena_string(c->p->arena, key->text);
        switch (value->kind) {
        case YAML_SCALAR:
                return read_scalar(d, value, &ret->value);
        case YAML_SEQUENCE:
                return read_list(d, value, &ret->value);
        case YAML_MAPPING:
                break;
        }
        return read_source(c, d, r, value, &ret->from);
}

static bool has_token(const struct rule *r)
{
        for (size_t i = 0; i < r->profile_count; i++)
                for (size_t j = 0; j < r->profiles[i]->shape.slot_count; j++)
                        if (strcmp(r->profiles[i]->shape.slots[j].type, SLOT_TYPE_WIT) == 0)
                                return true;
        return false;
}

/* In a token a claim is named after the trust domain: one that is no name of a host can't keep others from meaning the same. */
static struct fault *check_domain(struct compiler *c, const struct document *d, const struct rule *r,
                                  const struct yaml_node *claims)
{
        if (c->o->trust_domain == NULL || claims->count == 0 || !has_token(r))
                return NULL;
        AUTO_STRING char *name = alloc_printf("%s/claim", c->o->trust_domain);
        if (wit_claim_is_collision_resistant(name))
                return NULL;
        return document_fault(
                d, claims, "POLICY_CLAIM",
                "claims of a token are named after the trust domain, and %s is no host name of two labels",
                c->o->trust_domain);
}

struct fault *compile_claims(struct compiler *c, const struct document *d, struct rule *r)
{
        const struct yaml_node *m;
        TRY(field_want(d, d->spec, "claims", YAML_MAPPING, &m));
        if (m == NULL)
                return NULL;
        if (m->count > POLICY_CLAIMS_MAX)
                return document_fault(d, m, "POLICY_LIMIT", "a workload has at most %d claims", POLICY_CLAIMS_MAX);
        TRY(check_domain(c, d, r, m));
        r->claims = arena_zero(c->p->arena, m->count + 1, sizeof *r->claims);
        for (size_t i = 0; i < m->count; i++) {
                r->claim_count = i + 1; /* even half a claim is the policy's to free */
                TRY(read_claim(c, d, r, m->keys[i], m->items[i], &r->claims[i]));
        }
        return NULL;
}
