/* answer: attester messages turned into what the volumes work with, checked once more: bounds, and that each credential is whole. Pure. */
#pragma once

#include "csi/volume/acquirer.h"
#include "proto/attester.pb-c.h"

struct fault *answer_to_acquired(const Vouchsafe__Attester__V1__Acquired *m, struct acquired *ret) MUST_USE;
struct fault *answer_to_bundle(const Vouchsafe__Attester__V1__Bundle *m, struct trust_bundle *ret) MUST_USE;
/* The fault that a Problem stands for; never NULL. */
struct fault *answer_to_fault(const Vouchsafe__Attester__V1__Problem *m) MUST_USE;
