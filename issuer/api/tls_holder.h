/* tls_holder: this server's TLS certificate and key, as their files have them now.
 *
 * Who renews them is somebody else (cert-manager, `vouchsafe-issuer init`): a change of the files, or SIGHUP, puts what is in them before
 * connections to come. A pair that is being written, or doesn't fit, leaves the last good one in force: logged, counted, tried again when the files
 * change once more. The end of the certificate is watched: a warning a day in its last thirty, a metric, and no readiness past it. Thread-safe. */
#pragma once

#include "lib/base/clock.h"
#include "lib/base/fault.h"

struct tls_holder;
struct tls_server;

/* All three are borrowed. Faults: those of reading files and of lib/crypt/tls.h. */
struct fault *tls_holder_new(const char *certificate_path, const char *key_path, const struct clock *clock,
                             struct tls_holder **ret) MUST_USE;
/* The same for clients of a CA alone: a file, read once (lib/crypt/tls.h: tls_server_new_for). */
struct fault *tls_holder_new_for(const char *certificate_path, const char *key_path, const char *client_ca_path,
                                 const struct clock *clock, struct tls_holder **ret) MUST_USE;
struct tls_server *tls_holder_server(struct tls_holder *h);
void tls_holder_watch(struct tls_holder *h);  /* now and then: reads again when a file is another one than before */
void tls_holder_reload(struct tls_holder *h); /* reads again whatever the files look like */
int64_t tls_holder_end_unix_s(struct tls_holder *h);
uint64_t tls_holder_failures(struct tls_holder *h); /* reloads that failed */
/* FAULT_UNAVAILABLE "TLS_EXPIRED", "TLS_NOT_YET_VALID": nobody who connects now would believe it. */
struct fault *tls_holder_check_dates(struct tls_holder *h, struct wall now) MUST_USE;
void tls_holder_free(struct tls_holder *h);
