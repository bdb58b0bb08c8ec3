/* release: what is different about an issuance when a stored key is released instead of a credential issued: POST /v1/keys/{name}/release,
 * mechanism key-release. Nonce, proof, evidence, token, policy and record are the stages of issuance.h; a Workload must grant the
 * identity as ever, and a KeyRelease of the key's owner must hold as well.
 *
 * Refusals of its own, all FAULT_DENIED: "release.path" (path and request name different keys), "release.wrap" (the wrapping key is not
 * P-256), "profile.mechanism", "slots.unknown", "slot.algorithm", "release.slot", "release.key" (no such key: said only to whom the policy would
 * give it), "release.version", "release.no_policy", "release.owner", "release/<name>", "release.identity" (the Workload grants another identity than
 * the key's), "keys.identity". FAULT_UNIMPLEMENTED "keystore.off". */
#pragma once

#include "issuer/api/issuance.h"

struct fault *release_check_slot(const struct issuance *s, const struct pod_issuance *pod) MUST_USE;
/* Narrows pod->decision; finds the key. */
void release_decide(const struct issuance *s, struct pod_issuance *pod, const struct facts *facts);
/* A version, and a certificate for it that is worth delivering. */
struct fault *release_prepare(const struct issuance *s, const struct pod_issuance *pod) MUST_USE;
/* What a record says beside what every record says. */
void release_describe(const struct issuance *s, const struct pod_issuance *pod, struct json *record);
void release_tell(const struct issuance *s, const struct pod_issuance *pod);
