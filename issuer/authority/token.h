/* token: a Workload Identity Token from an order's fields, for the signer process alone. What the order may ask for at all is rules.h's to say;
 * here are the claims: a small JSON object, each member a text, a number, a flag or a list of texts, and named after the trust domain
 * ("data-class" of corp.example is "corp.example/data-class"), so that no order can put a registered claim or somebody else's into a token. */
#pragma once

#include "issuer/authority/authority.h"
#include "issuer/authority/token_keys.h"

/* FAULT_DENIED "authority.claims". `ret` (any) gets the compact JWS. */
struct fault *token_build(const struct leaf_order *o, const char *trust_domain, const struct token_key *key,
                          struct wall now, struct buf *ret) MUST_USE;
