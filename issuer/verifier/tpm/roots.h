/* roots: who is trusted to certify attestation keys without being configured. */
#pragma once

#include "lib/crypt/x509.h"

const struct cert_list *tpm_roots(void); /* parsed once, never freed */
