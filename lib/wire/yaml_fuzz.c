/* Every node that is accepted is reachable once and has what its kind promises. */
#include "lib/wire/yaml.h"

#include "tests/fakes/fuzz.h"

/* Recursion is bounded by YAML_DEPTH_MAX. */
static void walk(const struct yaml_node *n, unsigned depth)
{
        must(n->line > 0 && n->column > 0 && depth <= YAML_DEPTH_MAX);
        if (n->kind == YAML_SCALAR) {
                must(span_is_utf8(span_str(n->text)) && n->count == 0);
                return;
        }
        for (size_t i = 0; i < n->count; i++) {
                walk(n->items[i], depth + 1);
                if (n->kind == YAML_MAPPING) {
                        walk(n->keys[i], depth + 1);
                        must(yaml_get(n, n->keys[i]->text) == n->items[i]); /* no key twice */
                }
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size > 1u << 16) /* walk() compares keys pair by pair */
                return 0;
        AUTO(yaml) struct yaml *y = NULL;
        AUTO(fault) struct fault *refused = yaml_parse("fuzz", span_make(data, size), &y);
        must((refused == NULL) == (y != NULL));
        for (size_t i = 0; y != NULL && i < yaml_documents(y); i++)
                walk(yaml_document(y, i), 0);
        return 0;
}
