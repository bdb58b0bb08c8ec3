/* golden: published documents (tests/vectors/protocol), and nearly right copies of them. Unit tests run in the root of
 * the repository. */
#pragma once

#include <stdio.h>

#include "lib/base/file.h"
#include "tests/fakes/expect.h"

/* The document without the newline at its end. The caller frees it. */
static inline char *golden_read(const char *name)
{
        AUTO_STRING char *path = alloc_printf("tests/vectors/protocol/%s", name);
        AUTO(buf) struct buf text = BUF(1u << 20);
        expect_ok(file_read(path, &text));
        assert_true(text.len > 1 && text.data[text.len - 1] == '\n');
        buf_truncate(&text, text.len - 1);
        return span_to_string(buf_span(&text));
}

/* `text` with its first `from` replaced by `to`. A row that changes nothing is a mistake of the test. */
static inline char *golden_edit(const char *text, const char *from, const char *to, const char *row)
{
        const char *at = strstr(text, from);
        if (at == NULL)
                fail_msg("%s: \"%s\" is not in the document", row, from);
        return alloc_printf("%.*s%s%s", (int) (at - text), text, to, at + strlen(from));
}

struct golden_row {
        const char *name, *from, *to, *token;
};
