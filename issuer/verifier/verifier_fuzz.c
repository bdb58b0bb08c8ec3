/* Evidence of both kinds, up to the first check that fails: the first byte chooses the kind, the rest is the evidence. The attestation key
 * is the one that the evidence itself names, so that everything before the signature is reached. */
#include "issuer/verifier/verifier.h"

#include <stdio.h>

#include "lib/model/names.h"
#include "lib/model/tpm_evidence.h"
#include "tests/fakes/fuzz.h"

static struct ak_record *record_for(const struct cmw_item *item)
{
        AUTO(tpm_evidence) struct tpm_evidence e = tpm_evidence_new();
        AUTO(buf) struct buf name = BUF(128);
        AUTO(fault) struct fault *f = tpm_evidence_read(buf_span(&item->value), &e);
        if (f == NULL)
                f = verifier_ak_name(item, &name);
        if (f != NULL)
                return NULL;
        struct ak_record *r = NEW(struct ak_record);
        r->name = BUF(128);
        r->public_area = BUF(TPM_PUBLIC_MAX);
        r->ek_not_after_unix_s = INT64_MAX / 1000;
        f = buf_append(&r->public_area, buf_span(&e.ak_public)); /* it has the same limit there */
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        struct cmw_item item = {.value = BUF(EVIDENCE_ITEM_MAX)};
        (void) snprintf(item.type, sizeof(item.type), "%s", data[0] % 2 == 0 ? CMW_TPM_QUOTE : CMW_SOFTWARE); /* fits */
        AUTO(fault) struct fault *f = buf_append(&item.value, span_make(data + 1, size - 1));
        if (f == NULL) {
                AUTO(ak_record) struct ak_record *ak = record_for(&item);
                const struct appraisal in = {.kind = data[0] % 2 == 0 ? EVIDENCE_TPM : EVIDENCE_SOFTWARE,
                                             .evidence = buf_span(&item.value),
                                             .transcript = SPAN("T"),
                                             .ak = ak,
                                             .now = {1795456800000},
                                             .insecure_development = true};
                AUTO(attestation_result) struct attestation_result r = {0};
                f = verifier_appraise(&in, &r);
        }
        buf_clear(&item.value);
        return 0;
}
