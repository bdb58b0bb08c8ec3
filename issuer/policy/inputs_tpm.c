/* What a TPM's quote says. SHA-1 banks are left out on purpose: a second preimage of a measurement must not be somebody's afternoon. */
#include "issuer/policy/inputs_parts.h"

static const struct policy_input rows[] = {
        {"tpm.ak", FACT_BYTES, ORIGIN_HW, true, 0, "Name of the attestation key (TPM 2.0 Name: algorithm and digest)."},
        {"tpm.ak-issuer", FACT_TEXT, ORIGIN_HW, false, 0,
         "Issuer of the attestation key's certificate, where a certificate is why the key is trusted."},
        {"tpm.ak-key", FACT_BYTES, ORIGIN_HW, true, DIGEST_256,
         "SHA-256 of the SubjectPublicKeyInfo of the attestation key."},
        {"tpm.ak-trust", FACT_TEXT, ORIGIN_VERIFIER, false, 0,
         "Why the attestation key is trusted: `enrolled`, `certificate`, `anchor`, or `hcl` (Azure's paravisor vouches "
         "for it)."},
        {"tpm.clock-safe", FACT_FLAG, ORIGIN_HW, false, 0,
         "Whether the TPM's clock has not run backwards since it was last reported (TPMS_CLOCK_INFO.safe)."},
        {"tpm.ek", FACT_BYTES, ORIGIN_HW, true, DIGEST_256,
         "SHA-256 of the SubjectPublicKeyInfo of the endorsement key: which TPM this is."},
        {"tpm.ek-issuer", FACT_TEXT, ORIGIN_HW, false, 0,
         "Issuer of the endorsement key's certificate: who made the TPM. Genuine, but not whose it is."},
        {"tpm.firmware-version", FACT_NUMBER, ORIGIN_HW, false, 0, "Firmware version that the TPM reports in a quote."},
        {"tpm.gce-instance", FACT_NUMBER, ORIGIN_HW, true, 0,
         "Number of the Compute Engine instance in the attestation key's certificate."},
        {"tpm.gce-instance-name", FACT_TEXT, ORIGIN_HW, false, 0, "Name of that instance."},
        {"tpm.gce-project", FACT_TEXT, ORIGIN_HW, true, 0, "Id of the project that the instance belongs to."},
        {"tpm.gce-project-number", FACT_NUMBER, ORIGIN_HW, true, 0, "Number of that project."},
        {"tpm.gce-zone", FACT_TEXT, ORIGIN_HW, false, 0, "Zone of that instance."},
        {"tpm.pcr.sha256.N", FACT_BYTES, ORIGIN_HW, false, DIGEST_256, "PCR N of the SHA-256 bank, as quoted."},
        {"tpm.pcr.sha384.N", FACT_BYTES, ORIGIN_HW, false, DIGEST_384, "PCR N of the SHA-384 bank, as quoted."},
        {"tpm.pcr.sha512.N", FACT_BYTES, ORIGIN_HW, false, DIGEST_512, "PCR N of the SHA-512 bank, as quoted."},
        {"tpm.reset-count", FACT_NUMBER, ORIGIN_HW, false, 0, "How often the TPM was reset (machine boots)."},
        {"tpm.restart-count", FACT_NUMBER, ORIGIN_HW, false, 0,
         "How often the TPM was restarted or resumed since its reset."},
};
const struct policy_input_list inputs_tpm = {rows, COUNT_OF(rows)};
