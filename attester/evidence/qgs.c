#include "attester/evidence/qgs.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "lib/base/reader.h"

#define VERSION_MAJOR  1
#define VERSION_MINOR  1
#define TYPE_REQUEST   0
#define TYPE_RESPONSE  1
#define HEADER_LEN     16
#define SIZES_LEN      8 /* two sizes behind the header */
#define LENGTH_LEN     4 /* before each message */
#define REQUEST_MAX    (LENGTH_LEN + HEADER_LEN + SIZES_LEN + 1024)
#define POLL_SLICE_MS  50 /* how soon a cancel is seen */
#define CODE_NO_MEMORY 0x12002u

/* ---- messages ---- */

struct fault *qgs_request_write(struct span report, struct buf *out)
{
        TRY(buf_append_u32le(out, VERSION_MAJOR | (uint32_t) VERSION_MINOR << 16));
        TRY(buf_append_u32le(out, TYPE_REQUEST));
        TRY(buf_append_u32le(out, (uint32_t) (HEADER_LEN + SIZES_LEN + report.len)));
        TRY(buf_append_u32le(out, 0)); /* error */
        TRY(buf_append_u32le(out, (uint32_t) report.len));
        TRY(buf_append_u32le(out, 0)); /* no ids */
        return buf_append(out, report);
}

/* qgs_msg_error_t */
static struct fault *refused(uint32_t code)
{
        static const char *const names[] = {"unexpected error",     "out of memory", "invalid parameter",
                                            "unrecognised version", "invalid type",  "invalid size",
                                            "invalid error code"};
        const uint32_t first = 0x12001;
        bool is_known = code >= first && code - first < COUNT_OF(names);
        const char *name = is_known ? names[code - first] : "an error of its own";
        if (code == CODE_NO_MEMORY)
                return fault(FAULT_UNAVAILABLE, "tee.busy", "the quote generation service says %#x: %s", code, name);
        if (!is_known || code == first)
                return fault(FAULT_UNAVAILABLE, "tee.host", "the quote generation service says %#x: %s", code, name);
        return fault(FAULT_INTERNAL, "tee.refused", "the quote generation service says %#x: %s", code, name);
}

static struct fault *no_response(const char *what)
{
        return fault(FAULT_UNAVAILABLE, "tee.blob", "what came is no response of a quote generation service: %s", what);
}

static struct fault *read_header(struct reader *r)
{
        uint16_t major, minor;
        uint32_t type, size, error;
        TRY(reader_u16le(r, &major));
        TRY(reader_u16le(r, &minor)); /* minor versions are compatible, says the library */
        TRY(reader_u32le(r, &type));
        TRY(reader_u32le(r, &size));
        TRY(reader_u32le(r, &error));
        if (major != VERSION_MAJOR)
                return no_response("another version");
        if (type != TYPE_RESPONSE)
                return no_response("an answer to something else");
        if (size != r->input.len)
                return no_response("its size is not its length");
        return error == 0 ? NULL : refused(error);
}

static struct fault *read_response(struct reader *r, struct span *ret_quote)
{
        uint32_t id_size, quote_size;
        struct span quote;
        TRY(read_header(r));
        TRY(reader_u32le(r, &id_size));
        TRY(reader_u32le(r, &quote_size));
        if (id_size > QGS_ID_MAX || quote_size == 0 || quote_size > QGS_QUOTE_MAX)
                return no_response("no quote, or too much of one");
        TRY(reader_skip(r, id_size));
        TRY(reader_span(r, quote_size, &quote));
        TRY(reader_end(r));
        *ret_quote = quote;
        return NULL;
}

struct fault *qgs_response_read(struct span response, struct span *ret_quote)
{
        struct reader r = READER(response);
        AUTO(fault) struct fault *f = read_response(&r, ret_quote);
        return f == NULL || strncmp(fault_token(f), "tee.", 4) == 0 ? TAKE(f) : no_response(fault_text(f));
}

/* ---- the exchange ---- */

struct exchange {
        int fd;
        struct boot until;
        struct cancel *cancel;
};

static struct fault *gone(int error)
{
        return error == 0 ? fault(FAULT_UNAVAILABLE, "tee.host", "the quote generation service hung up")
                          : fault_errno(FAULT_UNAVAILABLE, "tee.host", error, "the quote generation service");
}

static struct fault *wait_for(const struct exchange *e, short events)
{
        for (;;) {
                TRY(cancel_check(e->cancel));
                if (clock_boot(&clock_system).ms >= e->until.ms)
                        return fault(FAULT_UNAVAILABLE, "tee.timeout",
                                     "the quote generation service does not answer in time");
                struct pollfd p = {.fd = e->fd, .events = events};
                if (poll(&p, 1, (int) cancel_left_ms(e->cancel, POLL_SLICE_MS)) > 0)
                        return NULL; /* an error shows at the next send or recv */
        }
}

static struct fault *send_all(const struct exchange *e, struct span bytes)
{
        for (size_t at = 0; at < bytes.len;) {
                TRY(wait_for(e, POLLOUT));
                ssize_t n = send(e->fd, bytes.data + at, bytes.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n >= 0)
                        at += (size_t) n;
                else if (errno != EAGAIN && errno != EINTR)
                        return gone(errno);
        }
        return NULL;
}

static struct fault *receive_all(const struct exchange *e, uint8_t *to, size_t len)
{
        for (size_t at = 0; at < len;) {
                TRY(wait_for(e, POLLIN));
                ssize_t n = recv(e->fd, to + at, len - at, MSG_DONTWAIT);
                if (n > 0)
                        at += (size_t) n;
                else if (n == 0)
                        return gone(0);
                else if (errno != EAGAIN && errno != EINTR)
                        return gone(errno);
        }
        return NULL;
}

static struct fault *send_request(const struct exchange *e, struct span report)
{
        AUTO(buf) struct buf message = BUF(REQUEST_MAX);
        TRY(buf_append_u32be(&message, (uint32_t) (HEADER_LEN + SIZES_LEN + report.len)));
        TRY(qgs_request_write(report, &message));
        return send_all(e, buf_span(&message));
}

static struct fault *receive_response(const struct exchange *e, struct buf *out)
{
        uint8_t prefix[LENGTH_LEN], *room;
        uint32_t len;
        TRY(receive_all(e, prefix, sizeof prefix));
        struct reader r = READER(SPAN_OF(prefix));
        TRY(reader_u32be(&r, &len));
        if (len < HEADER_LEN || len > QGS_RESPONSE_MAX)
                return fault(FAULT_UNAVAILABLE, "tee.blob", "the quote generation service announces %u bytes", len);
        TRY(buf_grow(out, len, &room));
        return receive_all(e, room, len);
}

struct fault *qgs_quote(int fd, struct span report, int64_t patience_ms, struct cancel *cancel, struct buf *ret_quote)
{
        const struct exchange e = {fd, {clock_boot(&clock_system).ms + patience_ms}, cancel};
        AUTO(buf) struct buf response = BUF(QGS_RESPONSE_MAX);
        struct span quote = SPAN_NONE;
        TRY(send_request(&e, report));
        TRY(receive_response(&e, &response));
        TRY(qgs_response_read(buf_span(&response), &quote));
        return buf_append(ret_quote, quote);
}
