/* table: the certificate table that a host gives its guest with a report ("auxblob"). All of it is the host's to choose: it is a hint where
 * certificates may be, each entry PEM or DER. GHCB specification (56421), SNP extended guest request: entries {GUID, offset, length}
 * until one of zeros. */
#pragma once

#include "lib/base/span.h"

#define SNP_TABLE_ENTRIES_MAX 64

enum snp_entry { SNP_ENTRY_VCEK, SNP_ENTRY_VLEK, SNP_ENTRY_ASK, SNP_ENTRY_ARK, SNP_ENTRY_COUNT };
struct snp_table {
        struct span entries[SNP_ENTRY_COUNT]; /* the first of its kind, borrowed; empty: none */
};
/* The GUID as the table has it: bytes in the order in which it is printed. */
struct span snp_entry_guid(enum snp_entry e);
/* Entries of other kinds are passed over, but they too must lie inside, behind the list. FAULT_INVALID "snp.auxblob". */
struct fault *snp_table_read(struct span bytes, struct snp_table *ret) MUST_USE;
