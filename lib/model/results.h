/* results: asking a verifier for an attestation result, and the answer (protocol.md §3, mechanism passport).
 *
 * R: {"v":1,"purpose":"results","audience","nonce": both the verifier's,"for":{"audience","nonce"}: who shall believe the result, and its
 * nonce,"holder":SPKI of the TLS client key,"keys":[{"spki","pop"}]}: the keys that credentials will be asked for, each with its proof over the
 * verifier's nonce and audience. Evidence is over all of it, so a result can't be for other keys or another believer than the TEE meant.
 * Reply: {"v":1,"time","nonce","result"}: the EAR (ear.h); it answers the believer's nonce.
 *
 * Refusals: those of request.h, and FAULT_INVALID "DUPLICATE_KEY". */
#pragma once

#include "lib/model/ear.h"
#include "lib/model/request.h"

struct results_request {
        char *audience;
        struct buf nonce;
        char *for_audience;
        struct buf for_nonce, holder;
        size_t key_count;
        struct {
                struct buf spki, pop;
        } keys[EAR_KEYS_MAX];
};
struct fault *results_request_write(const struct results_request *r, struct buf *out) MUST_USE;
struct fault *results_request_read(struct span bytes, struct results_request *ret) MUST_USE;
void results_request_clear(struct results_request *r);
DEFINE_AUTO_VALUE(results_request)

struct results_reply {
        int64_t time_unix_s;
        struct buf nonce;
        char *result;
};
struct fault *results_reply_write(const struct results_reply *r, struct buf *out) MUST_USE;
struct fault *results_reply_read(struct span body, struct results_reply *ret) MUST_USE;
void results_reply_clear(struct results_reply *r);
DEFINE_AUTO_VALUE(results_reply)
