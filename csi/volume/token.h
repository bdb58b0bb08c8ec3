/* token: how long a pod's bound service-account token lives. Read without verifying: the issuer verifies; here it only decides whether
 * asking makes sense. */
#pragma once

#include "lib/base/secret.h"

/* "exp" of the claims; INT64_MAX when there is none to be found: the issuer will tell. */
int64_t token_expiry_unix_s(const struct secret *token);
