#include "issuer/policy/program.h"

#include <inttypes.h>

#include "lib/base/parse.h"

#define LISTED_MAX 4 /* values of a list that people are shown */

const char *value_text(struct arena *a, const struct value *v)
{
        switch (v->kind) {
        case FACT_NUMBER:
                return arena_printf(a, "%" PRIu64, v->number);
        case FACT_FLAG:
                return v->number != 0 ? "true" : "false";
        case FACT_TEXT:
                return arena_printf(a, "\"%.*s\"", (int) v->bytes.len, (const char *) v->bytes.data);
        case FACT_BYTES:
                break;
        }
        char *hex = arena_zero(a, 2 * v->bytes.len + 1, 1);
        hex_string(v->bytes, hex);
        return hex;
}

static const char *list_text(struct arena *a, const struct node *n, bool canonical)
{
        const char *text = "";
        size_t shown = !canonical && n->value_count > LISTED_MAX ? LISTED_MAX : n->value_count;
        for (size_t i = 0; i < shown; i++)
                text = arena_printf(a, "%s%s%s", text, i == 0 ? "" : ", ", value_text(a, &n->values[i]));
        return shown == n->value_count ? text : arena_printf(a, "%s and %zu more", text, n->value_count - shown);
}

const char *leaf_text(struct arena *a, const struct policy *p, const struct node *n, bool canonical)
{
        if (n->kind == NODE_SET)
                return arena_printf(a, "%sin set %s", n->negated ? "not " : "", n->set->name);
        const char *name = p->names[n->name].text;
        const char *not = n->negated ? "not " : "";
        switch (n->op) {
        case OP_EQ:
                return arena_printf(a, "%s %s %s", name, n->negated ? "!=" : "=", value_text(a, n->values));
        case OP_IN:
                return arena_printf(a, "%s %sone of %s", name, not, list_text(a, n, canonical));
        case OP_PREFIX:
                return arena_printf(a, "%s %sbeginning with %s", name, not, value_text(a, n->values));
        case OP_GTE:
                return arena_printf(a, "%s %s %s", name, n->negated ? "<" : ">=", value_text(a, n->values));
        case OP_LTE:
                return arena_printf(a, "%s %s %s", name, n->negated ? ">" : "<=", value_text(a, n->values));
        case OP_BITS_SET:
                return arena_printf(a, "%s %swith all bits of 0x%" PRIx64, name, not, n->values->number);
        case OP_BITS_CLEAR:
                return arena_printf(a, "%s %swith no bit of 0x%" PRIx64, name, not, n->values->number);
        case OP_IN_SET:
                return arena_printf(a, "%s %sin set %s", name, not, n->set->name);
        case OP_EXISTS:
        case OP_COUNT:
                break;
        }
        return arena_printf(a, "%s %s", name, n->negated ? "absent" : "known");
}
