#include "attester/evidence/tpm_context.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_tctildr.h>

#include "attester/evidence/tcti_socket.h"
#include "lib/base/log.h"

#define POLL_SLICE_MS 50 /* while a command runs: how soon a cancel is seen */
#define HANDLES_MAX   64
/* First handles of their ranges (part 2, TPM_HC). tss2's TPM2_TRANSIENT_FIRST shifts a 1 into an int's sign. */
#define TRANSIENT_FIRST      0x80000000u
#define LOADED_SESSION_FIRST 0x02000000u

struct fault *tpm_context_check(const char *tcti)
{
        struct tcti_address ignored;
        if (tcti == NULL || tcti[0] == '\0')
                return fault(FAULT_INVALID, "evidence.tcti", "where is the TPM? (device:/dev/tpmrm0, swtpm:path=…)");
        return tcti_socket_is_ours(tcti) ? tcti_socket_parse(tcti, &ignored) : NULL;
}

/* tss2 writes five lines of its own for each error; ours says it once. An operator's setting wins. */
static void quieten(void)
{
        (void) setenv("TSS2_LOG", "all+NONE", 0); /* NOLINT(concurrency-mt-unsafe): before there are threads */
}

struct tpm_context tpm_context_new(const char *tcti)
{
        quieten();
        return (struct tpm_context){.tcti = tcti, .remedy = TPM_REMEDY_SWEEP};
}

/* A resource manager shows us our own objects only, and gives each connection a TPM of its own. */
static bool has_resource_manager(const struct tpm_context *t)
{
        return strncmp(t->tcti, "tabrmd", 6) == 0 || strstr(t->tcti, "tpmrm") != NULL;
}

static bool is_missing_device(const struct tpm_context *t)
{
        static const char prefix[] = "device:";
        struct stat ignored;
        if (t->was_seen || strncmp(t->tcti, prefix, sizeof prefix - 1) != 0)
                return false;
        return stat(t->tcti + sizeof prefix - 1, &ignored) < 0 && errno == ENOENT;
}

static struct fault *connect_loaded(struct tpm_context *t)
{
        TSS2_RC rc = Tss2_TctiLdr_Initialize(t->tcti, &t->connection);
        if (rc != TSS2_RC_SUCCESS && is_missing_device(t))
                return fault(FAULT_PRECONDITION, "tee.missing", "there is no TPM at %s", t->tcti);
        if (rc != TSS2_RC_SUCCESS)
                return fault(FAULT_UNAVAILABLE, "tee.gone", "connect to %s: TPM unreachable", t->tcti);
        return NULL;
}

static struct fault *connect_socket(struct tpm_context *t, struct cancel *cancel)
{
        struct tcti_address address;
        TRY(tcti_socket_parse(t->tcti, &address));
        return tcti_socket_open(&address, cancel, &t->connection);
}

static struct fault *connect_tcti(struct tpm_context *t, struct cancel *cancel)
{
        TRY(tcti_socket_is_ours(t->tcti) ? connect_socket(t, cancel) : connect_loaded(t));
        TRY(tpm_fault(Esys_Initialize(&t->esys, t->connection, NULL), "start ESYS"));
        /* finish calls return soon: waiting is tpm_context_await's part */
        TRY(tpm_fault(Esys_SetTimeout(t->esys, POLL_SLICE_MS), "start ESYS"));
        t->was_seen = true;
        return NULL;
}

static struct fault *startup(struct tpm_context *t, struct cancel *cancel)
{
        log_info("tpm_startup", KV("tcti", t->tcti));
        TPM_CALL(t, cancel, "start up", Esys_Startup_Async(t->esys, TPM2_SU_CLEAR), Esys_Startup_Finish(t->esys));
        return NULL;
}

static struct fault *name_object(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE handle, ESYS_TR *ret)
{
        TPM_CALL(t, cancel, "look at a leftover",
                 Esys_TR_FromTPMPublic_Async(t->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE),
                 Esys_TR_FromTPMPublic_Finish(t->esys, ret));
        return NULL;
}

/* ESYS asks the TPM nothing about a session: there is no answer to wait for. */
static struct fault *name_session(struct tpm_context *t, TPM2_HANDLE handle, ESYS_TR *ret)
{
        TSS2_RC rc = Esys_TR_FromTPMPublic_Async(t->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
        if (rc == TSS2_RC_SUCCESS)
                rc = Esys_TR_FromTPMPublic_Finish(t->esys, ret);
        return tpm_context_fault(t, rc, "look at a leftover session");
}

static struct fault *flush_handle(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE handle)
{
        ESYS_TR object = ESYS_TR_NONE;
        TRY(handle >= TRANSIENT_FIRST ? name_object(t, cancel, handle, &object) : name_session(t, handle, &object));
        TPM_CALL(t, cancel, "flush a leftover", Esys_FlushContext_Async(t->esys, object),
                 Esys_FlushContext_Finish(t->esys));
        return NULL;
}

static struct fault *sweep_class(struct tpm_context *t, struct cancel *cancel, TPM2_HANDLE first)
{
        AUTO_ESYS TPMS_CAPABILITY_DATA *found = NULL;
        TPMI_YES_NO more = 0;
        TPM_CALL(t, cancel, "list leftovers",
                 Esys_GetCapability_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
                                          HANDLES_MAX),
                 Esys_GetCapability_Finish(t->esys, &more, &found));
        assert(found != NULL); /* ESYS succeeded */
        const TPML_HANDLE *handles = &found->data.handles;
        for (UINT32 i = 0; i < handles->count; i++) {
                struct fault *f = flush_handle(t, cancel, handles->handle[i]);
                if (f == NULL || strcmp(fault_token(f), "tee.fault") != 0) {
                        TRY(f);
                        continue;
                }
                log_debug("tpm_flush_failed", KV("why", f)); /* gone meanwhile, or not ours to flush: its slot stays */
                fault_free(f);
        }
        if (handles->count > 0)
                log_info("tpm_leftovers_flushed", KV("count", handles->count));
        return NULL;
}

