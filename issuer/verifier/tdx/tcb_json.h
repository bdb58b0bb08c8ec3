/* tcb_json: what TCB info and enclave identity have in common. Private to this folder. */
#pragma once

#include "issuer/verifier/tdx/tcb_info.h"
#include "lib/wire/json.h"

/* Hex of exactly `len` bytes, either case. */
struct fault *tcb_json_hex(const struct json *o, const char *key, uint8_t *ret, size_t len) MUST_USE;
struct fault *tcb_json_time(const struct json *o, const char *key, struct wall *ret) MUST_USE;
struct fault *tcb_json_u32(const struct json *o, const char *key, uint32_t max, uint32_t *ret) MUST_USE;
/* tcbStatus, tcbDate, advisoryIDs (may be missing) */
struct fault *tcb_json_verdict(const struct json *level, struct tcb_verdict *ret) MUST_USE;
/* tcbLevels of {"tcb":{"isvsvn"},…}, at least one, sorted */
struct fault *tcb_json_isv_levels(const struct json *o, struct isv_levels *ret) MUST_USE;
void isv_levels_clear(struct isv_levels *l);
/* issueDate, nextUpdate (after it), tcbEvaluationDataNumber */
struct fault *tcb_json_head(const struct json *o, struct wall *ret_issue, struct wall *ret_next,
                            uint32_t *ret_number) MUST_USE;
