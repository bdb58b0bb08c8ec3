/* credentials: what a workload changes in the slots of its profiles: a shorter life, DNS names, another identity. */
#include "issuer/policy/compiler.h"

#include <strings.h>

#include "lib/model/names.h"

#define DNS_NAME_MAX  253 /* RFC 1035, section 2.3.4 */
#define DNS_LABEL_MAX 63

static bool is_dns_name(const char *name)
{
        size_t len = strlen(name), label = 0;
        bool numeric = true; /* of the last label: a name that ends in a number could be taken for an address */
        if (len == 0 || len > DNS_NAME_MAX)
                return false;
        for (size_t i = 0; i <= len; i++) {
                char c = name[i];
                if (c == '.' || c == '\0') {
                        if (label == 0 || label > DNS_LABEL_MAX || name[i - 1] == '-')
                                return false;
                        if (c == '\0')
                                return !numeric;
                        label = 0;
                        numeric = true;
                        continue;
                }
                bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'z';
                if (!digit && !letter && (c != '-' || label == 0))
                        return false;
                numeric = numeric && digit;
                label++;
        }
        return false;
}

static struct fault *read_dns(struct compiler *c, const struct document *d, const struct yaml_node *list,
                              struct slot_grant *g)
{
        if (list->count > COUNT_OF(g->dns))
                return document_fault(d, list, "POLICY_LIMIT", "a credential has at most %zu DNS names",
                                      COUNT_OF(g->dns));
        for (size_t i = 0; i < list->count; i++) {
                const struct yaml_node *n = list->items[i];
                TRY(text_check(d, n));
                if (!is_dns_name(n->text))
                        return document_fault(d, n, "POLICY_DNS",
                                              "\"%.80s\" is no DNS name in lower case (no wildcard, no address)",
                                              n->text);
                for (const char *const *own = c->o->reserved_dns; own != NULL && *own != NULL; own++)
                        if (strcasecmp(*own, n->text) == 0)
                                return document_fault(d, n, "POLICY_RESERVED", "%s is the issuer's own name", n->text);
                for (size_t j = 0; j < i; j++)
                        if (strcmp(g->dns[j], n->text) == 0)
                                return document_fault(d, n, "POLICY_DUPLICATE", "%s is there already", n->text);
                g->dns[i] = arena_string(c->p->arena, n->text);
                g->dns_count = i + 1;
        }
        return NULL;
}

/* The slot must be in some profile of the rule, and no profile with it may allow less time, or have it for tokens where it gets DNS names. */
static struct fault *check_slot(const struct document *d, const struct rule *r, const struct yaml_node *key,
                                const struct yaml_node *ttl, const struct yaml_node *dns,
                                const struct yaml_node *identity, const struct slot_grant *g)
{
        bool found = false;
        for (size_t i = 0; i < r->profile_count; i++) {
                const struct profile *p = r->profiles[i];
                for (size_t j = 0; j < p->shape.slot_count; j++) {
                        if (strcmp(p->shape.slots[j].name, g->slot) != 0)
                                continue;
                        found = true;
                        if (identity != NULL && p->shape.slots[j].key[0] != '\0')
                                return document_fault(
                                        d, identity, "POLICY_KEY",
                                        "slot \"%s\" of profile \"%s\" is for a stored key, which has its "
                                        "identity already",
                                        g->slot, p->shape.name);
                        if (dns != NULL && strcmp(p->shape.slots[j].type, SLOT_TYPE_X509) != 0)
                                return document_fault(d, dns, "POLICY_DNS",
                                                      "slot \"%s\" of profile \"%s\" is a %s, which has no DNS names",
                                                      g->slot, p->shape.name, p->shape.slots[j].type);
                        if (g->ttl_s > p->ttl_s[j])
                                return document_fault(d, ttl, "POLICY_TTL",
                                                      "longer than the %llds that profile \"%s\" allows",
                                                      (long long) p->ttl_s[j], p->shape.name);
                }
        }
        if (!found)
                return document_fault(d, key, "POLICY_SLOT", "no profile of this workload has a slot \"%s\"", g->slot);
        return NULL;
}

static struct fault *read_grant(struct compiler *c, const struct document *d, const struct rule *r,
                                const struct yaml_node *key, const struct yaml_node *value, struct slot_grant *g)
{
        static const char *const allowed[] = {"ttl", "dns", "identity", NULL};
        TRY(name_check(d, key, NAME_MAX_LEN));
        TRY(fields_only(d, value, "the credential", allowed));
        g->slot = arena_string(c->p->arena, key->text);
        const struct yaml_node *ttl, *dns, *identity;
        TRY(field_want(d, value, "ttl", YAML_SCALAR, &ttl));
        if (ttl != NULL)
                TRY(compile_ttl(d, ttl, &g->ttl_s));
        TRY(field_want(d, value, "dns", YAML_SEQUENCE, &dns));
        TRY(field_want(d, value, "identity", YAML_SCALAR, &identity));
        if (identity != NULL)
                TRY(compile_identity(c, d, identity, &g->identity));
        TRY(check_slot(d, r, key, ttl, dns, identity, g));
        return dns == NULL ? NULL : read_dns(c, d, dns, g);
}

struct fault *compile_credentials(struct compiler *c, const struct document *d, struct rule *r)
{
        const struct yaml_node *m;
        TRY(field_want(d, d->spec, "credentials", YAML_MAPPING, &m));
        if (m == NULL)
                return NULL;
        r->grants = arena_zero(c->p->arena, m->count + 1, sizeof *r->grants);
        for (size_t i = 0; i < m->count; i++)
                TRY(read_grant(c, d, r, m->keys[i], m->items[i], &r->grants[i]));
        r->grant_count = m->count;
        return NULL;
}
