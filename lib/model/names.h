/* names: the words that both sides of a wire must spell alike, and the limits of what travels. Plain data. */
#pragma once

#define VOUCHSAFE_DRIVER_NAME "csi.vouchsafe.dev"
#define VOUCHSAFE_DOMAIN      "vouchsafe.dev"
#define VOUCHSAFE_API_VERSION "vouchsafe.dev/v1" /* of policy documents */
#define WIRE_VERSION          1

#define SLOT_TYPE_X509 "x509"
#define SLOT_TYPE_WIT  "wit"
#define SLOT_TYPE_KEY  "key"

#define MECHANISM_VERIFIER_ISSUED  "verifier-issued"  /* A in the draft */
#define MECHANISM_PASSPORT         "passport"         /* B */
#define MECHANISM_BACKGROUND_CHECK "background-check" /* C, the default */
#define MECHANISM_KEY_RELEASE      "key-release"      /* D */

/* Kinds of evidence, as configurations and policies call them, and what they are called on the wire. All but the first two travel as
 * evidence_parts. */
#define EVIDENCE_TPM        "tpm"
#define EVIDENCE_SOFTWARE   "software"
#define EVIDENCE_SEV_SNP    "sev-snp"
#define EVIDENCE_TDX        "tdx"
#define EVIDENCE_AZ_SEV_SNP "az-sev-snp"
#define EVIDENCE_AZ_TDX     "az-tdx"
#define EVIDENCE_NITRO      "nitro"
#define EVIDENCE_CCA        "cca"
#define EVIDENCE_EVENTLOG                                                                                              \
        "eventlog" /* `vouchsafe appraise` only: a log proves nothing without the registers it replays to */
#define CMW_TPM_QUOTE  "application/vnd.vouchsafe.tpm-quote+json"
#define CMW_SOFTWARE   "application/vnd.vouchsafe.software+json"
#define CMW_SEV_SNP    "application/vnd.vouchsafe.sev-snp+json"
#define CMW_TDX        "application/vnd.vouchsafe.tdx+json"
#define CMW_AZ_SEV_SNP "application/vnd.vouchsafe.az-sev-snp+json"
#define CMW_AZ_TDX     "application/vnd.vouchsafe.az-tdx+json"
#define CMW_NITRO      "application/vnd.vouchsafe.nitro+json"
#define CMW_CCA        "application/vnd.vouchsafe.cca+json"
/* Label of the item in a collection that the others are bound into. */
#define CMW_PRIMARY_LABEL "primary"
/* Kinds of secondary evidence in the binding (protocol.md §1, field 6). */
#define SECONDARY_TPM      1
#define SECONDARY_EVENTLOG 2
#define SECONDARY_CCEL     3

/* Non-critical certificate extension, a UTF8String: the evidence behind this certificate proved nothing. Arcs below 2^31, unlike
 * 2.25.<UUID>: see docs/decisions/0010. */
#define OID_INSECURE_DEVELOPMENT "1.2.840.113556.1.8000.2554.57757.17141.35246.23197.45767.15656255.726218"

#define PATH_CHALLENGE        "/v1/challenge"
#define PATH_ENDORSEMENTS     "/v1/endorsements" /* admin socket */
#define PATH_ATTESTATION_KEYS "/v1/attestation-keys"
#define PATH_ACTIVATE         "/v1/attestation-keys/activate"
#define PATH_CREDENTIALS      "/v1/credentials"
#define PATH_RESULTS          "/v1/results"
#define PATH_BUNDLE           "/v1/bundle"
#define PATH_KEYS             "/v1/keys"            /* the Key store: admin socket, but for … */
#define PATH_RELEASE_TAIL     "/release"            /* PATH_KEYS/{name}/release */
#define PATH_KEYSTORE_REWRAP  "/v1/keystore/rewrap" /* admin socket */

#define BODY_MAX                (1u << 20)
#define EVIDENCE_ITEM_MAX       262144
#define REQUEST_PODS_MAX        64
#define REQUEST_CREDENTIALS_MAX 64 /* over all pods of a request */
#define PROFILES_MAX            256
#define SLOTS_MAX               8
#define NAME_MAX_LEN            63 /* profile, slot, volume handles have their own */
#define VOLUME_ID_MAX           128
#define POD_NAME_MAX            253
#define TOKEN_MAX               16384
#define NONCE_MAX               192 /* decoded bytes */
#define DIGEST_TEXT_MAX         80  /* "sha256:" and hex */
