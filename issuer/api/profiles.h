/* profiles: the shapes of requests as the policy in force has them, told to attesters and held against what they send. */
#pragma once

#include "issuer/api/api.h"
#include "lib/model/request.h"

/* A challenge with a fresh nonce and all profiles, or only the one named. */
void profiles_challenge(const struct api *a, const struct policy *policy, const char *only, struct challenge *ret);
/* What a stale_policy problem carries: {"policy":digest,"profiles":[…]}. */
struct fault *profiles_extra(const struct api *a, const struct policy *policy, struct json **ret) MUST_USE;
/* The pod's slots against its profile: "profile.mechanism" (the profile is for another one), "slots.unknown", "slots.missing",
 * "slot.type" (nothing here issues that type), "slot.algorithm". FAULT_DENIED, of this pod alone. Without such a profile there is nothing to
 * compare: NULL, and the policy's decision refuses it. */
struct fault *profiles_check_pod(const struct policy *policy, const char *mechanism, const struct pod_request *pod,
                                 struct key *const keys[SLOTS_MAX]) MUST_USE;
