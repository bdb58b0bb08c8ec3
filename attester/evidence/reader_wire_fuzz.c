/* What an unprivileged process may send to a reader that is root; and what comes back. */
#include "attester/evidence/reader_wire.h"

#include <assert.h>

#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(read_call) struct read_call call = {0}, again = {0};
        AUTO(read_answer) struct read_answer answer = {0};
        AUTO(buf) struct buf frame = BUF(READER_FRAME_MAX), t = BUF(BINDING_T_MAX);
        AUTO(fault) struct fault *f = read_call_read(span_make(data, size), &call);
        if (f == NULL) {
                f = read_call_write(&call, &frame);
                if (f == NULL)
                        f = read_call_read(buf_span(&frame), &again);
                assert(f == NULL && again.what == call.what);
                if (call.what == READ_EVIDENCE)
                        fault_free(binding_write(&call.binding, &t));
        }
        AUTO(fault) struct fault *refused = read_answer_read(span_make(data, size), &answer);
        return 0;
}
