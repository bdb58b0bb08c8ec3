/* What every request has, whatever the kind of its evidence; and what development evidence says. */
#include "issuer/policy/inputs_parts.h"

static const struct policy_input rows[] = {
        {"evidence.insecure-development", FACT_FLAG, ORIGIN_VERIFIER, false, 0,
         "Whether the evidence is of the development kind, which proves nothing about a machine."},
        {"evidence.kind", FACT_TEXT, ORIGIN_VERIFIER, false, 0,
         "Kind of the evidence: `tpm`, or `software` in development."},
        {"k8s.cluster", FACT_TEXT, ORIGIN_K8S, false, 0,
         "The issuer's own name for the cluster whose key signed the pod's token."},
        {"k8s.namespace", FACT_TEXT, ORIGIN_K8S, false, 0, "Namespace in the pod's bound token."},
        {"k8s.node", FACT_TEXT, ORIGIN_K8S, false, 0,
         "Node in the pod's bound token; it is the node that the attestation key was enrolled for."},
        {"k8s.pod", FACT_TEXT, ORIGIN_K8S, false, 0, "Name of the pod in its bound token."},
        {"k8s.pod-uid", FACT_TEXT, ORIGIN_K8S, false, 0, "UID of the pod in its bound token."},
        {"k8s.service-account", FACT_TEXT, ORIGIN_K8S, false, 0, "Service account in the pod's bound token."},
        {"node.namespace", FACT_TEXT, ORIGIN_NODE, false, 0, "Namespace of the pod as kubelet told the driver."},
        {"node.pod", FACT_TEXT, ORIGIN_NODE, false, 0, "Name of the pod as kubelet told the driver."},
        {"node.pod-uid", FACT_TEXT, ORIGIN_NODE, false, 0, "UID of the pod as kubelet told the driver."},
        {"node.service-account", FACT_TEXT, ORIGIN_NODE, false, 0, "Service account as kubelet told the driver."},
        {"node.volume", FACT_TEXT, ORIGIN_NODE, false, 0, "Handle of the volume that asks."},
        {"software.image", FACT_TEXT, ORIGIN_SOFTWARE, false, 0, "What development evidence says its image is."},
        {"software.instance", FACT_TEXT, ORIGIN_SOFTWARE, true, 0, "What development evidence calls its machine."},
        {"software.key", FACT_BYTES, ORIGIN_SOFTWARE, true, DIGEST_256,
         "SHA-256 of the SubjectPublicKeyInfo that signed the development evidence."},
        {"software.stage", FACT_TEXT, ORIGIN_SOFTWARE, false, 0, "What development evidence says its stage is."},
        {"software.version", FACT_TEXT, ORIGIN_SOFTWARE, false, 0, "What development evidence says its version is."},
        {"verifier.concerns", FACT_TEXT, ORIGIN_VERIFIER, false, 0,
         "Names of the concerns that the evidence gives, sorted as they were met, with blanks between; empty when "
         "there are none."},
        {"verifier.status", FACT_TEXT, ORIGIN_VERIFIER, false, 0,
         "Status of the attestation result: `affirming`, `warning` or `contraindicated`."},
};
const struct policy_input_list inputs_common = {rows, COUNT_OF(rows)};
