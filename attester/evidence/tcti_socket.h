/* tcti_socket: the transport behind "swtpm:path=…" and "swtpm:host=…,port=…": TPM commands as they are over a stream socket.
 *
 * tpm2-tss has a TCTI of that name, but its reads can't be interrupted and can't be polled, and it also wants swtpm's control channel to answer
 * when it connects: a TPM that stops answering would hold a thread for ever. This one connects, sends and receives without
 * blocking, and needs the command channel alone. Locality is the socket's (0). */
#pragma once

#include <sys/socket.h>
#include <tss2/tss2_tcti.h>

#include "lib/base/cancel.h"

struct tcti_address {
        struct sockaddr_storage address;
        socklen_t len;
};
/* True for a string that begins with "swtpm:". */
bool tcti_socket_is_ours(const char *tcti);
/* FAULT_INVALID "evidence.tcti" unless it is path=ABSOLUTE or host=NUMERIC[,port=N] (default 127.0.0.1 and 2321, as swtpm has them). Names
 * are not resolved: the channel is neither encrypted nor authenticated, and belongs on this machine. */
struct fault *tcti_socket_parse(const char *tcti, struct tcti_address *ret) MUST_USE;
/* Connected. FAULT_UNAVAILABLE "tee.gone" when nobody is there. */
struct fault *tcti_socket_open(const struct tcti_address *a, struct cancel *cancel, TSS2_TCTI_CONTEXT **ret) MUST_USE;
void tcti_socket_close(TSS2_TCTI_CONTEXT *context); /* NULL is fine */
