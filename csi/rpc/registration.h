/* registration: how kubelet learns of us, without a sidecar.
 *
 * A second gRPC socket in kubelet's plugins_registry answers GetInfo and NotifyRegistrationStatus. Kubelet watches that directory; it
 * dials, asks, calls NodeGetInfo on the endpoint, and tells how it went. When the socket file vanishes (somebody cleans the
 * directory, kubelet moves its root) or kubelet refuses us, the socket is taken down and made anew, after a pause that doubles up to
 * a minute for refusals. The watching thread sleeps in inotify, it does not poll. */
#pragma once

#include "lib/base/clock.h"
#include "lib/base/fault.h"

struct registration;
struct registration_options {
        const char *registry_dir; /* of kubelet */
        const char *endpoint;     /* CSI socket as kubelet sees it, a plain path */
        const struct clock *clock;
};
struct fault *registration_start(const struct registration_options *o, struct registration **ret) MUST_USE;
/* True between NotifyRegistrationStatus(true) and the next loss. */
bool registration_is_done(struct registration *r);
/* Removes the socket: kubelet deregisters the driver. NULL is fine. */
void registration_stop(struct registration *r);
