/* evidence_parts: evidence and what comes with it, on the wire: how every kind but tpm and software travels.
 *
 * {"evidence":b64url,"parts":{name:b64url,…}}
 * "evidence" holds the bytes that the kind's root of trust signed, whole and unchanged: report, quote, HCL report, document, token. Parts
 * are what helps to appraise it: a certificate table ("auxblob"), a boot log ("eventlog", "ccel"), a vTPM's quote ("quote", "sig",
 * "pcrs"). Which names a kind takes is the caller's list; a part is a hint or proves itself, it is never believed because it came.
 * Faults: FAULT_INVALID "BAD_JSON", "BAD_FIELD", "UNKNOWN_FIELD", and "EVIDENCE_PARTS" for empty evidence or an empty part. */
#pragma once

#include "lib/model/names.h"
#include "lib/wire/json.h"

#define EVIDENCE_PARTS_MAX     8
#define EVIDENCE_PART_NAME_MAX 31

struct evidence_part {
        char name[EVIDENCE_PART_NAME_MAX + 1];
        struct buf bytes;
};
struct evidence_parts {
        struct buf evidence;
        size_t count;
        struct evidence_part parts[EVIDENCE_PARTS_MAX];
};

struct evidence_parts evidence_parts_new(void); /* empty, each limited to EVIDENCE_ITEM_MAX */
/* Copies; the part may be empty, it is left out then. "EVIDENCE_PARTS" for one too many, a name given twice or too long. */
struct fault *evidence_parts_add(struct evidence_parts *e, const char *name, struct span bytes) MUST_USE;
struct fault *evidence_parts_write(const struct evidence_parts *e, struct buf *out) MUST_USE;
/* `names`: NULL-terminated; NULL: no part is taken. `ret` comes from evidence_parts_new. */
struct fault *evidence_parts_read(struct span text, const char *const *names, struct evidence_parts *ret) MUST_USE;
struct span evidence_parts_find(const struct evidence_parts *e, const char *name); /* empty: none */
void evidence_parts_clear(struct evidence_parts *e);
DEFINE_AUTO_VALUE(evidence_parts)
