/* received: facts that came in another verifier's attestation result (lib/model/ear.h), held against the table of inputs before rules see
 * them: the compiler has checked every rule by that table, so a fact must have the type and the origin that the table says. A name that is not in
 * the table is let be: no rule can speak of it, and the verifier may be newer. */
#pragma once

#include "lib/model/facts.h"

/* FAULT_UNAUTHENTICATED "ear.fact_type", "ear.fact_origin", naming the fact. */
struct fault *policy_check_received(const struct facts *f) MUST_USE;
