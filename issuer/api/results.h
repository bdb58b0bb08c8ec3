/* results: what POST /v1/results and those who believe its answers agree on beside the EAR itself.
 *
 * Refusals of the endpoint, beside those of every POST and of evidence: FAULT_DENIED "pop", "results.holder" (the key that the result shall be bound
 * to is not the connection's). */
#pragma once

#define RESULTS_LIFE_S   300 /* as long as the nonce that a result answers */
#define RESULTS_LEEWAY_S 5   /* between the clocks of verifier and authority */

/* Facts of origin verifier: the node that the attestation key was enrolled for. No rule reads them; the authority holds pods' tokens against
 * them, as a verifier in the same process does. */
#define RESULTS_CLUSTER "tpm.enrolled-cluster"
#define RESULTS_NODE    "tpm.enrolled-node"
