/* token_choice: the one bound service-account token that is meant for our issuer, out of kubelet's JSON
 * {"<audience>":{"token":…,"expirationTimestamp":…},…}. Pure. The text holds secrets: no fault quotes it. */
#pragma once

#include "lib/base/secret.h"

/* FAULT_PRECONDITION "TOKEN_AUDIENCE" when there are tokens, but none for `audience`; FAULT_INVALID "TOKEN_JSON" for another shape. */
struct fault *token_choose(struct span json, const char *audience, struct secret **ret_token) MUST_USE;
