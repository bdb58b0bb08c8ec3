/* A peer's byte stream cut into frames. The bytes go through a real socket; what comes out is compared with a cut made here. */
#include "lib/net/frames_conn.h"

#include <assert.h>
#include <endian.h>
#include <sys/socket.h>

#include "tests/fakes/fuzz.h"

struct seen {
        struct span rest; /* of the stream, after the frames that were delivered */
        bool opened, closed;
        char why[32];
};

static void on_open(void *self, struct frames_conn *c)
{
        struct seen *s = self;
        must(!s->opened && frames_peer_uid(c) == getuid());
        s->opened = true;
}

static void on_frame(void *self, struct frames_conn *c UNUSED, struct span frame)
{
        struct seen *s = self;
        uint32_t len;
        must(s->opened && !s->closed && s->rest.len >= sizeof len);
        memcpy(&len, s->rest.data, sizeof len);
        must(be32toh(len) == frame.len && s->rest.len - sizeof len >= frame.len);
        must(span_eq(frame, span_slice(s->rest, sizeof len, frame.len)));
        s->rest = span_slice(s->rest, sizeof len + frame.len, s->rest.len - sizeof len - frame.len);
}

static void on_close(void *self, struct frames_conn *c UNUSED, struct fault *why)
{
        struct seen *s = self;
        must(s->opened && !s->closed);
        s->closed = true;
        if (why != NULL)
                memcpy(s->why, fault_token(why), strnlen(fault_token(why), sizeof s->why - 1));
}

/* Why the connection must have ended with this left over. */
static const char *expected_end(struct span rest)
{
        uint32_t len;
        if (rest.len == 0)
                return "";
        if (rest.len < sizeof len)
                return "FRAME_TRUNCATED";
        memcpy(&len, rest.data, sizeof len);
        return be32toh(len) > FRAME_MAX ? "FRAME_TOO_LARGE" : "FRAME_TRUNCATED";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct seen seen = {.rest = span_make(data, size)};
        const struct frames_events events = {on_open, on_frame, on_close, &seen};
        struct frames_conn *c = NULL;
        int pair[2];
        if (size > 64 * 1024) /* fits into a socket's buffer, so that one thread can be both ends */
                return 0;
        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
        AUTO_CLOSE int peer = pair[0];
        must(send(peer, data, size, MSG_NOSIGNAL) == (ssize_t) size && shutdown(peer, SHUT_WR) == 0);

        AUTO(fault) struct fault *failed = frames_conn_new(pair[1], &events, &c);
        must(failed == NULL);
        bool received = frames_conn_run(c);
        frames_unref(c);
        must(seen.closed && received == (seen.rest.len != size));
        must(strcmp(seen.why, expected_end(seen.rest)) == 0);
        return 0;
}
