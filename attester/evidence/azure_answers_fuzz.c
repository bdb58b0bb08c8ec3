/* What an Azure VM's host answers, over plain HTTP. The first byte chooses. */
#include "attester/evidence/azure_answers.h"

#include "tests/fakes/fuzz.h"

static void certificates(struct span text)
{
        AUTO(buf) struct buf vcek = BUF(AZURE_CERTIFICATE_MAX), chain = BUF(AZURE_CHAIN_MAX);
        AUTO(fault) struct fault *f = azure_certificates_read(text, &vcek, &chain);
        must(f != NULL || (vcek.len > 0 && chain.len > 0));
}

static void quote(struct span text)
{
        AUTO(buf) struct buf bytes = BUF(AZURE_TD_QUOTE_MAX);
        AUTO(fault) struct fault *f = azure_td_quote_read(text, &bytes);
        must((f == NULL) == (bytes.len > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (size == 0)
                return 0;
        struct span text = span_make(data + 1, size - 1);
        if (data[0] == 'c')
                certificates(text);
        else
                quote(text);
        return 0;
}
