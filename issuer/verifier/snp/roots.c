#include "issuer/verifier/snp/roots.h"

#include <assert.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
/* written once under `once`, read-only afterwards */
static struct cert_list roots, signers;

static void add(const char *pem, struct cert_list *list)
{
        struct cert_list one = {0};
        struct fault *f = cert_list_from_pem(span_str(pem), &one);

        assert(f == NULL && one.count == 1);
        fault_free(f);
        list->certs[list->count++] = one.certs[0];
}

static void parse(void)
{
        for (size_t i = 0; i < SNP_PRODUCT_COUNT; i++) {
                add(snp_amd_certificates[i].ark, &roots);
                add(snp_amd_certificates[i].signers[0], &signers);
                add(snp_amd_certificates[i].signers[1], &signers);
        }
}

const struct cert_list *snp_amd_roots(void)
{
        (void) pthread_once(&once, parse); /* fails only for a bad argument */
        return &roots;
}

const struct cert_list *snp_amd_signers(void)
{
        (void) pthread_once(&once, parse); /* fails only for a bad argument */
        return &signers;
}
