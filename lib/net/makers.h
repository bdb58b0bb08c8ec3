/* makers: what makers of TEEs publish, asked for over HTTPS: AMD's key distribution service (KDS), Intel's provisioning certification
 * service (PCS) and the list of its root.
 *
 * What to ask for is a canonical path, as the verifier's needs have it: "kds:/vcek/v1/Milan/…", "pcs:/tdx/certification/v4/tcb?fmspc=…",
 * "pcs-root:/IntelSGXRootCA.der". Where to ask is configuration: the makers' own hosts or mirrors of them (a mirror's URL may have a
 * path). No redirect, no proxy, no address from anybody's evidence. What comes is raw and unbelieved: whoever uses it verifies it.
 * One host's calls are serialised by the caller; different hosts may be asked at the same time. */
#pragma once

#include "lib/net/http.h"

enum maker { MAKER_KDS, MAKER_PCS, MAKER_PCS_ROOT, MAKER_COUNT };
extern const char *const maker_names[MAKER_COUNT + 1]; /* "kds", "pcs", "pcs-root", NULL */
#define MAKER_KDS_URL      "https://kdsintf.amd.com"
#define MAKER_PCS_URL      "https://api.trustedservices.intel.com"
#define MAKER_PCS_ROOT_URL "https://certificates.trustedservices.intel.com"

#define MAKER_PATH_MAX 399
#define MAKER_BODY_MAX ((size_t) 1 << 20)
/* A known host, and behind its colon a path of letters, digits and "/?=&._-" without "..". FAULT_INVALID "MAKER_PATH". */
struct fault *maker_path_check(const char *path, enum maker *ret) MUST_USE;

struct makers_options {
        const char *urls[MAKER_COUNT]; /* NULL: the maker's own */
        const char *ca_file;           /* PEM; NULL: the system's CAs */
        int64_t connect_timeout_ms;
};
struct makers;
/* FAULT_INVALID "BAD_URL", "TLS_TRUST"; faults of reading `ca_file`. */
struct fault *makers_new(const struct makers_options *o, struct makers **ret) MUST_USE;
struct maker_answer {
        int status;             /* any but 200 has neither body nor chain */
        struct buf body, chain; /* chain: PEM, from the header that has it percent-encoded; empty: none */
        int64_t retry_after_ms;
};
/* Faults as http_get's, and FAULT_UNAVAILABLE "MAKER_CHAIN" for a header that isn't percent-encoded PEM. */
struct fault *makers_get(struct makers *m, const char *path, struct cancel *cancel, struct maker_answer *ret) MUST_USE;
/* The value of such a header. "MAKER_CHAIN"; "TOO_LARGE" past the limit of `out`. */
struct fault *maker_chain_decode(const char *text, struct buf *out) MUST_USE;
void maker_answer_clear(struct maker_answer *a);
DEFINE_AUTO_VALUE(maker_answer)
void makers_free(struct makers *m);
DEFINE_AUTO(makers)
