/* pod: an order as the pod of a request, for every mechanism that sends one. */
#pragma once

#include "attester/acquire/mechanism.h"
#include "lib/model/request.h"

/* All but its credentials. */
void pod_fill(const struct order *o, struct pod_request *p);
/* A slot's public key, with its proof over the nonce in hand. */
struct fault *pod_add_credential(const struct acquisition *a, const char *slot, const struct key *key,
                                 struct pod_request *p) MUST_USE;
