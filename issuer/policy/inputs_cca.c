/* What an Arm CCA token says. */
#include "issuer/policy/inputs_parts.h"

static const struct policy_input rows[] = {
        {"cca.platform.component.N", FACT_BYTES, ORIGIN_HW, false, 0,
         "Measurement of the platform's component N, in the order of the token."},
        {"cca.platform.components", FACT_BYTES, ORIGIN_HW, false, DIGEST_256,
         "SHA-256 over the measurements of all components, in the order of the token."},
        {"cca.platform.config", FACT_BYTES, ORIGIN_HW, false, 0,
         "The platform's configuration, as its maker defines it."},
        {"cca.platform.implementation-id", FACT_BYTES, ORIGIN_HW, false, 32,
         "Which implementation of a platform it is."},
        {"cca.platform.instance-id", FACT_BYTES, ORIGIN_HW, true, 33, "Which platform it is."},
        {"cca.platform.key", FACT_BYTES, ORIGIN_HW, true, DIGEST_256,
         "SHA-256 of the SubjectPublicKeyInfo of the platform's key (CPAK) that signed."},
        {"cca.platform.lifecycle", FACT_NUMBER, ORIGIN_HW, false, 0,
         "State of the platform: 0x3000 to 0x30ff is secured."},
        {"cca.platform.profile", FACT_TEXT, ORIGIN_HW, false, 0, "Profile of the platform's claims."},
        {"cca.realm.extensible.N", FACT_BYTES, ORIGIN_HW, false, 0, "Realm extensible measurement N, 0 to 3."},
        {"cca.realm.hash-alg", FACT_TEXT, ORIGIN_HW, false, 0,
         "Hash algorithm of the realm's measurements: `sha-256` or `sha-512`."},
        {"cca.realm.initial", FACT_BYTES, ORIGIN_HW, false, 0,
         "Realm initial measurement: what was in it at its start."},
        {"cca.realm.personalization", FACT_BYTES, ORIGIN_HW, false, 64,
         "Realm personalization value; the host chose it."},
};
const struct policy_input_list inputs_cca = {rows, COUNT_OF(rows)};
