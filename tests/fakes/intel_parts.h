/* intel_parts: what the files of intel_pki share. Private to them. */
#pragma once

#include <openssl/evp.h>

#include "tests/fakes/intel_pki.h"

#define INTEL_BUF_MAX ((size_t) 256 * 1024)

void intel_must(bool ok, const char *what);
void intel_append(struct buf *b, struct span s);
void intel_u16(struct buf *b, unsigned v);
void intel_u32(struct buf *b, uint32_t v);
/* r‖s, SHA-256 */
void intel_sign(EVP_PKEY *k, struct span message, uint8_t ret[64]);
void intel_point(const EVP_PKEY *k, uint8_t ret_xy[64]);

void intel_cert_pem(const struct intel_pki *pki, const struct intel_cert *c, const struct intel_pck *pck,
                    struct buf *out); /* appended; `pck` NULL: no such extension */
void intel_crl_der(const struct intel_pki *pki, const struct intel_crl *c, struct buf *out);
void intel_pck_extension(const struct intel_pck *p, struct buf *out);
void intel_quote(const struct intel_pki *pki, const struct intel_platform *p, struct span chain, struct buf *out);
char *intel_default_tcb_info(const struct intel_platform *p, int64_t now_unix_s);
char *intel_default_qe_identity(int64_t now_unix_s);
