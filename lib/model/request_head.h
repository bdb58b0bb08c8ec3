/* request_head: what every request document starts with, and the bound token that some carry. */
#pragma once

#include "lib/base/secret.h"
#include "lib/wire/json.h"

/* {"v","purpose","audience","nonce"}; the caller adds the rest. */
struct json *request_head_new(const char *purpose, const char *audience, struct span nonce);
/* `keys` are all that the document may have. What was read before a fault is in the outputs, for the caller's clear. */
struct fault *request_head_read(const struct json *j, const char *purpose, const char *const *keys, char **ret_audience,
                                struct buf *ret_nonce) MUST_USE;
/* The optional member "token", a compact JWT (RFC 7515, section 3.1); *ret stays NULL when it is missing. */
struct fault *request_token_read(const struct json *o, struct secret **ret) MUST_USE;
