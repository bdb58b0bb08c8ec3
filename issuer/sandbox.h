/* sandbox: what the issuer may do. It parses what anybody sends it, so it has no capability (but a low port, when it is told to listen on one), starts
 * nothing, opens no connection over TCP unless endorsements are fetched online (endorsements.online), and sees no files but its state, its policy, and the folders of the files that its configuration names. The signer,
 * which holds the keys, is a process of its own with less still (authority/signer_sandbox.h). */
#pragma once

#include "issuer/config.h"

/* Before the signer is forked: capabilities, for both. */
struct fault *issuer_sandbox_drop(const struct issuer_config *c) MUST_USE;
/* authority_options.shield; `config` is a const struct issuer_config *. After the fork, so that the root's key need not be within our reach: keep it outside
 * state-dir, and it is not. Before the first thread. FAULT_INTERNAL "SANDBOX". */
struct fault *issuer_sandbox_enter(void *config) MUST_USE;
