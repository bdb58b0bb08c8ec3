#include "lib/net/http_head.h"

#include <stdio.h>
#include <strings.h>

#include "lib/base/parse.h"

#define HEADERS_MAX        64
#define CONTENT_LENGTH_MAX (1ULL << 40) /* only so that it fits; a route's own limit comes after */

struct seen { /* headers that may be there once */
        bool host, content_length, connection_close, connection_keep;
};

static struct fault *bad(const char *what)
{
        return fault(FAULT_INVALID, "BAD_REQUEST", "%s", what);
}

/* ---- characters and pieces ---- */

static bool is_token_char(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_control(uint8_t c)
{
        return c < 0x20 || c == 0x7f;
}

/* Cuts `*rest` at the first `mark`; false when it is not there. */
static bool cut(struct span *rest, uint8_t mark, struct span *ret_before)
{
        const uint8_t *at = rest->len > 0 ? memchr(rest->data, mark, rest->len) : NULL;
        size_t len;

        if (at == NULL)
                return false;
        len = (size_t) (at - rest->data);
        *ret_before = span_slice(*rest, 0, len);
        *rest = span_slice(*rest, len + 1, rest->len - len - 1);
        return true;
}

static struct span trimmed(struct span s)
{
        while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
                s = span_slice(s, 1, s.len - 1);
        while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
                s.len--;
        return s;
}

static bool is_text(struct span s, const char *text)
{
        return s.len == strlen(text) && strncasecmp((const char *) s.data, text, s.len) == 0;
}

static int hex_value(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct fault *percent_decode(struct span text, struct buf *out)
{
        for (size_t i = 0; i < text.len; i++) {
                uint8_t c = text.data[i];

                if (c == '%') {
                        int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
                        int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return fault(FAULT_INVALID, "BAD_ESCAPE", "a %% without two hex digits");
                        c = (uint8_t) (high << 4 | low);
                        i += 2;
                }
                if (is_control(c))
                        return fault(FAULT_INVALID, "BAD_ESCAPE", "a control character");
                TRY(buf_append_byte(out, c));
        }
        return NULL;
}

/* ---- request line ---- */

static struct fault *target_parse(struct span target, struct http_head *ret)
{
        struct span path = target, rest = target;

        if (target.len == 0 || target.data[0] != '/')
                return bad("the target is not a path");
        for (size_t i = 0; i < target.len; i++)
                if (is_control(target.data[i]) || target.data[i] >= 0x80 || target.data[i] == '#')
                        return bad("a character in the target");
        if (cut(&rest, '?', &path))
                TRY(buf_append(&ret->query, rest));
        return percent_decode(path, &ret->path);
}

static struct fault *request_line_parse(struct span line, struct http_head *ret)
{
        struct span method, target;

        if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target))
                return bad("the request line has no three parts");
        if (method.len == 0 || method.len >= sizeof ret->method)
                return bad("the method");
        for (size_t i = 0; i < method.len; i++)
                if (method.data[i] < 'A' || method.data[i] > 'Z')
                        return bad("the method");
        if (line.len != 8 || memcmp(line.data, "HTTP/", 5) != 0)
                return bad("the request line has no version");
        if (!span_eq_str(line, "HTTP/1.1") && !span_eq_str(line, "HTTP/1.0"))
                return fault(FAULT_UNIMPLEMENTED, "HTTP_VERSION", "HTTP/1.1 is spoken here");
        ret->keep_alive = span_eq_str(line, "HTTP/1.1");
        memcpy(ret->method, method.data, method.len);
        return target_parse(target, ret);
}

/* ---- headers ---- */

static struct fault *connection_parse(struct span value, struct seen *seen)
{
        for (bool more = true; more;) {
                struct span option = value;

                more = cut(&value, ',', &option);
                option = trimmed(more ? option : value);
                seen->connection_close |= is_text(option, "close");
                seen->connection_keep |= is_text(option, "keep-alive");
        }
        return NULL;
}

static struct fault *header_take(struct span name, struct span value, struct seen *seen, struct http_head *ret)
{
        if (is_text(name, "host")) {
                if (seen->host)
                        return bad("Host is there twice");
                seen->host = true;
                return NULL;
        }
        if (is_text(name, "content-length")) {
                AUTO(fault) struct fault *number = parse_u64(value, 0, CONTENT_LENGTH_MAX, &ret->content_length);

                if (seen->content_length || number != NULL)
                        return bad("Content-Length is not one number");
                seen->content_length = true;
                return NULL;
        }
        if (is_text(name, "transfer-encoding"))
                return fault(FAULT_UNIMPLEMENTED, "TRANSFER_ENCODING", "a body needs a Content-Length");
        if (is_text(name, "connection"))
                return connection_parse(value, seen);
        if (is_text(name, "expect")) {
                if (!is_text(value, "100-continue"))
                        return bad("Expect is not 100-continue");
                ret->expects_continue = true;
                return NULL;
        }
        if (is_text(name, "if-none-match")) {
                if (ret->has_if_none_match)
                        return bad("If-None-Match is there twice");
                ret->has_if_none_match = true;
                return buf_append(&ret->if_none_match, value);
        }
        return NULL;
}

static struct fault *header_parse(struct span line, struct seen *seen, struct http_head *ret)
{
        struct span name;

        if (!cut(&line, ':', &name) || name.len == 0)
                return bad("a header without a name");
        for (size_t i = 0; i < name.len; i++)
                if (!is_token_char(name.data[i]))
                        return bad("a character in a header's name");
        for (size_t i = 0; i < line.len; i++)
                if (is_control(line.data[i]) && line.data[i] != '\t')
                        return bad("a control character in a header");
        return header_take(name, trimmed(line), seen, ret);
}

/* ---- all of it ---- */

/* The next line without its CRLF. A CR or LF elsewhere ends up inside a line, where it is refused as a control character. */
static bool line_cut(struct span *rest, struct span *ret)
{
        struct span line;

        if (!cut(rest, '\n', &line) || line.len == 0 || line.data[line.len - 1] != '\r')
                return false;
        *ret = span_slice(line, 0, line.len - 1);
        return true;
}

static struct fault *head_parse(struct span text, struct http_head *ret)
{
        struct seen seen = {0};
        struct span line;

        if (!line_cut(&text, &line))
                return bad("a line does not end in CRLF");
        TRY(request_line_parse(line, ret));
        for (size_t count = 0;; count++) {
                if (!line_cut(&text, &line))
                        return bad("a line does not end in CRLF");
                if (line.len == 0)
                        break;
                if (count == HEADERS_MAX)
                        return bad("too many headers");
                TRY(header_parse(line, &seen, ret));
        }
        if (text.len != 0)
                return bad("something after the head");
        if (!seen.host && ret->keep_alive) /* HTTP/1.1, RFC 9112 section 3.2 */
                return bad("there is no Host");
        ret->keep_alive = (ret->keep_alive || seen.connection_keep) && !seen.connection_close;
        return NULL;
}

struct fault *http_head_parse(struct span text, struct http_head *ret)
{
        struct fault *failed;

        *ret = (struct http_head){
                .path = BUF(HTTP_HEAD_MAX), .query = BUF(HTTP_HEAD_MAX), .if_none_match = BUF(HTTP_HEAD_MAX)};
        failed = head_parse(text, ret);
        if (failed != NULL)
                http_head_clear(ret);
        return failed;
}

void http_head_clear(struct http_head *h)
{
        buf_clear(&h->path);
        buf_clear(&h->query);
        buf_clear(&h->if_none_match);
        *h = (struct http_head){0};
}
