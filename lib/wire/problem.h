/* problem: RFC 9457 problem documents, made from faults and read back into them.
 *
 * {"type":"https://vouchsafe.dev/problems/<check>","title":…,"status":403,"detail":<text>,"check":<token>,"code":"PERMISSION_DENIED"}
 * plus "retry_after_s" when the fault has one. Statuses follow the code: INVALID 400, UNAUTHENTICATED 401, DENIED 403,
 * NOT_FOUND 404, ABORTED and EXISTS and PRECONDITION 409, EXHAUSTED 429, UNIMPLEMENTED 501, UNAVAILABLE 503, DEADLINE
 * 504, others 500. */
#pragma once

#include "lib/wire/json.h"

int problem_http_status(enum fault_code code);
struct json *problem_write(const struct fault *f);
/* A document from a peer becomes a fault; what is missing or wrong in it falls back to the status' code and
 * token "PEER_PROBLEM". Never fails: a bad document is a problem as well. `json` may be NULL. */
struct fault *problem_read(int http_status, const struct json *json) MUST_USE;