static struct fault *apply_remedy(struct tpm_context *t, struct cancel *cancel)
{
        enum tpm_remedy remedy = t->remedy;
        t->remedy = TPM_REMEDY_NONE;
        if (remedy == TPM_REMEDY_STARTUP)
                TRY(startup(t, cancel));
        if (remedy == TPM_REMEDY_SWEEP && !has_resource_manager(t)) {
                TRY(sweep_class(t, cancel, TRANSIENT_FIRST));
                TRY(sweep_class(t, cancel, LOADED_SESSION_FIRST));
        }
        return NULL;
}

struct fault *tpm_context_open(struct tpm_context *t, struct cancel *cancel)
{
        TRY(cancel_check(cancel));
        struct fault *f = connect_tcti(t, cancel);
        if (f == NULL)
                f = apply_remedy(t, cancel);
        if (f != NULL)
                tpm_context_close(t);
        return f;
}

void tpm_context_close(struct tpm_context *t)
{
        Esys_Finalize(&t->esys);
        if (tcti_socket_is_ours(t->tcti))
                tcti_socket_close(TAKE(t->connection));
        if (t->connection != NULL)
                Tss2_TctiLdr_Finalize(&t->connection);
}

static struct fault *once(struct tpm_context *t, struct cancel *cancel, tpm_work *work, void *arg)
{
        TRY(tpm_context_open(t, cancel));
        struct fault *f = work(arg, t, cancel);
        tpm_context_close(t);
        return f;
}

struct fault *tpm_context_with(struct tpm_context *t, struct cancel *cancel, tpm_work *work, void *arg)
{
        AUTO(fault) struct fault *f = once(t, cancel, work, arg);
        if (f == NULL || strcmp(fault_token(f), "tee.busy") != 0 || t->remedy == TPM_REMEDY_NONE)
                return TAKE(f);
        log_debug("tpm_second_try", KV("why", f));
        return once(t, cancel, work, arg);
}

static bool answer_is_there(struct tpm_context *t, int wait_ms)
{
        TSS2_TCTI_POLL_HANDLE handle = {0};
        size_t count = 1;
        if (Tss2_Tcti_GetPollHandles(t->connection, &handle, &count) != TSS2_RC_SUCCESS || count != 1)
                return true; /* a transport that can't be polled blocks in finish, and there only */
        handle.events = POLLIN;
        return poll(&handle, 1, wait_ms) != 0; /* an error is finish's to find */
}

struct fault *tpm_context_await(struct tpm_context *t, struct cancel *cancel, const char *what)
{
        if (t->esys == NULL)
                return fault(FAULT_UNAVAILABLE, "tee.gone", "%s: the connection is closed", what);
        for (int waited_ms = 0; !answer_is_there(t, POLL_SLICE_MS); waited_ms += POLL_SLICE_MS) {
                struct fault *f = cancel_check(cancel);
                if (f == NULL && waited_ms >= TPM_COMMAND_MAX_MS)
                        f = fault(FAULT_UNAVAILABLE, "tee.gone", "%s: no answer for %d s", what,
                                  TPM_COMMAND_MAX_MS / 1000);
                if (f == NULL)
                        continue;
                t->remedy = TPM_REMEDY_SWEEP; /* what the command loads meanwhile is nobody's */
                tpm_context_close(t);
                return f;
        }
        return NULL;
}

struct fault *tpm_context_fault(struct tpm_context *t, TSS2_RC rc, const char *what)
{
        if (tpm_remedy(rc) != TPM_REMEDY_NONE)
                t->remedy = tpm_remedy(rc);
        return tpm_fault(rc, what);
}

static struct fault *flush(struct tpm_object *o)
{
        TPM_CALL(o->t, NULL, "flush", Esys_FlushContext_Async(o->t->esys, o->handle),
                 Esys_FlushContext_Finish(o->t->esys));
        return NULL;
}

void tpm_object_clear(struct tpm_object *o)
{
        if (o->handle == ESYS_TR_NONE || o->t->esys == NULL)
                return;
        AUTO(fault) struct fault *f = flush(o);
        if (f != NULL) {
                o->t->remedy = TPM_REMEDY_SWEEP;
                log_debug("tpm_flush_failed", KV("why", f));
        }
        o->handle = ESYS_TR_NONE;
}

struct tpm_object tpm_object_take(struct tpm_object *from)
{
        struct tpm_object taken = *from;
        from->handle = ESYS_TR_NONE;
        return taken;
}

struct fault *tpm_public_append(const TPMT_PUBLIC *public, struct buf *out)
{
        uint8_t bytes[sizeof *public];
        size_t len = 0;
        TRY(tpm_fault(Tss2_MU_TPMT_PUBLIC_Marshal(public, bytes, sizeof bytes, &len), "write public area"));
        return buf_append(out, span_make(bytes, len));
}
