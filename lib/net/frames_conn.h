/* frames_conn: one connection of frames, of either side. Private to frames.
 *
 * A thread of its own runs it (frames_conn_run): reading, and all events. Senders append to a bounded queue and send from it as much as
 * the socket takes at once; the rest is that thread's, so nobody blocks on a slow peer. A peer that lets the queue fill is closed. */
#pragma once

#include "lib/net/frames.h"

/* Takes the fd (connected, non-blocking). One reference, the caller's. `events` is copied. */
struct fault *frames_conn_new(int fd, const struct frames_events *events, struct frames_conn **ret) MUST_USE;
/* on_open, frames, on_close; returns when the connection has ended. True when a frame came in. */
bool frames_conn_run(struct frames_conn *c);
/* Makes it end soon, from any thread. */
void frames_conn_close(struct frames_conn *c);
