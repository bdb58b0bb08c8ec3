#include "tests/fakes/azure_tpm.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#include "lib/base/auto.h"
#include "lib/base/fault.h"

#define AK        0x81000003u
#define NV_REPORT 0x01400001u
#define NV_CHUNK  1024

#define CONNECT_TRIES    250
#define CONNECT_PAUSE_US 20000

#define NONE ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE
#define AUTH ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE

static struct fault *check(TSS2_RC rc, const char *what)
{
        return rc == TSS2_RC_SUCCESS ? NULL : fault(FAULT_INTERNAL, "AZURE_TPM", "%s: 0x%08x", what, rc);
}

/* swtpm serves one connection after the other. */
static struct fault *connect_to(const char *tcti, TSS2_TCTI_CONTEXT **ret)
{
        for (unsigned tries = 1;; tries++) {
                TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti, ret);
                if (rc == TSS2_RC_SUCCESS || tries == CONNECT_TRIES)
                        return check(rc, "connect");
                (void) usleep(CONNECT_PAUSE_US); /* a shorter one does no harm */
        }
}

static struct fault *with_tpm(const char *tcti, struct fault *(*work)(ESYS_CONTEXT *esys, void *arg), void *arg)
{
        TSS2_TCTI_CONTEXT *connection = NULL;
        ESYS_CONTEXT *esys = NULL;
        struct fault *f = connect_to(tcti, &connection);
        if (f == NULL)
                f = check(Esys_Initialize(&esys, connection, NULL), "begin");
        if (f == NULL)
                f = work(esys, arg);
        Esys_Finalize(&esys);
        Tss2_TctiLdr_Finalize(&connection);
        return f;
}

/* ---- the key ---- */

struct key_work {
        unsigned edition;
        struct buf *modulus;
};

static TPM2B_PUBLIC template(unsigned edition)
{
        return (TPM2B_PUBLIC){
                .publicArea = {.type = TPM2_ALG_RSA,
                               .nameAlg = TPM2_ALG_SHA256,
                               .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                                   TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                                   TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT,
                               .parameters.rsaDetail = {.symmetric = {.algorithm = TPM2_ALG_NULL},
                                                        .scheme = {.scheme = TPM2_ALG_RSASSA,
                                                                   .details.rsassa.hashAlg = TPM2_ALG_SHA256},
                                                        .keyBits = 2048},
                               .unique.rsa = {.size = 1, .buffer = {(uint8_t) edition}}}};
}

static void evict(ESYS_CONTEXT *esys)
{
        ESYS_TR old = ESYS_TR_NONE, gone = ESYS_TR_NONE;
        if (Esys_TR_FromTPMPublic(esys, AK, NONE, &old) == TSS2_RC_SUCCESS)
                (void) Esys_EvictControl(esys, ESYS_TR_RH_OWNER, old, AUTH, AK,
                                         &gone); /* what stays is in the way below */
}

static struct fault *put_key(ESYS_CONTEXT *esys, void *arg)
{
        const struct key_work *w = arg;
        const TPM2B_SENSITIVE_CREATE nothing = {0};
        const TPM2B_PUBLIC public = template(w->edition);
        const TPM2B_DATA no_data = {0};
        const TPML_PCR_SELECTION no_pcrs = {0};
        ESYS_TR key = ESYS_TR_NONE, kept = ESYS_TR_NONE;
        TPM2B_PUBLIC *made = NULL;
        evict(esys);
        if (w->edition == 0)
                return NULL;
        TRY(check(Esys_CreatePrimary(esys, ESYS_TR_RH_OWNER, AUTH, &nothing, &public, &no_data, &no_pcrs, &key, &made,
                                     NULL, NULL, NULL),
                  "make a key"));
        struct fault *f = check(Esys_EvictControl(esys, ESYS_TR_RH_OWNER, key, AUTH, AK, &kept), "keep it");
        if (f == NULL && w->modulus != NULL)
                f = buf_append(w->modulus,
                               span_make(made->publicArea.unique.rsa.buffer, made->publicArea.unique.rsa.size));
        (void) Esys_FlushContext(esys, key); /* what stays is swept by whoever comes next */
        Esys_Free(made);
        return f;
}

struct fault *azure_tpm_key(const char *tcti, unsigned edition, struct buf *ret)
{
        struct key_work w = {edition, ret};
        return with_tpm(tcti, put_key, &w);
}

/* ---- the report ---- */

static struct fault *write_all(ESYS_CONTEXT *esys, ESYS_TR nv, struct span report)
{
        for (size_t at = 0; at < report.len;) {
                struct span part = span_slice(report, at, report.len - at < NV_CHUNK ? report.len - at : NV_CHUNK);
                TPM2B_MAX_NV_BUFFER data = {.size = (UINT16) part.len};
                memcpy(data.buffer, part.data, part.len);
                TRY(check(Esys_NV_Write(esys, nv, nv, AUTH, &data, (UINT16) at), "write the report"));
                at += part.len;
        }
        return NULL;
}

static struct fault *put_report(ESYS_CONTEXT *esys, void *arg)
{
        const struct span *report = arg;
        const TPM2B_AUTH no_password = {0};
        const TPM2B_NV_PUBLIC public = {.nvPublic = {.nvIndex = NV_REPORT,
                                                     .nameAlg = TPM2_ALG_SHA256,
                                                     .attributes = TPMA_NV_OWNERWRITE | TPMA_NV_AUTHWRITE |
                                                                   TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA,
                                                     .dataSize = (UINT16) report->len}};
        ESYS_TR nv = ESYS_TR_NONE;
        if (Esys_TR_FromTPMPublic(esys, NV_REPORT, NONE, &nv) == TSS2_RC_SUCCESS)
                TRY(check(Esys_NV_UndefineSpace(esys, ESYS_TR_RH_OWNER, nv, AUTH), "remove the report"));
        if (report->len == 0)
                return NULL;
        TRY(check(Esys_NV_DefineSpace(esys, ESYS_TR_RH_OWNER, AUTH, &no_password, &public, &nv), "make the index"));
        return write_all(esys, nv, *report);
}

struct fault *azure_tpm_report(const char *tcti, struct span report)
{
        return with_tpm(tcti, put_report, &report);
}
