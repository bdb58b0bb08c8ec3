/* init: `vouchsafe-issuer init` makes what is missing: state-dir, the workload root, the TLS CA and the server's certificate, the nonce secret, the
 * Key store's KEK.
 *
 * What is there stays as it is, so it may run at every start of a machine. A key without its certificate, or the inverse, is an error: nothing is
 * guessed about what an operator has lost. Prints a line for each thing, made or found. */
#pragma once

#include "issuer/config.h"
#include "issuer/keystore/keystore.h"
#include "lib/base/clock.h"
#include "lib/base/secret.h"

#define MASTER_FILE "nonce.key" /* in state-dir; replicas share it */

struct fault *issuer_init(const struct issuer_config *c, struct wall now) MUST_USE;
/* The nonce secret, as init made it. "NO_FILE" tells to run init. */
struct fault *init_read_master(const struct issuer_config *c, struct secret **ret) MUST_USE;
/* *ret stays NULL where there is no KEK: init makes one. */
struct fault *init_open_keystore(const struct issuer_config *c, struct store *store, struct keystore **ret) MUST_USE;
struct authority_options;
void init_authority_options(const struct issuer_config *c, struct authority_options *ret);
