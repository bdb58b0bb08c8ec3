/* call: what the node plugin asks for, checked and turned into an order. Pure.
 *
 * Orders of several pods ride in one request, and the issuer refuses a whole request for one part that it can't read: what it could not
 * read is refused here, so that it fails alone. */
#pragma once

#include "attester/order.h"
#include "proto/attester.pb-c.h"

/* FAULT_INVALID "CALL" for a text that is missing or too long, FAULT_UNAUTHENTICATED "token.malformed" for a token that is no JWT. Deadline
 * and `done` are the caller's to set. */
struct fault *call_to_order(const Vouchsafe__Attester__V1__Acquire *m, struct order **ret) MUST_USE;
