/* tpm_context: one conversation with a TPM, through ESYS and a TCTI string.
 *
 * The connection lives from tpm_context_open to tpm_context_close, which is one call of the source: where there is no resource
 * manager the TPM is free for others in between, a TPM that vanished needs no special treatment (the next call connects), and
 * nothing of ours stays loaded. What the previous owner of a TPM without resource manager left behind is flushed at the first
 * connection, and again when the TPM says that it is full. One thread; nothing here is locked. */
#pragma once

#include <tss2/tss2_esys.h>

#include "attester/evidence/tpm_fault.h"
#include "lib/base/cancel.h"
#include "lib/base/span.h"

/* However patient the caller is: no command of a TPM takes longer (RSA key creation on slow parts: tens of seconds). */
#define TPM_COMMAND_MAX_MS 120000

struct tpm_context {
        const char *tcti;       /* borrowed */
        bool was_seen;          /* a connection has succeeded */
        enum tpm_remedy remedy; /* what to do at the next connection; and a reason to try once more */
        TSS2_TCTI_CONTEXT *connection;
        ESYS_CONTEXT *esys;
};

/* FAULT_INVALID "evidence.tcti": no such string can lead to a TPM. */
struct fault *tpm_context_check(const char *tcti) MUST_USE;
/* `tcti` stays the caller's and outlives the context. Speaks to nobody yet. */
struct tpm_context tpm_context_new(const char *tcti);
/* FAULT_PRECONDITION "tee.missing" when it is a device that never was there, "tee.gone" when it can't be reached. */
struct fault *tpm_context_open(struct tpm_context *t, struct cancel *cancel) MUST_USE;
void tpm_context_close(struct tpm_context *t);
/* One connection for `work`, and a second try when the first one showed what to do. */
typedef struct fault *tpm_work(void *arg, struct tpm_context *t, struct cancel *cancel);
struct fault *tpm_context_with(struct tpm_context *t, struct cancel *cancel, tpm_work *work, void *arg) MUST_USE;

/* TPM_CALL's parts. await: NULL once an answer (or an end of the connection) is there to be taken; a cancelled or overdue command
 * closes the connection, since its answer would be taken for the next one's. */
struct fault *tpm_context_await(struct tpm_context *t, struct cancel *cancel, const char *what) MUST_USE;
struct fault *tpm_context_fault(struct tpm_context *t, TSS2_RC rc, const char *what) MUST_USE;

/* One command: `start` sends it, `finish` takes the answer; returns from the calling function with a fault when it fails.
 *     TPM_CALL(t, cancel, "read clock", Esys_ReadClock_Async(t->esys, ...), Esys_ReadClock_Finish(t->esys, &time)); */
#define TPM_CALL(t, cancel, what, start, finish)                                                                       \
        do {                                                                                                           \
                TSS2_RC tpm_rc_ = (start);                                                                             \
                if (tpm_rc_ == TSS2_RC_SUCCESS)                                                                        \
                        do {                                                                                           \
                                TRY(tpm_context_await((t), (cancel), (what)));                                         \
                                tpm_rc_ = (finish);                                                                    \
                        } while ((tpm_rc_ & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_TRY_AGAIN &&                          \
                                 (tpm_rc_ & TSS2_RC_LAYER_MASK) != 0);                                                 \
                TRY(tpm_context_fault((t), tpm_rc_, (what)));                                                          \
        } while (0)

/* A transient object or session that leaves the TPM when its scope ends. */
struct tpm_object {
        struct tpm_context *t;
        ESYS_TR handle; /* ESYS_TR_NONE: nothing */
};
#define TPM_OBJECT(context) ((struct tpm_object){(context), ESYS_TR_NONE})
void tpm_object_clear(struct tpm_object *o);
DEFINE_AUTO_VALUE(tpm_object)
/* Gives it away: *from is empty afterwards. */
struct tpm_object tpm_object_take(struct tpm_object *from);

/* As the bytes that travel and that a Name is over: TPMT_PUBLIC. */
struct fault *tpm_public_append(const TPMT_PUBLIC *public, struct buf *out) MUST_USE;

/* AUTO_ESYS TPM2B_PUBLIC *public = NULL: what ESYS allocated. */
static inline void auto_esys_cleanup(void *pointer_to_pointer)
{
        void *p;
        memcpy(&p, pointer_to_pointer, sizeof p);
        Esys_Free(p);
}
#define AUTO_ESYS __attribute__((cleanup(auto_esys_cleanup)))
