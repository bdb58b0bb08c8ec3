/* Feeds any bytes to the reader of status.json; what it takes can be written and read again. */
#include <assert.h>

#include "csi/volume/status.h"
#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(volume_status) struct volume_status s = {0}, again = {0};
        struct volume_spec spec = {.id = "v1", .profile = (char[]){"default"}};
        struct volume_problem none = {0};
        enum volume_state state = VOLUME_FRESH;
        AUTO(fault) struct fault *f = volume_status_read(span_make(data, size), "v1", &s, &state);
        if (f != NULL)
                return 0;
        AUTO(buf) struct buf text = BUF(1 << 20);
        AUTO(fault) struct fault *written = volume_status_write(&s, &spec, state, (struct wall){0}, &none, &text);
        assert(written == NULL);
        AUTO(fault) struct fault *read = volume_status_read(buf_span(&text), "v1", &again, &state);
        assert(read == NULL && again.count == s.count && again.generation == s.generation);
        return 0;
}
