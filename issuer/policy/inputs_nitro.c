/* What a Nitro Enclave's attestation document says. */
#include "issuer/policy/inputs_parts.h"

static const struct policy_input rows[] = {
        {"nitro.debug", FACT_FLAG, ORIGIN_HW, false, 0,
         "Whether the enclave runs in debug mode: PCRs 0 to 2 are zero."},
        {"nitro.module-id", FACT_TEXT, ORIGIN_HW, true, 0,
         "The enclave's own id, with the id of the instance that it runs beside."},
        {"nitro.parent-instance", FACT_BYTES, ORIGIN_HW, true, DIGEST_384,
         "PCR 4, when it is set: SHA-384 of 48 zero bytes and the parent instance's id."},
        {"nitro.parent-role", FACT_BYTES, ORIGIN_HW, true, DIGEST_384,
         "PCR 3, when it is set: SHA-384 of 48 zero bytes and the ARN of the parent instance's IAM role. It names the "
         "owner."},
        {"nitro.pcr.N", FACT_BYTES, ORIGIN_HW, false, DIGEST_384,
         "PCR N: 0 the image, 1 kernel and boot, 2 the application, 8 the image's signing certificate."},
        {"nitro.public-key", FACT_BYTES, ORIGIN_HW, false, DIGEST_256, "SHA-256 of the document's public_key."},
        {"nitro.root", FACT_TEXT, ORIGIN_VERIFIER, false, 0,
         "Whose root it is: `aws`, or `configured` for an anchor of the issuer's configuration."},
        {"nitro.timestamp-ms", FACT_NUMBER, ORIGIN_HW, false, 0,
         "When the document was made, in milliseconds since 1970."},
        {"nitro.user-data", FACT_BYTES, ORIGIN_HW, false, 0, "What the enclave put into user_data."},
};
const struct policy_input_list inputs_nitro = {rows, COUNT_OF(rows)};
