#include "issuer/policy/inputs.h"

#include <stdlib.h>

#include "lib/base/parse.h"

#define DIGEST_256 32
#define DIGEST_384 48
#define DIGEST_512 64
#define TEMPLATE   ".N" /* how a name ends that holds a number */

/* Sorted by name (a test checks it): docs/policy-inputs.md is this table. SHA-1 banks are left out on purpose: a second
 * preimage of a measurement must not be somebody's afternoon. */
static const struct policy_input table[] = {
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
        {"tpm.ak", FACT_BYTES, ORIGIN_HW, true, 0, "Name of the attestation key (TPM 2.0 Name: algorithm and digest)."},
        {"tpm.clock-safe", FACT_FLAG, ORIGIN_HW, false, 0,
         "Whether the TPM's clock has not run backwards since it was last reported (TPMS_CLOCK_INFO.safe)."},
        {"tpm.ek", FACT_BYTES, ORIGIN_HW, true, DIGEST_256,
         "SHA-256 of the SubjectPublicKeyInfo of the endorsement key: which TPM this is."},
        {"tpm.ek-issuer", FACT_TEXT, ORIGIN_HW, false, 0,
         "Issuer of the endorsement key's certificate: who made the TPM. Genuine, but not whose it is."},
        {"tpm.firmware-version", FACT_NUMBER, ORIGIN_HW, false, 0, "Firmware version that the TPM reports in a quote."},
        {"tpm.pcr.sha256.N", FACT_BYTES, ORIGIN_HW, false, DIGEST_256, "PCR N of the SHA-256 bank, as quoted."},
        {"tpm.pcr.sha384.N", FACT_BYTES, ORIGIN_HW, false, DIGEST_384, "PCR N of the SHA-384 bank, as quoted."},
        {"tpm.pcr.sha512.N", FACT_BYTES, ORIGIN_HW, false, DIGEST_512, "PCR N of the SHA-512 bank, as quoted."},
        {"tpm.reset-count", FACT_NUMBER, ORIGIN_HW, false, 0, "How often the TPM was reset (machine boots)."},
        {"tpm.restart-count", FACT_NUMBER, ORIGIN_HW, false, 0,
         "How often the TPM was restarted or resumed since its reset."},
        {"verifier.status", FACT_TEXT, ORIGIN_VERIFIER, false, 0,
         "Status of the attestation result: `affirming`, `warning` or `contraindicated`."},
};

const struct policy_input *policy_inputs(size_t *ret_count)
{
        *ret_count = COUNT_OF(table);
        return table;
}

static size_t stem_len(const struct policy_input *input)
{
        size_t len = strlen(input->name);
        bool numbered = len > sizeof TEMPLATE && strcmp(input->name + len - (sizeof TEMPLATE - 1), TEMPLATE) == 0;
        return numbered ? len - 1 : 0; /* with the dot, without the N */
}

static bool fits(const struct policy_input *input, const char *name)
{
        size_t stem = stem_len(input);
        if (stem == 0)
                return strcmp(input->name, name) == 0;
        if (strncmp(input->name, name, stem) != 0)
                return false;
        uint64_t number;
        struct fault *f = parse_u64(span_str(name + stem), 0, POLICY_INPUT_NUMBER_MAX, &number);
        bool ok = f == NULL;
        fault_free(f);
        return ok;
}

const struct policy_input *policy_input_find(const char *name)
{
        for (size_t i = 0; i < COUNT_OF(table); i++)
                if (fits(&table[i], name))
                        return &table[i];
        return NULL;
}

/* Levenshtein's distance, one row at a time; names are short and so is what is compared of the other text. */
#define COMPARED_MAX 64
static size_t distance(const char *a, const char *b)
{
        size_t row[COMPARED_MAX + 1];
        size_t b_len = strnlen(b, COMPARED_MAX);
        for (size_t j = 0; j <= b_len; j++)
                row[j] = j;
        for (size_t i = 0; a[i] != '\0' && i < COMPARED_MAX; i++) {
                size_t corner = row[0];
                row[0] = i + 1;
                for (size_t j = 0; j < b_len; j++) {
                        size_t swap = corner + (a[i] != b[j]);
                        corner = row[j + 1];
                        size_t shift = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
                        row[j + 1] = swap < shift ? swap : shift;
                }
        }
        return row[b_len];
}

const char *policy_input_nearest(const char *name)
{
        const char *nearest = table[0].name;
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < COUNT_OF(table); i++) {
                size_t d = distance(name, table[i].name);
                if (d < best) {
                        best = d;
                        nearest = table[i].name;
                }
        }
        return nearest;
}

/* ---- docs/policy-inputs.md ----------------------------------------------------------------------------------------- */
static const char *const kind_words[] = {
        [FACT_TEXT] = "text", [FACT_NUMBER] = "number", [FACT_FLAG] = "flag", [FACT_BYTES] = "bytes"};
static const char *const kind_operators[] = {[FACT_TEXT] = "`eq` `in` `prefix` `exists`",
                                             [FACT_NUMBER] = "`eq` `in` `gte` `lte` `exists`",
                                             [FACT_FLAG] = "`eq` `exists`",
                                             [FACT_BYTES] = "`eq` `in` `exists`"};

/* Sets hold what evidence proves, not what the cluster or the node says. */
static bool may_be_in_sets(const struct policy_input *input)
{
        return input->origin != ORIGIN_K8S && input->origin != ORIGIN_NODE && input->origin != ORIGIN_SELF;
}

static struct fault *append_row(struct buf *out, const struct policy_input *input)
{
        return buf_printf(out, "| `%s` | %s | %s | %s | %s%s | %s |\n", input->name, kind_words[input->kind],
                          origin_name(input->origin), input->platform ? "yes" : "", kind_operators[input->kind],
                          may_be_in_sets(input) ? " `in_set`" : "", input->help);
}

struct fault *policy_inputs_markdown(struct buf *out)
{
        TRY(buf_append_str(out,
                           "# Inputs of policies\n"
                           "\n"
                           "What a rule may speak of. This page is written from the compiler's own table "
                           "(`issuer/policy/inputs.c`);\n"
                           "a name that is not here is refused. How rules are written: [policy.md](policy.md).\n"
                           "\n"
                           "The origin says who vouches for a value: `hw` is signed by silicon, `verifier` is the "
                           "verifier's own finding,\n"
                           "`k8s` comes from a verified bound service-account token, `node` is the node's word, "
                           "`software` is development evidence,\n"
                           "which proves nothing. *Platform* inputs name one machine or its owner: they are what a "
                           "platform set needs.\n"
                           "\n"));
        TRY(buf_printf(out,
                       "`N` stands for a number from 0 to %d. Bytes are written in hexadecimal; a digest may begin "
                       "with its algorithm (`sha256:`).\n\n",
                       POLICY_INPUT_NUMBER_MAX));
        TRY(buf_append_str(out,
                           "| name | type | origin | platform | operators | meaning |\n|---|---|---|---|---|---|\n"));
        for (size_t i = 0; i < COUNT_OF(table); i++)
                TRY(append_row(out, &table[i]));
        return NULL;
}
