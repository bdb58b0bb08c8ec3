/* issue: what mechanisms have in common whose keys are made here and whose credentials the issuer signs: keys for all slots, one request for all
 * pods, and a reply of which each pod's part is checked before it is answered. What proves the place to the issuer is the mechanism's own. */
#pragma once

#include "attester/acquire/mechanism.h"

/* Sends R, with what proves it; `orders` may have holes. */
typedef struct fault *issue_send(const struct acquisition *a, struct order *const *orders, size_t count, struct span r,
                                 struct cancel *cancel, struct http_reply *ret);
/* As mechanism.acquire. */
struct fault *issue_acquire(const struct acquisition *a, struct order **orders, size_t count, issue_send *send,
                            struct cancel *cancel) MUST_USE;
