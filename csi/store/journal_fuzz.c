/* Feeds any bytes to the reader of journal records; what it takes must come out the same when written again. */
#include <assert.h>

#include "csi/store/journal.h"
#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(journal_record) struct journal_record r = {0}, again = {0};
        AUTO(fault) struct fault *f = journal_record_read(span_make(data, size), &r);
        if (f != NULL)
                return 0;
        AUTO(buf) struct buf bytes = BUF(2 * JOURNAL_RECORD_MAX);
        AUTO(fault) struct fault *written = journal_record_write(&r, &bytes);
        assert(written == NULL);
        AUTO(fault) struct fault *read = journal_record_read(buf_span(&bytes), &again);
        assert(read == NULL && strcmp(r.spec.target_path, again.spec.target_path) == 0);
        return 0;
}
