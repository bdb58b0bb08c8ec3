/* source: where evidence comes from. One file pair a kind; registry.c has the table.
 *
 * A source is given the fields of the transcript, never bytes to quote: it builds T itself (binding_write) and
 * commits evidence to it. Kinds that need enrolment (TPM: an AK tied to its EK) hand out what to enrol and activate it. Calls are
 * serialised by the caller, may take long, and honour `cancel`. Faults: FAULT_UNAVAILABLE "tee.busy" (retry), "tee.gone" (device or socket
 * vanished; the source reopens it at the next call), FAULT_PRECONDITION "tee.wiped" (its keys are no longer known to the TEE: enrol
 * again), "tee.missing" (there is none on this machine), FAULT_INTERNAL "tee.fault" otherwise; tsm.h has more. */
#pragma once

#include "lib/base/cancel.h"
#include "lib/crypt/binding.h"
#include "lib/model/request.h"
#include "lib/wire/cmw.h"

struct enrolment_material {
        size_t certificate_count;
        struct buf certificates[EK_CHAIN_MAX]; /* DER, leaf first, trimmed of NV padding */
        struct buf ek_public, ak_public;       /* TPMT_PUBLIC */
};
void enrolment_material_clear(struct enrolment_material *m);
DEFINE_AUTO_VALUE(enrolment_material)

struct evidence_source {
        const char *kind; /* EVIDENCE_* */
        bool insecure_development;
        bool needs_enrolment;
        struct fault *(*collect)(void *self, const struct binding *binding, struct cancel *cancel,
                                 struct cmw *ret_evidence);
        struct fault *(*enrolment)(void *self, struct cancel *cancel, struct enrolment_material *ret);
        struct fault *(*activate)(void *self, struct span credential_blob, struct span encrypted_secret,
                                  struct cancel *cancel, struct secret **ret_secret);
        void (*close)(void *self);
        void *self;
};
/* The two of kinds that need no enrolment: FAULT_UNIMPLEMENTED "evidence.no_enrolment". */
struct fault *evidence_no_enrolment(void *self, struct cancel *cancel, struct enrolment_material *ret) MUST_USE;
struct fault *evidence_no_activation(void *self, struct span credential_blob, struct span encrypted_secret,
                                     struct cancel *cancel, struct secret **ret_secret) MUST_USE;
struct evidence_options {
        const char *kind;          /* EVIDENCE_* */
        const char *tpm_tcti;      /* "device:/dev/tpmrm0", "swtpm:path=/run/tpm.sock" */
        const char *tpm_pcrs;      /* "sha256:0,1,2,3,4,5,6,7+sha384:0" */
        const char *tpm_eventlog;  /* boot log beside a quote; NULL: the kernel's of the device; "": none */
        const char *state_dir;     /* keeps the AK (wrapped by the TPM) over restarts */
        const char *reader_socket; /* NULL: read here; else ask the evidence reader there */
        uid_t reader_uid;
        bool insecure_development;
        const char *software_claims; /* "name=value,…" that the software kind says of itself; NULL: nothing */
        const char *tsm_base;        /* configfs-tsm; NULL: the kernel's place */
        const char *ccel_file;       /* boot log of a TDX guest; NULL: CCEL_FILE */
        bool has_privilege_level;    /* else the kernel chooses */
        int privilege_level;         /* VMPL that a report is asked for */
        const char *imds_url;        /* Azure's metadata service; "": not asked; NULL: this process has no network */
        uint32_t qgs_port;           /* vsock port of a TDX host's quote generation service; 0: what QGS_CONF says */
        size_t secondary_count;
        char *const *secondary; /* kinds that are bound into `kind`: composite.h */
        size_t log_max;         /* bytes of a boot log, more are left out; 0: BOOT_LOG_MAX */
};
#define EVIDENCE_AUTO "auto" /* of configurations alone: the first kind that this machine has */
#define CCEL_FILE     "/sys/firmware/acpi/tables/data/CCEL"
/* Kind "auto" is the first that this machine has, in the order of evidence_probe, and never the development kind: FAULT_PRECONDITION
 * "tee.missing" when there is none. With a reader it is what the reader chose, which is waited for while
 * it starts. FAULT_INVALID "evidence.kind" for an unknown kind, or one that the reader doesn't do; the software kind without
 * insecure_development is FAULT_DENIED. With secondary kinds: composite.h. */
struct fault *evidence_open(const struct evidence_options *o, struct evidence_source *ret) MUST_USE;
/* What this machine can attest with, and why not: the most direct first, silicon before a TPM that a host may emulate. Asks the kernel and
 * the TPM, makes no evidence. */
#define EVIDENCE_KINDS_MAX 16
struct evidence_finding {
        const char *kind;
        struct fault *why_not; /* NULL: it can */
};
struct evidence_findings {
        size_t count;
        struct evidence_finding items[EVIDENCE_KINDS_MAX];
        const char *choice; /* of "auto"; NULL: nothing */
};
void evidence_probe(const struct evidence_options *o, struct evidence_findings *ret);
void evidence_findings_clear(struct evidence_findings *f);
DEFINE_AUTO_VALUE(evidence_findings)
/* `vouchsafe-attester reader`: serves `o` to `client_uid` on `socket_path` until SIGTERM. */
struct fault *evidence_reader_run(const struct evidence_options *o, const char *socket_path, uid_t client_uid) MUST_USE;
