/* decode: any evidence, certificate or token as JSON that a person can read. Nothing is verified: what is shown is what the bytes say. */
#pragma once

#include "cli/command.h"

#define DECODED_MAX ((size_t) 16 << 20)

/* One reader a form. *ret stays NULL when `bytes` are not of that form at all; a fault: they begin like it, and aren't it. */
typedef struct fault *(*decoder)(struct span bytes, struct json **ret);
/* decode_cpu.c */
struct fault *decode_snp(struct span bytes, struct json **ret) MUST_USE;
struct fault *decode_tdx(struct span bytes, struct json **ret) MUST_USE;
struct fault *decode_hcl(struct span bytes, struct json **ret) MUST_USE;
/* decode_cose.c */
struct fault *decode_nitro(struct span bytes, struct json **ret) MUST_USE;
struct fault *decode_cca(struct span bytes, struct json **ret) MUST_USE;
/* decode_boot.c */
struct fault *decode_tpm(struct span bytes, struct json **ret) MUST_USE;
struct fault *decode_eventlog(struct span bytes, struct json **ret) MUST_USE;
/* decode_text.c: tokens (EAR, WIT) */
struct fault *decode_token(struct span bytes, struct json **ret) MUST_USE;

/* {"form":…, …} begun. */
struct json *decoded(const char *form);
