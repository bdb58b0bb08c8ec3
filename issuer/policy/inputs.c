#include "issuer/policy/inputs_parts.h"

#include <stdlib.h>

#include "lib/base/parse.h"

#define TEMPLATE ".N" /* how a name ends that holds a number */

/* docs/policy-inputs.md is these lists, in this order. */
static const struct policy_input_list *const lists[] = {&inputs_common,   &inputs_tpm,  &inputs_snp,
                                                        &inputs_eventlog, &inputs_ccel, &inputs_azure,
                                                        &inputs_nitro,    &inputs_cca,  &inputs_tdx};

const struct policy_input *policy_input_at(size_t index)
{
        for (size_t i = 0; i < COUNT_OF(lists); i++) {
                if (index < lists[i]->count)
                        return &lists[i]->rows[index];
                index -= lists[i]->count;
        }
        return NULL;
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
        const struct policy_input *input;
        for (size_t i = 0; (input = policy_input_at(i)) != NULL; i++)
                if (fits(input, name))
                        return input;
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
        const struct policy_input *input;
        const char *nearest = "";
        size_t best = SIZE_MAX;
        for (size_t i = 0; (input = policy_input_at(i)) != NULL; i++) {
                size_t d = distance(name, input->name);
                if (d < best) {
                        best = d;
                        nearest = input->name;
                }
        }
        return nearest;
}

/* ---- docs/policy-inputs.md ----------------------------------------------------------------------------------------- */
static const char *const kind_words[] = {
        [FACT_TEXT] = "text", [FACT_NUMBER] = "number", [FACT_FLAG] = "flag", [FACT_BYTES] = "bytes"};
static const char *const kind_operators[] = {[FACT_TEXT] = "`eq` `in` `prefix` `exists`",
                                             [FACT_NUMBER] = "`eq` `in` `gte` `lte` `bits_set` `bits_clear` `exists`",
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
        const struct policy_input *input;
        for (size_t i = 0; (input = policy_input_at(i)) != NULL; i++)
                TRY(append_row(out, input));
        TRY(buf_append_str(out,
                           "\n## Concerns\n\n"
                           "States of a genuine machine that few want. Evidence with one of them is denied, unless "
                           "a guardrail `tolerates` it by this name.\n\n"
                           "| concern | meaning |\n|---|---|\n"));
        const char *concern, *help;
        for (size_t i = 0; (concern = policy_concern_at(i, &help)) != NULL; i++)
                TRY(buf_printf(out, "| `%s` | %s |\n", concern, help));
        return NULL;
}
