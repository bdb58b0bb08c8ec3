/* eval: conditions against facts. Inside issuer/policy only; pure and bounded by the compiled program. A scene
 * belongs to one thread: it remembers which entry of a set fits, since many rules ask that of the same set.
 *
 * A fact counts when it has the type and the origin that the table of inputs gives it, or the origin software in a rule that says
 * insecure-development. Whatever doesn't count is unknown, and an unknown value fails a check and its opposite alike. */
#pragma once

#include "issuer/policy/program.h"

struct scene {
        const struct policy *p;
        const struct fact *facts[FACTS_MAX]; /* by the program's names; NULL: unknown */
        struct set_memo *memo;               /* by set and by whether the rule takes development evidence */
        struct wall now;
        bool development; /* some of it is development evidence */
};
void scene_fill(struct scene *s, const struct policy *p, const struct facts *facts, struct wall now);
void scene_clear(struct scene *s);
DEFINE_AUTO_VALUE(scene)

/* NULL when it doesn't count in this rule. */
const struct fact *scene_fact(const struct scene *s, const struct rule *r, size_t name);
/* With `granting` leaves that may only narrow are true. */
bool node_holds(const struct scene *s, const struct rule *r, const struct node *n, bool granting);
bool rule_holds(const struct scene *s, const struct rule *r, bool granting);
/* How many leaves at least would have to turn for the condition to hold. */
size_t node_misses(const struct scene *s, const struct rule *r, const struct node *n);
/* The usable entry that a leaf over a set hits; NULL: none. */
const struct set_entry *node_entry(const struct scene *s, const struct rule *r, const struct node *n);
struct value value_of(const struct fact *f); /* borrows */
