/* message: answers of the attester as protobuf frames. Buffers that hold keys are wiped here. */
#pragma once

#include "attester/bundle_cache.h"
#include "attester/order.h"
#include "lib/net/frames.h"
#include "proto/attester.pb-c.h"

void message_send_problem(struct frames_conn *c, uint64_t call, const struct fault *f);
void message_send_acquired(struct frames_conn *c, uint64_t call, const struct delivery *d,
                           const struct bundle_copy *bundle);
void message_send_bundle(struct frames_conn *c, uint64_t call, const struct bundle_copy *bundle);
void message_send_status(struct frames_conn *c, uint64_t call, const Vouchsafe__Attester__V1__Status *status);
