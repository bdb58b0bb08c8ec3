/* explain: a rule's checks one by one, for the record and for people. Inside issuer/policy only. */
#pragma once

#include "issuer/policy/eval.h"

/* "guardrail/<name>" or "workload/<name>" with every check below it; of a rule that holds only the first when `*budget` does not
 * reach for all of them, so that a tree stays small enough to be read back. */
struct check *explain_rule(const struct scene *s, const struct rule *r, size_t *budget);
/* What failed first, for a pod author: "wanted …, found … (origin)". Identifiers of machines are not shown. */
char *explain_failure(const struct scene *s, const struct rule *r);
/* Adds "set/entry" for each entry that the rule hit, sorted and once each. */
void explain_references(const struct scene *s, const struct rule *r, struct json **references);
