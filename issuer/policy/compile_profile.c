#include "issuer/policy/compiler.h"

#include <stdio.h>

#include "lib/base/parse.h"
#include "lib/model/names.h"

/* What this version can issue; a new mechanism, type or algorithm is a word here. */
static const char *const mechanisms[] = {MECHANISM_BACKGROUND_CHECK, MECHANISM_PASSPORT, MECHANISM_KEY_RELEASE, NULL};
static const char *const slot_types[] = {SLOT_TYPE_X509, SLOT_TYPE_WIT, NULL};
static const char *const algorithms[] = {"p256", "p384", "rsa3072", NULL};
static const char *const wit_algorithms[] = {"p256", NULL}; /* ES256: the one that every reader of tokens must know */

static struct fault *check_word(const struct document *d, const struct yaml_node *at, const char *what,
                                const char *const *words)
{
        AUTO(buf) struct buf allowed = BUF(256);
        for (size_t i = 0; words[i] != NULL; i++) {
                if (at->kind == YAML_SCALAR && strcmp(at->text, words[i]) == 0)
                        return NULL;
                TRY(buf_printf(&allowed, "%s%s", i == 0 ? "" : ", ", words[i]));
        }
        return document_fault(d, at, "POLICY_VALUE", "%s \"%.80s\" is not one of: %s", what,
                              at->kind == YAML_SCALAR ? at->text : "", buf_str(&allowed));
}

struct fault *compile_ttl(const struct document *d, const struct yaml_node *at, int64_t *ret_s)
{
        int64_t ms;
        if (at->kind != YAML_SCALAR ||
            !succeeded(parse_duration_ms(span_str(at->text), (int64_t) POLICY_TTL_MIN_S * 1000,
                                         (int64_t) POLICY_TTL_MAX_S * 1000, &ms)) ||
            ms % 1000 != 0)
                return document_fault(d, at, "POLICY_TTL", "a ttl is whole seconds from %ds to %dh, such as 1h",
                                      POLICY_TTL_MIN_S, POLICY_TTL_MAX_S / 3600);
        *ret_s = ms / 1000;
        return NULL;
}

static struct fault *read_algorithms(const struct document *d, const struct yaml_node *slot, struct slot *s)
{
        const char *const *known = strcmp(s->type, SLOT_TYPE_WIT) == 0 ? wit_algorithms : algorithms;
        const struct yaml_node *list;
        TRY(field_need(d, slot, "algorithms", YAML_SEQUENCE, &list));
        if (list->count == 0 || list->count > COUNT_OF(s->algorithms))
                return document_fault(d, list, "POLICY_LIMIT", "a slot has 1 to %zu algorithms",
                                      COUNT_OF(s->algorithms));
        for (size_t i = 0; i < list->count; i++) {
                TRY(check_word(d, list->items[i], "algorithm", known));
                for (size_t j = 0; j < i; j++)
                        if (strcmp(s->algorithms[j], list->items[i]->text) == 0)
                                return document_fault(d, list->items[i], "POLICY_DUPLICATE",
                                                      "algorithm %s is there already", s->algorithms[j]);
                (void) snprintf(s->algorithms[i], sizeof s->algorithms[i], "%s", list->items[i]->text);
                s->algorithm_count = i + 1;
        }
        return NULL;
}

/* By key-release every slot names the stored key that it is for, by other mechanisms none does. */
static struct fault *read_key(const struct document *d, const struct yaml_node *slot, const struct profile *p,
                              struct slot *s)
{
        const struct yaml_node *n;
        TRY(field_want(d, slot, "key", YAML_SCALAR, &n));
        bool is_release = strcmp(p->shape.mechanism, MECHANISM_KEY_RELEASE) == 0;
        if (is_release != (n != NULL))
                return document_fault(d, n != NULL ? n : slot, "POLICY_KEY",
                                      is_release ? "a slot of mechanism key-release names its key"
                                                 : "a slot has a key by mechanism key-release alone");
        if (n == NULL)
                return NULL;
        if (strcmp(s->type, SLOT_TYPE_X509) != 0)
                return document_fault(d, n, "POLICY_KEY",
                                      "a stored key comes with a certificate: type " SLOT_TYPE_X509);
        TRY(name_check(d, n, NAME_MAX_LEN));
        (void) snprintf(s->key, sizeof s->key, "%s", n->text);
        return NULL;
}

static struct fault *read_slot(const struct document *d, const struct yaml_node *at, struct profile *p)
{
        static const char *const allowed[] = {"name", "type", "algorithms", "ttl", "key", NULL};
        TRY(fields_only(d, at, "the slot", allowed));
        struct slot *s = &p->shape.slots[p->shape.slot_count];
        const struct yaml_node *n;

        TRY(field_need(d, at, "name", YAML_SCALAR, &n));
        TRY(name_check(d, n, NAME_MAX_LEN));
        for (size_t i = 0; i < p->shape.slot_count; i++)
                if (strcmp(p->shape.slots[i].name, n->text) == 0)
                        return document_fault(d, n, "POLICY_DUPLICATE", "slot \"%s\" is there already", n->text);
        (void) snprintf(s->name, sizeof s->name, "%s", n->text);
        TRY(field_need(d, at, "type", YAML_SCALAR, &n));
        TRY(check_word(d, n, "type", slot_types));
        (void) snprintf(s->type, sizeof s->type, "%s", n->text);
        TRY(read_key(d, at, p, s));
        TRY(read_algorithms(d, at, s));
        TRY(field_need(d, at, "ttl", YAML_SCALAR, &n));
        TRY(compile_ttl(d, n, &p->ttl_s[p->shape.slot_count]));
        p->shape.slot_count++;
        return NULL;
}

struct fault *compile_profile(struct compiler *c, const struct document *d, struct profile *ret)
{
        static const char *const allowed[] = {"mechanism", "slots", NULL};
        TRY(fields_only(d, d->spec, "the spec of a Profile", allowed));
        struct profile p = {.owner = arena_string(c->p->arena, d->owner)};
        (void) snprintf(p.shape.name, sizeof p.shape.name, "%s", d->name);
        (void) snprintf(p.shape.mechanism, sizeof p.shape.mechanism, "%s", mechanisms[0]);

        const struct yaml_node *n;
        TRY(field_want(d, d->spec, "mechanism", YAML_SCALAR, &n));
        if (n != NULL) {
                TRY(check_word(d, n, "mechanism", mechanisms));
                (void) snprintf(p.shape.mechanism, sizeof p.shape.mechanism, "%s", n->text);
        }
        TRY(field_need(d, d->spec, "slots", YAML_SEQUENCE, &n));
        if (n->count == 0 || n->count > SLOTS_MAX)
                return document_fault(d, n, "POLICY_LIMIT", "a profile has 1 to %d slots", SLOTS_MAX);
        for (size_t i = 0; i < n->count; i++)
                TRY(read_slot(d, n->items[i], &p));
        *ret = p;
        return NULL;
}
