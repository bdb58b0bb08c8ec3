/* Where the collateral of a quote is published: Intel PCS API v4, by FMSPC and CA as the quote's own PCK says them. */
#include "issuer/verifier/tdx/tdx.h"

#include <stdio.h>

#include "issuer/verifier/tdx/platform.h"
#include "lib/base/parse.h"

static void add(struct needs *n, const char *part, const char *chain_part, const char *fmt, const char *argument)
{
        struct need *one = &n->items[n->count++];
        one->part = part;
        one->chain_part = chain_part;
        (void) snprintf(one->path, sizeof(one->path), "%s%s", fmt, argument); /* fits */
}

struct fault *tdx_needs(const struct appraisal *in, struct needs *ret)
{
        struct tdx_quote quote;
        struct pck_extension pck;
        enum tdx_ca ca;
        char fmspc[2 * sizeof(pck.fmspc) + 1];

        TRY(tdx_quote_read(in->evidence, &quote));
        TRY(tdx_platform_peek(&quote, &pck, &ca));
        hex_string(SPAN_OF(pck.fmspc), fmspc);
        add(ret, "tcb_info.response.json", "tcb_signing_chain.pem", "pcs:/tdx/certification/v4/tcb?fmspc=", fmspc);
        add(ret, "qe_identity.response.json", "qe_identity_signing_chain.pem", "pcs:/tdx/certification/v4/qe/identity",
            "");
        add(ret, "pck_crl.der", "pck_crl_issuer_chain.pem",
            ca == TDX_CA_PLATFORM ? "pcs:/sgx/certification/v4/pckcrl?ca=platform"
                                  : "pcs:/sgx/certification/v4/pckcrl?ca=processor",
            "&encoding=der");
        add(ret, "root_crl.der", NULL, "pcs-root:/IntelSGXRootCA.der", "");
        return NULL;
}
