/* signer: the process that holds the CA keys. It answers proto/signer.proto on one SOCK_SEQPACKET descriptor, one call after the other, and
 * ends when that closes. It believes nobody: rules.h and serials.h are applied here. */
#pragma once

#include "issuer/authority/authority.h"
#include "proto/signer.pb-c.h"

#define SIGNER_MESSAGE_MAX (200u * 1024) /* below the default of net.core.wmem_max */
#define SIGNER_ORDERS_MAX  64

/* In the forked child; `socket` is the only descriptor that stays open beside stderr. */
_Noreturn void signer_run(const struct authority_options *o, pid_t parent, int socket);

/* What `in` asks for; borrows from it. A serial of another length becomes zero, which the rules refuse. */
struct leaf_order signer_order(const Vouchsafe__Signer__V1__Order *in);
