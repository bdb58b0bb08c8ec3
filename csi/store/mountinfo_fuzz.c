/* Feeds any bytes to the parser of mountinfo, then asks for what it found. */
#include <assert.h>

#include "csi/store/mountinfo.h"
#include "tests/fakes/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        AUTO(mountinfo) struct mountinfo m = {0};
        fault_free(mountinfo_parse(span_make(data, size), &m)); /* m stays empty */
        for (size_t i = 0; i < m.count && i < 16; i++) {
                assert(mountinfo_find(&m, m.entries[i].path, NULL) > 0);
                assert(mountinfo_by_id(&m, m.entries[i].id) != NULL);
        }
        return 0;
}
