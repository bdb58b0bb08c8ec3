/* http_head: the head of an HTTP/1.1 request, parsed strictly (RFC 9112). Private to httpd; pure.
 *
 * Lines end in CRLF, names are tokens, nothing is folded, Host is there once, a length is one number, chunked bodies are not
 * taken: what could be read in two ways is refused. FAULT_INVALID "BAD_REQUEST"; FAULT_UNIMPLEMENTED "HTTP_VERSION" or
 * "TRANSFER_ENCODING"; FAULT_INVALID "BAD_ESCAPE" for a path that can't be decoded. */
#pragma once

#include "lib/base/span.h"

#define HTTP_HEAD_MAX (16u << 10)

struct http_head {
        char method[8];
        struct buf path;  /* decoded; control characters and NUL refused */
        struct buf query; /* raw */
        bool has_if_none_match;
        struct buf if_none_match;
        uint64_t content_length;
        bool keep_alive;
        bool expects_continue;
};

/* `text` ends with the empty line. Empties *ret first; on a fault it is empty. */
struct fault *http_head_parse(struct span text, struct http_head *ret) MUST_USE;
void http_head_clear(struct http_head *h);
DEFINE_AUTO_VALUE(http_head)
/* Appends `text` with its %XX decoded; "BAD_ESCAPE" for a bad one, and for a control character or NUL in what comes out. */
struct fault *percent_decode(struct span text, struct buf *out) MUST_USE;
