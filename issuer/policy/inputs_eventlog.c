/* What a measured-boot log says that its registers prove (issuer/verifier/eventlog). */
#include "issuer/policy/inputs_parts.h"

static const struct policy_input rows[] = {
        {"eventlog.ambiguous", FACT_FLAG, ORIGIN_MEASURED, false, 0,
         "Whether a register of firmware was closed twice, so that nothing else is read from the log."},
        {"eventlog.authority.N", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the N-th variable that firmware or shim let a program run by (an entry of db, MokList, "
         "SbatLevel)."},
        {"eventlog.bank", FACT_TEXT, ORIGIN_MEASURED, false, 0,
         "Bank whose registers prove the log: `sha256` when it was given, otherwise `sha384` or `sha512`."},
        {"eventlog.boot-app.N", FACT_BYTES, ORIGIN_MEASURED, false, 0,
         "Digest, in the log's bank, of the N-th program measured into PCR 4: Authenticode's of "
         "shim, boot "
         "loader, kernel. None is listed when there are more than 24: ask for `eventlog.boot-apps` as well."},
        {"eventlog.boot-apps", FACT_NUMBER, ORIGIN_MEASURED, false, 0, "How many programs were measured there."},
        {"eventlog.crtm-version", FACT_TEXT, ORIGIN_MEASURED, false, 0,
         "Version of the firmware's core root of trust for measurement (EV_S_CRTM_VERSION)."},
        {"eventlog.crtm-version-raw", FACT_BYTES, ORIGIN_MEASURED, false, 0,
         "The same where it is no text: a GUID, most often."},
        {"eventlog.db", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the content of Secure Boot's db: what may run."},
        {"eventlog.dbx", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the content of Secure Boot's dbx: what may not."},
        {"eventlog.events", FACT_NUMBER, ORIGIN_MEASURED, false, 0, "How many records of the log were replayed."},
        {"eventlog.exit-boot-services", FACT_FLAG, ORIGIN_MEASURED, false, 0,
         "Whether firmware measured that it handed the machine over to an operating system."},
        {"eventlog.gce-technology", FACT_NUMBER, ORIGIN_MEASURED, false, 0,
         "What Google's firmware says it runs on: 0 nothing confidential, 1 SEV, 2 SEV-ES, 3 TDX, 4 SEV-SNP."},
        {"eventlog.kek", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the content of Secure Boot's KEK: who may change db and dbx."},
        {"eventlog.kernel-cmdline", FACT_TEXT, ORIGIN_MEASURED, false, 0,
         "The kernel's command line as a boot loader measured it, where the register proves that there was no other."},
        {"eventlog.loader-texts", FACT_NUMBER, ORIGIN_MEASURED, false, 0,
         "How many texts (commands, command lines) boot loaders measured."},
        {"eventlog.loader-texts-digest", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 over those texts, each with a newline behind it."},
        {"eventlog.pk", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the content of Secure Boot's PK: whose machine it is."},
        {"eventlog.secure-boot", FACT_FLAG, ORIGIN_MEASURED, false, 0, "Whether Secure Boot was on."},
};
const struct policy_input_list inputs_eventlog = {rows, COUNT_OF(rows)};

/* The same of a confidential VM's log (CCEL), which its RTMRs prove. */
static const struct policy_input ccel_rows[] = {
        {"ccel.ambiguous", FACT_FLAG, ORIGIN_MEASURED, false, 0,
         "Whether a register of firmware was closed twice, so that nothing else is read from the log."},
        {"ccel.authority.N", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the N-th variable that firmware or shim let a program run by (an entry of db, MokList, "
         "SbatLevel)."},
        {"ccel.bank", FACT_TEXT, ORIGIN_MEASURED, false, 0, "Hash of the registers that prove the log: `sha384`."},
        {"ccel.boot-app.N", FACT_BYTES, ORIGIN_MEASURED, false, 0,
         "Digest, in the log's bank, of the N-th program measured into RTMR 1, drivers too: Authenticode's of "
         "shim, boot "
         "loader, kernel. None is listed when there are more than 24: ask for `ccel.boot-apps` as well."},
        {"ccel.boot-apps", FACT_NUMBER, ORIGIN_MEASURED, false, 0, "How many programs were measured there."},
        {"ccel.db", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the content of Secure Boot's db: what may run."},
        {"ccel.dbx", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the content of Secure Boot's dbx: what may not."},
        {"ccel.events", FACT_NUMBER, ORIGIN_MEASURED, false, 0, "How many records of the log were replayed."},
        {"ccel.exit-boot-services", FACT_FLAG, ORIGIN_MEASURED, false, 0,
         "Whether firmware measured that it handed the machine over to an operating system."},
        {"ccel.kek", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the content of Secure Boot's KEK: who may change db and dbx."},
        {"ccel.kernel-cmdline", FACT_TEXT, ORIGIN_MEASURED, false, 0,
         "The kernel's command line as a boot loader measured it, where the register proves that there was no other."},
        {"ccel.loader-texts", FACT_NUMBER, ORIGIN_MEASURED, false, 0,
         "How many texts (commands, command lines) boot loaders measured."},
        {"ccel.loader-texts-digest", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 over those texts, each with a newline behind it."},
        {"ccel.pk", FACT_BYTES, ORIGIN_MEASURED, false, DIGEST_256,
         "SHA-256 of the content of Secure Boot's PK: whose machine it is."},
        {"ccel.secure-boot", FACT_FLAG, ORIGIN_MEASURED, false, 0, "Whether Secure Boot was on."},
};
const struct policy_input_list inputs_ccel = {ccel_rows, COUNT_OF(ccel_rows)};
