/* roots: whom a PCK's chain may end in: Intel, pinned by key, or one of the certificates that this verifier was given as "anchors". Names
 * prove nothing: roots with Intel's name can be had for the asking. Private to this folder. */
#pragma once

#include "lib/crypt/hash.h"

enum tdx_root { TDX_ROOT_NONE, TDX_ROOT_INTEL, TDX_ROOT_CONFIGURED };
/* `spki`: SHA-256 of the root's SubjectPublicKeyInfo; `anchors`: PEM or DER, may be empty. FAULT_INVALID "tdx.root": anchors that can't
 * be read. */
struct fault *tdx_root_find(const uint8_t spki[SHA256_LEN], struct span anchors, enum tdx_root *ret) MUST_USE;
void tdx_root_forget(void); /* what was found before */
