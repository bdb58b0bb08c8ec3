/* content: what one record proves about itself. A digest that is the hash of the record's data proves the data and nothing else: not the
 * record's type, and of a text not the label before it, because a boot loader hashes the text alone. */
#pragma once

#include "issuer/verifier/eventlog/log.h"

enum content_kind {
        CONTENT_UNPROVEN, /* a digest of something that is not in the log: a program, an ACPI table, a file */
        CONTENT_SEPARATOR,
        CONTENT_ERROR_SEPARATOR, /* firmware says that it failed */
        CONTENT_ACTION,          /* one of the EFI actions that we know */
        CONTENT_VARIABLE,        /* UEFI_VARIABLE_DATA of a vendor that we know */
        CONTENT_GPT,             /* a partition table */
        CONTENT_TEXT,            /* of a boot loader: a command, a kernel's command line */
        CONTENT_OTHER,           /* proven, of no kind that we read */
};
enum text_label { TEXT_COMMAND, TEXT_KERNEL, TEXT_OTHER };

struct content {
        enum content_kind kind;
        struct span guid, name, data; /* variable; name is UTF-16LE without NUL. action: data */
        enum text_label label;        /* text: as the log has it; nobody measured it */
        struct span text;             /* text: what was measured, without NUL; UTF-16LE when is_wide */
        bool is_wide;
};
/* `separators`: the digests of the three separators in this bank, from content_separators. */
struct separators {
        uint8_t good[HASH_MAX_LEN], ones[HASH_MAX_LEN], error[HASH_MAX_LEN];
};
void content_separators(enum hash_alg bank, struct separators *ret);
void content_read(const struct eventlog_event *e, enum hash_alg bank, const struct separators *s, struct content *ret);

extern const uint8_t content_guid_global[16],
        content_guid_security[16]; /* EFI_GLOBAL_VARIABLE, IMAGE_SECURITY_DATABASE */
bool content_name_is(const struct content *c, const char *ascii);
/* UTF-16LE to UTF-8, appended; FAULT_INVALID "BAD_TEXT" for what is not well-formed text without control characters. */
struct fault *content_wide_text(struct span utf16le, struct buf *out) MUST_USE;
